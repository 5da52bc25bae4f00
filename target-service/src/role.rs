//! What every role shares: its configuration, the line that says it is ready, and its end.
//!
//! A role binds its own address, port 0 included, says so on standard output, and serves until its
//! `stop` token is cancelled. `main` reads the configuration from standard input and turns SIGTERM
//! into that token; tests start a role on port 0 without either.

use std::{collections::BTreeMap, net::SocketAddr};

use loadlab_clock::{Seed, Speed};
use serde::{Deserialize, Serialize};

use crate::profile::Profile;

/// Everything a role needs to know. The keeper fills in `listen` and `edges`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleConfig {
    /// The process's name in the stack: `service-0`.
    pub name: String,
    /// Where to listen; port 0 is any free one.
    #[serde(default = "any_port")]
    pub listen: SocketAddr,
    /// Where its dependencies are: role name (`redis`, `sql`, `llm`, `service-0`) to `host:port`.
    #[serde(default)]
    pub edges: BTreeMap<String, String>,
    /// Scenario seconds per real second.
    #[serde(default)]
    pub speed: Speed,
    /// Where its randomness comes from.
    pub seed: Seed,
    /// The configuration of the whole target; a role reads its own part.
    pub profile: Profile,
}

/// A role that is ready: the line on standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The process's name.
    pub role: String,
    /// Where it serves.
    pub listen: SocketAddr,
    /// Where it serves `/health`, `/metrics` and `/admin`, if that is another port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<SocketAddr>,
}

/// Loopback, any free port.
fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
