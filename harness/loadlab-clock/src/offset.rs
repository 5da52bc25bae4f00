//! A point in time since the run began.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Scenario time since the run began, in microseconds. Before the run there is nothing.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Offset(u64);

impl Offset {
    /// The start of the run.
    pub const ZERO: Self = Self(0);

    /// This many microseconds of scenario time after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// `duration` of scenario time after the start.
    pub fn from_duration(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }

    /// Microseconds of scenario time since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds of scenario time since the start.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Scenario time since the start.
    pub const fn as_duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The scenario second this falls into, counted from 0.
    pub const fn second(self) -> u64 {
        self.0 / 1_000_000
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}s", self.as_secs_f64())
    }
}
