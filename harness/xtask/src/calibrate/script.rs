//! What the server of a calibration does to each request: a function of the request's number and
//! time, and of nothing that it measures. That is what makes the truth known.

use std::time::Duration;

use loadlab_clock::{Distribution, Seed};
use serde::{Deserialize, Serialize};

/// How long a request takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Script {
    /// As drawn, each request by itself.
    Drawn {
        /// What is drawn from.
        distribution: Distribution,
        /// Where the draws come from.
        seed: Seed,
    },
    /// Always the same, but nothing is answered for a while: what would be answered in the stall is
    /// answered at its end.
    Stall {
        /// Milliseconds that a request takes.
        latency_ms: u64,
        /// Milliseconds from the first request to the stall.
        after_ms: u64,
        /// Milliseconds that it lasts.
        lasts_ms: u64,
    },
}

impl Script {
    /// How long request `number` takes, which comes at `at` after the first.
    pub(crate) fn wait(&self, number: u64, at: Duration) -> Duration {
        match self {
            Self::Drawn { distribution, seed } => distribution.sample(&mut seed.stream("wait", number, 0)),
            Self::Stall { latency_ms, after_ms, lasts_ms } => {
                let latency = Duration::from_millis(*latency_ms);
                let from = Duration::from_millis(*after_ms);
                let until = from + Duration::from_millis(*lasts_ms);
                let stalled = (from..until).contains(&(at + latency));
                if stalled { until.saturating_sub(at) } else { latency }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_holds_what_would_end_in_it_until_its_end() {
        let script = Script::Stall { latency_ms: 50, after_ms: 1_000, lasts_ms: 500 };
        let cases = [(0, 50), (949, 50), (950, 550), (1_449, 51), (1_450, 50), (2_000, 50)];
        for (at, wait) in cases {
            assert_eq!(script.wait(0, Duration::from_millis(at)), Duration::from_millis(wait), "at {at}");
        }
    }

    #[test]
    fn a_draw_depends_on_the_number_alone() {
        let distribution = Distribution::Exponential { mean: Duration::from_millis(50) };
        let script = Script::Drawn { distribution, seed: Seed::new(1) };
        let second = Duration::from_secs(1);
        assert_eq!(script.wait(7, Duration::ZERO), script.wait(7, second));
        assert_ne!(script.wait(7, second), script.wait(8, second));
    }
}
