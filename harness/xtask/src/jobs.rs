//! The measurements whose figures are kept, by name. [`Job`] is the one place that lists them.

use std::{fmt, path::Path, time::Duration};

use clap::ValueEnum;
use serde_json::Value;

use crate::{
    Answer,
    bench::{self, Settings, proxy},
    calibrate::{self, Scale},
    campaign::{self, MITIGATED, RESOURCES, SPEEDS, Variation},
    evidence::Evidence,
    gate, proxy_latency, safety, scenarios, search,
};

/// A measurement with its standard settings.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Job {
    /// The harness against a server of known latency
    Calibration,
    /// What a request costs, beside other load generators
    BenchGenerator,
    /// What a connection through the fault proxy costs, beside HAProxy and Toxiproxy
    BenchProxy,
    /// What a search for the breaking point costs, beside linear ramps
    BenchSearch,
    /// Whether the fault proxy delays by what it is asked for
    ProxyLatency,
    /// How soon everything is clean and gone, however a run ends, under a thousand links
    Safety,
    /// Every shipped scenario by name; the lines are seeds
    Scenarios,
    /// What halving the limiting resource does, and halving others
    Resources,
    /// Whether one scenario comes out alike at the speeds 1, 5 and 20
    Speeds,
    /// What the composed mitigations are worth in the report's scenarios
    Mitigated,
    /// Whether searches find the breaking point of a queue that is known; the lines are seeds
    Search,
    /// Whether the gate passes what did not change and finds what did; the lines are seeds
    Gate,
}

/// How much is done for figures that hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// A few seconds with loose bounds.
    pub(crate) short: bool,
    /// How long a case waits for a quiet machine.
    pub(crate) patience: Duration,
    /// How often a case that missed is measured.
    pub(crate) attempts: u32,
}

/// How long a measurement waits for a quiet machine.
const PATIENCE: Duration = Duration::from_secs(600);
const EFFORT: Effort = Effort { short: false, patience: PATIENCE, attempts: 10 };
/// The settings of the committed comparisons.
pub(crate) const BENCH: Settings = Settings { rounds: 5, seconds: 5, connections: 50, patience: PATIENCE };
pub(crate) const BENCH_PROXY: Settings = Settings { rounds: 9, seconds: 1, connections: 32, ..BENCH };
/// So many searches of each method.
pub(crate) const BENCH_SEARCHES: usize = 40;

/// One measurement: its file, what identifies its settings, and how it is run once.
struct Measurement {
    file: Evidence,
    config: Value,
    run: fn() -> Answer,
}

impl Job {
    /// What it measures; `None` for a campaign of many runs, which counts by itself.
    fn measurement(self) -> Option<Measurement> {
        let (name, config, run): (_, _, fn() -> Answer) = match self {
            Self::Calibration => ("calibration", Scale::FULL.config(), || calibrate(&EFFORT, None)),
            Self::BenchGenerator => ("bench-generator", BENCH.config(), || bench(BENCH, None)),
            Self::BenchProxy => {
                ("bench-proxy", proxy::config(BENCH_PROXY), || bench_proxy(BENCH_PROXY, None))
            }
            Self::BenchSearch => {
                ("bench-search", bench::search::config(BENCH_SEARCHES), || bench_search(BENCH_SEARCHES, None))
            }
            Self::ProxyLatency => {
                ("proxy-latency", proxy_latency::Scale::FULL.config(), || proxy_latency(&EFFORT, None))
            }
            Self::Safety => ("safety", safety::config(), safety),
            Self::Scenarios
            | Self::Resources
            | Self::Speeds
            | Self::Mitigated
            | Self::Search
            | Self::Gate => return None,
        };
        Some(Measurement { file: Evidence::of(name, None), config, run })
    }

    /// The variations of a campaign that has some, with the name of its evidence.
    fn variations(self) -> Option<(&'static str, &'static [Variation])> {
        match self {
            Self::Resources => Some(("resources", &RESOURCES)),
            Self::Speeds => Some(("speeds", &SPEEDS)),
            Self::Mitigated => Some(("mitigated", &MITIGATED)),
            _ => None,
        }
    }

    /// What a campaign consists of; nothing for a measurement.
    fn names(self) -> Result<Vec<String>, Box<dyn std::error::Error>> {
        match (self, self.variations()) {
            (Self::Scenarios, _) => Ok(scenarios::names()?),
            (Self::Gate, _) => Ok(gate::CASES.iter().map(|case| case.name.to_owned()).collect()),
            (_, Some((_, variations))) => Ok(variations.iter().map(|one| one.name.to_owned()).collect()),
            _ => Ok(Vec::new()),
        }
    }
}

