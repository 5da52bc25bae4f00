//! What the target and the generator published about themselves.

use std::collections::BTreeMap;

use loadlab_clock::Offset;
use serde::{Deserialize, Serialize};

/// The values that one role published at one time. Only those that changed since its last scrape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Scrape {
    /// When, in scenario time.
    pub at: Offset,
    /// Which process: `service-0`, `gateway-0`, `llm`.
    pub role: String,
    /// Series, as Prometheus writes them (`name{label="value"}`), to value.
    pub values: BTreeMap<String, f64>,
}

/// One published series over the run: it holds its value until the next point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Series {
    /// Which process.
    pub role: String,
    /// Name without labels.
    pub name: String,
    /// Labels as written between the braces; empty without.
    pub labels: String,
    /// Scenario seconds and value.
    pub points: Vec<(f64, f64)>,
}

/// The generator's own state in one second of scenario time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GeneratorSample {
    /// Which second.
    pub second: u64,
    /// CPU seconds it used in it per real second and per core it may use: 1 is all of them.
    pub cpu: f64,
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
    /// Connections it has open.
    pub connections: u64,
}
