//! The stand-in Redis: a RESP server with the commands that caches, queues, locks and benchmarks use,
//! real expiry, transactions, channels and eviction. No scripts, streams, blocking commands,
//! persistence or replication.
//!
//! ```text
//!   connection ──> protocol ──> commands ──> store (one lock) ──> value
//!       └ service time, order       └ table: one family per file
//!   admin port: /health, /metrics, /admin/settings
//! ```
//!
//! Its clock is real at every speed: whoever sends a time to live converts it. The service time of the
//! profile is scenario time.

mod channels;
mod commands;
mod connection;
mod glob;
mod metrics;
mod number;
mod protocol;
mod server;
mod session;
mod store;
mod value;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::server::Server;
use crate::{
    role::{Ready, RoleConfig, RoleError},
    standin::{Live, http},
};

/// Serves until `stop`. The ready line's `admin` is where `/health`, `/metrics` and `/admin` are.
pub async fn serve(
    config: RoleConfig,
    stop: CancellationToken,
    ready: impl FnOnce(&Ready),
) -> Result<(), RoleError> {
    let profile = config.profile.redis.clone();
    profile.check().map_err(|error| RoleError::Start {
        part: "the stand-in Redis's profile",
        reason: error.to_string(),
    })?;
    let settings = Arc::new(Live::new(profile, |settings| Ok(settings.check()?)));
    let (listener, listen) = config.bind().await?;
    let (admin_listener, admin) = config.bind_admin().await?;
    let server = Arc::new(Server::new(Arc::clone(&settings), config.speed, config.seed, listen));
    let router = http::common(settings, metrics::registry(&server));
    ready(&Ready { role: config.name, listen, admin: Some(admin) });
    let ((), admin_ended) =
        tokio::join!(server::run(server, listener, stop.clone()), http::serve(admin_listener, router, stop));
    admin_ended.map_err(|source| RoleError::Serve { source })
}
