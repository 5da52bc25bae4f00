//! How long a fault holds something back: fixed, fixed with jitter, or drawn.

use std::time::Duration;

use loadlab_clock::Distribution;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::{
    attributes::{Attributes, millis_value},
    fault::FaultError,
};

/// A time to wait, in scenario time.
#[derive(Debug, Clone, PartialEq)]
pub enum Delay {
    /// `base`, evenly up to `jitter` more or less, and never under zero.
    Fixed {
        /// The middle.
        base: Duration,
        /// Most that it differs from the middle.
        jitter: Duration,
    },
    /// Drawn.
    Drawn(Distribution),
}

impl Delay {
    /// Reads attribute `name` (ms) with `jitter` (ms), or `distribution`.
    pub(crate) fn take(attributes: &mut Attributes, name: &'static str) -> Result<Self, FaultError> {
        let base = attributes.millis(name)?;
        let jitter = attributes.millis("jitter")?;
        let distribution = attributes.distribution("distribution")?;
        match (base, jitter, distribution) {
            (Some(base), jitter, None) => Ok(Self::Fixed { base, jitter: jitter.unwrap_or_default() }),
            (None, None, Some(distribution)) => Ok(Self::Drawn(distribution)),
            (None, None, None) => Err(FaultError::Missing { attribute: name, or: Some("distribution") }),
            (Some(_), _, Some(_)) => Err(FaultError::Both { one: name, other: "distribution" }),
            (None, Some(_), Some(_)) => Err(FaultError::Both { one: "jitter", other: "distribution" }),
            (None, Some(_), None) => Err(FaultError::Missing { attribute: name, or: None }),
        }
    }

    pub(crate) fn write(&self, map: &mut Map<String, Value>, name: &str) {
        match self {
            Self::Fixed { base, jitter } => {
                map.insert(name.to_owned(), millis_value(*base));
                if !jitter.is_zero() {
                    map.insert("jitter".to_owned(), millis_value(*jitter));
                }
            }
            Self::Drawn(distribution) => {
                let value = serde_json::to_value(distribution).unwrap_or(Value::Null);
                map.insert("distribution".to_owned(), value);
            }
        }
    }

    /// One draw, in scenario time.
    pub(crate) fn sample(&self, rng: &mut ChaCha8Rng) -> Duration {
        match self {
            Self::Fixed { base, jitter } if jitter.is_zero() => *base,
            Self::Fixed { base, jitter } => {
                // Signed, then clamped: a jitter above the base must not underflow.
                let swing = jitter.as_secs_f64() * (2.0 * rng.random::<f64>() - 1.0);
                Duration::try_from_secs_f64((base.as_secs_f64() + swing).max(0.0)).unwrap_or(*base)
            }
            Self::Drawn(distribution) => distribution.sample(rng),
        }
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Seed;
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Delay, String> {
        let mut attributes = Attributes::of(value).map_err(|error| error.to_string())?;
        Delay::take(&mut attributes, "latency").map_err(|error| error.to_string())
    }

    #[test]
    fn a_delay_is_fixed_or_drawn_and_not_both() {
        let base = Duration::from_millis(100);
        assert_eq!(read(&json!({ "latency": 100 })), Ok(Delay::Fixed { base, jitter: Duration::ZERO }));
        let drawn = read(&json!({ "distribution": { "uniform": { "min": "1ms", "max": "3ms" } } }));
        assert!(matches!(drawn, Ok(Delay::Drawn(_))), "{drawn:?}");
        let both = read(&json!({ "latency": 1, "distribution": { "constant": "1ms" } }));
        assert_eq!(both.unwrap_err(), "attributes `latency` and `distribution` exclude each other");
        let none = read(&json!({}));
        assert_eq!(none.unwrap_err(), "attribute `latency` or `distribution` is missing");
        let reversed = read(&json!({ "distribution": { "uniform": { "min": "3ms", "max": "1ms" } } }));
        assert!(reversed.unwrap_err().starts_with("attribute `distribution` is"));
    }

    #[test]
    fn jitter_larger_than_the_base_never_goes_below_zero() {
        let delay = Delay::Fixed { base: Duration::from_millis(1), jitter: Duration::from_millis(100) };
        let mut rng = Seed::new(1).stream("test", 0, 0);
        let draws: Vec<Duration> = (0..1_000).map(|_| delay.sample(&mut rng)).collect();
        assert!(draws.iter().all(|draw| *draw <= Duration::from_millis(101)));
        assert!(draws.contains(&Duration::ZERO) && draws.iter().any(|d| *d > Duration::from_millis(90)));
    }
}
