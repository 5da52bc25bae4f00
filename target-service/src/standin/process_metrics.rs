//! Figures about the process: memory and processor time. Linux only; elsewhere they are absent.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

/// Reads `/proc/self` at every scrape.
#[derive(Debug)]
struct ProcessMetrics;

/// Adds `process_resident_memory_bytes` and `process_cpu_seconds_total` to a registry. The second is
/// real time, whatever the speed.
pub fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(ProcessMetrics));
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            let metric = encoder.encode_descriptor(
                "process_resident_memory_bytes",
                "Resident memory",
                None,
                MetricType::Gauge,
            )?;
            ConstGauge::new(bytes).encode(metric)?;
        }
        let metric = encoder.encode_descriptor(
            "process_cpu_seconds",
            "Processor time, user and system, in real seconds",
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(cpu_seconds()).encode(metric)
    }
}

/// Resident pages from `/proc/self/statm`, in bytes.
pub fn resident_bytes() -> Option<i64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as i64)
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
