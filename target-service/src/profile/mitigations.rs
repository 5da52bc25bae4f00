//! The mechanisms that a profile may switch on beside what `baseline` does. Each is off by default and
//! composes with every other; `docs/MITIGATIONS.md` says where each comes from.

use serde::{Deserialize, Serialize};

/// The service's mechanisms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mitigations {
    /// Sessions of their own for ingestion.
    pub bulkheads: Bulkheads,
}

/// Sessions of their own for ingestion: it cannot take those of searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bulkheads {
    /// Whether there are.
    pub enabled: bool,
    /// Sessions of the pool for ingestion, in addition to `pool.max`.
    pub ingest_sessions: usize,
}

impl Default for Bulkheads {
    fn default() -> Self {
        // Stress-test report, scenario 2B: 10 of 20 connections are what ingestion takes at first.
        Self { enabled: false, ingest_sessions: 10 }
    }
}
