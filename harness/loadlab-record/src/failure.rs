//! What kind of failure a run shows: its mode with the evidence, when it began and ended, what gave way
//! first, how it spread, what fed it, and whether it went away by itself.
//!
//! These are findings: `loadlab-analysis` makes them from the measured part of a run, and stores them in
//! the run file. What a target does not publish is absent here, with the reason, and never guessed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureResult {
    /// The mode.
    pub mode: FailureMode,
    /// How bad it was, in the steps of the stress-test report's table of load levels.
    pub severity: Severity,
    /// The rule that decided, in a sentence.
    pub rule: String,
    /// What the rule looked at.
    pub evidence: Vec<Evidence>,
    /// Modes of which some signs were there, and what spoke against each.
    pub near_misses: Vec<NearMiss>,
    /// What the times below are counted from.
    pub trigger: Trigger,
    /// When it failed and when it was back.
    pub times: FailureTimes,
    /// Resources, the one that was waited for most first.
    pub bottlenecks: Vec<Bottleneck>,
    /// How it spread.
    pub cascade: Cascade,
    /// Loops that could have fed it.
    pub loops: Vec<FeedbackLoop>,
    /// Loops that dampened it.
    pub dampeners: Vec<Dampener>,
    /// Whether it went away with its trigger.
    pub aftermath: Aftermath,
    /// The answered questions of the decision tree.
    pub diagnosis: Vec<Diagnosed>,
}

/// The failure modes of the stress-test report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureMode {
    /// Nothing failed.
    None,
    /// Slower and slower, but most succeed.
    SlowDegradation,
    /// Errors rise to a wall within seconds.
    SuddenCollapse,
    /// The workers all wait for one slow dependency.
    ResourceStarvation,
    /// Failures make retries, and retries make failures.
    CascadingFailure,
    /// Connections end without an error while memory fills.
    SilentExhaustion,
    /// The caches evict what is asked for next.
    CacheThrashing,
    /// Two kinds of work take a resource from each other.
    ResourceContention,
    /// One want makes many queries.
    QueryAmplification,
}

/// How bad it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing failed.
    None,
    /// Objectives were missed, but few arrivals failed.
    Degraded,
    /// Many failed: the table's gradual collapse.
    GradualCollapse,
    /// As good as nothing worked: the table's complete failure.
    CompleteFailure,
}

/// A number that a rule looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What it is.
    pub name: String,
    /// What was measured, in the unit. Null if it is not known.
    pub value: Option<f64>,
    /// The unit: `s`, `share`, `/s`, `times` or empty.
    pub unit: String,
    /// What it was compared with, in words: `at least`, `at most`.
    pub compare: String,
    /// The threshold, in the unit. Null for what is only told.
    pub threshold: Option<f64>,
    /// Whether it spoke for the mode. Null if it is not known.
    pub met: Option<bool>,
}

/// A mode that was not the one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NearMiss {
    /// Which.
    pub mode: FailureMode,
    /// What spoke against it, or what is not known.
    pub why: String,
}

/// What the run did to the target: its first fault, or the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trigger {
    /// In words: `the fault slow-llm`, `the load`, `the peak of the load`.
    pub what: String,
    /// When it began, in scenario seconds.
    pub from_s: f64,
    /// When it was gone.
    pub to_s: f64,
    /// Whether load went on before and after it, so that both can be compared.
    pub passing: bool,
}

/// When it failed, and when it was back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureTimes {
    /// The share of the arrivals that may be lost.
    pub allowed_loss: f64,
    /// From the trigger to the end of the first second, by time of failing, whose loss was over it.
    pub to_failure: Measured,
    /// From the end of the trigger to the first second that was within it and after which all were.
    pub to_recovery: Measured,
}

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The value.
    pub value: Option<f64>,
    /// What there is to say of it; why there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One resource of the target. What it does not publish is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bottleneck {
    /// Which: `the session pool`.
    pub resource: String,
    /// How much there is of it.
    pub capacity: Option<f64>,
    /// In what: `sessions`.
    pub unit: String,
    /// Mean share in use from the trigger to the end of failing, 0 to 1.
    pub utilisation: Option<f64>,
    /// Largest share in use.
    pub utilisation_peak: Option<f64>,
    /// When all of it was first in use, in scenario seconds.
    pub saturated_s: Option<f64>,
    /// Whether it was the first to be so, of those that were waited for long enough to matter.
    pub first: bool,
    /// Most that waited for it at once.
    pub queue_peak: Option<f64>,
    /// Seconds waited for it by all together.
    pub waited_s: Option<f64>,
    /// Mean wait, from the published waits.
    pub wait_mean_s: Option<f64>,
    /// Little's law, where both sides are published.
    pub little: Option<Little>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Little's law, L = λ·W, on what waits or is in service.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Little {
    /// L: the mean number, from the gauge.
    pub number: f64,
    /// λ: how many came per second, from the histogram's count.
    pub rate: f64,
    /// W: the mean time, from the histogram's sum.
    pub time_s: f64,
    /// λ·W over L. One, but for what was under way at the edges and between scrapes.
    pub ratio: f64,
}

