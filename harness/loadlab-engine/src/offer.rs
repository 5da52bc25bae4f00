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

use http::HeaderValue;
use loadlab_clock::{Offset, RunClock, Sleeper};
use loadlab_record::JournalLine;
use loadlab_scenario::{
    Plan,
    plan::{Load, Think, UserStage},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc::UnboundedSender, oneshot, watch},
};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

use crate::{
    arrival::{self, Job},
    balance::{Balance, Imbalance},
    clients::Clients,
    closed_load,
    collector::Collector,
    desk::Desk,
    dial::{Base, DialError, Dialer},
    engine::Engine,
    halt::Halt,
    login::{self, LoginFailure},
    pacer::Pacer,
    pool::{Pool, PoolError, Work},
    program::{Common, LoadKind, Program, ProgramError},
    recorder::{Recorder, micros_between},
    schedule::{end_of_load, schedule},
    step::User,
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

/// What the workers of a run need beside the engine.
struct Floor {
    engine: Arc<Engine>,
    plan: Arc<Plan>,
    desk: Arc<Desk>,
    halt: Arc<Halt>,
    /// Becomes true when the clock is there.
    go: watch::Sender<bool>,
}

/// Offers a load, from the first arrival to the last answer.
///
/// # Errors
/// Anything that keeps the load from being offered. Answers that are bad are no errors: they are
/// what is measured.
pub async fn offer(run: LoadRun) -> Result<LoadEnd, EngineError> {
    let stop = run.stop.clone();
    let engine = prepare(&run).await?;
    let workers = workers(&run.plan, run.options.workers_max);
    let floor = Arc::new(Floor {
        engine,
        plan: Arc::clone(&run.plan),
        desk: Arc::new(Desk::new(workers)),
        halt: Arc::new(Halt::default()),
        go: watch::Sender::new(false),
    });
    // However this ends, by an error or by being dropped in the middle: the workers go home.
    let _dismissal = Dismissal(Arc::clone(&floor.halt));
    let pool = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(EngineError::StoppedBeforeStart),
        pool = assemble(&floor, workers, &run) => pool?,
    };
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
    let stopped = oversee(&run.plan, &clock, &pool, &collector, &stop).await;
    if let Some(pacer) = pacer {
        pacer.stop();
    }
    floor.halt.stop();
    pool.end(WORKERS_END).await;
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

/// Starts the workers and logs the users in.
async fn assemble(floor: &Arc<Floor>, workers: usize, run: &LoadRun) -> Result<Pool, EngineError> {
    let work: Work = {
        let floor = Arc::clone(floor);
        Arc::new(move |number| {
            let floor = Arc::clone(&floor);
            Box::pin(async move { floor.work(number).await })
        })
    };
    let pool = Pool::start(workers, &run.base, work).await.map_err(EngineError::Pool)?;
    let users = identities_used(&run.plan);
    let logins = login::perform(&floor.engine, users, run.options.logins_at_once).await;
    logins.map_err(EngineError::Login)?;
    Ok(pool)
}

/// Ends all workers when it is dropped.
struct Dismissal(Arc<Halt>);

impl Drop for Dismissal {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Floor {
    /// A worker's life.
    async fn work(&self, number: usize) {
        let mut go = self.go.subscribe();
        let life = async {
            // The sender is part of the floor, which is there as long as its workers.
            let _ = go.wait_for(|go| *go).await;
            match &self.plan.load {
                Load::Users { stages, think } => self.live(number, stages, think).await,
                Load::Burst { .. } | Load::Arrivals { .. } => self.serve(number).await,
            }
        };
        self.halt.guard(life).await;
    }

    async fn live(&self, number: usize, stages: &[UserStage], think: &Think) {
        let index = u32::try_from(number).unwrap_or(u32::MAX);
        closed_load::live(&self.engine, index, stages, think).await;
    }

    /// Takes arrivals until there are no more.
    async fn serve(&self, number: usize) {
        let mut user = User::new(&self.engine);
        let origin = self.engine.clock().origin();
        while let Some(due) = self.desk.next(number).await {
            let job = Job { seq: due.seq, iteration: None, due_us: micros_between(origin, due.at) };
            arrival::perform(&self.engine, &mut user, job).await;
        }
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
    pool: &Pool,
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
        () = pool.all_left() => false,
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

/// How many workers the load can need at once.
fn workers(plan: &Plan, max: usize) -> usize {
    let wanted = usize::try_from(plan.users_at_once()).unwrap_or(usize::MAX);
    match &plan.load {
        Load::Burst { .. } | Load::Users { .. } => wanted.max(1),
        Load::Arrivals { .. } => {
            let arrivals = schedule(plan).take(max).count();
            wanted.max(WORKERS_MIN).min(arrivals.max(1)).min(max.max(1))
        }
    }
}
