//! The session pools of an instance, and which kind of work takes its sessions from which.
//!
//! ```text
//!   search ──┐                         search, detail ──> main
//!   detail ──┼──> main        with     ingest ──────────> ingest    (bulkheads)
//!   ingest ──┘
//! ```
//!
//! Without bulkheads there is one pool, and whoever has many statements to run starves the others.

use loadlab_clock::Speed;
use tokio::runtime::Handle;

use crate::{
    pool::{PgConnector, Pool, PoolFamilies, PoolSettings, PoolSettingsError},
    profile::ServiceProfile,
};

/// What an instance works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Answers for users.
    Search,
    /// Documents on their way into the store.
    Ingest,
    /// Documents by their ids.
    Detail,
}

/// The pools of an instance.
#[derive(Debug)]
pub struct Pools {
    main: Pool<PgConnector>,
    /// With bulkheads only.
    ingest: Option<Pool<PgConnector>>,
}

impl Pools {
    /// Starts all pools of a profile; their sessions are driven on `sessions`.
    pub fn start(
        database: &PgConnector,
        profile: &ServiceProfile,
        speed: Speed,
        sessions: &Handle,
        metrics: &PoolFamilies,
    ) -> Result<Self, PoolSettingsError> {
        let start = |name: &'static str, settings: &PoolSettings| {
            Pool::start(database.clone(), settings, speed, sessions.clone(), metrics.of(name))
        };
        let bulkheads = &profile.mitigations.bulkheads;
        let of_size = |sessions| PoolSettings {
            min: profile.pool.min.min(sessions),
            max: sessions,
            ..profile.pool.clone()
        };
        let ingest =
            bulkheads.enabled.then(|| start("ingest", &of_size(bulkheads.ingest_sessions))).transpose()?;
        Ok(Self { main: start("main", &profile.pool)?, ingest })
    }

    /// The pool from which this work takes its sessions.
    pub fn of(&self, work: Work) -> &Pool<PgConnector> {
        match (work, &self.ingest) {
            (Work::Ingest, Some(ingest)) => ingest,
            _ => &self.main,
        }
    }
}
