//! Carries a plan's faults out: each begins when its time comes, and is healed when it is over or the
//! run ends, whichever is first.
//!
//! ```text
//!   Fault ──at──> begin ──> Guard ──after `lasts`, or at the end──> heal ──> what it touched
//!                   │                                                │
//!                   └── FaultBegan ────────── events ────────────────┴── FaultEnded
//! ```
//!
//! A fault that waits for a condition begins when [`Chaos::begin`] says so: what is measured is the
//! business of others.
//!
//! Faults do not know each other, nor the load. What concerns processes is asked of whoever started
//! them; they are the run's, and the keeper is their parent.

mod grow;
mod guard;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use loadlab_clock::{Offset, RunClock, Sleeper};
use loadlab_record::{EventKind, RunEvent, Touched};
use loadlab_scenario::fault::{EdgeName, Fault, ProcessAction};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::{grow::Growing, guard::Guard};
use crate::control::{CallError, Toxiproxy};

/// Where a run's faults act.
#[derive(Debug, Clone)]
pub struct Places {
    /// What the edges' proxies are controlled by.
    pub proxies: Toxiproxy,
    /// Edge to the name of its proxy.
    pub edges: BTreeMap<EdgeName, String>,
    /// Stand-ins by name, and where their settings are changed: `host:port`.
    pub admins: BTreeMap<String, String>,
    /// Processes by name.
    pub processes: Vec<String>,
}

/// The faults of a run and what they need.
#[derive(Debug)]
pub struct ChaosRun {
    /// What is disturbed.
    pub faults: Vec<Fault>,
    /// Where.
    pub places: Places,
    /// The run's.
    pub clock: RunClock,
    /// Nothing begins later (scenario time): load and drain are over.
    pub until: Duration,
    /// What happens, as it happens.
    pub events: mpsc::UnboundedSender<RunEvent>,
    /// What is to happen to processes.
    pub processes: mpsc::UnboundedSender<ProcessCommand>,
}

/// What is to happen to a process of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessCommand {
    /// Its name.
    pub role: String,
    /// What.
    pub what: ProcessChange,
}

/// What is to happen to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessChange {
    /// A fault on it begins.
    Begin(ProcessAction),
    /// That fault is over: what was killed is started again, what was paused goes on.
    Heal(ProcessAction),
}

