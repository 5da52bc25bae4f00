//! What continuous integration asks, in the order of how soon it answers.

use std::{
    fmt,
    process::Command,
    time::{Duration, Instant},
};

use crate::repository;

/// The checks: name, and arguments to cargo.
const STEPS: [(&str, &[&str]); 3] = [
    ("format", &["fmt", "--all", "--", "--check"]),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ("tests", &["test", "--release"]),
];

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepResult {
    name: &'static str,
    passed: bool,
    took: Duration,
}

/// All steps. A later one is run even when an earlier one failed: one push should show everything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary(Vec<StepResult>);

/// Runs every step, with its output on the terminal.
pub(crate) fn run() -> Summary {
    Summary(STEPS.iter().map(|(name, arguments)| step(name, arguments)).collect())
}

fn step(name: &'static str, arguments: &[&str]) -> StepResult {
    eprintln!("\n== {name}: cargo {}", arguments.join(" "));
    let started = Instant::now();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(arguments).current_dir(repository::root()).status();
    let passed = status.is_ok_and(|status| status.success());
    StepResult { name, passed, took: started.elapsed() }
}

impl Summary {
    /// Whether every step passed.
    pub(crate) fn passed(&self) -> bool {
        self.0.iter().all(|step| step.passed)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for StepResult { name, passed, took } in &self.0 {
            let verdict = if *passed { "passed" } else { "FAILED" };
            writeln!(f, "{name:<8} {verdict}  {:>6.1} s", took.as_secs_f64())?;
        }
        write!(f, "{}", if self.passed() { "all passed" } else { "FAILED" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_all_and_is_seen() {
        let step = |name, passed| StepResult { name, passed, took: Duration::from_millis(1_500) };
        let summary = Summary(vec![step("format", true), step("clippy", false)]);
        assert!(!summary.passed());
        assert_eq!(summary.to_string(), "format   passed     1.5 s\nclippy   FAILED     1.5 s\nFAILED");
        assert!(Summary(vec![step("format", true)]).passed());
    }
}
