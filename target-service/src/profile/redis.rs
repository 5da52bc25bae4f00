//! The stand-in Redis's part of a profile. It takes the same fields by `PATCH /admin/settings`.

use loadlab_clock::{Distribution, DistributionError};
use serde::{Deserialize, Serialize};

/// The stand-in Redis's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisProfile {
    /// From a command's arrival to its execution, on top of what the stand-in itself takes. It
    /// delays; it does not limit: pipelined commands wait side by side and are answered in order.
    pub service_time: Distribution,
    /// Bytes of keys and values, about; 0 is no limit.
    pub maxmemory_bytes: u64,
    /// What happens at that limit.
    pub maxmemory_policy: MaxmemoryPolicy,
    /// Commands that write are refused, as a read-only replica does.
    #[serde(default)]
    pub read_only: bool,
}

/// What happens when the memory is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaxmemoryPolicy {
    /// Commands that add data are refused.
    #[default]
    Noeviction,
    /// Of a few keys picked at random, the one used longest ago goes.
    AllkeysLru,
    /// The same among the keys that have a time to live.
    VolatileLru,
    /// A key picked at random goes.
    AllkeysRandom,
}

impl RedisProfile {
    /// Whether all settings make sense.
    pub fn check(&self) -> Result<(), DistributionError> {
        self.service_time.check()
    }
}
