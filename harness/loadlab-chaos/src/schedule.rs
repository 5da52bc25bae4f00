//! Carries a plan's faults out: each begins when its time comes, and is healed when it is over or the
//! run ends, whichever is first.
//!
//! ```text
//!   Fault ──at──> begin ──> Guard ──after `lasts`, or at the end──> heal ──> what it touched
//!                   │                                                │
//!                   └── FaultBegan ────────── events ────────────────┴── FaultEnded
//! ```
//!
//! Beside it, probes through the fault's place say when it was met, and when it was gone. A fault that
//! waits for a condition begins when [`Chaos::begin`] says so: what is measured is the business of others.
//!
//! Faults do not know each other, nor the load. What concerns processes is asked of whoever started
//! them; they are the run's, and the keeper is their parent.

mod clients;
mod fit;
mod grow;
mod guard;
mod limit;
mod llm;

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_clock::{Offset, RunClock, Seed, Sleeper};
use loadlab_record::{EventKind, RunEvent, Touched};
use loadlab_scenario::fault::{
    ClientChange, Disturbance, EdgeName, Fault, Limit, ProcessAction, is_instance_of,
};
use rand::Rng as _;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub use self::fit::{FitError, Kinds, check_kinds};
use self::{grow::Growing, guard::Guard};
use crate::{
    control::{CallError, Toxiproxy},
    probe::{Meets, ProbePlace},
};

/// For so long after healing, in real time, probes look for a place to be as before. A process that
/// needs longer to start is back when the keeper says so.
const HEALED_WITHIN: Duration = Duration::from_secs(2);

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
    /// Where an edge can be probed.
    pub probes: BTreeMap<EdgeName, ProbePlace>,
    /// Stores by name, and where they are: `host:port`, or a URL. Faults on them do not go over edges.
    pub stores: BTreeMap<String, String>,
}

impl Places {
    /// Where a fault shows: at its edge, or at the first edge to its process.
    fn probe(&self, what: &Disturbance) -> Option<&ProbePlace> {
        match what.edge() {
            Some(edge) => self.probes.get(edge),
            None => self.probes.iter().find(|(edge, _)| edge.to == what.place()).map(|(_, place)| place),
        }
    }
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
    /// How clients are to behave.
    pub clients: mpsc::UnboundedSender<ClientCommand>,
    /// Where choices among instances and keys come from.
    pub seed: Seed,
}

/// What is to happen to a process of the stack.
#[derive(Debug)]
pub struct ProcessCommand {
    /// Its name.
    pub role: String,
    /// What.
    pub what: ProcessChange,
}

/// What is to happen to a process.
#[derive(Debug)]
pub enum ProcessChange {
    /// A fault on it begins.
    Begin(ProcessAction),
    /// That fault is over: what was killed is started again, what was paused goes on.
    Heal(ProcessAction),
    /// It may have only so much of something.
    Limit(Limit, LimitAnswer),
    /// That limit is over: what was killed at it is started again.
    Unlimit(Limit, LimitAnswer),
}

/// Takes the answer to a change of a limit, or why there is no such limit.
pub type LimitAnswer = oneshot::Sender<Result<LimitState, String>>;

/// How a limit is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitState {
    /// By what, and at the end what came of it, for people.
    pub how: String,
    /// Whether the process has met it so far.
    pub met: bool,
}

/// How clients are to behave.
#[derive(Debug)]
pub struct ClientCommand {
    /// In what.
    pub what: ClientChange,
    /// From now on, or no longer.
    pub on: bool,
    /// Where the choice of the arrivals comes from.
    pub seed: Seed,
    /// Takes the number of requests on which they behaved so, at the end of it.
    pub answer: oneshot::Sender<u64>,
}

/// What carries faults out that the network does not.
#[derive(Debug, Clone)]
struct Reach {
    processes: mpsc::UnboundedSender<ProcessCommand>,
    clients: mpsc::UnboundedSender<ClientCommand>,
    seed: Seed,
    clock: RunClock,
    events: mpsc::UnboundedSender<RunEvent>,
}

impl Reach {
    /// Where a fault's choices come from, and what tells it from the others of the plan. One with a
    /// seed of its own has the same choices wherever it stands.
    fn choices(&self, fault: &Fault, number: usize) -> (Seed, usize) {
        match fault.seed {
            Some(own) => (Seed::new(self.seed.stream("fault", own.get(), 0).next_u64()), 0),
            None => (self.seed, number),
        }
    }

