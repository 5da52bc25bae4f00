//! What the stand-in publishes.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
    },
    registry::Registry,
};

use super::server::Server;
use crate::standin::process_metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Executed {
    command: &'static str,
    result: &'static str,
}

/// Figures that are counted as things happen.
#[derive(Debug, Clone, Default)]
pub(super) struct Metrics {
    commands: Family<Executed, Counter>,
}

impl Metrics {
    /// A command was executed, or refused.
    pub(super) fn executed(&self, command: &'static str, ok: bool) {
        let result = if ok { "ok" } else { "error" };
        self.commands.get_or_create(&Executed { command, result }).inc();
    }
}

/// The registry that publishes a server's figures.
pub(super) fn registry(server: &Arc<Server>) -> Registry {
    let mut registry = Registry::default();
    registry.register(
        "redis_commands",
        "Commands executed or refused, by name and result",
        server.metrics.commands.clone(),
    );
    registry.register_collector(Box::new(StoreMetrics(Arc::clone(server))));
    process_metrics::register(&mut registry);
    registry
}

/// Reads the store at every scrape.
#[derive(Debug)]
struct StoreMetrics(Arc<Server>);

impl Collector for StoreMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = self.0.state.lock().figures();
        let clients = self.0.clients.lock().len();
        let gauges = [
            ("redis_keys", "Keys, with those that have expired and were not yet removed", figures.keys),
            ("redis_memory_bytes", "Estimated memory of keys and values", figures.memory),
            ("redis_connected_clients", "Open connections", clients),
        ];
        for (name, help, value) in gauges {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value as i64).encode(metric)?;
        }
        let counters = [
            ("redis_expired", "Keys removed because their time was over", figures.expired),
            ("redis_evicted", "Keys removed because the memory was full", figures.evicted),
            ("redis_keyspace_hits", "Keys looked for and found", figures.hits),
            ("redis_keyspace_misses", "Keys looked for and not found", figures.misses),
            ("redis_connections", "Connections so far", self.0.connections()),
        ];
        for (name, help, value) in counters {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        Ok(())
    }
}
