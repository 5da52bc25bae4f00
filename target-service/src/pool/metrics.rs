//! What a pool publishes.

use prometheus_client::{
    metrics::{gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::PoolStatus;
use crate::metrics::seconds;

/// The pool's gauges and the histogram of its waits, in scenario seconds.
#[derive(Debug, Clone)]
pub struct PoolMetrics {
    pub(super) max: Gauge,
    open: Gauge,
    busy: Gauge,
    waiting: Gauge,
    pub(super) wait: Histogram,
}

impl PoolMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            max: Gauge::default(),
            open: Gauge::default(),
            busy: Gauge::default(),
            waiting: Gauge::default(),
            wait: seconds(),
        };
        registry.register("pool_sessions_max", "Sessions the pool holds at most", metrics.max.clone());
        registry.register("pool_sessions_open", "Sessions that are open", metrics.open.clone());
        registry.register("pool_sessions_busy", "Sessions that are handed out", metrics.busy.clone());
        registry.register("pool_waiting", "Callers that wait for a session", metrics.waiting.clone());
        registry.register("pool_wait_seconds", "From asking to session", metrics.wait.clone());
        metrics
    }

    pub(super) fn publish(&self, status: PoolStatus) {
        self.open.set(status.open as i64);
        self.busy.set(status.busy as i64);
        self.waiting.set(status.waiting as i64);
    }
}
