//! Whole searches against a queue whose breaking point is known, each with a seed of its own: how far off
//! they are, how often the interval covers it, what they cost.
//!
//! ```text
//!   Queue (16 servers, 10 ms) <──HTTP── loadlab breakpoint --format json ──> found ──beside knee()──> one line
//! ```

use std::{
    fs,
    ops::Range,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use loadlab_analysis::queueing;
use loadlab_e2e::Queue;
use loadlab_stack::CpuTime;
use serde_json::{Value, json};

use crate::{
    Answer,
    evidence::Evidence,
    quiet::{self, Awake, Noise},
    scenarios,
};

/// The queue, and what is asked of it.
const SERVERS: usize = 16;
const MEAN: Duration = Duration::from_millis(10);
const BOUND: Duration = Duration::from_millis(60);
const ALLOWED: f64 = 0.01;
/// The lowest and the highest first load; each search begins somewhere else.
const STARTS: (f64, f64) = (200.0, 800.0);
/// How long one waits for a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Searches with all `seeds`, unless this commit has done so; whether all of them were found.
pub(crate) fn until(seeds: Range<usize>) -> Answer {
    let evidence = Evidence::of("search", None);
    let knee = queueing::knee(SERVERS as u32, MEAN, BOUND, ALLOWED).ok_or("it carries nothing")?;
    let mut all_found = true;
    for seed in seeds {
        let config = json!({
            "servers": SERVERS, "mean_ms": MEAN.as_millis() as u64, "bound_ms": BOUND.as_millis() as u64,
            "allowed": ALLOWED, "method": "mlr", "seed": seed,
        });
        if evidence.runs(&config)? > 0 {
            continue;
        }
        let figures = one(seed as u64, knee)?;
        println!(
            "search {seed}: {} a second, {knee:.0} computed, {} requests in {} s",
            figures["estimate"], figures["requests"], figures["took_s"]
        );
        all_found &= figures["estimate"].is_number();
        evidence.append(&config, &figures)?;
    }
    Ok(all_found)
}

fn one(seed: u64, knee: f64) -> Result<Value, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let queue = Queue::start(SERVERS, MEAN, seed)?;
    let file = folder.path().join("queue.yaml");
    fs::write(&file, queue.scenario(1_000, BOUND))?;
    let wake_late_p99_ms = quiet::settle(PATIENCE);
    let awake = Awake::keep();
    let (began, cpu) = (Instant::now(), CpuTime::now());
    let mut command = Command::new(scenarios::binary()?);
    command.arg("breakpoint").arg(&file).arg("--out").arg(folder.path());
    let start = STARTS.0 + (STARTS.1 - STARTS.0) * ((seed * 7) % 20) as f64 / 20.0;
    command.args(["--seed", &seed.to_string(), "--start", &start.to_string(), "--format", "json"]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let took_s = began.elapsed().as_secs_f64();
    let noise = Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake: awake.cores() };
    let result: Value = serde_json::from_slice(&output.stdout)?;
    let found = &result["found"];
    let (estimate, interval) = (found["estimate"].as_f64(), &found["interval"]);
    let covers =
        interval[0].as_f64().zip(interval[1].as_f64()).map(|(low, high)| low <= knee && knee <= high);
    Ok(json!({
        "knee": knee,
        "start": start,
        "estimate": estimate,
        "off": estimate.map(|estimate| estimate / knee - 1.0),
        "at": found["at"],
        "interval": interval,
        "covers": covers,
        "reason": found["reason"],
        "requests": found["requests"],
        "trials": found["trials"],
        "invalid": found["invalid"],
        "took_s": took_s.round(),
        "exit": output.status.code(),
        "noise": noise,
    }))
}
