//! How documents are taken in: a part of the service's profile.

use std::time::Duration;

use loadlab_clock::text::human_duration;
use serde::{Deserialize, Serialize};

/// Ingestion in an instance, over all its jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestSettings {
    /// Batches that wait for their embeddings, or for their last document to find a writer.
    pub concurrent: usize,
    /// Documents that are written at the same time, each with a session of the pool.
    pub writers: usize,
    /// Documents in one embedding call.
    pub per_call: usize,
    /// Fewest INSERTs of a document.
    pub inserts_min: usize,
    /// Most INSERTs of a document.
    pub inserts_max: usize,
    /// The pause after a failed embedding call, so that a job does not run dry while the breaker is
    /// open.
    #[serde(with = "human_duration")]
    pub pause: Duration,
}
