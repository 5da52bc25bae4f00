//! The SQL stand-in's part of a profile. It takes the same fields by `PATCH /admin/settings`.

use std::{fmt, time::Duration};

use loadlab_clock::{Distribution, DistributionError, text::human_duration};
use serde::{Deserialize, Serialize};

/// The SQL stand-in's part. The times are modelled: they pass before the statement runs, while it
/// holds no lock; what the statement itself takes comes on top.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlProfile {
    /// A statement that reads a table.
    pub read: Distribution,
    /// A statement that writes.
    pub write: Distribution,
    /// How many times as long a statement takes that reads a whole table for want of an index.
    pub scan_factor: f64,
    /// Whether the store's own buffers are cold.
    pub cold: bool,
    /// How many times as long a statement takes then.
    pub cold_factor: f64,
    /// Connections that are accepted; the next is refused with `too_many_connections`.
    pub connections: usize,
    /// How often a replica asks for what is new.
    #[serde(default = "replica_poll", with = "human_duration")]
    pub replica_poll: Duration,
}

/// Not in the report. The platform's description has replicas that are 100 ms behind.
const fn replica_poll() -> Duration {
    Duration::from_millis(100)
}

/// A setting of the SQL stand-in that makes no sense.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlProfileError {
    /// A distribution that cannot be drawn from.
    ServiceTime {
        /// Why.
        source: DistributionError,
    },
    /// A factor that is negative or not a number.
    Factor {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: f64,
    },
}

impl fmt::Display for SqlProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceTime { .. } => write!(f, "a service time cannot be drawn from"),
            Self::Factor { name, value } => write!(f, "`{name}` {value} is not a number of 0 or more"),
        }
    }
}

impl std::error::Error for SqlProfileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::ServiceTime { source } => Some(source),
            Self::Factor { .. } => None,
        }
    }
}

impl SqlProfile {
    /// Whether all settings make sense.
    pub fn check(&self) -> Result<(), SqlProfileError> {
        for distribution in [&self.read, &self.write] {
            distribution.check().map_err(|source| SqlProfileError::ServiceTime { source })?;
        }
        for (name, value) in [("scan_factor", self.scan_factor), ("cold_factor", self.cold_factor)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(SqlProfileError::Factor { name, value });
            }
        }
        Ok(())
    }
}
