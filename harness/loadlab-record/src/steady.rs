//! How the faults of a run were taken: each condition of the steady state, before, during and after.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;

/// One condition of the steady state, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SteadyResult {
    /// The line as written.
    pub name: String,
    /// The bound, in the unit.
    pub bound: f64,
    /// The unit: `s`, `share`, `/s` or empty.
    pub unit: String,
    /// From the warm-up to the first fault; without faults to the end of the load.
    pub before: PeriodResult,
    /// While faults were on. Absent if there was none.
    pub during: Option<PeriodResult>,
    /// From the last healing to the end of the load. Its value is that of the time from the recovery
    /// on; of all of it if it did not recover.
    pub after: Option<PeriodResult>,
    /// Scenario seconds from the last healing to the first stretch of which all that follow hold; 0 if
    /// that was the first of all. Null if it did not recover, or if that is not known.
    pub recovered_after_s: Option<f64>,
    /// What it does to the run's verdict: a miss that the plan does not allow is a fail, and what the
    /// plan asks for and nobody knows is inconclusive.
    pub verdict: Verdict,
    /// Why, if it is no pass.
    pub note: Option<String>,
}

/// A condition in one period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeriodResult {
    /// How many seconds were looked at.
    pub seconds: u64,
    /// Arrivals or requests that the value is of; 1 for a metric.
    pub samples: u64,
    /// What was observed, in the unit. Null if there was nothing to observe.
    pub observed: Option<f64>,
    /// Whether it holds. Null if there was too little to tell.
    pub holds: Option<bool>,
}
