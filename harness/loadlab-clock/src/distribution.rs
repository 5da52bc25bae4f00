//! Durations drawn at random: service times, think times, patience.

use std::{fmt, time::Duration};

use rand::Rng;
use rand_distr::{Distribution as _, Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::text::human_duration;

/// A distribution over durations, in scenario time. In YAML a bare duration is a constant, the rest
/// are maps with one key: `{ lognormal: { median: 900ms, sigma: 0.31 } }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Always the same.
    Constant(
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        Duration,
    ),
    /// Evenly between two bounds.
    Uniform {
        /// The shortest.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        min: Duration,
        /// The longest.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        max: Duration,
    },
    /// Memoryless, with a mean.
    Exponential {
        /// The mean.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        mean: Duration,
    },
    /// The logarithm is normal: `median · exp(sigma · Z)`.
    Lognormal {
        /// The median.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        median: Duration,
        /// Standard deviation of the logarithm; 0.3 is mild, 1 is heavy.
        sigma: f64,
    },
}

/// Why a distribution cannot be drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DistributionError {
    /// `min` is above `max`.
    Reversed {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// `sigma` is negative or not a number.
    Sigma(f64),
}

impl fmt::Display for DistributionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reversed { min, max } => write!(f, "min {min:?} is above max {max:?}"),
            Self::Sigma(sigma) => write!(f, "sigma {sigma} is not a number of 0 or more"),
        }
    }
}

impl std::error::Error for DistributionError {}

impl Distribution {
    /// Whether its parameters make sense.
    pub fn check(&self) -> Result<(), DistributionError> {
        match *self {
            Self::Uniform { min, max } if min > max => Err(DistributionError::Reversed { min, max }),
            Self::Lognormal { sigma, .. } if !(sigma >= 0.0 && sigma.is_finite()) => {
                Err(DistributionError::Sigma(sigma))
            }
            _ => Ok(()),
        }
    }

    /// One draw, in scenario time. It saturates where the arithmetic would overflow.
    pub fn sample(&self, rng: &mut impl Rng) -> Duration {
        let seconds = match self {
            Self::Constant(duration) => return *duration,
            Self::Uniform { min, max } => {
                let unit: f64 = rand::RngExt::random(rng);
                min.as_secs_f64() + (max.as_secs_f64() - min.as_secs_f64()) * unit
            }
            Self::Exponential { mean } => {
                let unit: f64 = Exp1.sample(rng);
                mean.as_secs_f64() * unit
            }
            Self::Lognormal { median, sigma } => {
                let z: f64 = StandardNormal.sample(rng);
                median.as_secs_f64() * (sigma * z).exp()
            }
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// The mean, in scenario time.
    pub fn mean(&self) -> Duration {
        let seconds = match self {
            Self::Constant(duration) => return *duration,
            Self::Uniform { min, max } => f64::midpoint(min.as_secs_f64(), max.as_secs_f64()),
            Self::Exponential { mean } => return *mean,
            Self::Lognormal { median, sigma } => median.as_secs_f64() * (sigma * sigma / 2.0).exp(),
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    /// The mean of many draws is the mean that the distribution promises.
    #[test]
    fn draws_have_the_promised_mean() {
        let second = Duration::from_secs(1);
        let all = [
            Distribution::Constant(second),
            Distribution::Uniform { min: second, max: 3 * second },
            Distribution::Exponential { mean: second },
            Distribution::Lognormal { median: second, sigma: 0.31 },
        ];
        for distribution in all {
            let mut rng = Seed::new(7).stream("test", 0, 0);
            let draws = 200_000;
            let sum: f64 = (0..draws).map(|_| distribution.sample(&mut rng).as_secs_f64()).sum();
            let (mean, promised) = (sum / f64::from(draws), distribution.mean().as_secs_f64());
            assert!((mean / promised - 1.0).abs() < 0.01, "{distribution:?}: {mean} against {promised}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let second = Duration::from_secs(1);
        assert!(Distribution::Uniform { min: second, max: Duration::ZERO }.check().is_err());
        assert!(Distribution::Lognormal { median: second, sigma: f64::NAN }.check().is_err());
    }
}
