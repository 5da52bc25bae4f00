//! The session pools of an instance, and which kind of work takes its sessions from which.
//!
//! ```text
//!   search ──┐                         search, detail ──> main
//!   detail ──┼──> main        with     ingest ──────────> ingest    (bulkheads)
//!   ingest ──┘
//!                                      search, detail ──> replica-0, replica-1, …  (read replicas)
//!                                      ingest, fresh ───> main
//! ```
//!
//! Without bulkheads there is one pool, and whoever has many statements to run starves the others.

use loadlab_clock::Speed;
use tokio::runtime::Handle;

use crate::{
    pool::{PgConnector, Pool, PoolFamilies, PoolSettings, PoolSettingsError},
    profile::{ReadReplicas, ServiceProfile},
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
    /// Documents by their ids, as they are now: for a user who has just written.
    FreshDetail,
}

/// The names of the pools to replicas, by the replica's number.
const REPLICA_POOLS: [&str; ReadReplicas::MOST] = ["replica-0", "replica-1", "replica-2"];

/// The pools of an instance.
#[derive(Debug)]
pub struct Pools {
    main: Pool<PgConnector>,
    /// With bulkheads only.
    ingest: Option<Pool<PgConnector>>,
    /// One to each replica.
    replicas: Vec<Pool<PgConnector>>,
}

impl Pools {
    /// Starts all pools of a profile, to the database and to those that follow it; their sessions are
    /// driven on `sessions`.
    pub fn start(
        (database, replicas): (&PgConnector, &[PgConnector]),
        profile: &ServiceProfile,
        speed: Speed,
        sessions: &Handle,
        metrics: &PoolFamilies,
    ) -> Result<Self, PoolSettingsError> {
        let start = |database: &PgConnector, name: &'static str, settings: &PoolSettings| {
            Pool::start(database.clone(), settings, speed, sessions.clone(), metrics.of(name))
        };
        let (bulkheads, of_replicas) = (&profile.mitigations.bulkheads, &profile.mitigations.read_replicas);
        let of_size = |sessions| PoolSettings {
            min: profile.pool.min.min(sessions),
            max: sessions,
            ..profile.pool.clone()
        };
        let ingest = bulkheads
            .enabled
            .then(|| start(database, "ingest", &of_size(bulkheads.ingest_sessions)))
            .transpose()?;
        let settings = of_size(of_replicas.sessions);
        let replicas =
            replicas.iter().zip(REPLICA_POOLS).map(|(replica, name)| start(replica, name, &settings));
        Ok(Self {
            main: start(database, "main", &profile.pool)?,
            ingest,
            replicas: replicas.collect::<Result<_, _>>()?,
        })
    }

    /// The pool from which this work takes its sessions.
    pub fn of(&self, work: Work) -> &Pool<PgConnector> {
        match (work, &self.ingest) {
            (Work::Ingest, Some(ingest)) => ingest,
            (Work::Search | Work::Detail, _) => self.least_busy_replica().unwrap_or(&self.main),
            _ => &self.main,
        }
    }

    fn least_busy_replica(&self) -> Option<&Pool<PgConnector>> {
        self.replicas.iter().min_by_key(|pool| {
            let status = pool.status();
            status.busy + status.waiting
        })
    }
}
