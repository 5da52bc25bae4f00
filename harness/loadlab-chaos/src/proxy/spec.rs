//! What callers ask for: proxies and toxics as they are written in JSON, or in Rust.
//!
//! Types of members are checked here; whether a toxic's attributes make sense is for its kind.

use std::fmt;

use serde_json::{Map, Value};

use super::{BodyError, ControlError, Direction, Draw, FieldError, fields::Fields};

/// What a proxy knows of the bytes that pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Bytes.
    #[default]
    Raw,
    /// HTTP/1.1 requests and replies.
    Http,
    /// Redis commands and replies.
    Resp,
}

impl Protocol {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Http => "http",
            Self::Resp => "resp",
        }
    }

    fn read(fields: Fields<'_>) -> Result<Option<Self>, FieldError> {
        match fields.text("protocol")? {
            None => Ok(None),
            Some("raw") => Ok(Some(Self::Raw)),
            Some("http") => Ok(Some(Self::Http)),
            Some("resp") => Ok(Some(Self::Resp)),
            Some(_) => Err(FieldError::value("protocol", "was invalid, can be raw, http or resp")),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A proxy to make.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxySpec {
    /// Its name, unique and not empty.
    pub name: String,
    /// Where it listens, `host:port`; empty is `127.0.0.1:0`, and port 0 is any.
    pub listen: String,
    /// Where it connects to, `host:port`.
    pub upstream: String,
    /// Whether it serves at once.
    pub enabled: bool,
    /// What it knows of the bytes.
    pub protocol: Protocol,
    /// Toxics that are there before the first connection. The HTTP API takes them in `/populate`
    /// only; `POST /proxies` ignores them, since clients send what they last read there.
    pub toxics: Vec<ToxicSpec>,
}

impl ProxySpec {
    /// An enabled raw proxy on a free port of 127.0.0.1.
    pub fn new(name: impl Into<String>, upstream: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            listen: String::new(),
            upstream: upstream.into(),
            enabled: true,
            protocol: Protocol::Raw,
            toxics: Vec::new(),
        }
    }

    pub(crate) fn read(body: &Value, takes_toxics: bool) -> Result<Self, ControlError> {
        let empty = Map::new();
        let fields = Fields::of(object_or_null(body, &empty, "a proxy")?);
        let text = |key| fields.text(key).map(|text| text.unwrap_or_default().to_owned());
        let mut spec = Self {
            name: text("name")?,
            listen: text("listen")?,
            upstream: text("upstream")?,
            enabled: fields.flag("enabled")?.unwrap_or(true),
            protocol: Protocol::read(fields)?.unwrap_or_default(),
            toxics: Vec::new(),
        };
        if takes_toxics {
            let toxics = fields.array("toxics")?.map_or(&[][..], Vec::as_slice);
            spec.toxics = toxics.iter().map(ToxicSpec::read).collect::<Result<_, _>>()?;
        }
        Ok(spec)
    }

    pub(crate) fn check(&self) -> Result<(), ControlError> {
        if self.name.is_empty() {
            return Err(ControlError::MissingField { field: "name" });
        }
        if self.upstream.is_empty() {
            return Err(ControlError::MissingField { field: "upstream" });
        }
        Ok(())
    }
}

/// What changes in a proxy; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyPatch {
    /// Another address to listen on: restarts the proxy.
    pub listen: Option<String>,
    /// Another upstream: restarts the proxy.
    pub upstream: Option<String>,
    /// Whether it serves.
    pub enabled: Option<bool>,
    /// Another protocol: restarts the proxy.
    pub protocol: Option<Protocol>,
}

impl ProxyPatch {
    pub(crate) fn read(body: &Value) -> Result<Self, ControlError> {
        let empty = Map::new();
        let fields = Fields::of(object_or_null(body, &empty, "a proxy")?);
        // The name is that of the path; one in the body must still be text.
        fields.text("name")?;
        Ok(Self {
            listen: fields.text("listen")?.map(str::to_owned),
            upstream: fields.text("upstream")?.map(str::to_owned),
            enabled: fields.flag("enabled")?,
            protocol: Protocol::read(fields)?,
        })
    }
}

/// A toxic to make.
#[derive(Debug, Clone, PartialEq)]
pub struct ToxicSpec {
    /// Its name, unique over both directions; `None` is `<type>_<stream>`.
    pub name: Option<String>,
    /// Its kind: `latency`, `timeout`, …
    pub kind: String,
    /// `upstream` or `downstream`.
    pub stream: String,
    /// The share of connections (or of what `draw` says) that it takes hold of.
    pub toxicity: f32,
    /// Its attributes, as in JSON.
    pub attributes: Map<String, Value>,
    /// How long it lives, in milliseconds of scenario time; `None` is until it is removed.
    pub ttl_ms: Option<u64>,
    /// What its toxicity is drawn for.
    pub draw: Draw,
}