/// Nothing would be run for a name that is not there, and nobody would notice.
fn check_names(only: &[String], names: &[String]) -> Result<(), UnknownName> {
    match only.iter().find(|name| !names.contains(name)) {
        Some(name) => Err(UnknownName { name: name.clone(), names: names.to_vec() }),
        None => Ok(()),
    }
}

/// `--only` with what the job does not have.
#[derive(Debug)]
struct UnknownName {
    name: String,
    names: Vec<String>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, names } = self;
        match names.as_slice() {
            [] => write!(f, "--only {name:?}: this job is one measurement, without parts"),
            names => write!(f, "--only {name:?}: there is {}", names.join(", ")),
        }
    }
}

impl std::error::Error for UnknownName {}

/// Runs `job` until its file has `times` lines of this commit; of a campaign, with so many seeds from `first` on,
/// of those of `only` or, where that is empty, of all.
pub(crate) fn until(job: Job, (first, times): (usize, usize), only: &[String]) -> Answer {
    check_names(only, &job.names()?)?;
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let Some(measurement) = job.measurement() else {
        let seeds = first..first + times;
        return match (job, job.variations()) {
            (_, Some((name, variations))) => campaign::until(name, variations, seeds, &wanted),
            (Job::Search, None) => search::until(seeds),
            (Job::Gate, None) => gate::until(seeds, &wanted),
            (_, None) => scenarios::until(seeds, &wanted),
        };
    };
    let there = measurement.file.runs(&measurement.config)?;
    eprintln!("{there} of {times} are there");
    let mut all_held = true;
    for number in there + 1..=times {
        eprintln!("run {number} of {times}");
        all_held &= (measurement.run)()?;
    }
    Ok(all_held)
}

/// Calibrates, prints the table and keeps the figures; whether all checks held.
pub(crate) fn calibrate(effort: &Effort, out: Option<&Path>) -> Answer {
    let scale = if effort.short { Scale::SHORT } else { Scale::FULL };
    let calibration = calibrate::run(&scale, effort.patience, effort.attempts)?;
    println!("{calibration}");
    if !effort.short || out.is_some() {
        Evidence::of("calibration", out).append(&scale.config(), &calibration.figures())?;
    }
    Ok(calibration.held())
}

/// Compares the generators, prints the table and keeps the figures; whether the floor held.
pub(crate) fn bench(settings: Settings, out: Option<&Path>) -> Answer {
    let comparison = bench::compare(settings)?;
    println!("{comparison}");
    Evidence::of("bench-generator", out).append(&settings.config(), &comparison.figures())?;
    Ok(comparison.floor_held())
}

/// Compares the proxies, prints the table and keeps the figures; whether the floor held.
pub(crate) fn bench_proxy(settings: Settings, out: Option<&Path>) -> Answer {
    let comparison = proxy::compare(settings)?;
    println!("{comparison}");
    Evidence::of("bench-proxy", out).append(&proxy::config(settings), &comparison.figures())?;
    Ok(comparison.floor_held())
}

/// Compares the search with ramps, prints the table and keeps the figures; whether the floor held.
pub(crate) fn bench_search(searches: usize, out: Option<&Path>) -> Answer {
    let comparison = bench::search::compare(searches);
    println!("{comparison}");
    Evidence::of("bench-search", out).append(&bench::search::config(searches), &comparison.figures())?;
    Ok(comparison.floor_held())
}

/// Measures the fault proxy's delays, prints them and keeps the figures; whether all held.
pub(crate) fn proxy_latency(effort: &Effort, out: Option<&Path>) -> Answer {
    let scale = if effort.short { proxy_latency::Scale::SHORT } else { proxy_latency::Scale::FULL };
    let measured = proxy_latency::measure(&scale, effort.patience, effort.attempts)?;
    println!("{measured}");
    if !effort.short || out.is_some() {
        Evidence::of("proxy-latency", out).append(&scale.config(), &measured.figures())?;
    }
    Ok(measured.held())
}

/// Holds the safety tests to their bounds, prints them and keeps the figures; whether all held.
fn safety() -> Answer {
    let measured = safety::measure(PATIENCE)?;
    print!("{measured}");
    Evidence::of("safety", None).append(&safety::config(), &measured.figures())?;
    Ok(measured.held())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_a_job_does_not_have_is_named_with_those_it_has() {
        let names = Job::Speeds.names().expect("names");
        assert!(check_names(&[], &names).is_ok() && check_names(&names, &names).is_ok());
        let unknown = check_names(&["2C".to_owned()], &["1A".to_owned(), "2".to_owned()]);
        assert_eq!(unknown.expect_err("unknown").to_string(), "--only \"2C\": there is 1A, 2");
        let whole = check_names(&["2C".to_owned()], &Job::Safety.names().expect("names"));
        let text = whole.expect_err("unknown").to_string();
        assert_eq!(text, "--only \"2C\": this job is one measurement, without parts");
    }
}
