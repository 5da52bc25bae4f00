//! Gates on the reference target: a build against itself, against one whose limiting resource is smaller by a
//! fifth, and against one of which a resource was cut that does not limit.
//!
//! ```text
//!   loadlab gate search-capacity --base baseline --head baseline --head-set … ──> verdict, time ──> one line
//! ```
//!
//! Tier 1 alone, with the usual delta of 10 %, and where to begin is said, as a job of continuous integration
//! has it from a search. Whether the lines meet the claim is asked by `tests/evidence.rs`, of what is committed.

use std::{
    fs,
    ops::Range,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use loadlab_stack::CpuTime;
use serde_json::{Value, json};

use crate::{
    Answer,
    evidence::Evidence,
    quiet::{self, Awake, Noise},
    repository, scenarios,
};

/// Where the gates' folders go; the directory is not committed.
const FOLDER: &str = "reports/gates/evidence";
/// How long one waits for a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What head is, and what the gate should say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Its name in the evidence.
    pub(crate) name: &'static str,
    /// What is set on head.
    set: &'static [&'static str],
    /// The exit code that is right.
    expected: i32,
}

/// The scenario, its speed, where base breaks (of a search), and how long trials measure: ten pairs take less
/// than six minutes.
const SCENARIO: &str = "search-capacity";
const ARGUMENTS: [&str; 8] = ["--speed", "15", "--carried", "8", "--trial", "200s", "--beside", "0"];

/// The cases. The pool has 20 sessions; the backlog of 1,000 is never full before the pool has given way.
pub(crate) const CASES: [Case; 3] = [
    Case { name: "itself", set: &[], expected: 0 },
    Case {
        name: "a fifth fewer sessions",
        set: &["service.pool.min=16", "service.pool.max=16"],
        expected: 4,
    },
    Case { name: "a fifth less backlog", set: &["service.workers.backlog=800"], expected: 0 },
];

/// Gates of every `wanted` case with all `seeds`, unless this commit has done so; whether all of them came out
/// right.
pub(crate) fn until(seeds: Range<usize>, wanted: &dyn Fn(&str) -> bool) -> Answer {
    let evidence = Evidence::of("gate", None);
    let mut all_right = true;
    for seed in seeds {
        for case in CASES.iter().filter(|case| wanted(case.name)) {
            let config = json!({
                "variation": case.name, "set": case.set, "scenario": SCENARIO, "arguments": ARGUMENTS, "seed": seed,
            });
            if evidence.runs(&config)? > 0 {
                continue;
            }
            let figures = one(case, seed)?;
            println!(
                "{} (seed {seed}): exit {} in {} s, {}",
                case.name, figures["exit"], figures["took_s"], figures["reasons"][0]
            );
            all_right &= figures["right"] == true;
            evidence.append(&config, &figures)?;
        }
    }
    Ok(all_right)
}

fn one(case: &Case, seed: usize) -> Result<Value, Box<dyn std::error::Error>> {
    let out = repository::root().join(FOLDER);
    fs::create_dir_all(&out)?;
    let wake_late_p99_ms = quiet::settle(PATIENCE);
    let awake = Awake::keep();
    let (began, cpu) = (Instant::now(), CpuTime::now());
    let mut command = Command::new(scenarios::binary()?);
    command.current_dir(repository::root()).args(["gate", SCENARIO, "--base", "baseline"]);
    command.args(["--head", "baseline", "--seed", &seed.to_string(), "--format", "json"]);
    command.args(ARGUMENTS).arg("--out").arg(&out);
    for one in case.set {
        command.arg("--head-set").arg(one);
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let took_s = began.elapsed().as_secs_f64();
    let noise = Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake: awake.cores() };
    let job: Value = serde_json::from_slice(&output.stdout)?;
    let exit = output.status.code();
    let trials = job["trials"].as_array().map(Vec::as_slice).unwrap_or_default();
    let losses: Vec<Value> = trials.iter().map(|trial| loss(&trial["done"])).collect();
    Ok(json!({
        "exit": exit,
        "right": exit == Some(case.expected),
        "reasons": job["result"]["reasons"],
        "trials": losses,
        "took_s": took_s.round(),
        "noise": noise,
    }))
}

/// Side, load and loss of a trial.
fn loss(done: &Value) -> Value {
    let count = |field: &str| done[field].as_f64().unwrap_or_default();
    let loss = count("lost") / count("arrivals").max(1.0);
    json!([done["side"], count("load"), (loss * 1e4).round() / 1e4, done["validity"]])
}
