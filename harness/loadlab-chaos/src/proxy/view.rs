//! What callers are told: proxies and toxics as they are now, and as JSON.
//!
//! Members and their order are Toxiproxy's. What it does not have comes after, and only where it
//! is not the default, so that a plain proxy looks plain.

use serde_json::{Map, Number, Value, json};

use super::{ConnectionCount, Direction, Draw, FlowCount, Protocol, TouchedCount, Toxic};

/// A proxy as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyView {
    /// Its name.
    pub name: String,
    /// Where it listens, the port resolved; as it was asked for while it is disabled.
    pub listen: String,
    /// Where it connects to.
    pub upstream: String,
    /// Whether it serves.
    pub enabled: bool,
    /// What it knows of the bytes.
    pub protocol: Protocol,
    /// Its toxics, upstream ones first.
    pub toxics: Vec<ToxicView>,
}

impl ProxyView {
    /// As the HTTP API shows it.
    pub fn to_json(&self) -> Value {
        let mut all = json!({
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": self.toxics.iter().map(ToxicView::to_json).collect::<Vec<_>>(),
        });
        if self.protocol != Protocol::Raw {
            all["protocol"] = self.protocol.name().into();
        }
        all
    }
}

/// A toxic as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct ToxicView {
    /// Its attributes.
    pub attributes: Map<String, Value>,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The direction it disturbs.
    pub direction: Direction,
    /// The share that it takes hold of.
    pub toxicity: f32,
    /// How long it lives from when that was set, in milliseconds of scenario time.
    pub ttl_ms: Option<u64>,
    /// What its toxicity is drawn for.
    pub draw: Draw,
    /// What it touched so far. Not in the JSON of a toxic; `GET /stats` has it.
    pub touched: TouchedCount,
}

impl ToxicView {
    pub(crate) fn of(toxic: &Toxic) -> Self {
        Self {
            attributes: toxic.attributes(),
            name: toxic.name.clone(),
            kind: toxic.type_name.clone(),
            direction: toxic.direction,
            toxicity: toxic.toxicity,
            ttl_ms: toxic.ttl_ms,
            draw: toxic.draw,
            touched: toxic.touched.count(),
        }
    }

    /// As the HTTP API shows it.
    pub fn to_json(&self) -> Value {
        let mut all = json!({
            "attributes": self.attributes,
            "name": self.name,
            "type": self.kind,
            "stream": self.direction.name(),
            "toxicity": number32(self.toxicity),
        });
        if let Some(ttl) = self.ttl_ms {
            all["ttl"] = ttl.into();
        }
        if self.draw != Draw::Connection {
            all["draw"] = self.draw.name().into();
        }
        all
    }
}

/// What passed through a proxy so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyStats {
    /// Its name.
    pub name: String,
    /// Its connections.
    pub connections: ConnectionCount,
    /// Bytes from clients to the upstream.
    pub upstream: FlowCount,
    /// Bytes from the upstream to clients.
    pub downstream: FlowCount,
    /// What its toxics touched, upstream ones first.
    pub toxics: Vec<ToxicStats>,
}

/// What a toxic touched so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToxicStats {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The direction it disturbs.
    pub direction: Direction,
    /// What it touched.
    pub touched: TouchedCount,
}

impl ProxyStats {
    /// As `GET /stats` shows it.
    pub fn to_json(&self) -> Value {
        let toxic = |toxic: &ToxicStats| {
            let direction = toxic.direction.name();
            json!({ "name": toxic.name, "type": toxic.kind, "stream": direction, "touched": toxic.touched })
        };
        json!({
            "name": self.name,
            "connections": self.connections,
            "upstream": self.upstream,
            "downstream": self.downstream,
            "toxics": self.toxics.iter().map(toxic).collect::<Vec<_>>(),
        })
    }
}

/// A number as Go writes it: no fraction where there is none.
pub(crate) fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        Value::from(value as i64)
    } else {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

/// The shortest number that is this `f32`, as Go writes it: 0.1, not 0.10000000149.
fn number32(value: f32) -> Value {
    number(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_short_as_they_are() {
        let cases = [(1.0, "1"), (0.1, "0.1"), (0.0, "0"), (-2.5, "-2.5")];
        for (value, text) in cases {
            assert_eq!(number32(value).to_string(), text);
        }
        assert_eq!(number(0.25).to_string(), "0.25");
    }
}
