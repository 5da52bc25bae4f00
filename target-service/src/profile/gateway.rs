//! The gateway's part of a profile.

use std::time::Duration;

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
