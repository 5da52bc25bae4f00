//! The harness against a server of known latency: what it reports beside what is true.
//!
//! ```text
//!   generator (process) --load--> server (process): waits as its script says, keeps the truth
//!         |                          |
//!       journal --reported-->  checks  <--truth--
//! ```
//!
//! Truth in open load runs from *due*: a server that stalls for a second makes a thousand arrivals
//! late, not the one that a closed generator would see.

mod cases;
mod check;
mod percentiles;
pub(crate) mod script;
pub(crate) mod server;

use std::{fmt, fs, io, path::PathBuf, time::Duration};

use loadlab_stack::CpuTime;
use serde_json::{Map, Value, json};

pub(crate) use self::cases::Scale;
use self::{
    cases::{Case, Outcome},
    check::Check,
    percentiles::Exact,
    server::Truth,
};
use crate::{
    child::{self, ChildError, Server},
    journal::Journalled,
    quiet::{self, Awake, Noise},
};

/// Why a calibration could not be made.
#[derive(Debug)]
pub(crate) enum CalibrateError {
    /// A process did not do its work.
    Child(ChildError),
    /// The journal could not be read.
    Journal {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The server did not tell the truth.
    Truth(reqwest::Error),
    /// There is no runtime to ask it with.
    Runtime(io::Error),
}

impl fmt::Display for CalibrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Child(error) => write!(f, "{error}"),
            Self::Journal { path, .. } => write!(f, "{} could not be read", path.display()),
            Self::Truth(_) => f.write_str("the server could not be asked for the truth"),
            Self::Runtime(_) => f.write_str("no runtime could be started"),
        }
    }
}

impl std::error::Error for CalibrateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Child(error) => error.source(),
            Self::Journal { source, .. } | Self::Runtime(source) => Some(source),
            Self::Truth(error) => Some(error),
        }
    }
}

impl From<ChildError> for CalibrateError {
    fn from(error: ChildError) -> Self {
        Self::Child(error)
    }
}

/// What came out of all cases.
#[derive(Debug)]
pub(crate) struct Calibration(Vec<Judged>);

#[derive(Debug)]
struct Judged {
    name: &'static str,
    checks: Vec<Check>,
    samples: u64,
    /// Milliseconds that the server's own timer added, at the median and the 99th percentile.
    server_late_ms: (f64, f64),
    noise: Noise,
    /// How often it was measured: the last time counts.
    attempts: u32,
}

/// Runs all cases, one after another, each on a machine that is quiet or was not for `patience`. A
/// case that missed is measured again, at most `attempts` times in all: a hypervisor that takes the
/// CPU away in the middle makes any generator late, a generator that is wrong misses every time. The
/// last attempt counts, and how many there were is part of the figures.
pub(crate) fn run(scale: &Scale, patience: Duration, attempts: u32) -> Result<Calibration, CalibrateError> {
    cases::all(scale)
        .iter()
        .map(|case| judge(case, scale, patience, attempts))
        .collect::<Result<_, _>>()
        .map(Calibration)
}

fn judge(case: &Case, scale: &Scale, patience: Duration, attempts: u32) -> Result<Judged, CalibrateError> {
    let mut attempt = 1;
    // A test of the harness in a few seconds takes the machine as it is.
    let awake = (attempts > 1).then(Awake::keep);
    let cores_awake = awake.as_ref().map_or(0, Awake::cores);
    loop {
        let wake_late_p99_ms = quiet::settle(patience);
        eprintln!("{}, attempt {attempt} …", case.name);
        let cpu = CpuTime::now();
        let outcome = run_case(case)?;
        let judged = Judged {
            name: case.name,
            checks: (case.judge)(scale, &case.script, &outcome),
            samples: outcome.reported.whole.response.count(),
            server_late_ms: lateness(&outcome.truth),
            noise: Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake },
            attempts: attempt,
        };
        if judged.held() || attempt >= attempts {
            return Ok(judged);
        }
        eprintln!("{judged}");
        attempt += 1;
    }
}

