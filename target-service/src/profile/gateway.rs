//! The gateway's part of a profile.

use std::{fmt, time::Duration};

use loadlab_clock::text::human_duration;
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
    /// How an instance is picked.
    pub balance: Balance,
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
}

impl fmt::Display for GatewayProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { per_second } => write!(f, "`rate_limit.per_second` is {per_second}"),
            Self::NoBurst => write!(f, "`rate_limit.burst` is 0"),
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
            () => Ok(()),
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

/// How an instance is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// The one with the fewest requests under way; equals in turn.
    LeastInFlight,
    /// One after another.
    RoundRobin,
}
