//! What is broken on purpose.

mod aware;
mod beyond;

use std::time::Duration;

use loadlab_clock::Seed;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

pub(crate) use self::{
    aware::{
        CorruptStreamFile, CutStreamFile, HttpLatencyFile, HttpStatusFile, RedisErrorFile, RedisLatencyFile,
        StallStreamFile,
    },
    beyond::{
        CpuLimitFile, DescriptorLimitFile, ExpireShareFile, FillFile, HotKeyFile, LeavingFile, LlmFile,
        MemoryLimitFile, ProcessFile, ReaderProfile, RetryStormFile, SlowReadersFile, StoreFile,
    },
};
use super::{condition::LiveConditionFile, judge::ObjectiveLine};
use crate::{
    fault::{EdgeName, Stream},
    field::{At, Either, Leaf, Names},
    parse::{
        FromText, TextError, Words,
        quantity::{ByteRate, Name, is_name},
    },
    quantity::Share,
};

/// One disturbance: when, and exactly one of what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fault")]
pub(crate) struct FaultFile {
    /// Its name in events and reports. Default: what it does and where.
    pub(crate) name: Option<Leaf<Name>>,
    /// A fault of `chaos/faults`, which says what it does.
    #[expect(dead_code, reason = "it is for the schema: what it stands for is put in its place beforehand")]
    pub(crate) r#use: Option<Leaf<Name>>,
    /// Where, beside `use`, for a fault at an edge.
    pub(crate) edge: Option<Leaf<EdgeName>>,
    /// Where, beside `use`, for a fault of a process.
    pub(crate) role: Option<Leaf<Name>>,
    /// Fields of the used fault that are others here.
    pub(crate) with: Option<At<Names<Leaf<String>>>>,
    /// When it begins, from the start of the run. Default: at the start.
    pub(crate) at: Option<Leaf<Duration>>,
    /// How long it lasts.
    pub(crate) r#for: Leaf<Duration>,
    /// It begins again so long after each beginning. Default: once.
    pub(crate) every: Option<Leaf<Duration>>,
    /// It begins once this holds, instead of at a time.
    pub(crate) when: Option<Either<ObjectiveLine, LiveConditionFile>>,
    /// With `when`: not before this, from the start of the run. Default: any time after the warm-up.
    pub(crate) after: Option<Leaf<Duration>>,
    /// It grows linearly from nothing to its full size over this time. Default: full at once.
    pub(crate) ramp: Option<Leaf<Duration>>,
    /// Draws of its own, whatever its place in the list. Default: by its place.
    pub(crate) seed: Option<Leaf<Seed>>,
    /// Answers come later.
    pub(crate) latency: Option<At<LatencyFile>>,
    /// Answers come at a limited rate.
    pub(crate) bandwidth: Option<At<BandwidthFile>>,
    /// Data disappears, and connections stay.
    pub(crate) black_hole: Option<At<PlaceFile>>,
    /// Connections are reset.
    pub(crate) reset: Option<At<PlaceFile>>,
    /// Connections are refused.
    pub(crate) down: Option<At<DownFile>>,
    /// Connections end after so many bytes.
    pub(crate) cut: Option<At<CutFile>>,
    /// Chunks are lost as packets are.
    pub(crate) packet_loss: Option<At<PacketLossFile>>,
    /// Any toxic of the fault proxy, in its own terms.
    pub(crate) toxic: Option<At<ToxicFile>>,
    /// Requests are answered with an error.
    pub(crate) http_status: Option<At<HttpStatusFile>>,
    /// Requests are held back.
    pub(crate) http_latency: Option<At<HttpLatencyFile>>,
    /// Streams of events are cut.
    pub(crate) cut_stream: Option<At<CutStreamFile>>,
    /// Streams of events stand still.
    pub(crate) stall_stream: Option<At<StallStreamFile>>,
    /// One event of a stream is garbled.
    pub(crate) corrupt_stream: Option<At<CorruptStreamFile>>,
    /// Redis's commands are held back.
    pub(crate) redis_latency: Option<At<RedisLatencyFile>>,
    /// Redis's commands are answered with an error.
    pub(crate) redis_error: Option<At<RedisErrorFile>>,
    /// A process is killed, and started again when the fault is over.
    pub(crate) kill: Option<At<ProcessFile>>,
    /// A process is asked to end, and started again when the fault is over.
    pub(crate) terminate: Option<At<ProcessFile>>,
    /// A process is stopped, and goes on when the fault is over.
    pub(crate) pause: Option<At<ProcessFile>>,
    /// A process is killed when it holds more memory.
    pub(crate) memory_limit: Option<At<MemoryLimitFile>>,
    /// A process has less processor time.
    pub(crate) cpu_limit: Option<At<CpuLimitFile>>,
    /// A process can have fewer descriptors.
    pub(crate) descriptor_limit: Option<At<DescriptorLimitFile>>,
    /// A store loses all its keys.
    pub(crate) flush: Option<At<StoreFile>>,
    /// A store loses a share of its keys.
    pub(crate) expire_share: Option<At<ExpireShareFile>>,
    /// A key of a store is read again and again.
    pub(crate) hot_key: Option<At<HotKeyFile>>,
    /// A store is filled.
    pub(crate) fill: Option<At<FillFile>>,
    /// A store refuses what writes.
    pub(crate) read_only: Option<At<StoreFile>>,
    /// The LLM behaves otherwise.
    pub(crate) llm: Option<At<LlmFile>>,
    /// Clients try again at once.
    pub(crate) retry_storm: Option<At<RetryStormFile>>,
    /// Clients read slowly.
    pub(crate) slow_readers: Option<At<SlowReadersFile>>,
    /// Clients leave in the middle of an answer.
    pub(crate) leaving: Option<At<LeavingFile>>,
    /// A stand-in's settings are others.
    pub(crate) settings: Option<At<SettingsFile>>,
    /// Somebody starts a job.
    pub(crate) request: Option<At<RequestFile>>,
}