fn run_case(case: &Case) -> Result<Outcome, CalibrateError> {
    let script = serde_json::to_string(&case.script).expect("a script can be written");
    let server = Server::start(child::role(&["serve", "--script", &script])?)?;
    let journal = std::env::temp_dir().join(format!("loadlab-{}-{}.jsonl", case.name, std::process::id()));
    let scenario = format!(
        "title: calibration\n\
         question: Does the harness report what is true?\n\
         target: {{ url: {} }}\n\
         load: {}\n\
         client: {{ timeout: 3s }}\n\
         journeys: [ {{ name: get, steps: [ {{ name: get, get: / }} ] }} ]\n\
         objectives: [ \"success >= 99%\" ]\n",
        server.base(),
        case.load,
    );
    let mut command = child::role(&["generate", "--base", &server.base(), "--scenario", &scenario])?;
    child::output(command.arg("--journal").arg(&journal))?;
    let reported = Journalled::read(&journal)
        .map_err(|source| CalibrateError::Journal { path: journal.clone(), source })?;
    // It is a temporary file; one that stays is no harm.
    let _ = fs::remove_file(&journal);
    Ok(Outcome { reported, truth: ask_for_truth(&server.base())? })
}

fn ask_for_truth(base: &str) -> Result<Truth, CalibrateError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CalibrateError::Runtime)?.block_on(async {
        let answer = reqwest::get(format!("{base}/truth")).await.map_err(CalibrateError::Truth)?;
        answer.json().await.map_err(CalibrateError::Truth)
    })
}

fn lateness(truth: &Truth) -> (f64, f64) {
    let pairs = truth.held.iter().zip(&truth.scripted);
    let late = Exact::of(pairs.map(|(held, scripted)| held.saturating_sub(*scripted)).collect());
    (late.ms(50.0), late.ms(99.0))
}

impl Calibration {
    /// Whether every check held.
    pub(crate) fn held(&self) -> bool {
        self.0.iter().all(Judged::held)
    }

    /// For the evidence.
    pub(crate) fn figures(&self) -> Value {
        let case = |case: &Judged| {
            let (p50, p99) = case.server_late_ms;
            let figures = json!({
                "samples": case.samples,
                "checks": case.checks,
                "server_late_ms": { "p50": p50, "p99": p99 },
                "noise": case.noise,
                "attempts": case.attempts,
            });
            (case.name.to_owned(), figures)
        };
        json!({ "held": self.held(), "cases": self.0.iter().map(case).collect::<Map<_, _>>() })
    }
}

impl Scale {
    /// What makes runs comparable, for the evidence.
    pub(crate) fn config(&self) -> Value {
        json!({
            "rate": self.rate, "open_s": self.open_s, "users": self.users, "closed_s": self.closed_s,
        })
    }
}

impl Judged {
    fn held(&self) -> bool {
        self.checks.iter().all(|check| check.held)
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} samples, attempt {}", self.name, self.samples, self.attempts)?;
        writeln!(f, "  {:<40} {:>11} {:>11} {:>10}", "", "reported", "true", "off")?;
        for check in &self.checks {
            writeln!(f, "  {check}")?;
        }
        let (p50, p99) = self.server_late_ms;
        writeln!(f, "  the server's own lateness: p50 {p50:.3} ms, p99 {p99:.3} ms")?;
        let Noise { wake_late_p99_ms, stolen, cores_awake } = self.noise;
        let stolen = stolen * 100.0;
        writeln!(
            f,
            "  the machine: wakes threads {wake_late_p99_ms:.3} ms late (p99), {stolen:.1} % stolen, {cores_awake} cores kept awake"
        )
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.0 {
            writeln!(f, "{case}")?;
        }
        write!(f, "{}", if self.held() { "all held" } else { "MISSED" })
    }
}
