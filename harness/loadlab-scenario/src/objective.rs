//! Objectives as people write them: `p95 < 7s`, `p99(search.first_event) < 2s`, `success >= 99%`,
//! `loss <= 1% for 10s`, `peak(pool_waiting) <= 20`.
//!
//! One grammar serves objectives and documented outcomes. Evaluation is in `loadlab-analysis`.

use std::time::Duration;

use loadlab_clock::text::optional_duration;
use serde::{Deserialize, Serialize};

/// One line that must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Objective {
    /// The line as written, without window and abort: its name in reports.
    pub name: String,
    /// What is measured.
    pub measure: Measure,
    /// How it is compared.
    pub compare: Compare,
    /// With what, in the measure's unit: seconds, a share from 0 to 1, per second, or a gauge's own.
    pub bound: f64,
    /// It must hold in every stretch of this length, not only over the whole run.
    #[serde(with = "optional_duration")]
    #[schemars(with = "Option<String>")]
    pub window: Option<Duration>,
    /// The run ends as soon as it is missed.
    pub abort: bool,
}

/// A band in which a measure is expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Expectation {
    /// As written: `p95`.
    pub text: String,
    /// What is measured.
    pub measure: Measure,
    /// The least that reproduces it, in the measure's unit.
    pub min: Option<f64>,
    /// The most that reproduces it.
    pub max: Option<f64>,
}

/// How a measure is compared with its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// Something that a run measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A statistic of a latency, in seconds of scenario time.
    Latency {
        /// Which statistic.
        statistic: Statistic,
        /// Of which step; the whole arrival without.
        step: Option<String>,
        /// Which of the latencies.
        kind: LatencyKind,
    },
    /// A part of the arrivals (or of a step's requests), from 0 to 1.
    Share {
        /// Which part.
        of: ShareOf,
        /// Of which step; of the arrivals without.
        step: Option<String>,
    },
    /// Per second of scenario time.
    Throughput(Throughput),
    /// A statistic of a metric that the target publishes, summed over its labels and instances.
    Metric {
        /// The metric's name.
        name: String,
        /// Which statistic over time.
        statistic: MetricStatistic,
    },
}

/// A statistic of a latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// A percentile, from 0 to 100: `p95`, `p99.9` (also written `p999`).
    Percentile(f64),
    /// The largest.
    Max,
    /// The mean.
    Mean,
}

/// Which latency.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LatencyKind {
    /// From due to the final outcome. The default.
    Response,
    /// From sent to done, of single attempts.
    Service,
    /// From sent to the first byte of the answer.
    FirstByte,
    /// From sent to the first event of a stream.
    FirstEvent,
    /// Between two events of a stream.
    EventGap,
    /// Waiting for one of the client's own connections.
    ClientWait,
}

/// A part of the arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShareOf {
    /// Ended well.
    Success,
    /// Did not: failed or never dispatched (`errors`).
    Errors,
    /// Failed, never dispatched, or later than the tightest plain response objective.
    Loss,
    /// Ended by the client's time-out or by its patience, after all attempts.
    Timeouts,
    /// Arrivals of which at least one attempt was given up, whatever came of a retry.
    GaveUp,
    /// Extra attempts per arrival.
    Retries,
    /// Ended by patience.
    Abandoned,
    /// Cut off.
    Truncated,
    /// Refused with 429 or 503.
    Shed,
    /// Failed a check.
    WrongAnswers,
    /// Never dispatched by the generator.
    Undispatched,
}

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Throughput {
    /// Arrivals that ended, well or not (`throughput`).
    Completed,
    /// Arrivals that ended well within the objective (`goodput`).
    Good,
}

/// A statistic of a published metric over the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricStatistic {
    /// The largest value (`peak`).
    Peak,
    /// The mean over time (`average`).
    Average,
    /// The increase from first to last (`increase`).
    Increase,
    /// Scenario seconds since the start after which it was 0 for good (`drained`).
    Drained,
}
