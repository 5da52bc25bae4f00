//! A trial: what one load did to the target, once.

use serde::{Deserialize, Serialize};

/// A finished trial. Loads are arrivals per second or users, times are seconds of scenario time. The ramp
/// before the measurement is in no number but `requests`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The load that was offered.
    pub load: f64,
    /// Which of those at this load it was, from 1; seeds differ by it.
    pub repetition: u32,
    /// Arrivals that were scheduled in the measurement, up to its early end if there was one.
    pub arrivals: u64,
    /// Those of them that were lost.
    pub lost: u64,
    /// How long arrivals were measured.
    pub seconds: f64,
    /// Arrivals per second that ended well and in time.
    pub goodput_per_s: f64,
    /// 95th percentile of the response time; none if nothing ended.
    pub p95_s: Option<f64>,
    /// Whether it was ended because it had lost too much.
    pub ended_early: bool,
    /// Whether it says anything about the target.
    pub validity: Validity,
    /// Whether the target was idle again after the drain.
    pub recovered: bool,
    /// Requests that it cost, ramp and retries included.
    pub requests: u64,
}

/// Whether a trial says anything about the target. An invalid one is repeated and never a fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// It does.
    Valid,
    /// The generator or the machine was the limit.
    Invalid(Invalid),
}

/// Why a trial says nothing about the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invalid {
    /// Arrivals were sent too late: the 99th percentile of the dispatch lag is over its limit.
    LateDispatch,
    /// Too few of the scheduled arrivals were sent.
    TooFewSent,
    /// The generator had no CPU left.
    GeneratorBusy,
    /// Arrivals waited for the generator's own limit of connections.
    ConnectionLimit,
    /// The target was not idle before it, so it began with what an earlier trial had left.
    NotSettled,
    /// The machine took the CPU away, from whomever.
    Disturbed,
}

impl Invalid {
    /// Whether the generator was the limit, as it will be again at the same load.
    pub fn is_the_generators(self) -> bool {
        matches!(self, Self::LateDispatch | Self::TooFewSent | Self::GeneratorBusy | Self::ConnectionLimit)
    }
}

impl Trial {
    /// Whether the search may learn from it. A trial without arrivals tells nothing.
    pub fn counts(&self) -> bool {
        self.validity == Validity::Valid && self.arrivals > 0
    }

    /// The share of the arrivals that was lost; of a trial that ended early, of those until then.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / self.arrivals.max(1) as f64
    }
}
