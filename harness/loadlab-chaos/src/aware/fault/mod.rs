//! Faults on what a protocol says: plain data, one file each, all named in the match of
//! [`FaultKind::parse`].
//!
//! As a toxic a fault is `{"type": "http_status", "name": "…", "toxicity": 0.1, "attributes": {…}}`.
//! `toxicity` is the share of *requests* it hits, drawn for each. Times in attributes are
//! milliseconds of scenario time. An unknown attribute is a mistake, since a misspelt selector would
//! hit everything.
//!
//! | type | attributes (`*`: required) |
//! |---|---|
//! | `http_status` | `status`*, `retry_after` ms, and what selects requests |
//! | `http_latency` | `latency` ms with `jitter` ms, or `distribution`; selectors |
//! | `http_corrupt` | `rate`, `body` (`request` or `response`); selectors |
//! | `http_drop` | selectors |
//! | `http_reset` | selectors |
//! | `sse_cut` | `after_events`*, `reset`; selectors |
//! | `sse_stall` | `stall` ms with `jitter` ms, or `distribution`; `after_events`, `each`; selectors |
//! | `sse_corrupt` | `event`; selectors |
//! | `resp_latency` | `latency` ms with `jitter` ms, or `distribution`; `command`, `key` |
//! | `resp_error` | `error`*; `command`, `key` |
//!
//! Selectors of the HTTP faults: `method` (one or a list), `path` (a pattern, without the query),
//! `header` (`name`, or `name: pattern`; one or a list, all must match).

mod http_corrupt;
mod http_drop;
mod http_latency;
mod http_reset;
mod http_select;
mod http_status;
mod resp_error;
mod resp_latency;
mod resp_select;
mod sse_corrupt;
mod sse_cut;
mod sse_stall;

use std::{fmt, time::Duration};

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{
    http_corrupt::{Corrupted, HttpCorrupt},
    http_drop::HttpDrop,
    http_latency::HttpLatency,
    http_reset::HttpReset,
    http_select::HttpSelect,
    http_status::HttpStatus,
    resp_error::RespError,
    resp_latency::RespLatency,
    resp_select::RespSelect,
    sse_corrupt::SseCorrupt,
    sse_cut::SseCut,
    sse_stall::SseStall,
};
use super::attributes::Attributes;

/// What an edge speaks, where the proxy reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// Redis's protocol, RESP2 and RESP3.
    Resp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Resp => "resp",
        })
    }
}

/// One fault with its name and the share of requests that it hits. Always valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "FaultText", into = "FaultText")]
pub struct Fault {
    name: String,
    toxicity: f64,
    kind: FaultKind,
}

/// A fault as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultText {
    #[serde(default)]
    name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "always")]
    toxicity: f64,
    #[serde(default)]
    attributes: Value,
}

fn always() -> f64 {
    1.0
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// Answers in place of the upstream.
    HttpStatus(HttpStatus),
    /// Holds requests back.
    HttpLatency(HttpLatency),
    /// Alters bytes of a body.
    HttpCorrupt(HttpCorrupt),
    /// Never answers.
    HttpDrop(HttpDrop),
    /// Resets the connection.
    HttpReset(HttpReset),
    /// Cuts a stream of events.
    SseCut(SseCut),
    /// Holds a stream of events back.
    SseStall(SseStall),
    /// Alters one event.
    SseCorrupt(SseCorrupt),
    /// Holds commands back.
    RespLatency(RespLatency),
    /// Answers commands with an error.
    RespError(RespError),
}

/// Why a fault is not one.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultError {
    /// No fault has this type.
    Type {
        /// What was asked for.
        found: String,
    },
    /// The share is not between 0 and 1.
    Toxicity {
        /// What was asked for.
        found: f64,
    },
    /// An attribute is needed.
    Missing {
        /// Which.
        attribute: &'static str,
        /// Another that would do.
        or: Option<&'static str>,
    },
    /// An attribute has a value that it cannot have.
    Wrong {
        /// Which.
        attribute: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Two attributes say the same thing.
    Both {
        /// One.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// An attribute that this fault does not have.
    Unknown {
        /// Which.
        attribute: String,
        /// Those that it has.
        accepted: Vec<&'static str>,
    },
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { found } => {
                write!(f, "`{found}` is not a fault; there are {}", FaultKind::TYPES.join(", "))
            }
            Self::Toxicity { found } => write!(f, "toxicity {found} is not between 0 and 1"),
            Self::Missing { attribute, or: None } => write!(f, "attribute `{attribute}` is missing"),
            Self::Missing { attribute, or: Some(or) } => {
                write!(f, "attribute `{attribute}` or `{or}` is missing")
            }
            Self::Wrong { attribute, expected, found } => {
                write!(f, "attribute `{attribute}` is {found}, expected {expected}")
            }
            Self::Both { one, other } => write!(f, "attributes `{one}` and `{other}` exclude each other"),
            Self::Unknown { attribute, accepted } => {
                write!(f, "attribute `{attribute}` is unknown; there are {}", accepted.join(", "))
            }
        }
    }
}

