//! What the gateway publishes.

use http::StatusCode;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::metrics::{registry, text};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// The gateway's figures.
#[derive(Debug)]
pub(super) struct GatewayMetrics {
    requests: Family<StatusLabel, Counter>,
    rejections: Family<ReasonLabel, Counter>,
    /// Requests from their arrival to the end of their answer.
    pub(super) in_flight: Gauge,
    registry: Mutex<Registry>,
}

impl GatewayMetrics {
    pub(super) fn new() -> Self {
        let (requests, rejections, in_flight) = (Family::default(), Family::default(), Gauge::default());
        let mut registry = registry();
        registry.register("gateway_requests", "Answers by status", Family::clone(&requests));
        registry.register("gateway_rejections", "Requests not passed on", Family::clone(&rejections));
        registry.register("gateway_in_flight", "Requests under way", in_flight.clone());
        Self { requests, rejections, in_flight, registry: Mutex::new(registry) }
    }

    pub(super) fn answered(&self, status: StatusCode) {
        self.requests.get_or_create(&StatusLabel { status: status.as_u16() }).inc();
    }

    pub(super) fn rejected(&self, reason: &'static str) {
        self.rejections.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(super) fn text(&self) -> String {
        text(&self.registry.lock())
    }
}
