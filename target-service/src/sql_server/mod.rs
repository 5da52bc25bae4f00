//! The stand-in SQL store: PostgreSQL's protocol over SQLite, with the content in it.
//!
//! ```text
//!   client ─ pgwire ─> session ─ statement made ready ─> modelled time passes, nothing held
//!                                                          └─> read: own connection, own thread
//!                                                          └─> write: the one writer's thread
//! ```
//!
//! It is there so that a run needs no PostgreSQL; the service cannot tell the difference, and the
//! pool before it is what limits, not a lock in here: how long statements waited for one is
//! published. What it does not do it refuses: COPY, cursors, arrays in results, serial columns.
//! One with an edge to another store follows that one ([`replication`]) and only reads.
//!
//! | statement | meaning here |
//! |---|---|
//! | `SET standin.service_time = off \| on` | whether statements of this session take their modelled time |
//! | `SET statement_timeout = …` | scenario time, modelled time included |
//! | `SELECT pg_sleep(…)` | scenario time |

mod command;
mod database;
mod dialect;
mod error;
mod functions;
mod infer;
mod metrics;
mod replication;
mod seed;
mod session;
mod statement;
mod types;
mod wire;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use prometheus_client::registry::Registry;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{
    database::Database,
    error::SqlError,
    metrics::Metrics,
    replication::{Replica, ReplicaMetrics},
    session::Store,
    wire::Handlers,
};
use crate::{
    role::{Ready, RoleConfig, RoleError},
    standin::{Live, http},
};

pub use seed::{SCHEMA, seed};

/// Serves until `stop`.
pub async fn serve(
    config: RoleConfig,
    stop: CancellationToken,
    ready: impl FnOnce(&Ready),
) -> Result<(), RoleError> {
    let (store, mut registry) = open(&config).await?;
    let metrics = ReplicaMetrics::default();
    let replica = Replica::of(&config.edges, &store, metrics.clone());
    if replica.is_some() {
        metrics.register(&mut registry);
    }
    let (listener, listen) = config.bind().await?;
    let (admin_listener, admin) = config.bind_admin().await?;
    let admin_pages = http::common(Arc::clone(&store.settings), registry);
    ready(&Ready { role: config.name, listen, admin: Some(admin) });
    let following = async {
        match replica {
            Some(replica) => replica.follow(stop.clone()).await,
            None => stop.cancelled().await,
        }
    };
    let served = tokio::select! {
        served = accept(listener, store, stop.clone()) => served,
        served = http::serve(admin_listener, admin_pages, stop.clone()) => served,
        () = following => Ok(()),
    };
    served.map_err(|source| RoleError::Serve { source })
}

/// The store with the content in it.
async fn open(config: &RoleConfig) -> Result<(Arc<Store>, Registry), RoleError> {
    let failed = |part: &'static str, reason: String| RoleError::Start { part, reason };
    let profile = config.profile.sql.clone();
    profile.check().map_err(|error| failed("the SQL stand-in's profile", error.to_string()))?;
    let (metrics, registry) = Metrics::registered(config.speed);
    let broken = |error: SqlError| failed("the database", error.to_string());
    let database = Database::open(metrics.clone()).await.map_err(broken)?;
    let follows = Replica::follows(&config.edges);
    if config.profile.service.mitigations.read_replicas.enabled && !follows {
        let logged = database.write(replication::log).await.map_err(broken)?;
        logged.map_err(|error| broken(error.into()))?;
    }
    let store = Arc::new(Store {
        database,
        settings: Arc::new(Live::new(profile, |settings| Ok(settings.check()?))),
        metrics,
        speed: config.speed,
        seed: config.seed,
        statements: AtomicU64::new(0),
        sessions: AtomicUsize::new(0),
        read_only: follows,
    });
    Ok((store, registry))
}

/// Accepts clients until `stop`; those that are connected then are closed as they stand.
async fn accept(listener: TcpListener, store: Arc<Store>, stop: CancellationToken) -> io::Result<()> {
    let handlers = Handlers::new(store);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let handlers = handlers.clone();
                    connections.spawn(async move {
                        // An error here is a client that went away.
                        let _ = pgwire::tokio::process_socket(stream, None, handlers).await;
                    });
                }
                Err(error) => {
                    log::warn!("cannot accept a connection: {error}");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
