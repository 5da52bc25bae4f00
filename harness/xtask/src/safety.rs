//! What is promised in wall time, measured: the safety tests held to their bounds on a machine that does
//! nothing else.
//!
//! The tests say how long each thing took, through [`loadlab_e2e::Bound`]; here they are run one at a time, and
//! what they say becomes a line of evidence.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use loadlab_e2e::BOUNDS_FILE;
use loadlab_stack::CpuTime;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    child::{self, ChildError},
    quiet::{Awake, Noise, settle},
    repository,
};

/// The test programs with promises in wall time, and which of their tests have them.
const SUITES: [Suite; 3] = [
    Suite { package: "loadlab-chaos", program: "proxy", tests: "safety::" },
    Suite { package: "loadlab-stack", program: "lifecycle", tests: "siege" },
    Suite { package: "tests", program: "e2e", tests: "safety::" },
];

/// Tests of one program.
#[derive(Debug, Clone, Copy)]
struct Suite {
    /// The folder of its package.
    package: &'static str,
    program: &'static str,
    /// What their names contain.
    tests: &'static str,
}

/// Why nothing was measured.
#[derive(Debug)]
pub(crate) enum SafetyError {
    /// The tests could not be built or started.
    Child(ChildError),
    /// Cargo named no program of this test.
    NoTest(&'static str),
    /// The file of what was measured could not be read.
    File(io::Error),
    /// A line of it could not.
    Line(serde_json::Error),
}

impl fmt::Display for SafetyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Child(_) => write!(f, "the safety tests were not run"),
            Self::NoTest(name) => write!(f, "cargo built no test named {name}"),
            Self::File(_) => write!(f, "what the tests measured could not be read"),
            Self::Line(_) => write!(f, "the tests wrote a line that is no bound"),
        }
    }
}

impl std::error::Error for SafetyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Child(source) => Some(source),
            Self::NoTest(_) => None,
            Self::File(source) => Some(source),
            Self::Line(source) => Some(source),
        }
    }
}

/// What a test says of one promise.
#[derive(Debug, Deserialize)]
struct Line {
    promise: String,
    within_ms: f64,
    took_ms: f64,
}

/// One promise: its bound and every time it was put to the test, in milliseconds.
#[derive(Debug)]
struct Promise {
    within_ms: f64,
    took_ms: Vec<f64>,
}

impl Promise {
    fn worst(&self) -> f64 {
        self.took_ms.iter().copied().fold(0.0, f64::max)
    }

    fn held(&self) -> bool {
        self.worst() <= self.within_ms
    }
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    promises: BTreeMap<String, Promise>,
    tests_passed: bool,
    noise: Noise,
}

/// Settings that tell this measurement from another.
pub(crate) fn config() -> Value {
    json!({ "suites": SUITES.map(|suite| format!("{} {} {}", suite.package, suite.program, suite.tests)) })
}

/// Builds the tests, waits for a quiet machine and runs them one at a time.
pub(crate) fn measure(patience: Duration) -> Result<Measured, SafetyError> {
    let programs = programs()?;
    let file = repository::root().join("target/bounds.jsonl");
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(SafetyError::File(error)),
        _ => {}
    }
    let awake = Awake::keep();
    let wake_late_p99_ms = settle(patience);
    let cpu = CpuTime::now();
    let mut tests_passed = true;
    for Suite { package, program: name, tests } in SUITES {
        eprintln!("safety: {name} {tests} …");
        let program =
            programs.iter().find(|program| program.name == name && program.package.ends_with(package));
        let program = program.ok_or(SafetyError::NoTest(name))?;
        let mut command = Command::new(&program.path);
        command.args([tests, "--test-threads=1"]).current_dir(&program.package).env(BOUNDS_FILE, &file);
        command.env("CARGO_MANIFEST_DIR", &program.package).stdin(Stdio::null());
        let status = command
            .status()
            .map_err(|source| SafetyError::Child(ChildError::Start { program: name.to_owned(), source }))?;
        tests_passed &= status.success();
    }
    let noise = Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake: awake.cores() };
    let text = fs::read_to_string(&file).map_err(SafetyError::File)?;
    Ok(Measured { promises: promises(&text)?, tests_passed, noise })
}

fn promises(text: &str) -> Result<BTreeMap<String, Promise>, SafetyError> {
    let mut promises = BTreeMap::new();
    for line in text.lines() {
        let Line { promise, within_ms, took_ms } = serde_json::from_str(line).map_err(SafetyError::Line)?;
        let kept = promises.entry(promise).or_insert(Promise { within_ms, took_ms: Vec::new() });
        kept.took_ms.push(took_ms);
    }
    Ok(promises)
}

/// A test program, and the folder of its package.
#[derive(Debug)]
struct Program {
    name: String,
    path: PathBuf,
    package: PathBuf,
}

/// The test programs of the workspace, built as the test command builds them.
fn programs() -> Result<Vec<Program>, SafetyError> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--release", "--no-run", "--message-format=json"]).current_dir(repository::root());
    let messages = child::output(&mut cargo).map_err(SafetyError::Child)?;
    let program = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let manifest = PathBuf::from(message["manifest_path"].as_str()?);
        Some(Program {
            name: message["target"]["name"].as_str()?.to_owned(),
            path: message["executable"].as_str()?.into(),
            package: manifest.parent()?.to_owned(),
        })
    };
    Ok(messages.lines().filter_map(program).collect())
}

impl Measured {
    /// Whether every promise was kept, and the tests passed.
    pub(crate) fn held(&self) -> bool {
        self.tests_passed && !self.promises.is_empty() && self.promises.values().all(Promise::held)
    }

    /// For the evidence.
    pub(crate) fn figures(&self) -> Value {
        let promise = |promise: &Promise| {
            json!({
                "within_ms": promise.within_ms,
                "worst_ms": promise.worst(),
                "took_ms": promise.took_ms,
                "held": promise.held(),
            })
        };
        let promises: serde_json::Map<String, Value> =
            self.promises.iter().map(|(name, kept)| (name.clone(), promise(kept))).collect();
        json!({
            "promises": promises,
            "tests_passed": self.tests_passed,
            "noise": self.noise,
            "held": self.held(),
        })
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, promise) in &self.promises {
            let word = if promise.held() { "held" } else { "MISSED" };
            let (worst, times, within) = (promise.worst(), promise.took_ms.len(), promise.within_ms);
            writeln!(f, "{word:6}  {name}: at most {worst:.0} ms of {within:.0} ms, {times} times")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_as_good_as_its_worst_time() {
        let text = concat!(
            r#"{"promise":"clean","within_ms":1000.0,"took_ms":12.5}"#,
            "\n",
            r#"{"promise":"gone","within_ms":100.0,"took_ms":99.0}"#,
            "\n",
            r#"{"promise":"gone","within_ms":100.0,"took_ms":101.0}"#,
            "\n",
        );
        let promises = promises(text).expect("bounds");
        assert!(promises["clean"].held());
        assert_eq!((promises["gone"].worst(), promises["gone"].held()), (101.0, false));
    }
}
