//! Faults beyond the network: processes, stores, the LLM, the clients.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    field::Leaf,
    parse::{
        Words,
        quantity::{ByteRate, ByteSize, Name},
    },
    quantity::{Rate, Share},
};

/// What happens at a memory limit; there is one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KillAtLimit;

/// A link as slow as a network of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReaderProfile {
    ThirdGeneration,
    FourthGeneration,
}

impl Words for KillAtLimit {
    const WORDS: &'static [(&'static str, Self)] = &[("kill", Self)];
}

impl Words for ReaderProfile {
    const WORDS: &'static [(&'static str, Self)] =
        &[("3g", Self::ThirdGeneration), ("4g", Self::FourthGeneration)];
}

/// A process is killed when it holds more memory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemoryLimitFault")]
pub(crate) struct MemoryLimitFile {
    /// Its name, or its role for all instances.
    pub(crate) role: Leaf<Name>,
    /// Resident bytes: `200MB`.
    pub(crate) limit: Option<Leaf<ByteSize>>,
    /// The same, counted from what it holds when the fault begins.
    pub(crate) above_resident: Option<Leaf<ByteSize>>,
    /// What happens then. Default: `kill`.
    pub(crate) on_reach: Option<Leaf<KillAtLimit>>,
}

/// A process has less processor time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CpuLimitFault")]
pub(crate) struct CpuLimitFile {
    /// Its name, or its role for all instances.
    pub(crate) role: Leaf<Name>,
    /// Seconds of processor time in each second: `0.5`.
    pub(crate) cores: Leaf<f64>,
}

/// A process can have fewer files and sockets open.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DescriptorLimitFault")]
pub(crate) struct DescriptorLimitFile {
    /// Its name, or its role for all instances.
    pub(crate) role: Leaf<Name>,
    /// Descriptors.
    pub(crate) limit: Leaf<u32>,
}

/// Some instances of a role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ProcessFault")]
pub(crate) struct ProcessFile {
    /// A name, `service-0`, or a role, `service`, for all its instances.
    pub(crate) role: Leaf<Name>,
    /// Of the instances, at least one, chosen by the seed. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
}

/// A store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StoreFault")]
pub(crate) struct StoreFile {
    /// Its name: `redis`.
    pub(crate) role: Leaf<Name>,
}

/// A share of the keys is gone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExpireShareFault")]
pub(crate) struct ExpireShareFile {
    /// The store's name.
    pub(crate) role: Leaf<Name>,
    /// Of the keys that match.
    pub(crate) share: Leaf<Share>,
    /// Which keys: `retrieval:*`. Default: all.
    pub(crate) pattern: Option<Leaf<String>>,
}

/// A key is read again and again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HotKeyFault")]
pub(crate) struct HotKeyFile {
    /// The store's name.
    pub(crate) role: Leaf<Name>,
    /// The key.
    pub(crate) key: Leaf<String>,
    /// Reads per second.
    pub(crate) rate: Leaf<Rate>,
}

/// A store is filled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FillFault")]
pub(crate) struct FillFile {
    /// The store's name.
    pub(crate) role: Leaf<Name>,
    /// Bytes of values: `300MB`.
    pub(crate) bytes: Leaf<ByteSize>,
}

/// The LLM behaves otherwise; exactly one of what follows the role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LlmFault")]
pub(crate) struct LlmFile {
    /// Its name. Default: `llm`.
    pub(crate) role: Option<Leaf<Name>>,
    /// Every call takes so long.
    pub(crate) slow: Option<Leaf<Duration>>,
    /// This share of the calls is answered with status 500.
    pub(crate) errors: Option<Leaf<Share>>,
    /// What comes faster is answered with status 429.
    pub(crate) rate_limit: Option<Leaf<Rate>>,
    /// Connections are closed without an answer.
    pub(crate) outage: Option<Leaf<bool>>,
    /// Embeddings have another number of dimensions.
    pub(crate) wrong_dimensions: Option<Leaf<bool>>,
    /// Answers are no JSON.
    pub(crate) garbage: Option<Leaf<bool>>,
}

/// Clients try again at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RetryStormFault")]
pub(crate) struct RetryStormFile {
    /// Extra attempts at most.
    pub(crate) retries: Leaf<u32>,
    /// Of the arrivals. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
}

/// Clients read slowly.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SlowReadersFault")]
pub(crate) struct SlowReadersFile {
    /// Of the arrivals. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// A link of a kind: `3g` or `4g`.
    pub(crate) profile: Option<Leaf<ReaderProfile>>,
    /// Or a rate: `50KB/s`.
    pub(crate) rate: Option<Leaf<ByteRate>>,
}

/// Clients leave in the middle of an answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LeavingFault")]
pub(crate) struct LeavingFile {
    /// Of the arrivals. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// After the first byte of an answer.
    pub(crate) after: Leaf<Duration>,
}
