//! A profile: a named configuration of the whole target. All durations are scenario time.
//!
//! Profiles are YAML files in `profiles/`, compiled in, one section per role.

use serde::{Deserialize, Serialize};

mod llm;
mod redis;
mod sql;

pub use llm::LlmProfile;
pub use redis::RedisProfile;
pub use sql::SqlProfile;

/// The configuration of the whole target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The LLM mock.
    pub llm: LlmProfile,
    /// The stand-in Redis.
    pub redis: RedisProfile,
    /// The stand-in SQL store.
    pub sql: SqlProfile,
}
