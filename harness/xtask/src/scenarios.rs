//! Every shipped scenario run by name, as a user would, and how it ended: whether it measured, how long
//! it took, what of its source's claims was reproduced, and which failure was told.
//!
//! One line of evidence a run, so that an interrupted campaign goes on where it stopped. What is told must come
//! from the measurements: each record is judged a second time without the names of scenario and profile, the
//! target's settings and the documented bands.

use std::{
    fmt, fs, io,
    ops::Range,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use loadlab_analysis::{Rules, View, evaluate};
use loadlab_record::{FailureMode, FailureResult, RunFile, Window};
use loadlab_scenario::{objective::Measure, plan::TargetPlan};
use loadlab_stack::CpuTime;
use serde_json::{Value, json};

use crate::{
    Answer,
    evidence::Evidence,
    quiet::{self, Awake, Noise},
    repository,
};

/// Where the runs' folders go; the directory is not committed.
const RUN_DIRECTORY: &str = "reports/runs";
/// Exit codes of a run that measured something: pass, and objective missed.
const MEASURED: [i32; 2] = [0, 3];
/// Exit code of a run that the machine disturbed, which says nothing of the target: it is run again.
const INCONCLUSIVE: i32 = 6;
/// So is one during which the hypervisor gave more of the CPU time than this to others: modelled times, which
/// pass faster than real ones, are late by as many times more. On a quiet machine it is 2 %.
const STOLEN_MAX: f64 = 0.05;
/// Runs of one line at most.
const ATTEMPTS: u32 = 3;
/// How long a run waits for a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which failure each scenario is expected to show; `docs/FAILURES.md` has the same table with the reasons.
pub(crate) const EXPECTED: [(&str, FailureMode); 18] = [
    ("100-concurrent", FailureMode::SlowDegradation),
    ("cold-cache", FailureMode::SuddenCollapse),
    ("llm-degradation-no-breaker", FailureMode::ResourceStarvation),
    ("retry-storm", FailureMode::CascadingFailure),
    ("streaming-memory", FailureMode::SilentExhaustion),
    ("cache-thrash", FailureMode::CacheThrashing),
    ("ingestion-under-search", FailureMode::ResourceContention),
    ("n-plus-one", FailureMode::QueryAmplification),
    ("load-levels", FailureMode::CascadingFailure),
    ("pool-exhaustion", FailureMode::SuddenCollapse),
    ("timeout-cascade", FailureMode::SuddenCollapse),
    ("backlog-overflow", FailureMode::SuddenCollapse),
    ("redis-down", FailureMode::SlowDegradation),
    ("breaker-blast", FailureMode::None),
    ("llm-degradation", FailureMode::None),
    ("llm-rate-limit", FailureMode::SlowDegradation),
    ("replication-lag", FailureMode::None),
    ("wrong-answers", FailureMode::SlowDegradation),
];

/// Why a scenario gave no line.
#[derive(Debug)]
pub(crate) enum ScenarioError {
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

/// Runs every `wanted` scenario with all `seeds`, unless this commit has done so; whether all
/// of them measured something.
pub(crate) fn until(seeds: Range<usize>, wanted: &dyn Fn(&str) -> bool) -> Answer {
    let evidence = Evidence::of("scenarios", None);
    let names: Vec<String> = names()?.into_iter().filter(|name| wanted(name)).collect();
    let mut all_measured = true;
    for seed in seeds {
        for (number, name) in names.iter().enumerate() {
            let config = json!({ "scenario": name, "seed": seed });
            if evidence.runs(&config)? > 0 {
                continue;
            }
            eprintln!("{} of {}, seed {seed}: {name}", number + 1, names.len());
            let expected = EXPECTED.iter().find(|(scenario, _)| scenario == name).map(|(_, mode)| mode);
            let mut figures = run(&Asked { folder: "scenarios", scenario: name, seed, arguments: &[] })?;
            figures["expected"] = json!(expected);
            let has_measured = figures["measured"] == true;
            println!(
                "{name} (seed {seed}): exit {} after {} s, {} (expected {})",
                figures["exit"], figures["seconds"], figures["found"]["failure"]["mode"], figures["expected"]
            );
            all_measured &= has_measured;
            evidence.append(&config, &figures)?;
        }
    }
    Ok(all_measured)
}

/// The scenarios of the repository, in order of their names.
pub(crate) fn names() -> Result<Vec<String>, ScenarioError> {
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

/// What is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Below which the run's folder is: the evidence's name.
    pub(crate) folder: &'a str,
    pub(crate) scenario: &'a str,
    pub(crate) seed: usize,
    /// More arguments of `loadlab run`.
    pub(crate) arguments: &'a [&'a str],
}

/// One run, in a folder of its own, and what its run file says; again if the machine disturbed it.
pub(crate) fn run(asked: &Asked<'_>) -> Result<Value, Box<dyn std::error::Error>> {
    let mut attempt = 1;
    loop {
        let mut run = once(asked)?;
        run["attempt"] = json!(attempt);
        let stolen = run["noise"]["stolen"].as_f64().unwrap_or(0.0);
        let is_disturbed = run["exit"] == INCONCLUSIVE || stolen > STOLEN_MAX;
        if !is_disturbed || attempt == ATTEMPTS {
            return Ok(run);
        }
        eprintln!("attempt {attempt} was disturbed: exit {}, {:.1} % stolen", run["exit"], 100.0 * stolen);
        attempt += 1;
    }
}

fn once(asked: &Asked<'_>) -> Result<Value, Box<dyn std::error::Error>> {
    let Asked { folder, scenario, seed, arguments } = *asked;
    let out = repository::root().join(RUN_DIRECTORY).join(folder).join(format!("{scenario}-{seed}"));
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|source| ScenarioError::File { path: out.clone(), source })?;
    }
    let awake = Awake::keep();
    let wake_late_p99_ms = quiet::settle(PATIENCE);
    let (began, cpu) = (Instant::now(), CpuTime::now());
    let mut command = Command::new(binary()?);
    command.current_dir(repository::root()).args(["run", scenario, "--seed", &seed.to_string()]);
    command.args(arguments).arg("--out").arg(&out);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|source| ScenarioError::File { path: out.clone(), source })?;
    let seconds = began.elapsed().as_secs_f64().round();
    let noise = Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake: awake.cores() };
    let exit = status.code();
    let measured = exit.is_some_and(|code| MEASURED.contains(&code));
    Ok(json!({
        "exit": exit,
        "measured": measured,
        "seconds": seconds,
        "noise": noise,
        "found": found(&out).unwrap_or(Value::Null),
    }))
}

