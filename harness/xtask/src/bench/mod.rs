//! What a request costs each generator, side by side in one run.
//!
//! ```text
//!   core 0: the server      core 1: one competitor at a time
//!   round 1: loadlab, goose, reqwest, wrk, oha   round 2: the same again …   -> medians
//! ```
//!
//! Machines are shared, so the rounds are interleaved and CPU time (getrusage) counts before
//! requests per second. Every competitor is a process of its own: its CPU time is that of the whole
//! process, from its start to its end.

pub(crate) mod competitor;
pub(crate) mod counted;
mod one_thread;
pub(crate) mod pinned;
pub(crate) mod proxy;
mod rounds;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod workers;

use std::{fmt, path::PathBuf, time::Duration};

use loadlab_stack::CpuTime;
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

use self::{
    competitor::{Competitor, Task},
    rounds::{Rounds, Run},
};
use crate::{
    child::{self, ChildError, Server},
    machine::Machine,
    quiet::{self, Noise},
};

/// What the server and the competitor are pinned to.
const SERVER_CORE: usize = 0;
const COMPETITOR_CORE: usize = 1;
/// loadlab's requests per CPU second, at least this many times Goose's. It leaves room above what
/// hyper's own connection type was measured to give, 3.5 times.
const FLOOR: f64 = 3.0;

/// How long and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Runs of each competitor.
    pub(crate) rounds: usize,
    /// Seconds of each run.
    pub(crate) seconds: u64,
    /// Connections, each with one request under way.
    pub(crate) connections: usize,
    /// How long to wait for a quiet machine.
    pub(crate) patience: Duration,
}

/// Why there is no comparison.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// Server and generator would share a core.
    OneCore,
    /// A process did not do its work.
    Child(ChildError),
    /// What a competitor printed could not be understood, or it did nothing.
    NoCount {
        /// Who.
        name: &'static str,
    },
    /// The kernel did not say what was used.
    Usage(nix::Error),
    /// No directory for the journals.
    Directory(std::io::Error),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneCore => f.write_str("two cores are needed: one serves, one generates"),
            Self::Child(error) => write!(f, "{error}"),
            Self::NoCount { name } => write!(f, "what {name} printed holds no count of requests"),
            Self::Usage(_) => f.write_str("the CPU time of the competitors could not be read"),
            Self::Directory(_) => f.write_str("no temporary directory could be made"),
        }
    }
}

impl std::error::Error for BenchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::OneCore | Self::NoCount { .. } => None,
            Self::Child(error) => error.source(),
            Self::Usage(error) => Some(error),
            Self::Directory(error) => Some(error),
        }
    }
}

impl From<ChildError> for BenchError {
    fn from(error: ChildError) -> Self {
        Self::Child(error)
    }
}

impl Settings {
    /// What makes runs comparable, for the evidence.
    pub(crate) fn config(self) -> Value {
        json!({ "rounds": self.rounds, "seconds": self.seconds, "connections": self.connections })
    }
}

/// The comparison, as figures for the evidence and as a table for people.
#[derive(Debug)]
pub(crate) struct Comparison {
    rounds: Rounds,
    missing: Vec<&'static str>,
    noise: Noise,
}

/// Runs all rounds.
pub(crate) fn compare(settings: Settings) -> Result<Comparison, BenchError> {
    if Machine::here().cores() < 2 {
        return Err(BenchError::OneCore);
    }
    let (present, absent): (Vec<Competitor>, Vec<Competitor>) =
        competitor::ALL.into_iter().partition(Competitor::is_installed);
    let server = Server::start(child::pinned(SERVER_CORE, &child::role(&["bench-server"])?)?)?;
    let journal = journal_path()?;
    let task = Task {
        base: server.base(),
        connections: settings.connections,
        seconds: settings.seconds,
        journal: journal.clone(),
    };
    let wake_late_p99_ms = quiet::settle(settings.patience);
    let cpu = CpuTime::now();
    let mut rounds = Rounds::new(&present);
    for round in 1..=settings.rounds {
        for competitor in &present {
            let run = one_run(competitor, &task)?;
            eprintln!("round {round}: {:<8} {run}", competitor.name);
            rounds.add(competitor.name, run);
        }
    }
    // It is a temporary file; one that stays is no harm.
    let _ = std::fs::remove_file(journal);
    let missing = absent.iter().map(|competitor| competitor.name).collect();
    Ok(Comparison {
        rounds,
        missing,
        noise: Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake: 0 },
    })
}

fn journal_path() -> Result<PathBuf, BenchError> {
    let directory = std::env::temp_dir();
    std::fs::create_dir_all(&directory).map_err(BenchError::Directory)?;
    Ok(directory.join(format!("loadlab-bench-{}.jsonl", std::process::id())))
}

fn one_run(competitor: &Competitor, task: &Task) -> Result<Run, BenchError> {
    let command = (competitor.command)(task)?;
    // The server is not waited for before the end, so what is added here is the competitor's alone.
    let before = cpu_of_ended_children()?;
    let output = child::output(&mut child::pinned(COMPETITOR_CORE, &command)?)?;
    let cpu_s = cpu_of_ended_children()? - before;
    let counted = (competitor.read)(task, &output).filter(|counted| counted.requests > 0);
    let counted = counted.ok_or(BenchError::NoCount { name: competitor.name })?;
    Ok(Run { counted, cpu_s })
}

/// CPU seconds, user and system, of every child that ended and was waited for.
fn cpu_of_ended_children() -> Result<f64, BenchError> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(BenchError::Usage)?;
    let (user, system) = (usage.user_time(), usage.system_time());
    Ok((user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6)
}

impl Comparison {
    /// Whether loadlab reaches its floor.
    pub(crate) fn floor_held(&self) -> bool {
        self.rounds.times_baseline(competitor::OURS).is_some_and(|times| times >= FLOOR)
    }

    /// For the evidence.
    pub(crate) fn figures(&self) -> Value {
        json!({
            "competitors": self.rounds.figures(),
            "not_installed": self.missing,
            "noise": self.noise,
            "floor": { "times_goose_per_cpu_second": FLOOR, "held": self.floor_held() },
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rounds)?;
        for name in &self.missing {
            writeln!(f, "{name:<8} not installed")?;
        }
        let times = self.rounds.times_baseline(competitor::OURS).unwrap_or(0.0);
        let verdict = if self.floor_held() { "held" } else { "MISSED" };
        write!(f, "floor: {FLOOR} times Goose per CPU second: {verdict} ({times:.2})")
    }
}
