//! The sample report that the repository shows: a real run of the shipped binary, copied.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::repository;

/// The scenario that is shown.
const SCENARIO: &str = "100-concurrent";
/// Where the run's folder goes first; the directory is not committed.
const RUN_DIRECTORY: &str = "reports/runs/sample";
/// Files that are copied as they are. `run.json` is treated apart.
const COPIED: [&str; 3] = ["report.html", "report.md", "junit.xml"];
/// Exit codes of a run that measured something: pass, and objective missed.
const MEASURED: [i32; 2] = [0, 3];
/// A committed run file stays below this many bytes.
const RUN_FILE_BYTES_MAX: usize = 1 << 20;
/// Parts of a run file that are emptied, in this order, until it is small enough.
const BULK: [&str; 3] = ["series", "windows", "generator_series"];

/// Why there is no sample.
#[derive(Debug)]
pub(crate) enum SampleError {
    /// The run measured nothing.
    Run {
        /// How it ended.
        status: String,
    },
    /// A file could not be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { status } => write!(f, "`loadlab run {SCENARIO}` measured nothing: {status}"),
            Self::File { path, .. } => write!(f, "{} could not be read or written", path.display()),
        }
    }
}

impl std::error::Error for SampleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Run { .. } => None,
            Self::File { source, .. } => Some(source),
        }
    }
}

/// Runs the scenario and copies its report to `reports/samples/`; the directory.
pub(crate) fn make() -> Result<PathBuf, SampleError> {
    let root = repository::root();
    let (from, to) = (root.join(RUN_DIRECTORY), root.join("reports/samples").join(SCENARIO));
    if from.exists() {
        fs::remove_dir_all(&from).map_err(|source| file_error(&from, source))?;
    }
    run_scenario(&root)?;
    let from = only_folder(&from)?;
    fs::create_dir_all(&to).map_err(|source| file_error(&to, source))?;
    for name in COPIED {
        fs::copy(from.join(name), to.join(name)).map_err(|source| file_error(&from.join(name), source))?;
    }
    let path = from.join("run.json");
    let text = fs::read_to_string(&path).map_err(|source| file_error(&path, source))?;
    let trimmed = trimmed(text).map_err(|source| file_error(&path, source))?;
    fs::write(to.join("run.json"), trimmed).map_err(|source| file_error(&to, source))?;
    Ok(to)
}

/// The README's own command, with a place for the report. The path is relative, because the run
/// file keeps the command line.
fn run_scenario(root: &Path) -> Result<(), SampleError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--", "run", SCENARIO, "--out", RUN_DIRECTORY]).current_dir(root);
    let status = command.status().map_err(|source| file_error(root, source))?;
    let measured = status.code().is_some_and(|code| MEASURED.contains(&code));
    if measured { Ok(()) } else { Err(SampleError::Run { status: status.to_string() }) }
}

/// The folder of the one run that was made.
fn only_folder(directory: &Path) -> Result<PathBuf, SampleError> {
    let fail = |source| file_error(directory, source);
    let first = fs::read_dir(directory).map_err(fail)?.next();
    let entry = first.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())).map_err(fail)?;
    Ok(entry.path())
}

fn file_error(path: &Path, source: io::Error) -> SampleError {
    SampleError::File { path: path.to_path_buf(), source }
}

/// The run file, with bulk emptied if it is too large to commit. What is emptied stays a list, so
/// the file can still be read; a remark says what is missing.
fn trimmed(text: String) -> io::Result<String> {
    if text.len() <= RUN_FILE_BYTES_MAX {
        return Ok(text);
    }
    let mut run: Value = serde_json::from_str(&text)?;
    let mut small = text;
    for part in BULK {
        if small.len() <= RUN_FILE_BYTES_MAX {
            break;
        }
        run[part] = Value::Array(Vec::new());
        if let Some(remarks) = run["remarks"].as_array_mut() {
            remarks.push(format!("sample: {part} left out for size").into());
        }
        small = serde_json::to_string_pretty(&run)? + "\n";
    }
    Ok(small)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_small_run_file_is_kept_as_it_is() {
        assert_eq!(trimmed("{ \"a\":1 }".to_owned()).expect("kept"), "{ \"a\":1 }");
    }

    #[test]
    fn a_large_one_loses_its_bulk_and_says_so() {
        let series = vec!["0123456789"; RUN_FILE_BYTES_MAX / 10];
        let run = json!({ "verdict": "fail", "remarks": [], "series": series, "windows": [1] });
        let small: Value = serde_json::from_str(&trimmed(run.to_string()).expect("trimmed")).expect("JSON");
        assert_eq!(small["verdict"], "fail");
        assert_eq!((&small["series"], &small["windows"]), (&json!([]), &json!([1])));
        assert_eq!(small["remarks"], json!(["sample: series left out for size"]));
    }
}
