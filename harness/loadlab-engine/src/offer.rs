//! One run, from the plan to the balance.
//!
//! ```text
//!   compile, resolve --> workers report --> logins --> clock starts --> arrivals --> drain --> end
//! ```

use std::{
    error, fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::HeaderValue;
use loadlab_clock::{Offset, RunClock, Sleeper};
use loadlab_record::JournalLine;
use loadlab_scenario::{Plan, plan::Load};
use tokio::{
    runtime::Handle,
    sync::{mpsc::UnboundedSender, oneshot, watch},
};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

use crate::{
    balance::{Balance, Imbalance},
    clients::Clients,
    closed_load,
    collector::Collector,
    crew::Crew,
    desk::Desk,
    dial::{Base, DialError, Dialer},
    engine::Engine,
    floor::{Floor, Roll},
    halt::Halt,
    login::{self, LoginFailure},
    pacer::Pacer,
    pool::PoolError,
    program::{Common, LoadKind, Program, ProgramError},
    recorder::Recorder,
    schedule::{end_of_load, schedule},
};

/// Real time between the start of the clock and its zero, so that the pacer is there in time.
const LEAD: Duration = Duration::from_millis(5);
/// Longest real time for workers to end after they were told to. They end at their next poll.
const WORKERS_END: Duration = Duration::from_secs(1);
/// Workers of an open load at least.
const WORKERS_MIN: usize = 16;

/// A load to be offered.
#[derive(Debug)]
pub struct LoadRun {
    /// What to offer.
    pub plan: Arc<Plan>,
    /// `http://host:port` or `https://host:port`, with an optional path prefix.
    pub base: String,
    /// Windows, generator samples and phases, in order. If the receiver is gone, they are dropped.
    pub lines: UnboundedSender<JournalLine>,
    /// Sent when all workers have reported and the first arrival is about to come: the clock's zero
    /// lies a few milliseconds ahead.
    pub started: oneshot::Sender<RunClock>,
    /// Cancelled: the run ends within 2 s of real time, and all that was measured is written.
    pub stop: CancellationToken,
    /// How.
    pub options: EngineOptions,
}

/// Settings of the generator that are no part of a plan.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Workers of an open load at most: more arrivals cannot be under way at once. The number taken is
    /// what the load can need at its highest rate if every answer takes the whole time-out. A worker
    /// takes some 25 kB and 0.2 ms at the start.
    pub workers_max: usize,
    /// Logins at once.
    pub logins_at_once: usize,
    /// `User-Agent`, unless a step sets its own.
    pub user_agent: String,
    /// Connections are made to this `host:port` instead of the base's: a proxy before it. Requests and
    /// certificates are the base's all the same.
    pub through: Option<String>,
    /// Connections of the experiment's users, where users are split, are made to this `host:port`
    /// instead: a proxy before the target. Requests and certificates are the target's all the same.
    pub experiment_through: Option<String>,
    /// Certificates that are trusted beside the web's roots.
    pub trusted: Vec<CertificateDer<'static>>,
    /// How clients behave otherwise meanwhile.
    pub clients: Clients,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            workers_max: 4_096,
            logins_at_once: 32,
            user_agent: concat!("loadlab/", env!("CARGO_PKG_VERSION")).to_owned(),
            through: None,
            experiment_through: None,
            trusted: Vec::new(),
            clients: Clients::default(),
        }
    }
}

/// How a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadEnd {
    /// When, in scenario time.
    pub at: Offset,
    /// It was asked to end early.
    pub stopped: bool,
    /// Arrivals that were under way, or waited for a worker, at the end.
    pub in_flight: u64,
    /// What became of all arrivals and requests; both equations hold.
    pub balance: Balance,
}

/// Why a load could not be offered.
#[derive(Debug)]
pub enum EngineError {
    /// The plan cannot be carried out.
    Program(ProgramError),
    /// The target cannot be addressed.
    Dial(DialError),
    /// The workers could not be started.
    Pool(PoolError),
    /// An identity could not log in.
    Login(LoginFailure),
    /// `options.user_agent` is no header value.
    UserAgent {
        /// What it is.
        value: String,
    },
    /// A thread could not be started.
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// It was asked to end before the first arrival.
    StoppedBeforeStart,
    /// Something was lost or counted twice: a fault of the engine. All lines were written.
    Unbalanced(Imbalance),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(_) => f.write_str("the plan cannot be carried out"),
            Self::Dial(_) => f.write_str("the target cannot be addressed"),
            Self::Pool(_) => f.write_str("the workers could not be started"),
            Self::Login(failure) => failure.fmt(f),
            Self::UserAgent { value } => write!(f, "`{value}` cannot be a user agent"),
            Self::Thread { .. } => f.write_str("a thread could not be started"),
            Self::StoppedBeforeStart => f.write_str("the run was stopped before its first arrival"),
            Self::Unbalanced(_) => f.write_str("the engine lost count"),
        }
    }
}

