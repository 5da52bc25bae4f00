//! What the mock publishes.

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

use super::Operation;
use crate::standin::process_metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answered {
    operation: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Of {
    operation: &'static str,
}

impl From<Operation> for Of {
    fn from(operation: Operation) -> Self {
        Self { operation: operation.name() }
    }
}

/// Clones share the same figures.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    requests: Family<Answered, Counter>,
    pub(super) queue_depth: Gauge,
    in_flight: Family<Of, Gauge>,
    queue_wait: Family<Of, Histogram>,
}

impl Metrics {
    /// The figures and the registry that publishes them.
    pub(super) fn registered() -> (Self, Registry) {
        let metrics = Self {
            requests: Family::default(),
            queue_depth: Gauge::default(),
            in_flight: Family::default(),
            // 1 ms to about 65 s.
            queue_wait: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 17))),
        };
        let mut registry = Registry::default();
        registry.register("mock_requests", "Calls answered, by status", metrics.requests.clone());
        registry.register(
            "mock_queue_depth",
            "Calls that wait for a slot or for their turn",
            metrics.queue_depth.clone(),
        );
        registry.register("mock_in_flight", "Calls that are worked on", metrics.in_flight.clone());
        registry.register(
            "mock_queue_wait_seconds",
            "From a call's arrival to the start of its work, in scenario time",
            metrics.queue_wait.clone(),
        );
        process_metrics::register(&mut registry);
        (metrics, registry)
    }

    pub(super) fn answered(&self, operation: Operation, status: u16) {
        self.requests.get_or_create(&Answered { operation: operation.name(), status }).inc();
    }

    pub(super) fn waited(&self, operation: Operation, seconds: f64) {
        self.queue_wait.get_or_create(&operation.into()).observe(seconds);
    }

    pub(super) fn in_flight(&self, operation: Operation) -> Gauge {
        self.in_flight.get_or_create(&operation.into()).clone()
    }
}