impl std::error::Error for FaultError {}

impl Fault {
    /// A fault from what a toxic carries. `toxicity` is the share of requests, 0 to 1.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, naming the attribute and what it may be.
    pub fn parse(name: &str, kind: &str, toxicity: f64, attributes: &Value) -> Result<Self, FaultError> {
        if !(0.0..=1.0).contains(&toxicity) {
            return Err(FaultError::Toxicity { found: toxicity });
        }
        let mut attributes = Attributes::of(attributes)?;
        let kind = FaultKind::parse(kind, &mut attributes)?;
        attributes.finish()?;
        Ok(Self { name: name.to_owned(), toxicity, kind })
    }

    /// Its name, unique on its edge. Draws depend on it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The share of requests that it hits, 0 to 1.
    pub fn toxicity(&self) -> f64 {
        self.toxicity
    }

    /// What it does.
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// The protocol of the edges that it can be on.
    pub fn protocol(&self) -> Protocol {
        self.kind.protocol()
    }

    /// Its attributes, as [`Fault::parse`] reads them.
    pub fn attributes(&self) -> Value {
        let mut map = Map::new();
        self.kind.write(&mut map);
        Value::Object(map)
    }
}

impl TryFrom<FaultText> for Fault {
    type Error = FaultError;

    fn try_from(text: FaultText) -> Result<Self, FaultError> {
        let name = text.name.as_deref().unwrap_or(&text.kind);
        Self::parse(name, &text.kind, text.toxicity, &text.attributes)
    }
}

impl From<Fault> for FaultText {
    fn from(fault: Fault) -> Self {
        Self {
            kind: fault.kind.type_name().to_owned(),
            toxicity: fault.toxicity,
            attributes: fault.attributes(),
            name: Some(fault.name),
        }
    }
}

impl FaultKind {
    /// Every type.
    pub const TYPES: [&'static str; 10] = [
        HttpStatus::TYPE,
        HttpLatency::TYPE,
        HttpCorrupt::TYPE,
        HttpDrop::TYPE,
        HttpReset::TYPE,
        SseCut::TYPE,
        SseStall::TYPE,
        SseCorrupt::TYPE,
        RespLatency::TYPE,
        RespError::TYPE,
    ];

    /// The protocol of the edges that faults of a type can be on; `None` where no fault has it.
    pub fn protocol_of(type_name: &str) -> Option<Protocol> {
        match type_name {
            RespLatency::TYPE | RespError::TYPE => Some(Protocol::Resp),
            other => Self::TYPES.contains(&other).then_some(Protocol::Http),
        }
    }

    /// The one place where faults are registered.
    fn parse(kind: &str, attributes: &mut Attributes) -> Result<Self, FaultError> {
        Ok(match kind {
            HttpStatus::TYPE => Self::HttpStatus(HttpStatus::take(attributes)?),
            HttpLatency::TYPE => Self::HttpLatency(HttpLatency::take(attributes)?),
            HttpCorrupt::TYPE => Self::HttpCorrupt(HttpCorrupt::take(attributes)?),
            HttpDrop::TYPE => Self::HttpDrop(HttpDrop::take(attributes)?),
            HttpReset::TYPE => Self::HttpReset(HttpReset::take(attributes)?),
            SseCut::TYPE => Self::SseCut(SseCut::take(attributes)?),
            SseStall::TYPE => Self::SseStall(SseStall::take(attributes)?),
            SseCorrupt::TYPE => Self::SseCorrupt(SseCorrupt::take(attributes)?),
            RespLatency::TYPE => Self::RespLatency(RespLatency::take(attributes)?),
            RespError::TYPE => Self::RespError(RespError::take(attributes)?),
            found => return Err(FaultError::Type { found: found.to_owned() }),
        })
    }