/// What the run file has beside its bulk.
fn found(out: &Path) -> Option<Value> {
    let folder = fs::read_dir(out).ok()?.flatten().next()?.path();
    let run: RunFile = serde_json::from_str(&fs::read_to_string(folder.join("run.json")).ok()?).ok()?;
    let documented: Vec<Value> = run
        .documented
        .iter()
        .map(
            |claim| json!({ "name": claim.name, "observed": claim.observed, "reproduced": claim.reproduced }),
        )
        .collect();
    Some(json!({
        "verdict": run.verdict,
        "reasons": run.reasons,
        "p95_s": measured(&run, "p95"),
        "errors": measured(&run, "errors"),
        "loss": measured(&run, "loss"),
        "documented": documented,
        "failure": run.failure.as_deref().map(told),
        "told_alike_without_names": findings(&stripped(&run)) == findings(&run),
    }))
}

/// A measure of the whole run but its warm-up, in the measure's unit.
fn measured(run: &RunFile, measure: &str) -> Option<f64> {
    let rules = Rules::of(&run.plan);
    let windows: Vec<Window> =
        run.windows.iter().filter(|window| window.second >= rules.first_second).cloned().collect();
    let view = View { windows: &windows, seconds: windows.len() as f64, metric: None, rules: &rules };
    evaluate(&Measure::parse(measure).ok()?, &view).value
}

/// All that was told of a failure, but for how it compares with what is documented.
fn findings(run: &RunFile) -> Option<FailureResult> {
    let mut failure = run.failure.as_deref()?.clone();
    failure.cascade.documented = None;
    Some(failure)
}

/// What was told of a failure, without its tables.
fn told(failure: &FailureResult) -> Value {
    let near: Vec<FailureMode> = failure.near_misses.iter().map(|miss| miss.mode).collect();
    let first = failure.bottlenecks.iter().find(|one| one.first);
    json!({
        "mode": failure.mode,
        "severity": failure.severity,
        "near": near,
        "times": failure.times,
        "first_full": first.map(|one| &one.resource),
        "most_waited_for": failure.bottlenecks.first().map(|one| &one.resource),
        "aftermath": failure.aftermath.state,
    })
}

/// The same measurements, judged by somebody who knows neither what was run nor what was expected.
fn stripped(run: &RunFile) -> RunFile {
    let mut bare = run.clone();
    for name in [&mut bare.scenario, &mut bare.plan.name, &mut bare.plan.title, &mut bare.plan.question] {
        name.clear();
    }
    bare.profile = None;
    bare.target.profile = None;
    bare.target.settings = None;
    bare.plan.target = TargetPlan::Url { base: run.target.base.clone(), metrics: None };
    bare.plan.documented = None;
    loadlab_analysis::judge(&mut bare);
    bare
}

/// The program that was built beside this one.
pub(crate) fn binary() -> Result<PathBuf, ScenarioError> {
    let here = std::env::current_exe().unwrap_or_default();
    let path = here.with_file_name("loadlab");
    if path.is_file() { Ok(path) } else { Err(ScenarioError::NotBuilt { path }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_expected_to_show_something() {
        let mut expected: Vec<&str> = EXPECTED.iter().map(|(name, _)| *name).collect();
        expected.sort_unstable();
        assert_eq!(names().expect("the folder is there"), expected);
    }

    #[test]
    fn the_documented_table_is_this_one() {
        let text = fs::read_to_string(repository::root().join("docs/FAILURES.md")).expect("a page");
        for (name, mode) in EXPECTED {
            let row = format!("| {name} | {} |", mode.name());
            assert!(text.contains(&row), "docs/FAILURES.md has no row {row}");
        }
    }
}
