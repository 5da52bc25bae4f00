//! The stand-in Redis: a RESP server.

use tokio_util::sync::CancellationToken;

use crate::role::{Ready, RoleConfig, RoleError};

/// Serves until `stop`.
pub async fn serve(config: RoleConfig, stop: CancellationToken, ready: impl FnOnce(&Ready)) -> Result<(), RoleError> {
    let (_listener, listen) = config.bind().await?;
    ready(&Ready { role: config.name.clone(), listen, admin: None });
    stop.cancelled().await;
    Ok(())
}