impl error::Error for EngineError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Program(source) => Some(source),
            Self::Dial(source) => Some(source),
            Self::Pool(source) => Some(source),
            Self::Thread { source } => Some(source),
            Self::Unbalanced(source) => Some(source),
            Self::Login(_) | Self::UserAgent { .. } | Self::StoppedBeforeStart => None,
        }
    }
}

/// Offers a load, from the first arrival to the last answer, with workers of its own.
///
/// # Errors
/// Anything that keeps the load from being offered. Answers that are bad are no errors: they are
/// what is measured.
pub async fn offer(run: LoadRun) -> Result<LoadEnd, EngineError> {
    let crew = tokio::select! {
        biased;
        () = run.stop.cancelled() => return Err(EngineError::StoppedBeforeStart),
        crew = Crew::start(workers(&run.plan, &run.options), &run.base) => crew.map_err(EngineError::Pool)?,
    };
    let end = offer_with(&crew, run).await;
    crew.dismiss(WORKERS_END).await;
    end
}

/// Offers a load with workers that stay for the next one. There must be as many as [`workers`] says.
///
/// # Errors
/// Those of [`offer`].
pub fn offer_with(crew: &Crew, run: LoadRun) -> BoxFuture<'_, Result<LoadEnd, EngineError>> {
    // Boxed, so that it is compiled once, with this crate, and not with each that awaits it.
    offer_by(crew, run).boxed()
}

async fn offer_by(crew: &Crew, run: LoadRun) -> Result<LoadEnd, EngineError> {
    let wanted = workers(&run.plan, &run.options);
    if wanted > crew.workers() {
        let reported = crew.workers();
        return Err(EngineError::Pool(PoolError::Incomplete { wanted, reported }));
    }
    let stop = run.stop.clone();
    let engine = prepare(&run).await?;
    let floor = Arc::new(Floor {
        engine,
        plan: Arc::clone(&run.plan),
        desk: Arc::new(Desk::new(wanted)),
        halt: Arc::new(Halt::default()),
        go: watch::Sender::new(false),
        roll: Roll::new(wanted),
    });
    // However this ends, by an error or by being dropped in the middle: the workers leave the floor.
    let _closing = Closing { halt: Arc::clone(&floor.halt), crew };
    tokio::select! {
        biased;
        () = stop.cancelled() => return Err(EngineError::StoppedBeforeStart),
        ready = assemble(&floor, crew, &run) => ready?,
    }
    let clock = RunClock::starting_at(Instant::now() + LEAD, run.plan.speed);
    let recorder = Arc::clone(&floor.engine.recorder);
    floor.engine.start(clock);
    let thread = |source| EngineError::Thread { source };
    let collector = Collector::start(Arc::clone(&recorder), clock, run.lines).map_err(thread)?;
    announce(&collector, &run.plan);
    // Nobody has to wait for the start.
    let _ = run.started.send(clock);
    let open = floor.engine.program.kind;
    let pacer = if matches!(open, LoadKind::Closed(_)) {
        None
    } else {
        Some(Pacer::start(&run.plan, Arc::clone(&floor.desk), recorder, clock).map_err(thread)?)
    };
    floor.go.send_replace(true);
    let stopped = oversee(&run.plan, &clock, &floor.roll, &collector, &stop).await;
    if let Some(pacer) = pacer {
        pacer.stop();
    }
    floor.halt.stop();
    if tokio::time::timeout(WORKERS_END, floor.roll.all_left()).await.is_err() {
        log::warn!("{} workers did not end in {WORKERS_END:?}", floor.roll.present());
    }
    finish(&floor, &clock, collector, stopped).await
}

