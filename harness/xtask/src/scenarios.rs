//! Every shipped scenario run by name, as a user would, and how it ended: whether it measured, how long
//! it took, and what of its source's claims was reproduced.
//!
//! One line of evidence a run, so that an interrupted campaign goes on where it stopped.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{Answer, evidence::Evidence, repository};

/// Where the runs' folders go; the directory is not committed.
const RUN_DIRECTORY: &str = "reports/runs/scenarios";
/// Exit codes of a run that measured something: pass, and objective missed.
const MEASURED: [i32; 2] = [0, 3];

/// Why a scenario gave no line.
#[derive(Debug)]
enum ScenarioError {
    /// The program is not there.
    NotBuilt {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file or folder could not be read.
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt { path } => {
                write!(f, "{} is not there; `cargo build --release` makes it", path.display())
            }
            Self::File { path, .. } => write!(f, "{} could not be read", path.display()),
        }
    }
}

impl std::error::Error for ScenarioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotBuilt { .. } => None,
            Self::File { source, .. } => Some(source),
        }
    }
}

/// Runs every scenario with the seeds from 1 to `seeds`, unless this commit has done so; whether all
/// of them measured something.
pub(crate) fn until(seeds: usize) -> Answer {
    let evidence = Evidence::of("scenarios", None);
    let names = names()?;
    let mut all_measured = true;
    for seed in 1..=seeds {
        for (number, name) in names.iter().enumerate() {
            let config = json!({ "scenario": name, "seed": seed });
            if evidence.runs(&config)? > 0 {
                continue;
            }
            eprintln!("{} of {}, seed {seed}: {name}", number + 1, names.len());
            let figures = run(name, seed)?;
            let has_measured = figures["measured"] == true;
            println!("{name} (seed {seed}): exit {} after {} s", figures["exit"], figures["seconds"]);
            all_measured &= has_measured;
            evidence.append(&config, &figures)?;
        }
    }
    Ok(all_measured)
}

/// The scenarios of the repository, in order of their names.
fn names() -> Result<Vec<String>, ScenarioError> {
    let folder = repository::root().join("scenarios");
    let entries = fs::read_dir(&folder).map_err(|source| ScenarioError::File { path: folder, source })?;
    let name = |path: PathBuf| {
        let is_scenario = path.extension().is_some_and(|extension| extension == "yaml");
        is_scenario.then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned())).flatten()
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// One run, in a folder of its own, and what its run file says.
fn run(name: &str, seed: usize) -> Result<Value, Box<dyn std::error::Error>> {
    let out = repository::root().join(RUN_DIRECTORY).join(format!("{name}-{seed}"));
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|source| ScenarioError::File { path: out.clone(), source })?;
    }
    let began = Instant::now();
    let mut command = Command::new(binary()?);
    command.current_dir(repository::root()).args(["run", name, "--seed", &seed.to_string(), "--out"]);
    let status = command.arg(&out).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|source| ScenarioError::File { path: out.clone(), source })?;
    let seconds = began.elapsed().as_secs_f64().round();
    let exit = status.code();
    let measured = exit.is_some_and(|code| MEASURED.contains(&code));
    Ok(json!({
        "exit": exit,
        "measured": measured,
        "seconds": seconds,
        "found": found(&out).unwrap_or(Value::Null),
    }))
}

/// What the run file has beside its bulk.
fn found(out: &Path) -> Option<Value> {
    let folder = fs::read_dir(out).ok()?.flatten().next()?.path();
    let text = fs::read_to_string(folder.join("run.json")).ok()?;
    let run: Value = serde_json::from_str(&text).ok()?;
    let documented: Vec<Value> = run["documented"].as_array().map_or_else(Vec::new, |claims| {
        let short = |claim: &Value| {
            json!({ "name": claim["name"], "observed": claim["observed"], "reproduced": claim["reproduced"] })
        };
        claims.iter().map(short).collect()
    });
    Some(json!({ "documented": documented, "failure": run["failure"] }))
}

/// The program that was built beside this one.
fn binary() -> Result<PathBuf, ScenarioError> {
    let here = std::env::current_exe().unwrap_or_default();
    let path = here.with_file_name("loadlab");
    if path.is_file() { Ok(path) } else { Err(ScenarioError::NotBuilt { path }) }
}
