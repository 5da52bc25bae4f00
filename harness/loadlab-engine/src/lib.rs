//! Offers load: pacer, Goose workers, HTTP and event-stream drivers, recorder.
