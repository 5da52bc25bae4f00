//! Faults on what a protocol says: HTTP requests and replies, streams of events, Redis's commands.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{fault::EdgeName, field::Leaf, quantity::Share};

/// Requests are answered with an error in place of the dependency.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpStatusFault")]
pub(crate) struct HttpStatusFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// 400 to 599.
    pub(crate) status: Leaf<u32>,
    /// `Retry-After` of the answer. Default: none.
    pub(crate) retry_after: Option<Leaf<Duration>>,
    /// Of the requests that match. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Requests of this method only: `POST`.
    pub(crate) method: Option<Leaf<String>>,
    /// Requests whose path matches this pattern only: `/v1/*`.
    pub(crate) path: Option<Leaf<String>>,
    /// Requests with this header only: `name`, or `name: pattern`.
    pub(crate) header: Option<Leaf<String>>,
}

/// Requests are held back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpLatencyFault")]
pub(crate) struct HttpLatencyFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// By how much.
    pub(crate) add: Leaf<Duration>,
    /// More or less so much, evenly. Default: none.
    pub(crate) jitter: Option<Leaf<Duration>>,
    /// Of the requests that match. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Requests of this method only.
    pub(crate) method: Option<Leaf<String>>,
    /// Requests whose path matches this pattern only.
    pub(crate) path: Option<Leaf<String>>,
    /// Requests with this header only.
    pub(crate) header: Option<Leaf<String>>,
}

/// Streams of events end after some of them, and never cleanly.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CutStreamFault")]
pub(crate) struct CutStreamFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// Events that pass.
    pub(crate) after_events: Leaf<u32>,
    /// By RST. Default: the final chunk is missing.
    pub(crate) reset: Option<Leaf<bool>>,
    /// Of the streams that match. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Requests whose path matches this pattern only.
    pub(crate) path: Option<Leaf<String>>,
}

/// Streams of events stand still between two of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StallStreamFault")]
pub(crate) struct StallStreamFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// For how long.
    pub(crate) stall: Leaf<Duration>,
    /// Events that pass before. Default: 1.
    pub(crate) after_events: Option<Leaf<u32>>,
    /// Again before each event that follows. Default: once.
    pub(crate) each: Option<Leaf<bool>>,
    /// Of the streams that match. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Requests whose path matches this pattern only.
    pub(crate) path: Option<Leaf<String>>,
}

/// One event of a stream has other data than was sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CorruptStreamFault")]
pub(crate) struct CorruptStreamFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// Its number, from 1. Default: the first.
    pub(crate) event: Option<Leaf<u32>>,
    /// Of the streams that match. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Requests whose path matches this pattern only.
    pub(crate) path: Option<Leaf<String>>,
}

/// Commands are held back, and those behind them on their connection too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedisLatencyFault")]
pub(crate) struct RedisLatencyFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// By how much.
    pub(crate) add: Leaf<Duration>,
    /// More or less so much, evenly. Default: none.
    pub(crate) jitter: Option<Leaf<Duration>>,
    /// Of the commands that match. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Commands of this name only: `GET`.
    pub(crate) command: Option<Leaf<String>>,
    /// Commands on keys that match this pattern only: `user:*`.
    pub(crate) key: Option<Leaf<String>>,
}

/// Commands are answered with an error in place of the store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedisErrorFault")]
pub(crate) struct RedisErrorFile {
    /// Where.
    pub(crate) edge: Leaf<EdgeName>,
    /// A code in capitals and a text. Default: `ERR by a fault`.
    pub(crate) message: Option<Leaf<String>>,
    /// Of the commands that match. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Commands of this name only.
    pub(crate) command: Option<Leaf<String>>,
    /// Commands on keys that match this pattern only.
    pub(crate) key: Option<Leaf<String>>,
}
