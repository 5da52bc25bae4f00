//! What every role publishes, and how: Prometheus text, durations in scenario seconds.

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::standin::process_metrics;

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A registry that publishes the process's memory and processor time.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    process_metrics::register(&mut registry);
    registry
}

/// A histogram of durations from 1 ms to 131 s, in scenario seconds.
pub fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 18))
}

/// One more on a gauge while it lives.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    /// Counts one.
    pub fn one_more(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The page that `/metrics` answers with.
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).expect("a string takes all text");
    text
}
