//! One instance of the service: four workers in one process, who share a session pool and a breaker.
//!
//! ```text
//!            ┌─> worker 0 (event loop, backlog, slots, L1) ─┐
//!   front ───┼─> worker 1                                   ├─> pool ─> SQL
//!            ├─> worker 2                                   ├─> breaker ─> LLM (embeddings)
//!            └─> worker 3                                   └─> LLM (generation), Redis (L2)
//! ```
//!
//! The front runs where [`serve`] runs; each worker is a thread, and the pool's sessions are driven
//! by one more.

mod answer;
mod cache;
mod content_api;
mod delivery;
mod deployment;
mod error;
mod figures;
mod front;
mod ingest;
mod llm_client;
mod memory;
mod metrics;
mod pools;
mod priority;
mod queries;
mod readiness;
mod retrieval;
mod search;
mod sessions;
mod stream_buffer;
mod tiers;
mod token_bucket;
mod truth;
mod warm_up;
mod worker;

pub use answer::{Answer, Mode, Provenance, Retrieval, Source};
pub use deployment::{CacheVersions, Deployed, Deployments, VersionMismatch};
pub use error::{Culprit, ServiceError};
pub use figures::Figures;
pub use ingest::Ingest;
pub use llm_client::LlmError;
pub use metrics::ServiceMetrics;
pub use pools::{Pools, Work};
pub use priority::{Class, ClassLabel, Gate, Shed, Turn};
pub use stream_buffer::StreamPlaces;
pub use tiers::TierLabel;
pub use truth::{CachedAnswer, Made, Truth};

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use loadlab_clock::{RunClock, Seed, Speed};
use prometheus_client::metrics::gauge::Gauge;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::{
    cache::WorkerCache,
    front::Front,
    llm_client::LlmClient,
    metrics::WorkerLabel,
    readiness::Readiness,
    search::{EMBEDDINGS_PER_SEARCH, Searcher},
    token_bucket::Buckets,
    worker::WorkerHandle,
};
use crate::{
    breaker::Breaker,
    pool::{PgConnector, Pool},
    profile::{BreakerSettings, ServiceProfile},
    role::{Ready, RoleConfig, RoleError},
};

/// What the workers of an instance share.
#[derive(Debug)]
pub struct Instance {
    /// Its settings.
    pub profile: ServiceProfile,
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// Its sessions.
    pub pools: Pools,
    /// The breaker before the embedding calls, of searches only if ingestion has its own.
    pub breaker: Breaker,
    /// The breaker before the embedding calls of ingestion, if it has its own.
    pub ingest_breaker: Option<Breaker>,
    /// The queue before all work, if there is one.
    pub gate: Option<Arc<Gate>>,
    /// How fast the LLM is called at most.
    buckets: Option<Arc<Buckets>>,
    /// Its figures.
    pub metrics: Arc<ServiceMetrics>,
    /// Where its draws come from.
    pub seed: Seed,
    /// Its ingestion.
    pub ingest: Ingest,
    /// What is deployed.
    pub deployments: Deployments,
    /// The places for streams.
    pub streams: StreamPlaces,
    /// It takes no more work.
    shedding: AtomicBool,
}

impl Instance {
    /// The pool from which this work takes its sessions.
    pub fn pool_for(&self, work: Work) -> &Pool<PgConnector> {
        self.pools.of(work)
    }

    /// From now on it takes no more work.
    fn shed(&self) {
        self.shedding.store(true, Ordering::Relaxed);
    }

    /// Whether it takes no more work.
    pub fn is_shedding(&self) -> bool {
        self.shedding.load(Ordering::Relaxed)
    }

    /// Whether something is under way: a search, a delivery, an ingestion.
    fn is_busy(&self) -> bool {
        let workers = (0..self.profile.workers.count).map(|worker| WorkerLabel { worker });
        let searches: i64 = workers.map(|label| self.metrics.in_flight.get_or_create(&label).get()).sum();
        searches + self.metrics.streams.get() + self.metrics.figures.ingesting.get() > 0
    }

    /// The breaker before the embedding calls of this work.
    pub fn breaker_for(&self, work: Work) -> &Breaker {
        match (work, &self.ingest_breaker) {
            (Work::Ingest, Some(breaker)) => breaker,
            _ => &self.breaker,
        }
    }

    /// Waits for leave to work, where there is a priority queue. The turn is held while the work lasts.
    pub async fn turn(&self, class: Class) -> Result<Option<Turn>, ServiceError> {
        match &self.gate {
            None => Ok(None),
            Some(gate) => gate.enter(class).await.map(Some).map_err(|Shed| ServiceError::Overloaded),
        }
    }

