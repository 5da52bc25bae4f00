//! What the two arms of a split run did: by second and cohort as it was measured, and compared.

use loadlab_scenario::arms::{Arm, Cohort};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Histogram, Outcome, OutcomeCounts};

/// The arrivals of one cohort that ended in one second. An arrival that no worker took has no user
/// and is in none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmWindow {
    /// The arm.
    pub arm: Arm,
    /// The cohort's number within the arm, from 0.
    pub cohort: u8,
    /// Arrivals that ended, by outcome.
    pub ended: OutcomeCounts,
    /// Due to end, of those that ended well.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub response_ok: Histogram,
    /// Due to end, of those that did not.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub response_failed: Histogram,
}

impl ArmWindow {
    /// A cohort of which nothing has ended.
    pub fn of(cohort: Cohort) -> Self {
        Self {
            arm: cohort.arm,
            cohort: cohort.number,
            ended: OutcomeCounts::default(),
            response_ok: Histogram::new(),
            response_failed: Histogram::new(),
        }
    }

    /// Counts an arrival that ended after so many real microseconds.
    pub fn book(&mut self, outcome: Outcome, micros: u64) {
        self.ended.add(outcome);
        let histogram = if outcome.is_ok() { &mut self.response_ok } else { &mut self.response_failed };
        histogram.record_sparsely(micros);
    }

    /// Adds what else the cohort did.
    pub fn merge(&mut self, other: &Self) {
        self.ended.merge(&other.ended);
        self.response_ok.merge(&other.response_ok);
        self.response_failed.merge(&other.response_failed);
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.ended = OutcomeCounts::default();
        self.response_ok.clear();
        self.response_failed.clear();
    }

    fn key(&self) -> (Arm, u8) {
        (self.arm, self.cohort)
    }
}

/// Adds cohorts to those of a window, which stay in order.
pub(crate) fn merge(mine: &mut Vec<ArmWindow>, theirs: &[ArmWindow]) {
    for other in theirs {
        match mine.binary_search_by_key(&other.key(), ArmWindow::key) {
            Ok(place) => mine[place].merge(other),
            Err(place) => mine.insert(place, other.clone()),
        }
    }
}

/// Control and experiment, compared. Times are seconds of scenario time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmsResult {
    /// Whether a difference was shown, and how large, in a sentence.
    pub verdict: String,
    /// At least one interval does not contain 0.
    pub different: bool,
    /// The arm that was served as ever.
    pub control: ArmResult,
    /// The other one.
    pub experiment: ArmResult,
    /// What is compared: experiment - control.
    pub differences: Vec<Difference>,
    /// With which probability all the intervals together contain the true differences.
    pub confidence: f64,
    /// What a reader should know before believing it, one sentence each.
    pub cautions: Vec<String>,
}

/// One arm, without the warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmResult {
    /// Identities that can occur.
    pub users: u32,
    /// Arrivals that ended.
    pub arrivals: u64,
    /// Share of them that failed or ended later than the tightest objective on the response time.
    pub loss: Option<f64>,
    /// Share of them that failed.
    pub errors: Option<f64>,
    /// Median response time of all of them, in seconds.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Arrivals per second that ended well and not late.
    pub goodput: f64,
}

/// One measure of the two arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The measure, as objectives name it.
    pub measure: String,
    /// Its unit: `s` or `share`.
    pub unit: String,
    /// In control.
    pub control: Option<f64>,
    /// In the experiment.
    pub experiment: Option<f64>,
    /// Experiment - control.
    pub difference: Option<f64>,
    /// The least and the most that the true difference may be; none where there were too few arrivals.
    pub interval: Option<(f64, f64)>,
}

impl Difference {
    /// Whether the interval does not contain 0.
    pub fn is_shown(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}
