//! The stand-in Redis's part of a profile.

use serde::{Deserialize, Serialize};

/// The stand-in Redis's part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisProfile {}
