//! What an instance holds and may hold: a part of the service's profile.

use std::time::Duration;

use loadlab_clock::text::human_duration;
use serde::{Deserialize, Serialize};

use super::size::Size;

/// The memory of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemorySettings {
    /// What each worker holds at rest, in resident pages.
    pub resident_per_worker: Size,
    /// What the instance may hold; 0 is no limit. It is published, and the guard measures by it.
    /// Whoever runs the instance enforces it: a `memory_limit` fault, a container.
    pub limit: Size,
    /// What the instance does by itself before it is at the limit.
    pub guard: MemoryGuard,
}

/// The memory guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryGuard {
    /// Whether there is one.
    pub enabled: bool,
    /// The share of the limit at which it says so, from 0 to 1.
    pub alert: f64,
    /// The share of the limit at which the instance takes no more work and ends, to be started again.
    pub restart: f64,
    /// How long it then waits for the work that it has.
    #[serde(with = "human_duration")]
    pub drain: Duration,
}
