//! The runs of several generators that loaded one target together, merged into one run.
//!
//! Each generator carries out its *share*: the same scenario with a part of the load, begun at the same
//! time. What was measured is merged exactly: counts add up and histograms are merged slot by slot, so
//! that every percentile is that of all samples together, and never an average of percentiles. The judged
//! part is empty afterwards, as it is after [`RunFile::from_journal`]; `loadlab_analysis::judge` fills it.
//!
//! ```text
//!   RunFile of each generator ──may they?──> windows, series, events, parts ──> one RunFile, not judged
//! ```
//!
//! | part | rule |
//! |---|---|
//! | windows | second by second from each generator's own start; counts add up, histograms merge |
//! | totals, latencies, steps | from the merged windows, as for a single generator |
//! | the generator's seconds | CPU and memory of the one that used most, since they are about a generator's limits; connections add up |
//! | what the target published | of each role what one generator scraped: the one that has the most points of it. It is one target, so nothing is added up |
//! | events | once, with the earliest time; what ends has the latest, and what a fault touched adds up |
//! | ending | the worst reason, the latest time |
//! | plan, environment, target | those of the generator with the smallest seed; the load is the sum |
//! | generators | one [`GeneratorPart`] each: seed, environment, share of the load, counts, latencies |
//!
//! What it does not do: it does not correct clocks. Starts may lie two real seconds apart, and a second of the merged run is as blurred as they are. Totals and percentiles of the whole run are not.

mod events;
mod may_merge;
mod part;
mod series;
mod share;
mod started;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use loadlab_clock::Seed;

pub use self::part::GeneratorPart;
use crate::{
    EndReason, Ending, GeneratorSample, GeneratorSummary, RunFile, Verdict, Window, from_journal::Summed,
};

/// How far apart starts may lie, in real seconds. They are written in whole seconds, and generators that
/// are started together by one command are up within one more.
const STARTS_APART_MAX_S: i64 = 2;

/// Runs that are not those of generators that worked together. Runs are counted from 1, in the order
/// given.
#[derive(Debug, Clone, PartialEq)]
pub enum MergeError {
    /// No run was given.
    Nothing,
    /// Two formats of the run file.
    Format {
        /// Which run differs from the first.
        run: usize,
        /// The first one's.
        first: u32,
        /// Its own.
        other: u32,
    },
    /// Two scenarios.
    Scenario {
        /// Which run differs from the first.
        run: usize,
        /// The first one's.
        first: String,
        /// Its own.
        other: String,
    },
    /// Two speeds.
    Speed {
        /// Which run differs from the first.
        run: usize,
        /// The first one's.
        first: f64,
        /// Its own.
        other: f64,
    },
    /// Plans that differ in more than seed, amount of load and number of users.
    Plan {
        /// Which run differs from the first.
        run: usize,
        /// The fields of the plan that differ.
        fields: Vec<&'static str>,
    },
    /// Two targets.
    Target {
        /// Which run differs from the first.
        run: usize,
        /// What of the target differs.
        fields: Vec<&'static str>,
    },
    /// Users are split into arms by the seed, and the seeds differ.
    Arms {
        /// Which run differs from the first.
        run: usize,
    },
    /// A start that cannot be read.
    Start {
        /// Which run.
        run: usize,
        /// What it says.
        started: String,
    },
    /// Runs that did not load the target at the same time.
    StartsApart {
        /// The earliest.
        earliest: String,
        /// The latest.
        latest: String,
        /// Seconds between them.
        apart_s: i64,
    },
    /// One generator twice: equal seed, machine, command and start.
    Twice {
        /// Its seed.
        seed: Seed,
        /// Its start.
        started: String,
    },
    /// Loads whose sum is more than a plan may hold.
    LoadTooLarge,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("there is no run to merge"),
            Self::Format { run, first, other } => {
                write!(f, "run {run} has format {other}, and run 1 format {first}")
            }
            Self::Scenario { run, first, other } => {
                write!(f, "run {run} is of the scenario `{other}`, and run 1 of `{first}`")
            }
            Self::Speed { run, first, other } => write!(f, "run {run} has speed {other}, and run 1 {first}"),
            Self::Plan { run, fields } => write!(
                f,
                "run {run} has another plan than run 1: `{}` differ; only the seed, the amount of the load \
                 and the number of users may",
                fields.join("`, `")
            ),
            Self::Target { run, fields } => {
                write!(f, "run {run} loaded another target than run 1: `{}` differ", fields.join("`, `"))
            }
            Self::Arms { run } => write!(
                f,
                "run {run} has another seed than run 1, and the seed splits the users into arms: a user \
                 would be in both"
            ),
            Self::Start { run, started } => write!(
                f,
                "run {run} does not say when it began: `{started}` is no time like 2026-01-15T10:00:00Z"
            ),
            Self::StartsApart { earliest, latest, apart_s } => write!(
                f,
                "the runs began at {earliest} and at {latest}, {apart_s} s apart, where \
                 {STARTS_APART_MAX_S} s are allowed: they did not load the target together"
            ),
            Self::Twice { seed, started } => write!(
                f,
                "two runs have the seed {seed}, the start {started}, the machine and the command in common: \
                 it is one run given twice, or two generators that sent the same arrivals"
            ),
            Self::LoadTooLarge => f.write_str("the loads together are more than a plan may hold"),
        }
    }
}

impl std::error::Error for MergeError {}

