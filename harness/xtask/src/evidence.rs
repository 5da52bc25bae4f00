//! Figures that were measured, kept as lines of JSON beside the code they were measured on.
//!
//! ```text
//!   job (name, configuration) --run--> figures --append--> reports/evidence/NAME.jsonl
//! ```
//!
//! A job may be interrupted and asked for again: what a file already holds for the same commit and
//! configuration is counted, and only the rest is run.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;

use crate::{machine::Machine, repository};

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    job: &'a str,
    /// RFC 3339, UTC.
    at: String,
    commit: &'a str,
    machine: Machine,
    config: &'a Value,
    figures: &'a Value,
}

/// Why evidence could not be kept.
#[derive(Debug)]
pub(crate) struct EvidenceError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be read or written", self.path.display())
    }
}

impl std::error::Error for EvidenceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A file of evidence.
#[derive(Debug)]
pub(crate) struct Evidence {
    path: PathBuf,
    job: &'static str,
}

impl Evidence {
    /// The committed file of a job, or another of the caller's choice.
    pub(crate) fn of(job: &'static str, other: Option<&Path>) -> Self {
        let committed = || repository::root().join(format!("reports/evidence/{job}.jsonl"));
        Self { path: other.map_or_else(committed, Path::to_path_buf), job }
    }

    /// Appends one run of this commit on this machine.
    pub(crate) fn append(&self, config: &Value, figures: &Value) -> Result<(), EvidenceError> {
        let fail = |source| EvidenceError { path: self.path.clone(), source };
        let line = Line {
            job: self.job,
            at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            commit: &repository::commit(),
            machine: Machine::here(),
            config,
            figures,
        };
        let text = serde_json::to_string(&line).map_err(|error| fail(error.into()))?;
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory).map_err(fail)?;
        }
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.path).map_err(fail)?;
        writeln!(file, "{text}").map_err(fail)
    }

    /// How many runs of this commit with this configuration there are already.
    pub(crate) fn runs(&self, config: &Value) -> Result<usize, EvidenceError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(count(&text, &repository::commit(), config)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(source) => Err(EvidenceError { path: self.path.clone(), source }),
        }
    }
}

/// Lines of `commit` and `config`. A line that was cut off by a crash counts as none.
fn count(text: &str, commit: &str, config: &Value) -> usize {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["commit"] == commit && line["config"] == *config).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn runs_are_appended_and_counted_by_commit_and_configuration() {
        let directory = tempfile::tempdir().expect("a directory");
        let evidence = Evidence::of("test", Some(&directory.path().join("new/test.jsonl")));
        let config = json!({ "rounds": 5 });
        assert_eq!(evidence.runs(&config).expect("no file is no runs"), 0);
        evidence.append(&config, &json!({ "p50": 1.5 })).expect("appended");
        evidence.append(&config, &json!({ "p50": 1.6 })).expect("appended");
        assert_eq!(evidence.runs(&config).expect("counted"), 2);
        assert_eq!(evidence.runs(&json!({ "rounds": 6 })).expect("counted"), 0);
    }

    #[test]
    fn lines_of_other_commits_and_torn_lines_count_as_none() {
        let text =
            "{\"commit\":\"a\",\"config\":{}}\n{\"commit\":\"b\",\"config\":{}}\n{\"commit\":\"a\",\"co";
        assert_eq!(count(text, "a", &json!({})), 1);
    }
}
