//! The gateway's part of a profile.

use std::{fmt, time::Duration};

use loadlab_clock::text::{human_duration, optional_duration};
use serde::{Deserialize, Serialize};

/// The gateway's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayProfile {
    /// From the request's arrival to the head of its answer; 504 after that.
    #[serde(with = "human_duration")]
    pub http_timeout: Duration,
    /// How long a connection to an instance may take; 502 after that.
    #[serde(with = "human_duration")]
    pub connect_timeout: Duration,
    /// How long a token is good for.
    #[serde(with = "human_duration")]
    pub token_lifetime: Duration,
    /// How far the clocks of issuer and gateway may differ.
    #[serde(with = "human_duration")]
    pub token_leeway: Duration,
    /// Per user.
    pub rate_limit: RateLimit,
    /// For all users together.
    #[serde(default)]
    pub global_limit: GlobalLimit,
    /// How an instance is picked.
    pub balance: Balance,
    /// What the caller gets when an instance closes the connection without an answer.
    #[serde(default)]
    pub on_reset: OnReset,
    /// For how long a user who has written reads documents where they were written, and not from a
    /// replica; none is never.
    #[serde(default, with = "optional_duration")]
    pub read_after_write: Option<Duration>,
}

/// Why settings make no gateway.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GatewayProfileError {
    /// The rate is not above 0.
    Rate {
        /// As set.
        per_second: f64,
    },
    /// The burst is 0, so nobody may ask for anything.
    NoBurst,
    /// The same for all users together.
    Global {
        /// The rate as set.
        per_second: f64,
        /// The burst as set.
        burst: u32,
    },
}

impl fmt::Display for GatewayProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { per_second } => write!(f, "`rate_limit.per_second` is {per_second}"),
            Self::NoBurst => write!(f, "`rate_limit.burst` is 0"),
            Self::Global { per_second, burst } => {
                write!(f, "`global_limit` {per_second} per second with a burst of {burst} is no limit")
            }
        }
    }
}

impl std::error::Error for GatewayProfileError {}

impl GatewayProfile {
    /// Whether they make a gateway.
    pub fn check(&self) -> Result<(), GatewayProfileError> {
        let RateLimit { per_second, burst, .. } = self.rate_limit;
        match () {
            () if !(per_second > 0.0 && per_second.is_finite()) => {
                Err(GatewayProfileError::Rate { per_second })
            }
            () if burst == 0 => Err(GatewayProfileError::NoBurst),
            () => self.global_limit.check(),
        }
    }
}

/// How much one user may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Whether there is a limit.
    pub enabled: bool,
    /// Requests per second that a user may go on with.
    pub per_second: f64,
    /// Requests that a user may send at once.
    pub burst: u32,
}

/// How much all users together may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalLimit {
    /// Whether there is a limit.
    pub enabled: bool,
    /// Requests per second.
    pub per_second: f64,
    /// Requests at once after a rest.
    pub burst: u32,
}

impl Default for GlobalLimit {
    fn default() -> Self {
        // Stress-test report, section 6: 1,000 requests a second today. The burst is a second's worth.
        Self { enabled: false, per_second: 1000.0, burst: 1000 }
    }
}

impl GlobalLimit {
    fn check(&self) -> Result<(), GatewayProfileError> {
        let Self { per_second, burst, .. } = *self;
        if per_second > 0.0 && per_second.is_finite() && burst > 0 {
            Ok(())
        } else {
            Err(GatewayProfileError::Global { per_second, burst })
        }
    }
}

/// How an instance is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// The one with the fewest requests under way; equals in turn.
    LeastInFlight,
    /// One after another.
    RoundRobin,
}

/// What the caller gets when an instance closes the connection without an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReset {
    /// Status 502, as a balancer of requests says it.
    #[default]
    BadGateway,
    /// The same: its connection is reset, as a balancer of connections passes it on.
    Reset,
}