/// How the failure spread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cascade {
    /// Components that left their steady state, by the time they did.
    pub onsets: Vec<Onset>,
    /// Which may have come of which.
    pub edges: Vec<CascadeEdge>,
    /// Components that could not be looked at, with the reason.
    pub unknown: Vec<String>,
    /// The chain that the scenario's source documents, compared. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documented: Option<ChainResult>,
}

/// A component that left its steady state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Onset {
    /// Which, as [`loadlab_scenario::component::Component`] names it.
    pub component: loadlab_scenario::component::Component,
    /// When, in scenario seconds.
    pub at_s: f64,
    /// Its value before.
    pub before: f64,
    /// The value that it left its band with.
    pub after: f64,
    /// The unit: `s`, `share`, `/s` or empty.
    pub unit: String,
}

/// One component may have followed from another: it can by how the target is built, and it came later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CascadeEdge {
    /// What came first.
    pub from: loadlab_scenario::component::Component,
    /// What followed.
    pub to: loadlab_scenario::component::Component,
    /// By how many seconds.
    pub lag_s: f64,
}

/// A documented chain beside the measured order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainResult {
    /// The chain as documented.
    pub chain: Vec<loadlab_scenario::component::Component>,
    /// Of its components, those that stayed in their steady state.
    pub missing: Vec<loadlab_scenario::component::Component>,
    /// Neighbours of the chain, both seen, of which the second came first.
    pub turned: Vec<(loadlab_scenario::component::Component, loadlab_scenario::component::Component)>,
    /// Whether all were seen, in the documented order.
    pub reproduced: bool,
}

/// A loop that amplifies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackLoop {
    /// `retry storm`, `cache stampede`, `connection exhaustion`.
    pub name: String,
    /// What its gain is of.
    pub meaning: String,
    /// Mean gain from the trigger to the end of failing: 1 is none. Null with the reason in `note`.
    pub gain: Option<f64>,
    /// Largest gain in a stretch.
    pub gain_peak: Option<f64>,
    /// Whether it acted.
    pub acted: Option<bool>,
    /// Numbers behind it, or why there are none.
    pub note: String,
}

/// A loop that dampens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dampener {
    /// Which.
    pub name: String,
    /// How often it acted. Null if that is not published.
    pub acted: Option<f64>,
    /// When it first did, in scenario seconds.
    pub first_s: Option<f64>,
}

/// Whether the failure went away with its trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Aftermath {
    /// The answer.
    pub state: AftermathState,
    /// Answers per second, well and in time, before the trigger.
    pub before: Option<f64>,
    /// The same in the last third of the time after it.
    pub after: Option<f64>,
    /// Seconds from the trigger's end until goodput was at 95 % of what it was.
    pub back_after_s: Option<f64>,
    /// How sure it is, or why it cannot be told.
    pub note: String,
}

/// What became of goodput after the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AftermathState {
    /// Goodput came back.
    Recovered,
    /// It came back in part.
    Degraded,
    /// It stayed away although the trigger was gone.
    Metastable,
    /// It cannot be told.
    Unknown,
}

/// An answered question of the decision tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosed {
    /// The symptom.
    pub symptom: String,
    /// What was asked of the measurements.
    pub question: String,
    /// What they answer, with numbers.
    pub answer: String,
    /// What to look at therefore.
    pub look_at: String,
}

impl FailureMode {
    /// All of them, `none` first.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::SlowDegradation,
        Self::SuddenCollapse,
        Self::ResourceStarvation,
        Self::CascadingFailure,
        Self::SilentExhaustion,
        Self::CacheThrashing,
        Self::ResourceContention,
        Self::QueryAmplification,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SlowDegradation => "slow degradation",
            Self::SuddenCollapse => "sudden collapse",
            Self::ResourceStarvation => "resource starvation",
            Self::CascadingFailure => "cascading failure",
            Self::SilentExhaustion => "silent exhaustion",
            Self::CacheThrashing => "cache thrashing",
            Self::ResourceContention => "resource contention",
            Self::QueryAmplification => "query amplification",
        }
    }
}

impl Severity {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Degraded => "degraded",
            Self::GradualCollapse => "gradual collapse",
            Self::CompleteFailure => "complete failure",
        }
    }
}

impl AftermathState {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Degraded => "degraded",
            Self::Metastable => "metastable",
            Self::Unknown => "unknown",
        }
    }
}

impl Measured {
    /// A value that speaks for itself.
    pub const fn of(value: f64) -> Self {
        Self { value: Some(value), note: String::new() }
    }

    /// No value, and why.
    pub fn none(why: impl Into<String>) -> Self {
        Self { value: None, note: why.into() }
    }
}
