//! Numbers that cannot be wrong: a rate and a share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Fastest rate that is accepted, per second: above it no machine of today delivers.
const RATE_MAX: f64 = 10_000_000.0;

/// Arrivals per second of scenario time; finite, 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(#[schemars(range(min = 0.0))] f64);

/// A part of a whole, from 0 to 1. People write it as a percentage.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(#[schemars(range(min = 0.0, max = 1.0))] f64);

/// A number outside of what a quantity allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QuantityError {
    /// Not a rate.
    Rate(f64),
    /// Not a share.
    Share(f64),
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(value) => write!(f, "{value} is not a rate between 0 and {RATE_MAX} per second"),
            Self::Share(value) => write!(f, "{value} is not a share between 0 and 1 (0 % and 100 %)"),
        }
    }
}

impl std::error::Error for QuantityError {}

impl Rate {
    /// A rate per second of scenario time.
    pub fn try_new(per_second: f64) -> Result<Self, QuantityError> {
        if (0.0..=RATE_MAX).contains(&per_second) {
            Ok(Self(per_second))
        } else {
            Err(QuantityError::Rate(per_second))
        }
    }

    /// Arrivals per second of scenario time.
    pub fn per_second(self) -> f64 {
        self.0
    }
}

impl Share {
    /// Nothing of it.
    pub const NONE: Self = Self(0.0);
    /// All of it.
    pub const ALL: Self = Self(1.0);

    /// A share from 0 to 1.
    pub fn try_new(value: f64) -> Result<Self, QuantityError> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(QuantityError::Share(value)) }
    }

    /// From 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = QuantityError;

    fn try_from(value: f64) -> Result<Self, QuantityError> {
        Self::try_new(value)
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl TryFrom<f64> for Share {
    type Error = QuantityError;

    fn try_from(value: f64) -> Result<Self, QuantityError> {
        Self::try_new(value)
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        let text = format!("{percent:.3}");
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}