    /// Its name in `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::HttpStatus(_) => HttpStatus::TYPE,
            Self::HttpLatency(_) => HttpLatency::TYPE,
            Self::HttpCorrupt(_) => HttpCorrupt::TYPE,
            Self::HttpDrop(_) => HttpDrop::TYPE,
            Self::HttpReset(_) => HttpReset::TYPE,
            Self::SseCut(_) => SseCut::TYPE,
            Self::SseStall(_) => SseStall::TYPE,
            Self::SseCorrupt(_) => SseCorrupt::TYPE,
            Self::RespLatency(_) => RespLatency::TYPE,
            Self::RespError(_) => RespError::TYPE,
        }
    }

    fn write(&self, map: &mut Map<String, Value>) {
        match self {
            Self::HttpStatus(fault) => fault.write(map),
            Self::HttpLatency(fault) => fault.write(map),
            Self::HttpCorrupt(fault) => fault.write(map),
            Self::HttpDrop(fault) => fault.write(map),
            Self::HttpReset(fault) => fault.write(map),
            Self::SseCut(fault) => fault.write(map),
            Self::SseStall(fault) => fault.write(map),
            Self::SseCorrupt(fault) => fault.write(map),
            Self::RespLatency(fault) => fault.write(map),
            Self::RespError(fault) => fault.write(map),
        }
    }

    fn protocol(&self) -> Protocol {
        if self.resp_select().is_some() { Protocol::Resp } else { Protocol::Http }
    }

    /// Which HTTP requests it may hit.
    pub(crate) fn http_select(&self) -> Option<&HttpSelect> {
        match self {
            Self::HttpStatus(fault) => Some(fault.select()),
            Self::HttpLatency(fault) => Some(fault.select()),
            Self::HttpCorrupt(fault) => Some(fault.select()),
            Self::HttpDrop(fault) => Some(fault.select()),
            Self::HttpReset(fault) => Some(fault.select()),
            Self::SseCut(fault) => Some(fault.select()),
            Self::SseStall(fault) => Some(fault.select()),
            Self::SseCorrupt(fault) => Some(fault.select()),
            Self::RespLatency(_) | Self::RespError(_) => None,
        }
    }

    /// Which commands it may hit.
    pub(crate) fn resp_select(&self) -> Option<&RespSelect> {
        match self {
            Self::RespLatency(fault) => Some(fault.select()),
            Self::RespError(fault) => Some(fault.select()),
            _ => None,
        }
    }

    /// What it does to a request before it is forwarded, if that is when it acts.
    pub(crate) fn before_request(&self, rng: &mut ChaCha8Rng) -> Option<BeforeRequest<'_>> {
        match self {
            Self::HttpStatus(fault) => Some(BeforeRequest::Reply(fault)),
            Self::HttpLatency(fault) => Some(BeforeRequest::Wait(fault.sample(rng))),
            Self::HttpDrop(_) => Some(BeforeRequest::Drop),
            Self::HttpReset(_) => Some(BeforeRequest::Reset),
            _ => None,
        }
    }

    /// What it does to a reply's body, if that is what it acts on; `events` if it is an event stream
    /// that can be read.
    pub(crate) fn on_body(&self, events: bool) -> Option<OnBody<'_>> {
        match self {
            Self::HttpCorrupt(fault) if !fault.request() => Some(OnBody::Bytes(fault)),
            Self::SseCut(fault) if events => Some(OnBody::Cut(fault)),
            Self::SseStall(fault) if events => Some(OnBody::Stall(fault)),
            Self::SseCorrupt(fault) if events => Some(OnBody::Event(fault)),
            _ => None,
        }
    }

    /// What alters a request's body, if this does.
    pub(crate) fn on_request_body(&self) -> Option<&HttpCorrupt> {
        match self {
            Self::HttpCorrupt(fault) if fault.request() => Some(fault),
            _ => None,
        }
    }

    /// What it does to a command.
    pub(crate) fn on_command(&self, rng: &mut ChaCha8Rng) -> Option<OnCommand<'_>> {
        match self {
            Self::RespLatency(fault) => Some(OnCommand::Wait(fault.sample(rng))),
            Self::RespError(fault) => Some(OnCommand::Error(fault)),
            _ => None,
        }
    }
}

/// What happens to a request before it is forwarded.
#[derive(Debug)]
pub(crate) enum BeforeRequest<'a> {
    /// It waits, in scenario time.
    Wait(Duration),
    /// It is answered here.
    Reply(&'a HttpStatus),
    /// It is never answered.
    Drop,
    /// Its connection is reset.
    Reset,
}

/// What happens to the body of a reply.
#[derive(Debug)]
pub(crate) enum OnBody<'a> {
    /// Bytes are altered.
    Bytes(&'a HttpCorrupt),
    /// It is cut.
    Cut(&'a SseCut),
    /// It is held back.
    Stall(&'a SseStall),
    /// One event is altered.
    Event(&'a SseCorrupt),
}

/// What happens to a command.
#[derive(Debug)]
pub(crate) enum OnCommand<'a> {
    /// It waits, in scenario time.
    Wait(Duration),
    /// It is answered here.
    Error(&'a RespError),
}

#[cfg(test)]
mod tests;