    /// Tells readers of the report something.
    fn note(&self, text: String) {
        // Whoever does not listen any more has ended the run.
        let _ = self.events.send(RunEvent { at: self.clock.now(), what: EventKind::Note(text) });
    }
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
        } else if matches!(fault.what, Disturbance::Clients { .. }) {
            // Whoever loads has clients.
        } else if !processes.iter().any(|process| is_named(process, &fault.what)) {
            let (role, known) = (fault.what.place(), processes.to_vec());
            return Err(PlaceError::Process { fault: fault_name(), role, known });
        }
    }
    Ok(())
}

/// Whether a fault acts on this process. Only what is done to processes can mean all instances.
fn is_named(process: &str, what: &Disturbance) -> bool {
    match what {
        Disturbance::Process { role, .. } | Disturbance::Limit { role, .. } => is_instance_of(process, role),
        other => process == other.place(),
    }
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
        let ChaosRun { faults, places, clock, until, events, processes, clients, seed } = run;
        let places = Arc::new(places);
        let reach = Reach { processes, clients, seed, clock, events: events.clone() };
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
                reach: reach.clone(),
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
    reach: Reach,
    stop: CancellationToken,
}

impl Scene {
    async fn carry_out(mut self, fault: Fault, until: Duration) {
        let Some(fault) = self.awaited(fault).await else { return };
        for (round, at) in fault.beginnings(until).enumerate() {
            if !self.wait_until(at).await {
                return;
            }
            let name = || fault.name.clone();
            self.tell(EventKind::FaultAsked { name: name() });
            let small = grow::beginning(&fault);
            let guard = match Guard::begin(&small, self.number, round, &self.places, &self.reach).await {
                Ok(guard) => guard,
                Err(error) => {
                    self.failed(&fault, &error);
                    continue;
                }
            };
            let (kind, place) = (fault.what.kind().to_owned(), fault.what.place());
            self.tell(EventKind::FaultBegan { name: name(), kind, place });
            let growing = Growing::start(&fault, at, guard.resize(), self.clock, self.events.clone());
            let probe = self.probe(&fault);
            let goes_on = self.on(&name(), probe, at + fault.lasts).await;
            growing.end().await;
            match guard.heal(&self.reach).await {
                Ok(touched) => self.tell(EventKind::FaultEnded { name: name(), touched }),
                Err(error) => self.failed(&fault, &error),
            }
            if self.is_gone(probe, fault.beginnings(until).nth(round + 1)).await {
                self.tell(EventKind::FaultGone { name: name() });
            }
            if !goes_on {
                return;
            }
        }
    }

    /// Waits until it is over, while probes look for it; `false` if it is to stop before.
    async fn on(&self, name: &str, probe: Option<(&ProbePlace, Meets)>, until: Duration) -> bool {
        let over = self.wait_until(until);
        tokio::pin!(over);
        tokio::select! {
            biased;
            goes_on = &mut over => goes_on,
            () = until_met(probe) => {
                self.tell(EventKind::FaultSeen { name: name.to_owned() });
                over.await
            }
        }
    }

    /// Where and how a fault shows in a probe, if it does.
    fn probe(&self, fault: &Fault) -> Option<(&ProbePlace, Meets)> {
        self.places.probe(&fault.what).zip(Meets::of(fault, self.clock.speed()))
    }

    /// Whether probes come back as before, in time: before it begins again, and soon.
    async fn is_gone(&self, probe: Option<(&ProbePlace, Meets)>, again: Option<Duration>) -> bool {
        let Some((place, how)) = probe else { return false };
        let patience = Instant::now() + HEALED_WITHIN;
        let limit = again.map_or(patience, |at| patience.min(self.clock.instant(Offset::from_duration(at))));
        Sleeper::shared().timeout(limit, place.until_clean(how)).await.is_ok()
    }

    /// The fault once it may begin: as it is, or from now on if it waited until now. None if it is to
    /// stop before.
    async fn awaited(&mut self, fault: Fault) -> Option<Fault> {
        let Some(begin) = self.begin.take() else { return Some(fault) };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            told = begin => told.ok().map(|()| {
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

/// Ends when a probe has met the fault; never, where none can.
async fn until_met(probe: Option<(&ProbePlace, Meets)>) {
    match probe {
        Some((place, how)) => place.until_met(how).await,
        None => std::future::pending().await,
    }
}

/// What was touched by something that counts only how often it acted.
const fn one_process() -> Touched {
    Touched { connections: 0, bytes: 0, requests: 0, processes: 1, keys: 0 }
}
