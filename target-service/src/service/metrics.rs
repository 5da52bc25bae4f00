//! What an instance publishes. Durations are scenario seconds.

use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{figures::Figures, priority::ClassLabel, tiers::TierLabel};
use crate::{
    breaker::{BreakerFamilies, BreakerMetrics},
    metrics::{registry, seconds, text},
    pool::PoolFamilies,
};

/// Which worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WorkerLabel {
    /// Its number, from 0.
    pub worker: usize,
}

/// A cache's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CacheLabel {
    /// `l1`, `l2` or `answer`.
    pub level: &'static str,
    /// `hit`, `miss` or `error`.
    pub result: &'static str,
}

/// What the LLM is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OperationLabel {
    /// `embedding`, `generation` or `judge`.
    pub operation: &'static str,
}

/// How a call of the LLM ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabel {
    /// `embedding`, `generation` or `judge`.
    pub operation: &'static str,
    /// `ok`, `error`, `timeout` or `rejected`.
    pub outcome: &'static str,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SearchLabel {
    /// `full`, `keyword` or `cached`; `none` if it ended before that was known.
    pub mode: &'static str,
    /// `ok`, `error`, `timeout`, `unavailable`, `refused` or `cancelled`.
    pub result: &'static str,
}

/// All figures of an instance.
#[derive(Debug)]
pub struct ServiceMetrics {
    /// Requests in a worker's backlog.
    pub queue_depth: Family<WorkerLabel, Gauge>,
    /// Admission slots taken.
    pub in_flight: Family<WorkerLabel, Gauge>,
    /// Waits for a slot.
    pub queue_wait: Histogram,
    /// Connections that were reset because every backlog was full.
    pub resets: Counter,
    /// The pools' part.
    pub pool: PoolFamilies,
    /// The breakers' part.
    pub breakers: BreakerFamilies,
    /// What the caches answered.
    pub cache: Family<CacheLabel, Counter>,
    /// How calls of the LLM ended.
    pub llm_calls: Family<CallLabel, Counter>,
    /// Calls under way.
    pub llm_in_flight: Family<OperationLabel, Gauge>,
    /// Calls that wait for a slot.
    pub llm_queued: Family<OperationLabel, Gauge>,
    /// From call to answer.
    pub llm_seconds: Family<OperationLabel, Histogram, fn() -> Histogram>,
    /// Answers that are being delivered.
    pub streams: Gauge,
    /// Searches by mode and result.
    pub searches: Family<SearchLabel, Counter>,
    /// Searches finished for nobody.
    pub abandoned: Counter,
    /// From query to result.
    pub query: Histogram,
    /// Work that the priority queue refused.
    pub shed: Family<ClassLabel, Counter>,
    /// Refills of the cache that waited for another's.
    pub shared_refills: Counter,
    /// Searches by their tier, where there are tiers.
    pub tiers: Family<TierLabel, Counter>,
    /// All that is beside the search path.
    pub figures: Figures,
    registry: Mutex<Registry>,
}

impl Default for ServiceMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl ServiceMetrics {
    /// Figures with a registry of their own.
    pub fn new() -> Self {
        let mut registry = registry();
        let llm_in_flight: Family<OperationLabel, Gauge> = Family::default();
        let llm_queued: Family<OperationLabel, Gauge> = Family::default();
        let generation = OperationLabel { operation: "generation" };
        // Generation does not queue, and says so.
        llm_queued.get_or_create(&generation).set(0);
        llm_in_flight.get_or_create(&generation).set(0);
        let resets = Counter::default();
        let metrics = Self {
            figures: Figures::register(&mut registry, &resets),
            queue_depth: Family::default(),
            in_flight: Family::default(),
            queue_wait: seconds(),
            resets,
            pool: PoolFamilies::register(&mut registry),
            breakers: BreakerFamilies::register(&mut registry),
            cache: Family::default(),
            llm_calls: Family::default(),
            llm_in_flight,
            llm_queued,
            llm_seconds: Family::new_with_constructor(seconds),
            streams: Gauge::default(),
            searches: Family::default(),
            abandoned: Counter::default(),
            query: seconds(),
            shed: Family::default(),
            shared_refills: Counter::default(),
            tiers: Family::default(),
            registry: Mutex::default(),
        };
        metrics.register(&mut registry);
        *metrics.registry.lock() = registry;
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("worker_queue_depth", "Requests in a worker's backlog", self.queue_depth.clone());
        registry.register("worker_in_flight", "Admission slots taken", self.in_flight.clone());
        registry.register(
            "worker_queue_wait_seconds",
            "Waits for an admission slot",
            self.queue_wait.clone(),
        );
        registry.register("worker_resets", "Connections reset for a full backlog", self.resets.clone());
        registry.register("cache_requests", "Answers of the caches", self.cache.clone());
        registry.register("llm_calls", "Calls of the LLM", self.llm_calls.clone());
        registry.register("llm_in_flight", "Calls of the LLM under way", self.llm_in_flight.clone());
        registry.register("llm_call_seconds", "From call to answer", self.llm_seconds.clone());
        registry.register("streams_open", "Answers that are being delivered", self.streams.clone());
        registry.register("search", "Searches by mode and result", self.searches.clone());
        registry.register("abandoned_work", "Searches finished for nobody", self.abandoned.clone());
        registry.register("llm_queued", "Calls that wait for a slot", self.llm_queued.clone());
        registry.register("shed", "Work that the priority queue refused", self.shed.clone());
        registry.register(
            "single_flight_shared",
            "Refills of the cache that waited for another's",
            self.shared_refills.clone(),
        );
        registry.register("degraded", "Searches by their tier", self.tiers.clone());
        registry.register("db_query_seconds", "From query to result", self.query.clone());
    }

    /// The figures of a breaker before the embedding calls.
    pub fn llm_breaker(&self, name: &str) -> BreakerMetrics {
        let embedding = OperationLabel { operation: "embedding" };
        let in_flight = self.llm_in_flight.get_or_create_owned(&embedding);
        self.breakers.of(name, in_flight, self.llm_queued.get_or_create_owned(&embedding))
    }

    /// The page that `/metrics` answers with.
    pub fn text(&self) -> String {
        text(&self.registry.lock())
    }

    /// Counts a cache's answer.
    pub fn cached(&self, level: &'static str, result: &'static str) {
        self.cache.get_or_create(&CacheLabel { level, result }).inc();
    }

    /// Counts the end of an LLM call.
    pub fn called(&self, operation: &'static str, outcome: &'static str) {
        self.llm_calls.get_or_create(&CallLabel { operation, outcome }).inc();
    }
}