/// Everything that can fail before a worker is needed.
async fn prepare(run: &LoadRun) -> Result<Arc<Engine>, EngineError> {
    let base = Base::parse(&run.base).map_err(EngineError::Dial)?;
    let agent = HeaderValue::from_str(&run.options.user_agent)
        .map_err(|_| EngineError::UserAgent { value: run.options.user_agent.clone() })?;
    let common = Common { host: base.host_header.clone(), agent, prefix: base.prefix.clone() };
    let program = Program::compile(&run.plan, &common).map_err(EngineError::Program)?;
    let dialer = Dialer::new(&base, run.options.through.as_deref(), &run.options.trusted)
        .await
        .map_err(EngineError::Dial)?;
    let names = run.plan.journeys.iter().flat_map(|journey| &journey.steps).map(|step| step.name.clone());
    let threads = Handle::current().metrics().num_workers();
    let recorder = Arc::new(Recorder::new(threads, names.collect(), run.plan.speed));
    let experiment = match &run.options.experiment_through {
        None => None,
        through @ Some(_) => Some(
            Dialer::new(&base, through.as_deref(), &run.options.trusted).await.map_err(EngineError::Dial)?,
        ),
    };
    let clients = run.options.clients.clone();
    Ok(Arc::new(Engine::new(program, common, dialer, recorder, clients).with_experiment(experiment)))
}

/// Calls the workers and logs the users in.
async fn assemble(floor: &Arc<Floor>, crew: &Crew, run: &LoadRun) -> Result<(), EngineError> {
    crew.call(floor).await;
    let users = identities_used(&run.plan);
    let logins = login::perform(&floor.engine, users, run.options.logins_at_once).await;
    logins.map(drop).map_err(EngineError::Login)
}

/// Ends a shift when it is dropped.
struct Closing<'a> {
    halt: Arc<Halt>,
    crew: &'a Crew,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.halt.stop();
        self.crew.release();
    }
}

/// The phases that are known beforehand.
fn announce(collector: &Collector, plan: &Plan) {
    let load_ends = end_of_load(&plan.load);
    let warm = Offset::from_duration(plan.warm_up);
    if warm > Offset::ZERO {
        collector.phase(Offset::ZERO, "warm-up");
    }
    if warm <= load_ends {
        collector.phase(warm, "steady");
    }
}

/// Waits for the end of the load and of the drain; `true` if it was asked to end before.
async fn oversee(
    plan: &Plan,
    clock: &RunClock,
    roll: &Roll,
    collector: &Collector,
    stop: &CancellationToken,
) -> bool {
    let load_ends = end_of_load(&plan.load);
    let drained = clock.instant(load_ends) + clock.real(plan.drain);
    tokio::select! {
        biased;
        () = stop.cancelled() => return true,
        () = Sleeper::shared().until(clock.instant(load_ends)) => {}
    }
    collector.phase(load_ends, "drain");
    tokio::select! {
        biased;
        () = stop.cancelled() => true,
        () = roll.all_left() => false,
        () = Sleeper::shared().until(drained) => false,
    }
}

async fn finish(
    floor: &Floor,
    clock: &RunClock,
    collector: Collector,
    stopped: bool,
) -> Result<LoadEnd, EngineError> {
    let at = clock.now();
    // The thread's last merge is short, but this is a runtime thread.
    let counted = tokio::task::spawn_blocking(move || collector.finish(at)).await;
    let mut balance = counted.unwrap_or_default();
    balance.close(floor.engine.recorder.cut(), floor.desk.waiting());
    let balance = balance.checked().map_err(EngineError::Unbalanced)?;
    Ok(LoadEnd { at, stopped, in_flight: balance.in_flight, balance })
}

/// Identities that can occur: those log in.
fn identities_used(plan: &Plan) -> u32 {
    let count = plan.users.count.max(1);
    match &plan.load {
        Load::Burst { users, .. } => count.min(*users),
        Load::Users { stages, .. } => count.min(closed_load::users_max(stages)),
        Load::Arrivals { .. } => count,
    }
}

/// How many workers a load can need at once.
pub fn workers(plan: &Plan, options: &EngineOptions) -> usize {
    let wanted = usize::try_from(plan.users_at_once()).unwrap_or(usize::MAX);
    match &plan.load {
        Load::Burst { .. } | Load::Users { .. } => wanted.max(1),
        Load::Arrivals { .. } => {
            let max = options.workers_max;
            let arrivals = schedule(plan).take(max).count();
            wanted.max(WORKERS_MIN).min(arrivals.max(1)).min(max.max(1))
        }
    }
}
