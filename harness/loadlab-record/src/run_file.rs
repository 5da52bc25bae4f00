//! `run.json`: everything a report needs, in one versioned document.
//!
//! The measured part is a function of the journal ([`RunFile::from_journal`]). The judged part
//! ([`Judgement`]) is filled in by `loadlab-analysis`; it is stored beside the measurements, so that
//! a report is a function of this file alone.

use std::collections::BTreeMap;

use loadlab_clock::{Seed, Speed};
use loadlab_scenario::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ArmsResult, Ending, Environment, FailureResult, GeneratorPart, GeneratorSample, Histogram,
    LatencySummary, OutcomeCounts, RunEvent, Series, SteadyResult, StepWindow, TargetInfo, Window,
};

/// Version of the run file and of the journal. A change that an old reader would misread raises it,
/// and comes with a fixture of the old version that stays readable.
pub const FORMAT: u32 = 1;

/// A run, measured and judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFile {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The reference target's profile, if it was the target.
    pub profile: Option<String>,
    /// The seed.
    pub seed: Seed,
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// Pass, fail or inconclusive.
    pub verdict: Verdict,
    /// Why, one line each; empty for a pass.
    pub reasons: Vec<String>,
    /// Counts of arrivals, without the warm-up.
    pub totals: Totals,
    /// Latencies in milliseconds of scenario time, without the warm-up.
    pub latency_ms: Latencies,
    /// Each objective, judged.
    pub objectives: Vec<ObjectiveResult>,
    /// Each documented outcome, compared.
    pub documented: Vec<DocumentedResult>,
    /// Each condition of the steady state, before, during and after the faults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steady: Vec<SteadyResult>,
    /// Stretches of one health state, from the start to the end without gaps.
    pub health: Vec<HealthSpan>,
    /// Whether the generator kept up.
    pub generator: GeneratorSummary,
    /// What a reader should look at, most important first.
    pub remarks: Vec<String>,
    /// Control and experiment compared, where the users were split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arms: Option<ArmsResult>,
    /// What kind of failure it was. Absent in runs that were judged before loadlab said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<FailureResult>>,
    /// By step name, without the warm-up.
    pub steps: BTreeMap<String, StepResult>,
    /// How it ended.
    pub ending: Ending,
    /// What it did.
    pub plan: Plan,
    /// Where it ran.
    pub environment: Environment,
    /// What was loaded.
    pub target: TargetInfo,
    /// The generators whose measurements were merged, by seed; empty for the run of a single one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generators: Vec<GeneratorPart>,
    /// What happened, in order.
    pub events: Vec<RunEvent>,
    /// Latencies of the whole run, without the warm-up.
    pub histograms: RunHistograms,
    /// Every second, warm-up included.
    pub windows: Vec<Window>,
    /// The generator, every second.
    pub generator_series: Vec<GeneratorSample>,
    /// What the target published.
    pub series: Vec<Series>,
}

/// The judged part of a run file.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// See [`RunFile::verdict`].
    pub verdict: Verdict,
    /// See [`RunFile::reasons`].
    pub reasons: Vec<String>,
    /// See [`RunFile::objectives`].
    pub objectives: Vec<ObjectiveResult>,
    /// See [`RunFile::documented`].
    pub documented: Vec<DocumentedResult>,
    /// See [`RunFile::steady`].
    pub steady: Vec<SteadyResult>,
    /// See [`RunFile::health`].
    pub health: Vec<HealthSpan>,
    /// See [`RunFile::generator`].
    pub generator: GeneratorSummary,
    /// See [`RunFile::remarks`].
    pub remarks: Vec<String>,
    /// See [`RunFile::arms`].
    pub arms: Option<ArmsResult>,
    /// See [`RunFile::failure`].
    pub failure: Option<Box<FailureResult>>,
}

impl RunFile {
    /// The run, judged so.
    pub fn set_judgement(&mut self, judgement: Judgement) {
        self.verdict = judgement.verdict;
        self.reasons = judgement.reasons;
        self.objectives = judgement.objectives;
        self.documented = judgement.documented;
        self.steady = judgement.steady;
        self.health = judgement.health;
        self.generator = judgement.generator;
        self.remarks = judgement.remarks;
        self.arms = judgement.arms;
        self.failure = judgement.failure;
    }

    /// The windows that count: those after the warm-up.
    pub fn measured(&self) -> &[Window] {
        let first = first_measured_second(&self.plan);
        let start = self.windows.partition_point(|window| window.second < first);
        &self.windows[start..]
    }
}

/// The first second that counts: a second in which the warm-up still lasts does not.
pub fn first_measured_second(plan: &Plan) -> u64 {
    plan.warm_up.as_secs() + u64::from(plan.warm_up.subsec_nanos() > 0)
}