/// Answers come later.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LatencyFault")]
pub(crate) struct LatencyFile {
    /// Where: `service-0/sql`.
    pub(crate) edge: Leaf<EdgeName>,
    /// By how much.
    pub(crate) add: Leaf<Duration>,
    /// More or less so much, evenly. Default: none.
    pub(crate) jitter: Option<Leaf<Duration>>,
    /// On which share of the connections. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Which way. Default: downstream, the answers.
    pub(crate) stream: Option<Leaf<Stream>>,
}

/// Answers come at a limited rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BandwidthFault")]
pub(crate) struct BandwidthFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// Of each connection: `50KB/s`.
    pub(crate) rate: Leaf<ByteRate>,
    /// On which share of the connections. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Which way. Default: downstream, the answers.
    pub(crate) stream: Option<Leaf<Stream>>,
}

/// Where, and on how much of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EdgeFault")]
pub(crate) struct PlaceFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// After so long. Default: a black hole stays; a reset comes at once.
    pub(crate) after: Option<Leaf<Duration>>,
    /// On which share of the connections. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
}

/// Where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DownFault")]
pub(crate) struct DownFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
}

/// Connections end after so many bytes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CutFault")]
pub(crate) struct CutFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// Bytes of the answers that pass.
    pub(crate) bytes: Leaf<u32>,
    /// On which share of the connections. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
}

/// Chunks are lost as packets are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PacketLossFault")]
pub(crate) struct PacketLossFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// Which share of the chunks is lost.
    pub(crate) loss: Leaf<Share>,
    /// Which way. Default: downstream, the answers.
    pub(crate) stream: Option<Leaf<Stream>>,
}

/// Any toxic of the fault proxy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ToxicFault")]
pub(crate) struct ToxicFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// Its type.
    pub(crate) r#type: Leaf<Name>,
    /// Which way. Default: downstream, the answers.
    pub(crate) stream: Option<Leaf<Stream>>,
    /// On which share of the connections. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// By name; times are milliseconds.
    pub(crate) attributes: Option<At<Names<Leaf<String>>>>,
}

/// A stand-in's settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SettingsFault")]
pub(crate) struct SettingsFile {
    /// Its name: `llm`.
    pub(crate) role: Leaf<Name>,
    /// Setting to value.
    pub(crate) set: At<Names<Leaf<String>>>,
}

/// One request to a role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RequestFault")]
pub(crate) struct RequestFile {
    /// Its name: `service-0`.
    pub(crate) role: Leaf<Name>,
    /// The path: `/ingest`.
    pub(crate) post: Leaf<RequestPath>,
    /// The body.
    pub(crate) json: Option<At<Names<Leaf<String>>>>,
}

/// The path of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestPath(pub(crate) String);

impl FromText for RequestPath {
    fn from_text(text: &str) -> Result<Self, TextError> {
        if text.starts_with('/') {
            return Ok(Self(text.to_owned()));
        }
        let message = format!("`{}` is no path", crate::document::shortened(text));
        Err(TextError::whole(text, message).accepted("a path that begins with `/`: `/ingest`"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^/" })
    }
}

impl Words for Stream {
    const WORDS: &'static [(&'static str, Self)] =
        &[("downstream", Self::Downstream), ("upstream", Self::Upstream)];
}

impl FromText for EdgeName {
    fn from_text(text: &str) -> Result<Self, TextError> {
        match text.split_once('/') {
            Some((from, to)) if is_name(from) && is_name(to) => {
                Ok(Self { from: from.to_owned(), to: to.to_owned() })
            }
            _ => {
                let message = format!("`{}` is no edge", crate::document::shortened(text));
                Err(TextError::whole(text, message)
                    .accepted("who depends and on whom: `service-0/sql`, `load/gateway-0`"))
            }
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$" })
    }
}
