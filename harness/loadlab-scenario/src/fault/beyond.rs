//! What faults beyond the network do: limits of processes, changes of stores, of the LLM and of the
//! clients. Data only; who carries them out is no concern of a plan.

use std::time::Duration;

use loadlab_clock::text::human_duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Rate, Share};

/// How much of something a process may have while the fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Resident memory. At the limit the process is killed, and started again when the fault is over.
    Memory(MemoryBound),
    /// Processor time.
    Cpu {
        /// Seconds of it in each second, over all cores.
        cores: f64,
    },
    /// Open file descriptors: RLIMIT_NOFILE.
    Descriptors {
        /// One more than the largest number of a descriptor.
        max: u32,
    },
}

/// Where a memory limit lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryBound {
    /// At so many bytes.
    Bytes(u64),
    /// So many bytes above what the process holds when the fault begins.
    AboveResident(u64),
}

/// What happens to a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreChange {
    /// All its keys are removed, once.
    Flush,
    /// A share of its keys is removed, once. Which ones is a function of the seed and the key.
    ExpireShare {
        /// Of the keys that match.
        share: Share,
        /// Which keys, as Redis's patterns. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
    },
    /// One key is read again and again.
    HotKey {
        /// Its name.
        key: String,
        /// Reads per second of scenario time.
        rate: Rate,
    },
    /// Keys are added, and removed afterwards.
    Fill {
        /// Bytes of their values, or less if the store takes no more.
        bytes: u64,
    },
    /// Commands that write are refused.
    ReadOnly,
}

/// How the LLM behaves, in both its calls: embeddings and generation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LlmChange {
    /// Every call takes so long, instead of what it takes otherwise.
    Slow(
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        Duration,
    ),
    /// This share of the calls is answered with status 500.
    Errors(Share),
    /// What comes faster is answered with status 429.
    RateLimit(Rate),
    /// Connections are closed without an answer.
    Outage,
    /// Embeddings have another number of dimensions than before.
    WrongDimensions,
    /// Answers are of status 200, and no JSON.
    Garbage,
}

/// How clients behave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientChange {
    /// After an attempt that failed there is another one at once, whatever the service asks for.
    RetryStorm {
        /// Extra attempts of a request at most.
        retries: u32,
        /// Of the arrivals.
        share: Share,
    },
    /// Answers are read at a limited rate.
    SlowReaders {
        /// Of the arrivals.
        share: Share,
        /// For each connection.
        bytes_per_s: u64,
    },
    /// Users leave in the middle of an answer.
    Leaving {
        /// Of the arrivals.
        share: Share,
        /// After its first byte.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        after: Duration,
    },
}

impl Limit {
    /// What it is called: `memory_limit`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory_limit",
            Self::Cpu { .. } => "cpu_limit",
            Self::Descriptors { .. } => "descriptor_limit",
        }
    }
}

impl StoreChange {
    /// What it is called: `flush`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::ExpireShare { .. } => "expire_share",
            Self::HotKey { .. } => "hot_key",
            Self::Fill { .. } => "fill",
            Self::ReadOnly => "read_only",
        }
    }
}

impl LlmChange {
    /// What it is called: `llm_slow`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Slow(_) => "llm_slow",
            Self::Errors(_) => "llm_errors",
            Self::RateLimit(_) => "llm_rate_limit",
            Self::Outage => "llm_outage",
            Self::WrongDimensions => "llm_wrong_dimensions",
            Self::Garbage => "llm_garbage",
        }
    }
}

impl ClientChange {
    /// What it is called: `retry_storm`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RetryStorm { .. } => "retry_storm",
            Self::SlowReaders { .. } => "slow_readers",
            Self::Leaving { .. } => "leaving",
        }
    }
}

/// How many of a role's instances a share is: the nearest number, and one at least.
pub fn instances_of_share(all: usize, share: Share) -> usize {
    ((all as f64 * share.get()).round() as usize).clamp(1, all.max(1))
}

/// Whether a process is what a fault names: itself, or an instance of a role. `service-1` is an
/// instance of `service`.
pub fn is_instance_of(process: &str, role: &str) -> bool {
    let number = process.strip_prefix(role).and_then(|rest| rest.strip_prefix('-'));
    process == role || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_itself_or_by_its_role() {
        for (process, role, expected) in [
            ("service-1", "service-1", true),
            ("service-1", "service", true),
            ("model-node-12", "model-node", true),
            ("model-node-12", "model", false),
            ("service-", "service", false),
            ("services", "service", false),
            ("redis", "redis", true),
        ] {
            assert_eq!(is_instance_of(process, role), expected, "{process} of {role}");
        }
    }

    #[test]
    fn changes_are_written_with_their_units() {
        let json = |value: &LlmChange| serde_json::to_string(value).expect("it serialises");
        assert_eq!(json(&LlmChange::Slow(Duration::from_secs(5))), r#"{"slow":"5s"}"#);
        assert_eq!(json(&LlmChange::Outage), r#""outage""#);
        let limit = Limit::Memory(MemoryBound::Bytes(7));
        let text = serde_json::to_string(&limit).expect("it serialises");
        assert_eq!(text, r#"{"memory":{"bytes":7}}"#);
        assert_eq!(serde_json::from_str::<Limit>(&text).expect("it reads back"), limit);
    }
}
