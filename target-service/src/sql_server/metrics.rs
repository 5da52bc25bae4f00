//! What the SQL stand-in publishes.

use std::time::Duration;

use loadlab_clock::Speed;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::standin::process_metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

/// Clones share the same figures.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    speed: Speed,
    statements: Family<OfKind, Counter>,
    lock_wait: Histogram,
    execution: Histogram,
    service_time: Histogram,
    pub(super) busy: Counter,
    pub(super) conflicts: Counter,
    pub(super) connections: Gauge,
    pub(super) refused: Counter,
}

impl Metrics {
    /// The figures and the registry that publishes them.
    pub(super) fn registered(speed: Speed) -> (Self, Registry) {
        let metrics = Self {
            speed,
            statements: Family::default(),
            // 10 µs to about 5 s.
            lock_wait: Histogram::new(exponential_buckets(0.000_01, 2.0, 20)),
            execution: Histogram::new(exponential_buckets(0.000_01, 2.0, 20)),
            // 1 ms to about 65 s.
            service_time: Histogram::new(exponential_buckets(0.001, 2.0, 17)),
            busy: Counter::default(),
            conflicts: Counter::default(),
            connections: Gauge::default(),
            refused: Counter::default(),
        };
        let mut registry = Registry::default();
        registry.register("store_statements", "Statements by kind", metrics.statements.clone());
        registry.register(
            "store_lock_wait_seconds",
            "Wait for the stand-in's own lock and its writer, in scenario time",
            metrics.lock_wait.clone(),
        );
        registry.register(
            "store_execution_seconds",
            "What statements took beside the modelled time, in scenario time",
            metrics.execution.clone(),
        );
        registry.register(
            "store_service_seconds",
            "Modelled time of statements, in scenario time",
            metrics.service_time.clone(),
        );
        registry.register("store_busy", "Statements that SQLite refused as busy", metrics.busy.clone());
        registry.register(
            "store_conflicts",
            "Transactions refused because others had changed what they saw",
            metrics.conflicts.clone(),
        );
        registry.register("store_connections", "Connections that are open", metrics.connections.clone());
        registry.register("store_connections_refused", "Connections over the limit", metrics.refused.clone());
        process_metrics::register(&mut registry);
        (metrics, registry)
    }

    pub(super) fn statement(&self, kind: &'static str) {
        self.statements.get_or_create(&OfKind { kind }).inc();
    }

    pub(super) fn locked_after(&self, real: Duration) {
        self.lock_wait.observe(self.speed.scenario(real).as_secs_f64());
    }

    pub(super) fn executed_in(&self, real: Duration) {
        self.execution.observe(self.speed.scenario(real).as_secs_f64());
    }

    pub(super) fn served(&self, scenario: Duration) {
        self.service_time.observe(scenario.as_secs_f64());
    }
}
