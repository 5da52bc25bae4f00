//! One scenario run in several variations with several seeds, for claims that compare them: what halving a
//! resource does, whether speeds agree, what the mitigations are worth.
//!
//! ```text
//!   Variation × seed ──loadlab run --set … --seed …──> run.json ──> one line: p95, errors, loss, failure
//! ```
//!
//! Whether the lines meet a claim is asked by `tests/evidence.rs`, of what is committed.

use std::ops::Range;

use serde_json::{Value, json};

use crate::{
    Answer,
    evidence::Evidence,
    scenarios::{self, Asked},
};

/// A scenario with settings laid over it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variation {
    /// Its name in the evidence.
    pub(crate) name: &'static str,
    scenario: &'static str,
    /// Arguments of `loadlab run`, beside seed and folder.
    arguments: &'static [&'static str],
}

/// 150 users for two minutes: the pool of 20 is what limits.
const OVERLOAD: &str = "load.users.stages=[{ users: 150, ramp: 10s, hold: 110s }]";
/// 60 users for two minutes: most of what the pool carries, and not so near its edge that a few milliseconds of
/// CPU time a search, which a speed multiplies, decide how long the queue gets.
const BELOW_THE_EDGE: &str = "load.users.stages=[{ users: 60, ramp: 10s, hold: 110s }]";
/// Statements that last long enough for a speed of 20: at least 5 ms of real time.
const SLOWER_READS: &str = "target.set.sql.read=\"{ lognormal: { median: 160ms, sigma: 0.5 } }\"";
const SLOWER_WRITES: &str = "target.set.sql.write=\"{ lognormal: { median: 160ms, sigma: 0.5 } }\"";

/// The limiting resource halved, and two others.
pub(crate) const RESOURCES: [Variation; 4] = [
    Variation {
        name: "as documented",
        scenario: "load-levels",
        arguments: &["--speed", "5", "--set", OVERLOAD],
    },
    Variation {
        name: "half the sessions",
        scenario: "load-levels",
        arguments: &[
            "--speed",
            "5",
            "--set",
            OVERLOAD,
            "--set",
            "target.set.service.pool.min=10",
            "--set",
            "target.set.service.pool.max=10",
        ],
    },
    Variation {
        name: "half the backlog",
        scenario: "load-levels",
        arguments: &["--speed", "5", "--set", OVERLOAD, "--set", "target.set.service.workers.backlog=500"],
    },
    Variation {
        name: "half the connections that the store takes",
        scenario: "load-levels",
        arguments: &["--speed", "5", "--set", OVERLOAD, "--set", "target.set.sql.connections=50"],
    },
];

/// The same minutes at three speeds, and the same burst.
pub(crate) const SPEEDS: [Variation; 6] = [
    Variation {
        name: "60 users at speed 1",
        scenario: "load-levels",
        arguments: &["--speed", "1", "--set", BELOW_THE_EDGE, "--set", SLOWER_READS, "--set", SLOWER_WRITES],
    },
    Variation {
        name: "60 users at speed 5",
        scenario: "load-levels",
        arguments: &["--speed", "5", "--set", BELOW_THE_EDGE, "--set", SLOWER_READS, "--set", SLOWER_WRITES],
    },
    Variation {
        name: "60 users at speed 20",
        scenario: "load-levels",
        arguments: &["--speed", "20", "--set", BELOW_THE_EDGE, "--set", SLOWER_READS, "--set", SLOWER_WRITES],
    },
    Variation {
        name: "100 at once at speed 1",
        scenario: "100-concurrent",
        arguments: &["--speed", "1", "--set", SLOWER_READS, "--set", SLOWER_WRITES],
    },
    Variation {
        name: "100 at once at speed 5",
        scenario: "100-concurrent",
        arguments: &["--speed", "5", "--set", SLOWER_READS, "--set", SLOWER_WRITES],
    },
    Variation {
        name: "100 at once at speed 20",
        scenario: "100-concurrent",
        arguments: &["--speed", "20", "--set", SLOWER_READS, "--set", SLOWER_WRITES],
    },
];

/// The composed answer to the report, in the scenarios that the report answers. In the last one nothing of it
/// helps against a client that asks for documents one by one; with more sessions alone, it carries that too. The
/// store takes 100 connections, ten of them for ingestion, and 90 are not enough: a session has two ends, and
/// both are raised.
pub(crate) const MITIGATED: [Variation; 7] = [
    Variation { name: "1A", scenario: "100-concurrent", arguments: &["--profile", "mitigated"] },
    Variation { name: "1B", scenario: "cold-cache", arguments: &["--profile", "mitigated"] },
    Variation { name: "2", scenario: "llm-degradation", arguments: &["--profile", "mitigated"] },
    Variation { name: "2B", scenario: "ingestion-under-search", arguments: &["--profile", "mitigated"] },
    Variation { name: "3", scenario: "streaming-memory", arguments: &["--profile", "mitigated"] },
    Variation { name: "4", scenario: "n-plus-one", arguments: &["--profile", "mitigated"] },
    Variation {
        name: "4 with 150 sessions",
        scenario: "n-plus-one",
        arguments: &[
            "--profile",
            "mitigated",
            "--set",
            "target.set.service.pool.min=150",
            "--set",
            "target.set.service.pool.max=150",
            "--set",
            "target.set.sql.connections=160",
        ],
    },
];

/// Runs every `wanted` variation with all `seeds`, unless this commit has done so; whether all of
/// them measured something.
pub(crate) fn until(
    job: &'static str,
    variations: &[Variation],
    seeds: Range<usize>,
    wanted: &dyn Fn(&str) -> bool,
) -> Answer {
    let evidence = Evidence::of(job, None);
    let mut all_measured = true;
    for seed in seeds {
        for variation in variations.iter().filter(|variation| wanted(variation.name)) {
            let Variation { name, scenario, arguments } = *variation;
            let config =
                json!({ "variation": name, "scenario": scenario, "arguments": arguments, "seed": seed });
            if evidence.runs(&config)? > 0 {
                continue;
            }
            eprintln!("{job}, seed {seed}: {name}");
            let run = scenarios::run(&Asked { folder: job, scenario, seed, arguments })?;
            println!("{name} (seed {seed}): {}", told(&run));
            all_measured &= run["measured"] == true;
            evidence.append(&config, &run)?;
        }
    }
    Ok(all_measured)
}

fn told(run: &Value) -> String {
    let found = &run["found"];
    format!(
        "exit {}, p95 {} s, errors {}, loss {}, first full {}",
        run["exit"], found["p95_s"], found["errors"], found["loss"], found["failure"]["first_full"]
    )
}