    /// Searches in the longest line: for leave and a session, or for their embeddings. The lines move side by
    /// side, so the longest is what a search has before it.
    fn waiting(&self) -> usize {
        let at_gate = self.gate.as_ref().map_or(0, |gate| gate.waiting());
        let for_session = at_gate + self.pool_for(Work::Search).status().waiting;
        let for_embeddings = self.breaker_for(Work::Search).queued() / EMBEDDINGS_PER_SEARCH;
        for_session.max(for_embeddings)
    }
}

/// Serves until `stop`.
pub async fn serve(
    config: RoleConfig,
    stop: CancellationToken,
    ready: impl FnOnce(&Ready),
) -> Result<(), RoleError> {
    // The threads end with this future, however it ends.
    let threads = stop.child_token();
    let _end = threads.clone().drop_guard();
    Deployed::of(&config.profile.service)
        .check()
        .map_err(|error| RoleError::Start { part: "the deployment", reason: error.to_string() })?;
    let (metrics, database, replicas) = connectors(&config)?;
    if config.is_external("sql") {
        warm_up::seed(&database).await.map_err(|error| RoleError::Start {
            part: "the database",
            reason: error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
        })?;
    }
    let instance = Arc::new(instance(&config, metrics, (&database, &replicas), &threads)?);
    let (workers, searchers) = start_workers(&config, &instance, &threads).await?;
    warm_up::warm_up(&instance, &searchers).await;
    let searcher = searchers.into_iter().next().expect("the profile was checked: there is a worker");
    let readiness = Readiness::new(Arc::clone(&instance), searcher, database);
    let front = Arc::new(Front::new(Arc::clone(&instance), workers, readiness));
    let (listener, listen) = config.bind().await?;
    ready(&Ready { role: config.name, listen, admin: None });
    tokio::select! {
        served = front.serve(listener, stop) => served.map_err(|source| RoleError::Serve { source }),
        () = memory::guard(&instance) => Err(RoleError::Restart { reason: "the memory guard" }),
    }
}

/// What opens sessions to the database, and to each store that follows it.
fn connectors(
    config: &RoleConfig,
) -> Result<(Arc<ServiceMetrics>, PgConnector, Vec<PgConnector>), RoleError> {
    let metrics = Arc::new(ServiceMetrics::new());
    let timeout = config.profile.service.timeouts.database;
    let settings = &config.profile.service.mitigations.database_breaker;
    let breaker = settings.enabled.then(|| {
        let metrics = metrics.breakers.of("database", Gauge::default(), Gauge::default());
        Arc::new(Breaker::before_database(settings, RunClock::start(config.speed), metrics))
    });
    let to = |edge: &str| {
        let connector =
            PgConnector::new(config.edge(edge)?, config.speed, timeout, metrics.query.clone()).map_err(
                |error| RoleError::Start { part: "the database's address", reason: error.to_string() },
            )?;
        // The stand-in leaves out its modelled service time in a session that says so; PostgreSQL
        // takes any setting with a dot in its name and ignores it.
        Ok(connector
            .with_breaker(breaker.clone())
            .with_state(search::SERVING, &serving(config))
            .with_state(warm_up::WARMING_UP, "SET standin.service_time = off"))
    };
    let replicas = config.profile.service.mitigations.read_replicas.roles();
    let replicas = replicas.iter().map(|role| to(role)).collect::<Result<_, RoleError>>()?;
    let database = to("sql")?;
    Ok((metrics, database, replicas))
}

/// The statement for sessions that serve: with modelled time, and with the limit of a query.
fn serving(config: &RoleConfig) -> String {
    let limit = match config.profile.service.timeouts.query {
        None => "0".to_owned(),
        // The stand-in keeps scenario time, somebody's PostgreSQL keeps its own.
        Some(limit) if config.is_external("sql") => config.speed.real(limit).as_millis().max(1).to_string(),
        Some(limit) => limit.as_millis().max(1).to_string(),
    };
    format!("SET standin.service_time = on; SET statement_timeout = {limit}")
}

