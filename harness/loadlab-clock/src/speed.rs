//! How many seconds of scenario time pass in one real second.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Slowest speed that is accepted: one scenario second in ten real ones.
const SLOWEST: f64 = 0.1;
/// Fastest speed that is accepted. Modelled waits fall under the sleeper's accuracy well before it.
const FASTEST: f64 = 100.0;

/// Seconds of scenario time per second of real time. At 1 the two are the same.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
pub struct Speed(#[schemars(range(min = 0.1, max = 100.0))] f64);

/// A number that is no speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeedError {
    /// What was asked for.
    pub value: f64,
}

impl fmt::Display for SpeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "speed {} is not between {SLOWEST} and {FASTEST}", self.value)
    }
}

impl std::error::Error for SpeedError {}

impl Speed {
    /// Scenario time passes as real time does.
    pub const REAL: Self = Self(1.0);

    /// A speed between 0.1 and 100.
    pub fn try_new(value: f64) -> Result<Self, SpeedError> {
        if (SLOWEST..=FASTEST).contains(&value) { Ok(Self(value)) } else { Err(SpeedError { value }) }
    }

    /// The number itself.
    pub fn get(self) -> f64 {
        self.0
    }

    /// How long `scenario` takes on this machine.
    pub fn real(self, scenario: Duration) -> Duration {
        scaled(scenario, 1.0 / self.0)
    }

    /// What `real` means in the scenario.
    pub fn scenario(self, real: Duration) -> Duration {
        scaled(real, self.0)
    }

    /// A rate per scenario second, per real second.
    pub fn real_rate(self, per_scenario_second: f64) -> f64 {
        per_scenario_second * self.0
    }
}

impl Default for Speed {
    fn default() -> Self {
        Self::REAL
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl TryFrom<f64> for Speed {
    type Error = SpeedError;

    fn try_from(value: f64) -> Result<Self, SpeedError> {
        Self::try_new(value)
    }
}

impl From<Speed> for f64 {
    fn from(speed: Speed) -> Self {
        speed.0
    }
}

/// `duration × factor`, saturating instead of panicking: durations reach this from files.
fn scaled(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_of_twenty_turns_a_second_into_fifty_milliseconds() {
        let speed = Speed::try_new(20.0).expect("a speed");
        assert_eq!(speed.real(Duration::from_secs(1)), Duration::from_millis(50));
        assert_eq!(speed.scenario(Duration::from_millis(50)), Duration::from_secs(1));
        assert!((speed.real_rate(40.0) - 800.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_between_a_tenth_and_a_hundred_is_refused() {
        for value in [0.0, -1.0, 0.09, 100.5, f64::NAN, f64::INFINITY] {
            let error = Speed::try_new(value).expect_err("not a speed");
            assert!(error.to_string().contains("between 0.1 and 100"), "{error}");
        }
    }

    #[test]
    fn the_longest_duration_saturates() {
        let slow = Speed::try_new(0.1).expect("a speed");
        assert_eq!(slow.real(Duration::MAX), Duration::MAX);
    }
}
