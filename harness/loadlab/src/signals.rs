//! Signals of a run: the first one asks it to end, the second one ends it.
//!
//! Goose installs a `ctrlc` handler of its own when it starts, which would take SIGINT from tokio.
//! So a handler that does nothing is installed first; Goose then leaves the signal alone, and
//! tokio's handlers, which call those that were there before, are the ones that count.

use std::sync::Once;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, as they come.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen. Call it inside of a tokio runtime and before the load starts.
    pub fn listen() -> std::io::Result<Self> {
        static CLAIM: Once = Once::new();
        CLAIM.call_once(|| {
            // An error means that somebody else claimed it already, which is as good.
            let _ = ctrlc::set_handler(|| {});
        });
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next signal: 2 for SIGINT, 15 for SIGTERM.
    pub async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}