impl ToxicSpec {
    /// A toxic that takes hold of every connection until it is removed. `attributes` that are no
    /// object are none.
    pub fn new(kind: impl Into<String>, direction: Direction, attributes: Value) -> Self {
        let attributes = if let Value::Object(attributes) = attributes { attributes } else { Map::new() };
        Self {
            name: None,
            kind: kind.into(),
            stream: direction.to_string(),
            toxicity: 1.0,
            attributes,
            ttl_ms: None,
            draw: Draw::Connection,
        }
    }

    pub(crate) fn read(body: &Value) -> Result<Self, ControlError> {
        let empty = Map::new();
        let fields = Fields::of(object_or_null(body, &empty, "a toxic")?);
        Ok(Self {
            name: fields.text("name")?.filter(|name| !name.is_empty()).map(str::to_owned),
            kind: fields.text("type")?.unwrap_or_default().to_owned(),
            stream: fields.text("stream")?.unwrap_or("downstream").to_owned(),
            toxicity: fields.float32("toxicity")?.unwrap_or(1.0),
            attributes: fields.object("attributes")?.cloned().unwrap_or_default(),
            ttl_ms: read_ttl(fields)?,
            draw: Draw::read(fields)?.unwrap_or_default(),
        })
    }

    pub(crate) fn direction(&self) -> Result<Direction, ControlError> {
        Direction::ALL
            .into_iter()
            .find(|direction| self.stream.eq_ignore_ascii_case(direction.name()))
            .ok_or(ControlError::InvalidStream)
    }

    pub(crate) fn full_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{}_{}", self.kind, self.stream))
    }
}

/// What changes in a toxic; what is absent stays, attribute by attribute.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToxicPatch {
    /// Attributes to set.
    pub attributes: Map<String, Value>,
    /// Another toxicity.
    pub toxicity: Option<f32>,
    /// A new time to live, in milliseconds of scenario time, from now.
    pub ttl_ms: Option<u64>,
    /// Something else to draw its toxicity for.
    pub draw: Option<Draw>,
}

impl ToxicPatch {
    pub(crate) fn read(body: &Value) -> Result<Self, ControlError> {
        let empty = Map::new();
        let fields = Fields::of(object_or_null(body, &empty, "a toxic")?);
        Ok(Self {
            attributes: fields.object("attributes")?.cloned().unwrap_or_default(),
            toxicity: fields.float32("toxicity")?,
            ttl_ms: read_ttl(fields)?,
            draw: Draw::read(fields)?,
        })
    }
}

fn read_ttl(fields: Fields<'_>) -> Result<Option<u64>, FieldError> {
    match fields.integer("ttl")? {
        None => Ok(None),
        Some(ttl) if ttl > 0 => Ok(Some(ttl.unsigned_abs())),
        Some(ttl) => Err(FieldError::value("ttl", format!("must be 1 ms or more, not {ttl}"))),
    }
}

/// `null` counts as an object without members.
fn object_or_null<'a>(
    body: &'a Value,
    empty: &'a Map<String, Value>,
    wanted: &'static str,
) -> Result<&'a Map<String, Value>, BodyError> {
    match body {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(empty),
        other => Err(BodyError::Root { found: super::fields::kind_of(other), wanted }),
    }
}

/// The first JSON value of a body. What comes after it is ignored, and so are invalid bytes of
/// text, as Go's decoder has it.
pub(crate) fn first_value(body: &[u8]) -> Result<Value, BodyError> {
    let text = String::from_utf8_lossy(body);
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    match values.next() {
        None => Err(BodyError::Empty),
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) if error.is_eof() => Err(BodyError::Truncated),
        Some(Err(error)) => Err(BodyError::Syntax { problem: error.to_string() }),
    }
}

/// The entries of a `/populate` body or a config file; `null` has none.
pub(crate) fn entries(body: &Value) -> Result<&[Value], BodyError> {
    match body {
        Value::Array(entries) => Ok(entries),
        Value::Null => Ok(&[]),
        other => Err(BodyError::Root { found: super::fields::kind_of(other), wanted: "a list of proxies" }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_its_first_value() {
        assert_eq!(first_value(br#"{"a":1} and so on"#), Ok(json!({ "a": 1 })));
        assert_eq!(first_value(b"  "), Err(BodyError::Empty));
        assert_eq!(first_value(b"{"), Err(BodyError::Truncated));
        assert!(matches!(first_value(b"hello"), Err(BodyError::Syntax { .. })));
        assert_eq!(first_value(b"\"\xff\""), Ok(json!("\u{fffd}")));
    }

    #[test]
    fn defaults_are_those_of_toxiproxy() {
        let spec = ToxicSpec::read(&json!({ "TYPE": "latency" })).expect("a toxic");
        assert_eq!((spec.full_name().as_str(), spec.toxicity), ("latency_downstream", 1.0));
        let spec = ProxySpec::read(&Value::Null, true).expect("a proxy");
        assert!(spec.enabled && spec.name.is_empty());
    }
}
