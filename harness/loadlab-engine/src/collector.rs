//! Every second: the shards of all threads into one window, and the generator's own state.
//!
//! It runs on a thread of its own, so that merging histograms delays no request.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use loadlab_clock::{Offset, RunClock};
use loadlab_record::{EventKind, JournalLine, RunEvent};
use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::UnboundedSender;

use crate::{balance::Balance, generator::Generator, recorder::Recorder};

/// Real time between the end of a span and its collection: samples are recorded within microseconds
/// of their last stamp, unless the kernel takes the thread away in between.
const GRACE: Duration = Duration::from_millis(5);

/// The collecting thread.
#[derive(Debug)]
pub(crate) struct Collector {
    shared: Arc<Shared>,
    /// `None` once it was waited for.
    thread: Option<JoinHandle<Balance>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Phases that began and were not written yet, in order.
    phases: Vec<RunEvent>,
    /// The run ended at this offset.
    end: Option<Offset>,
}

/// What the thread needs.
struct Work {
    recorder: Arc<Recorder>,
    clock: RunClock,
    lines: UnboundedSender<JournalLine>,
    shared: Arc<Shared>,
}

impl Collector {
    /// Starts collecting, from the start of the run.
    pub(crate) fn start(
        recorder: Arc<Recorder>,
        clock: RunClock,
        lines: UnboundedSender<JournalLine>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = Work { recorder, clock, lines, shared: Arc::clone(&shared) };
        let thread = thread::Builder::new().name("collector".to_owned()).spawn(move || work.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// A phase begins at `at`, which is not before the phases announced earlier.
    pub(crate) fn phase(&self, at: Offset, name: &str) {
        let event = RunEvent { at, what: EventKind::Phase(name.to_owned()) };
        self.shared.state.lock().phases.push(event);
    }

    /// Collects what is left up to `end`, writes it, and gives the counts of the whole run.
    pub(crate) fn finish(mut self, end: Offset) -> Balance {
        self.shared.end(end);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Collector {
    /// A run that is dropped in the middle leaves no thread behind.
    fn drop(&mut self) {
        self.shared.end(Offset::ZERO);
    }
}

impl Shared {
    /// The first end counts.
    fn end(&self, end: Offset) {
        self.state.lock().end.get_or_insert(end);
        self.changed.notify_one();
    }
}

impl Work {
    fn run(self) -> Balance {
        let mut generator = Generator::new();
        let mut balance = Balance::default();
        let spans = self.recorder.spans();
        let mut span = 0;
        loop {
            let due = self.clock.origin() + Duration::from_micros(spans.end(span)) + GRACE;
            let end = self.wait(due);
            let last = end.map(|end| end.second() / spans.seconds);
            while last.is_none_or(|last| span <= last) {
                let end = end.filter(|_| last == Some(span));
                self.write(span, end, &mut generator, &mut balance);
                span += 1;
                if last.is_none() {
                    break;
                }
            }
            if last.is_some() {
                return balance;
            }
        }
    }

    /// Waits for `due`; gives the end of the run as soon as there is one.
    fn wait(&self, due: Instant) -> Option<Offset> {
        let mut state = self.shared.state.lock();
        while state.end.is_none() {
            if self.shared.changed.wait_until(&mut state, due).timed_out() {
                break;
            }
        }
        state.end
    }

    /// Writes one span; `end` is that of the run, in its last span.
    fn write(&self, span: u64, end: Option<Offset>, generator: &mut Generator, balance: &mut Balance) {
        let spans = self.recorder.spans();
        let next = Offset::from_duration(Duration::from_secs((span + 1) * spans.seconds));
        let phases: Vec<RunEvent> = {
            let mut state = self.shared.state.lock();
            let begun = |event: &&RunEvent| end.map_or(event.at < next, |end| event.at <= end);
            let count = state.phases.iter().take_while(begun).count();
            state.phases.drain(..count).collect()
        };
        // A receiver that is gone wants no lines; the run still has to come to its end.
        let send = |line| {
            let _ = self.lines.send(line);
        };
        for event in phases {
            send(JournalLine::Event(event));
        }
        // What was stamped in the last moment belongs to the last window, whatever its second.
        let mut window = self.recorder.collect(if end.is_some() { u64::MAX - 1 } else { span });
        window.second = span * spans.seconds;
        balance.add(&window);
        let ended = balance.completed + balance.failed + balance.undispatched;
        window.in_flight = balance.scheduled.saturating_sub(ended);
        let sample = generator.sample(window.second, self.recorder.connections_open());
        send(JournalLine::Window(Box::new(window)));
        send(JournalLine::Generator(sample));
    }
}