/// A fault that cannot act, found before anything starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceError {
    /// There is no such edge.
    Edge {
        /// The fault.
        fault: String,
        /// Its edge.
        edge: String,
        /// The edges that there are.
        known: Vec<String>,
    },
    /// There is no such process.
    Process {
        /// The fault.
        fault: String,
        /// Its role.
        role: String,
        /// The processes that there are.
        known: Vec<String>,
    },
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edge { fault, edge, known } => {
                write!(f, "fault `{fault}`: there is no edge `{edge}`; there is {}", known.join(", "))
            }
            Self::Process { fault, role, known } => {
                write!(f, "fault `{fault}`: there is no process `{role}`; there is {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for PlaceError {}

/// Checks that every fault has a place, given the edges and processes that there will be.
pub fn check<'a>(
    faults: impl IntoIterator<Item = &'a Fault>,
    edges: &[EdgeName],
    processes: &[String],
) -> Result<(), PlaceError> {
    for fault in faults {
        let fault_name = || fault.name.clone();
        if let Some(edge) = fault.what.edge() {
            if !edges.contains(edge) {
                let known = edges.iter().map(ToString::to_string).collect();
                return Err(PlaceError::Edge { fault: fault_name(), edge: edge.to_string(), known });
            }
        } else if !processes.contains(&fault.what.place()) {
            let (role, known) = (fault.what.place(), processes.to_vec());
            return Err(PlaceError::Process { fault: fault_name(), role, known });
        }
    }
    Ok(())
}

/// Faults that are being carried out. Dropping it stops them without healing; [`Chaos::end`] heals.
#[derive(Debug)]
pub struct Chaos {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Faults that wait to be begun, by name.
    waiting: BTreeMap<String, oneshot::Sender<()>>,
}

impl Chaos {
    /// Starts to carry them out, on the current runtime.
    pub fn start(run: ChaosRun) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let ChaosRun { faults, places, clock, until, events, processes } = run;
        let places = Arc::new(places);
        let mut waiting = BTreeMap::new();
        for (number, fault) in faults.into_iter().enumerate() {
            let begin = fault.when.is_some().then(|| {
                let (sender, receiver) = oneshot::channel();
                waiting.insert(fault.name.clone(), sender);
                receiver
            });
            let scene = Scene {
                number,
                begin,
                places: Arc::clone(&places),
                clock,
                events: events.clone(),
                processes: processes.clone(),
                stop: stop.clone(),
            };
            tasks.spawn(scene.carry_out(fault, until));
        }
        Self { stop, tasks, waiting }
    }

    /// Begins a fault that waits for a condition. One that does not wait (any more) is left alone.
    pub fn begin(&mut self, fault: &str) {
        if let Some(waiting) = self.waiting.remove(fault) {
            // It has ended with all others, if it does not listen.
            let _ = waiting.send(());
        }
    }

    /// Heals what is on, and begins nothing more.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Heals what is on and waits until it is.
    pub async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What one fault needs.
struct Scene {
    number: usize,
    /// Says when to begin, to a fault that waits for that.
    begin: Option<oneshot::Receiver<()>>,
    places: Arc<Places>,
    clock: RunClock,
    events: mpsc::UnboundedSender<RunEvent>,
    processes: mpsc::UnboundedSender<ProcessCommand>,
    stop: CancellationToken,
}

impl Scene {
    async fn carry_out(mut self, fault: Fault, until: Duration) {
        let Some(fault) = self.awaited(fault).await else { return };
        for (round, at) in fault.beginnings(until).enumerate() {
            if !self.wait_until(at).await {
                return;
            }
            let guard = match {
                let fault = grow::beginning(&fault);
                Guard::begin(&fault, self.number, round, &self.places, &self.processes).await
            } {
                Ok(guard) => guard,
                Err(error) => {
                    self.failed(&fault, &error);
                    continue;
                }
            };
            let (kind, place) = (fault.what.kind().to_owned(), fault.what.place());
            self.tell(EventKind::FaultBegan { name: fault.name.clone(), kind, place });
            let growing = Growing::start(&fault, at, guard.resize(), self.clock, self.events.clone());
            let goes_on = self.wait_until(at + fault.lasts).await;
            growing.end().await;
            match guard.heal().await {
                Ok(touched) => self.tell(EventKind::FaultEnded { name: fault.name.clone(), touched }),
                Err(error) => self.failed(&fault, &error),
            }
            if !goes_on {
                return;
            }
        }
    }

    /// The fault once it may begin: as it is, or from now on if it waited until now. None if it is to
    /// stop before.
    async fn awaited(&mut self, fault: Fault) -> Option<Fault> {
        let Some(begin) = self.begin.take() else { return Some(fault) };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            begun = begin => begun.ok().map(|()| {
                let at = self.clock.now().as_duration().max(fault.at);
                Fault { at, when: None, ..fault }
            }),
        }
    }

    /// `false` if it is to stop before.
    async fn wait_until(&self, at: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = Sleeper::shared().until(self.clock.instant(Offset::from_duration(at))) => true,
        }
    }

    fn failed(&self, fault: &Fault, error: &CallError) {
        let reason = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        self.tell(EventKind::FaultFailed { name: fault.name.clone(), reason });
    }

    fn tell(&self, what: EventKind) {
        // Whoever does not listen any more has ended the run.
        let _ = self.events.send(RunEvent { at: self.clock.now(), what });
    }
}

/// What was touched by something that counts only how often it acted.
const fn one_process() -> Touched {
    Touched { connections: 0, bytes: 0, processes: 1 }
}