/// The number in a process's name: `service-1`.
fn number(name: &str) -> i64 {
    name.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

fn instance(
    config: &RoleConfig,
    metrics: Arc<ServiceMetrics>,
    stores: (&PgConnector, &[PgConnector]),
    stop: &CancellationToken,
) -> Result<Instance, RoleError> {
    let profile = config.profile.service.clone();
    profile
        .check()
        .map_err(|error| RoleError::Start { part: "the service's profile", reason: error.to_string() })?;
    let sessions = session_thread(stop.clone());
    let pools = Pools::start(stores, &profile, config.speed, &sessions, &metrics.pool)
        .map_err(|error| RoleError::Start { part: "the session pool", reason: error.to_string() })?;
    let (breaker, ingest_breaker) = llm_breakers(config, &metrics);
    let buckets = Buckets::new(&profile.mitigations.token_bucket, config.speed)
        .map_err(|reason| RoleError::Start { part: "the token bucket", reason })?
        .map(Arc::new);
    let gate = Gate::new(&profile.mitigations.priority_queue, metrics.shed.clone());
    let figures = &metrics.figures;
    let workers = &profile.workers;
    figures.backlog_limit.set((workers.count * workers.backlog) as i64);
    figures.memory_limit.set(profile.memory.limit.bytes() as i64);
    let ingest =
        Ingest::new(&profile.ingest, number(&config.name), config.seed, config.speed, figures.clone());
    Ok(Instance {
        deployments: Deployments::new(&profile, figures.clone()),
        streams: StreamPlaces::new(profile.streams.max),
        ingest,
        seed: config.seed,
        profile,
        speed: config.speed,
        pools,
        breaker,
        ingest_breaker,
        gate,
        buckets,
        metrics,
        shedding: AtomicBool::new(false),
    })
}

/// The breakers before the embedding calls: one for all, or one for searches and one for ingestion.
fn llm_breakers(config: &RoleConfig, metrics: &ServiceMetrics) -> (Breaker, Option<Breaker>) {
    let profile = &config.profile.service;
    let mitigations = &profile.mitigations;
    let breaker = |name: &str, settings: &BreakerSettings| {
        Breaker::new(settings, RunClock::start(config.speed), metrics.llm_breaker(name))
            .adaptive(&mitigations.adaptive_breaker, config.seed)
    };
    if !mitigations.breaker_per_operation.enabled {
        return (breaker("llm", &profile.breaker), None);
    }
    let concurrent = mitigations.breaker_per_operation.ingest_concurrent;
    let of_ingestion = BreakerSettings { concurrent, ..profile.breaker.clone() };
    (breaker("search", &profile.breaker), Some(breaker("ingest", &of_ingestion)))
}

/// The event loop that drives the sessions of all workers.
fn session_thread(stop: CancellationToken) -> Handle {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop can be made where others were");
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("sessions".to_owned())
        .spawn(move || runtime.block_on(stop.cancelled()))
        .expect("a thread can be started");
    handle
}

async fn start_workers(
    config: &RoleConfig,
    instance: &Arc<Instance>,
    stop: &CancellationToken,
) -> Result<(Vec<WorkerHandle>, Vec<Searcher>), RoleError> {
    let (redis, llm) = (config.edge("redis")?.to_owned(), config.edge("llm")?.to_owned());
    let settings = Arc::new(instance.profile.cache.clone());
    let mut handles = Vec::new();
    let mut starting = Vec::new();
    for number in 0..instance.profile.workers.count {
        let (redis, llm) = (redis.clone(), llm.clone());
        let (instance_here, settings) = (Arc::clone(instance), Arc::clone(&settings));
        let connect = move || connect(instance_here, settings, &redis, &llm);
        let (handle, ready) = worker::start(number, instance, stop.clone(), connect);
        handles.push(handle);
        starting.push(ready);
    }
    let mut searchers = Vec::new();
    for ready in starting {
        let lost = |_| RoleError::Start { part: "a worker", reason: "it ended".to_owned() };
        searchers.push(ready.await.map_err(lost)??);
    }
    Ok((handles, searchers))
}

/// A worker's own clients, made on its own event loop.
fn connect(
    instance: Arc<Instance>,
    settings: Arc<crate::profile::Caches>,
    redis: &str,
    llm: &str,
) -> Result<Searcher, RoleError> {
    let (speed, metrics) = (instance.speed, Arc::clone(&instance.metrics));
    let timeouts = &instance.profile.timeouts;
    let cache = WorkerCache::new(redis, settings, speed, timeouts.redis, Arc::clone(&metrics))
        .map_err(|error| RoleError::Start { part: "the Redis client", reason: error.to_string() })?
        .sharing_refills(instance.profile.mitigations.single_flight.enabled);
    let llm = LlmClient::new(llm, speed, timeouts.llm, metrics)
        .map_err(|error| RoleError::Start { part: "the LLM client", reason: error.to_string() })?
        .retrying(instance.profile.mitigations.llm_retries.clone())
        .throttled(instance.buckets.clone());
    Ok(Searcher { instance, cache, llm })
}