/// Merges the runs of generators that loaded one target together. A single run is given back, not judged.
///
/// Whoever starts the generators has two duties that nobody can check afterwards:
///
/// - **Shares.** Each generator gets its own part of the load (20 of 100 arrivals a second on each of
///   five). With the whole load on each, five times as much is offered. The merged plan holds the sum.
/// - **Seeds.** Each generator gets a seed of its own. An equal seed gives equal arrivals: the target
///   would see each of them five times at the same moment, with the same content. The identities of the
///   users are the same in all of them (user 7 is user 7), whatever the seed, so limits by user count
///   them together.
///
/// Poisson arrivals of several generators are Poisson arrivals; evenly spaced ones are only evenly
/// spaced by each generator.
pub fn merge(mut runs: Vec<RunFile>) -> Result<RunFile, MergeError> {
    may_merge::check(&runs)?;
    let mut parts: Vec<GeneratorPart> = runs.iter().flat_map(GeneratorPart::all_of).collect();
    part::sort(&mut parts);
    part::check(&parts)?;
    if runs.len() < 2 {
        return runs.pop().map(unjudged).ok_or(MergeError::Nothing);
    }
    // The first generator's plan holds the feeds that its seed drew, so it has to be the same one in
    // whatever order runs are merged.
    runs.sort_by_cached_key(|run| GeneratorPart::all_of(run).iter().map(GeneratorPart::key).min());
    let ending = ending(&runs);
    let events = events::merge(runs.iter().map(|run| run.events.as_slice()));
    let series = series::merge(runs.iter().map(|run| run.series.as_slice()));
    let generator_series = generators(&runs);
    let users = runs.iter().map(|run| run.plan.users.count).max();
    let mut rest = runs.into_iter();
    let mut merged = unjudged(rest.next().ok_or(MergeError::Nothing)?);
    for run in rest {
        add_windows(&mut merged.windows, run.windows);
    }
    merged.plan.load = share::sum(parts.iter().map(|part| &part.load)).ok_or(MergeError::LoadTooLarge)?;
    merged.plan.users.count = users.unwrap_or(merged.plan.users.count);
    merged.environment.started = part::earliest(&parts).unwrap_or(merged.environment.started);
    let summed = Summed::of(&merged.windows, &merged.plan, ending.in_flight);
    Ok(RunFile {
        totals: summed.totals,
        latency_ms: summed.latency_ms,
        histograms: summed.histograms,
        steps: summed.steps,
        generators: parts,
        ending,
        events,
        series,
        generator_series,
        ..merged
    })
}

/// The run with an empty judged part.
fn unjudged(run: RunFile) -> RunFile {
    RunFile {
        verdict: Verdict::Inconclusive,
        reasons: Vec::new(),
        objectives: Vec::new(),
        documented: Vec::new(),
        steady: Vec::new(),
        health: Vec::new(),
        generator: GeneratorSummary::default(),
        remarks: Vec::new(),
        arms: None,
        failure: None,
        ..run
    }
}

/// Adds one generator's windows to those of others.
fn add_windows(sum: &mut Vec<Window>, mut theirs: Vec<Window>) {
    let length = sum.len().max(theirs.len());
    extend(sum, length);
    extend(&mut theirs, length);
    for (mine, theirs) in sum.iter_mut().zip(&theirs) {
        mine.merge(theirs);
        mine.shrink();
    }
}

/// Windows up to so many seconds. A generator that ended has no users any more, and what was in flight
/// when it was cut off stays so in its counts.
fn extend(windows: &mut Vec<Window>, length: usize) {
    let in_flight = windows.last().map_or(0, |window| window.in_flight);
    for second in windows.len()..length {
        windows.push(Window { second: second as u64, in_flight, ..Window::default() });
    }
}

/// The generators' own seconds: of limits the one closest to them. A generator that ended is in no second
/// after that.
fn generators(runs: &[RunFile]) -> Vec<GeneratorSample> {
    let mut seconds: BTreeMap<u64, GeneratorSample> = BTreeMap::new();
    for sample in runs.iter().flat_map(|run| &run.generator_series) {
        let known = seconds
            .entry(sample.second)
            .or_insert(GeneratorSample { second: sample.second, ..Default::default() });
        known.cpu = known.cpu.max(sample.cpu);
        known.resident_bytes = known.resident_bytes.max(sample.resident_bytes);
        known.connections += sample.connections;
    }
    seconds.into_values().collect()
}

/// How the run ended: as well as the generator that ended worst.
fn ending(runs: &[RunFile]) -> Ending {
    let endings = || runs.iter().map(|run| &run.ending);
    Ending {
        at: endings().map(|ending| ending.at).max().unwrap_or_default(),
        reason: endings()
            .map(|ending| &ending.reason)
            .max_by_key(|reason| severity(reason))
            .cloned()
            .unwrap_or(EndReason::Killed),
        in_flight: endings().map(|ending| ending.in_flight).sum(),
    }
}

/// How little a run that ended so says, and how it is put in words, so that no two reasons are equal.
fn severity(reason: &EndReason) -> (u8, String) {
    match reason {
        EndReason::Finished => (0, String::new()),
        EndReason::AbortedIf { condition } => (1, condition.clone()),
        EndReason::Aborted { objective } => (2, objective.clone()),
        EndReason::Signal(signal) => (3, format!("{signal:05}")),
        EndReason::TargetLost { how } => (4, how.clone()),
        EndReason::Killed => (5, String::new()),
    }
}