/// Pass, fail or inconclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every objective holds.
    Pass,
    /// At least one does not.
    Fail,
    /// It cannot be told: the generator was the limit, or the run ended early.
    Inconclusive,
}

/// Counts of arrivals. `scheduled = completed + failed + undispatched + in_flight`; in a finished run
/// `in_flight` is 0.
///
/// What was due in the warm-up and still under way at its end is counted as scheduled, since how it
/// ended is counted too; [`Totals::carried_in`] tells how many those are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Were due, or under way when the warm-up ended.
    pub scheduled: u64,
    /// Of these, the ones that were under way when the warm-up ended.
    #[serde(default)]
    pub carried_in: u64,
    /// Ended well.
    pub completed: u64,
    /// Did not, abandoned ones included.
    pub failed: u64,
    /// Were never sent.
    pub undispatched: u64,
    /// Were under way when the run ended early.
    pub in_flight: u64,
    /// Extra attempts.
    pub retried: u64,
    /// Ended by the user's patience; part of `failed`.
    pub abandoned: u64,
    /// Of which at least one attempt was given up, whatever came of a retry.
    pub gave_up: u64,
    /// By outcome.
    pub outcomes: OutcomeCounts,
    /// Requests: every attempt of every step and child, with their own balance.
    pub requests: u64,
}

impl Totals {
    /// Whether nothing was lost in counting.
    pub fn balances(&self) -> bool {
        self.scheduled == self.completed + self.failed + self.undispatched + self.in_flight
    }

    /// `count` as a share of what was scheduled, from 0 to 1; `None` if nothing was.
    pub fn share(&self, count: u64) -> Option<f64> {
        (self.scheduled > 0).then(|| count as f64 / self.scheduled as f64)
    }
}

/// The latencies of the arrivals, and the generator's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latencies {
    /// From due to the final outcome, of all arrivals.
    pub response: LatencySummary,
    /// The same, of those that ended well.
    pub response_ok: LatencySummary,
    /// From sent to done, of single requests.
    pub service: LatencySummary,
    /// From due to taken up: the generator's own lateness. Milliseconds of *real* time.
    pub dispatch_lag_real: LatencySummary,
}

/// The requests of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    /// Latency summaries by kind, in milliseconds of scenario time: `response`, `service`,
    /// `first_byte`, `first_event`, `event_gap`, `client_wait`; those without samples left out.
    pub latency_ms: BTreeMap<String, LatencySummary>,
    /// Counts and histograms.
    pub total: StepWindow,
}

/// The latencies of the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunHistograms {
    /// See [`Latencies::response`].
    pub response: Histogram,
    /// See [`Latencies::response_ok`].
    pub response_ok: Histogram,
    /// See [`Latencies::service`].
    pub service: Histogram,
    /// See [`Latencies::dispatch_lag_real`].
    pub dispatch_lag: Histogram,
}

/// One objective, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectiveResult {
    /// The line as written, with its window.
    pub name: String,
    /// What was observed, in the objective's unit (seconds, a share, per second, a gauge's own);
    /// with a window, the worst one. Null if there was nothing to observe.
    pub observed: Option<f64>,
    /// The bound, in the same unit.
    pub bound: f64,
    /// The unit: `s`, `share`, `/s` or empty.
    pub unit: String,
    /// Whether it holds. Nothing to observe is a failure.
    pub verdict: Verdict,
    /// Why, where it needs words.
    pub note: Option<String>,
    /// When it was first missed, in scenario seconds, for an objective with a window.
    pub first_missed_s: Option<f64>,
}

/// One claim of a source document, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentedResult {
    /// What is claimed.
    pub name: String,
    /// The measure, as written.
    pub measure: String,
    /// Least and most that reproduce it, in the measure's unit.
    pub band: (Option<f64>, Option<f64>),
    /// What was observed, in the same unit.
    pub observed: Option<f64>,
    /// The unit: `s`, `share`, `/s` or empty.
    pub unit: String,
    /// Whether the observed value lies in the band.
    pub reproduced: bool,
}

/// A stretch of one health state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthSpan {
    /// Its start, in scenario seconds.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// The state.
    pub state: HealthState,
}

/// The health states of the systems-thinking framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// All is well.
    Healthy,
    /// Elevated.
    Degraded,
    /// Unavailable, or as good as.
    Failed,
}

/// Whether the generator kept up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSummary {
    /// It was the limit: the run says nothing about the target.
    pub limited: bool,
    /// Why, one line each.
    pub reasons: Vec<String>,
    /// Its largest CPU use in a second, of all its cores.
    pub cpu_peak: f64,
    /// Arrivals dispatched per second over arrivals scheduled per second.
    pub achieved: f64,
}
