//! What a comparison gives. It is written as JSON, and a report is made from it alone.

use loadlab_record::Verdict;
use serde::{Deserialize, Serialize};

use super::Method;

/// Before and after. Times are seconds of scenario time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The scenario of all runs.
    pub scenario: String,
    /// The one thing that differs.
    pub factor: Factor,
    /// The runs before.
    pub before: Group,
    /// The runs after.
    pub after: Group,
    /// How the intervals were made.
    pub method: Method,
    /// Of how many units they were made: pairs of seeds, or runs. 0 without intervals.
    pub units: usize,
    /// With which probability each interval, by itself, contains the true change.
    pub confidence: f64,
    /// What was shown, in a sentence.
    pub headline: String,
    /// The response time of the arrivals.
    pub response: LatencyChange,
    /// Loss, errors, throughput and goodput of the arrivals.
    pub measures: Vec<Change>,
    /// Each step.
    pub steps: Vec<StepChange>,
    /// Each objective.
    pub objectives: Vec<ObjectiveChange>,
    /// What it cost: CPU and memory of the target.
    pub cost: Vec<Change>,
    /// Why the cost is not known; empty if it is.
    pub cost_note: String,
    /// What a reader should know before believing it, one sentence each.
    pub cautions: Vec<String>,
}

/// The one thing that differs between before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// What kind of thing.
    pub kind: FactorKind,
    /// What it was before.
    pub before: String,
    /// What it was after.
    pub after: String,
}

/// What a comparison may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// Nothing that run files tell: the same again, which shows the noise.
    Nothing,
    /// The target's profile.
    Profile,
    /// Mitigations laid over it.
    Mitigations,
    /// Settings laid over both, or a profile whose settings were changed.
    Settings,
    /// The target's versions.
    Build,
    /// Where somebody's service is: two deployments of it.
    Address,
}

impl FactorKind {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Profile => "profile",
            Self::Mitigations => "mitigations",
            Self::Settings => "settings",
            Self::Build => "target build",
            Self::Address => "target address",
        }
    }
}

/// Something that makes runs incomparable. Several values of one side are several runs'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What.
    pub what: String,
    /// Before.
    pub before: String,
    /// After.
    pub after: String,
}

/// The runs of one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// How many.
    pub runs: usize,
    /// Their seeds; of a run that was merged from several generators all of them.
    pub seeds: Vec<String>,
    /// When they began.
    pub started: Vec<String>,
    /// Arrivals that were due, without the warm-up.
    pub arrivals: u64,
    /// Of these, those that ended well.
    pub completed: u64,
}

/// One number before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which.
    pub measure: String,
    /// Its unit: `s`, `share`, `/s`, or what the cost is in.
    pub unit: String,
    /// Before: of all runs together. Null if there was nothing to take it of, or too little.
    pub before: Option<f64>,
    /// After.
    pub after: Option<f64>,
    /// After - before.
    pub difference: Option<f64>,
    /// The difference as a part of what was before. Null if that was 0.
    pub relative: Option<f64>,
    /// Between what the true difference lies.
    pub interval: Option<(f64, f64)>,
    /// Each run before.
    pub each_before: Vec<Option<f64>>,
    /// Each run after.
    pub each_after: Vec<Option<f64>>,
    /// Why there is no interval or no value; empty if there is.
    pub note: String,
}

impl Change {
    /// Whether the interval does not contain 0.
    pub fn is_shown(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// A latency before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyChange {
    /// How many were counted, before and after.
    pub samples: (u64, u64),
    /// p50, p75, p90, p95, p99 and p99.9, as far as the samples reach.
    pub percentiles: Vec<Change>,
    /// The shift function: the change at each decile.
    pub deciles: Vec<Change>,
    /// Both distributions, for a plot.
    pub curves: Curves,
}

/// Two distributions: seconds, and the share that took at most so long.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Before.
    pub before: Vec<(f64, f64)>,
    /// After.
    pub after: Vec<(f64, f64)>,
}

/// A step before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepChange {
    /// Its name.
    pub step: String,
    /// From due to end, of its requests.
    pub response: LatencyChange,
    /// Share of its requests that did not end well.
    pub errors: Change,
}

/// An objective before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveChange {
    /// Its line.
    pub name: String,
    /// The bound, in the unit.
    pub bound: f64,
    /// The unit: `s`, `share`, `/s` or empty.
    pub unit: String,
    /// Before.
    pub before: ObjectiveSide,
    /// After.
    pub after: ObjectiveSide,
}

/// An objective in the runs of one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveSide {
    /// The median of what the runs observed, as a study takes it. Null if none observed anything.
    pub observed: Option<f64>,
    /// What each run observed.
    pub each: Vec<Option<f64>>,
    /// In how many runs it holds.
    pub passed: usize,
    /// Pass if it holds in all of them, fail if in none, and inconclusive otherwise.
    pub verdict: Verdict,
}
