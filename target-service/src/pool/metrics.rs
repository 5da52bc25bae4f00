//! What pools publish: one set of series for each, told apart by the label `pool`.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::PoolStatus;
use crate::metrics::seconds;

/// Which pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabel {
    /// `main`, `ingest` or `replica`.
    pool: &'static str,
}

type Gauges = Family<PoolLabel, Gauge>;

/// The figures of all pools of an instance.
#[derive(Debug, Clone)]
pub struct PoolFamilies {
    max: Gauges,
    open: Gauges,
    busy: Gauges,
    waiting: Gauges,
    wait: Family<PoolLabel, Histogram, fn() -> Histogram>,
}

/// One pool's gauges and the histogram of its waits, in scenario seconds.
#[derive(Debug, Clone)]
pub struct PoolMetrics {
    pub(super) max: Gauge,
    open: Gauge,
    busy: Gauge,
    waiting: Gauge,
    pub(super) wait: Histogram,
}

impl PoolFamilies {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Self {
            max: Family::default(),
            open: Family::default(),
            busy: Family::default(),
            waiting: Family::default(),
            wait: Family::new_with_constructor(seconds),
        };
        registry.register("pool_sessions_max", "Sessions a pool holds at most", families.max.clone());
        registry.register("pool_sessions_open", "Sessions that are open", families.open.clone());
        registry.register("pool_sessions_busy", "Sessions that are handed out", families.busy.clone());
        registry.register("pool_waiting", "Callers that wait for a session", families.waiting.clone());
        registry.register("pool_wait_seconds", "From asking to session", families.wait.clone());
        families
    }

    /// Those of the pool `pool`.
    pub fn of(&self, pool: &'static str) -> PoolMetrics {
        let label = PoolLabel { pool };
        PoolMetrics {
            max: self.max.get_or_create_owned(&label),
            open: self.open.get_or_create_owned(&label),
            busy: self.busy.get_or_create_owned(&label),
            waiting: self.waiting.get_or_create_owned(&label),
            wait: self.wait.get_or_create_owned(&label),
        }
    }
}

impl PoolMetrics {
    pub(super) fn publish(&self, status: PoolStatus) {
        self.open.set(status.open as i64);
        self.busy.set(status.busy as i64);
        self.waiting.set(status.waiting as i64);
    }
}
