//! What every role shares: its configuration, the line that says it is ready, and its end.
//!
//! A role binds its own address, port 0 included, says so on standard output, and serves until its
//! `stop` token is cancelled. `main` reads the configuration from standard input and turns SIGTERM
//! into that token; tests start a role on port 0 without either.

use std::{collections::BTreeMap, fmt, io, net::SocketAddr};

use futures::{
    FutureExt as _,
    future::{self, LocalBoxFuture},
};
use loadlab_clock::{Seed, Speed};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::profile::Profile;

mod process;

pub use process::main;

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

/// Why a role did not start, or ended before it was told to.
#[derive(Debug)]
pub enum RoleError {
    /// There is no such role.
    Unknown {
        /// What was asked for.
        role: String,
    },
    /// What came on standard input is no configuration.
    Configuration {
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The edge table has no address for a dependency.
    NoEdge {
        /// Who needs it.
        role: String,
        /// The dependency.
        edge: String,
    },
    /// The address cannot be listened on.
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The role's own parts could not be set up.
    Start {
        /// Which part.
        part: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// It has ended to be started again.
    Restart {
        /// On whose behalf.
        reason: &'static str,
    },
    /// It was serving and cannot any more.
    Serve {
        /// The system's reason.
        source: io::Error,
    },
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { role } => {
                write!(f, "there is no role `{role}`; the roles are {}", ROLES.join(", "))
            }
            Self::Configuration { .. } => write!(f, "standard input holds no role configuration"),
            Self::NoEdge { role, edge } => write!(f, "`{role}` has no edge to `{edge}`"),
            Self::Bind { address, .. } => write!(f, "cannot listen on {address}"),
            Self::Start { part, reason } => write!(f, "cannot set up {part}: {reason}"),
            Self::Restart { reason } => write!(f, "ends to be started again: {reason}"),
            Self::Serve { .. } => write!(f, "cannot serve any more"),
        }
    }
}

impl std::error::Error for RoleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Configuration { source } => Some(source),
            Self::Bind { source, .. } | Self::Serve { source } => Some(source),
            Self::Unknown { .. } | Self::NoEdge { .. } | Self::Start { .. } | Self::Restart { .. } => None,
        }
    }
}

/// Every role there is.
pub const ROLES: [&str; 5] = ["redis", "sql", "llm", "service", "gateway"];

/// Runs one role until `stop`; calls `ready` once, when it serves.
pub fn run<'a>(
    role: &'a str,
    config: RoleConfig,
    stop: CancellationToken,
    ready: impl FnOnce(&Ready) + 'a,
) -> LocalBoxFuture<'a, Result<(), RoleError>> {
    run_boxed(role, config, stop, Box::new(ready))
}

/// Not generic and boxed: so the roles are compiled once, with this crate, and not with each that awaits them.
fn run_boxed<'a>(
    role: &'a str,
    config: RoleConfig,
    stop: CancellationToken,
    ready: Box<dyn FnOnce(&Ready) + 'a>,
) -> LocalBoxFuture<'a, Result<(), RoleError>> {
    match role {
        "redis" => crate::redis_server::serve(config, stop, ready).boxed_local(),
        "sql" => crate::sql_server::serve(config, stop, ready).boxed_local(),
        "llm" => crate::llm::serve(config, stop, ready).boxed_local(),
        "service" => crate::service::serve(config, stop, ready).boxed_local(),
        "gateway" => crate::gateway::serve(config, stop, ready).boxed_local(),
        _ => future::ready(Err(RoleError::Unknown { role: role.to_owned() })).boxed_local(),
    }
}

impl RoleConfig {
    /// The address of a dependency: `host:port`, or the URL of somebody's own server.
    pub fn edge(&self, edge: &str) -> Result<&str, RoleError> {
        self.edges
            .get(edge)
            .map(String::as_str)
            .ok_or_else(|| RoleError::NoEdge { role: self.name.clone(), edge: edge.to_owned() })
    }

    /// Whether a dependency is somebody's own server, and no role.
    pub fn is_external(&self, edge: &str) -> bool {
        self.edges.get(edge).is_some_and(|address| address.contains("://"))
    }

    /// Listens on the role's own address. The second value is where that is, with the real port.
    pub async fn bind(&self) -> Result<(TcpListener, SocketAddr), RoleError> {
        bind(self.listen).await
    }

    /// Listens on another free port of the same host, for `/health`, `/metrics` and `/admin`.
    pub async fn bind_admin(&self) -> Result<(TcpListener, SocketAddr), RoleError> {
        bind(SocketAddr::new(self.listen.ip(), 0)).await
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), RoleError> {
    let fail = |source| RoleError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let local = listener.local_addr().map_err(fail)?;
    Ok((listener, local))
}

/// Loopback, any free port.
fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
