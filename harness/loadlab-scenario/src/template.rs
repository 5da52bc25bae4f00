//! Text with holes: `/api/content/${item}`. Compiled when the plan is built, filled per request.

use serde::{Deserialize, Serialize};

/// Literal text and holes, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Template {
    /// Its pieces. A template without holes has at most one.
    pub pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// Filled in per request.
    Value(Value),
}

/// Where a hole's text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// `${user}`: the identity's number, from 0.
    User,
    /// `${arrival}`: the arrival's number in open load; user and iteration, `7-3`, in closed load.
    Arrival,
    /// `${attempt}`: 0 for the first.
    Attempt,
    /// `${uuid}`: a version-4 UUID drawn from the seed and the arrival.
    Uuid,
    /// `${feed.column}`: from the row this arrival took of a feed.
    Feed {
        /// The feed's name.
        feed: String,
        /// Index into its columns.
        column: usize,
    },
    /// `${name}`: extracted by an earlier step or by the login, or the element of a fan-out.
    Kept(String),
    /// `${json:…}`: the inner value, escaped for use inside a JSON string. Holes of a `json:` body are
    /// wrapped in it when the plan is built.
    Json(Box<Value>),
    /// `${url:…}`: the inner value, every byte but the unreserved ones (RFC 3986) percent-encoded.
    /// Holes of a `form:` body are wrapped in it when the plan is built.
    Url(Box<Value>),
}

impl Template {
    /// Text without holes.
    pub fn literal(text: &str) -> Self {
        let pieces = if text.is_empty() { Vec::new() } else { vec![Piece::Text(text.to_owned())] };
        Self { pieces }
    }

    /// The text, if there are no holes.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}
