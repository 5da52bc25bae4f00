//! Templates, compiled once and filled per request.
//!
//! Names are resolved to places when the program is made, so filling one copies bytes and nothing
//! else.

use std::fmt::Write as _;

use loadlab_clock::Seed;
use loadlab_scenario::template::{Piece, Template, Value};
use rand::Rng as _;

use crate::{kept::Kept, program::FeedTable};

/// A compiled template.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    /// Without holes.
    Literal(String),
    /// With some.
    Pieces(Vec<Part>),
}

/// A piece of a compiled template.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(String),
    Hole { source: Source, escapes: Vec<Escape> },
}

/// Where a hole's text comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    User,
    Arrival,
    Attempt,
    Uuid,
    Feed { table: usize, column: usize },
    Kept(usize),
}

/// What is done to a hole's text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Escape {
    Json,
    Url,
}

/// What holes are filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) seed: Seed,
    pub(crate) feeds: &'a [FeedTable],
    /// The identity.
    pub(crate) user: u32,
    /// Arrival number, or user number in closed load.
    pub(crate) seq: u64,
    /// Closed load only.
    pub(crate) iteration: Option<u64>,
    pub(crate) attempt: u32,
    /// The row taken of each feed.
    pub(crate) rows: &'a [u32],
    pub(crate) kept: &'a [Option<Kept>],
    /// The element of a fan-out and the place of its name.
    pub(crate) item: Option<(usize, &'a Kept)>,
}

/// Finds the places of names.
pub(crate) trait Names {
    type Error;
    fn feed(&self, name: &str) -> Result<usize, Self::Error>;
    fn kept(&mut self, name: &str) -> usize;
}

impl Text {
    pub(crate) fn compile<N: Names>(template: &Template, names: &mut N) -> Result<Self, N::Error> {
        if let Some(text) = template.as_literal() {
            return Ok(Self::Literal(text.to_owned()));
        }
        let parts = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text.clone())),
            Piece::Value(value) => hole(value, names),
        });
        parts.collect::<Result<_, _>>().map(Self::Pieces)
    }

    /// The text, if there are no holes.
    pub(crate) fn as_literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Pieces(_) => None,
        }
    }

    /// The feeds it draws on.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = usize> + '_ {
        let parts = match self {
            Self::Literal(_) => &[][..],
            Self::Pieces(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Hole { source: Source::Feed { table, .. }, .. } => Some(*table),
            _ => None,
        })
    }

    /// Appends the filled text.
    pub(crate) fn fill(&self, scope: &Scope<'_>, out: &mut String) {
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Pieces(parts) => parts.iter().for_each(|part| match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole { source, escapes } => fill_hole(*source, escapes, scope, out),
            }),
        }
    }
}

fn hole<N: Names>(value: &Value, names: &mut N) -> Result<Part, N::Error> {
    let mut escapes = Vec::new();
    let mut inner = value;
    loop {
        inner = match inner {
            Value::Json(wrapped) => {
                escapes.push(Escape::Json);
                wrapped
            }
            Value::Url(wrapped) => {
                escapes.push(Escape::Url);
                wrapped
            }
            _ => break,
        };
    }
    escapes.reverse();
    let source = match inner {
        Value::User => Source::User,
        Value::Arrival => Source::Arrival,
        Value::Attempt => Source::Attempt,
        Value::Uuid => Source::Uuid,
        Value::Feed { feed, column } => Source::Feed { table: names.feed(feed)?, column: *column },
        Value::Kept(name) => Source::Kept(names.kept(name)),
        Value::Json(_) | Value::Url(_) => unreachable!("unwrapped above"),
    };
    Ok(Part::Hole { source, escapes })
}

fn fill_hole(source: Source, escapes: &[Escape], scope: &Scope<'_>, out: &mut String) {
    let Some((first, rest)) = escapes.split_first() else { return push_source(source, scope, out) };
    let mut text = String::new();
    push_source(source, scope, &mut text);
    for escape in std::iter::once(first).chain(rest) {
        let mut safe = String::with_capacity(text.len() + 8);
        match escape {
            Escape::Json => push_json(&text, &mut safe),
            Escape::Url => push_url(&text, &mut safe),
        }
        text = safe;
    }
    out.push_str(&text);
}

fn push_source(source: Source, scope: &Scope<'_>, out: &mut String) {
    // Writing to a string does not fail.
    let _ = match source {
        Source::User => write!(out, "{}", scope.user),
        Source::Arrival => match scope.iteration {
            Some(iteration) => write!(out, "{}-{iteration}", scope.seq),
            None => write!(out, "{}", scope.seq),
        },
        Source::Attempt => write!(out, "{}", scope.attempt),
        Source::Uuid => {
            push_uuid(scope, out);
            Ok(())
        }
        Source::Feed { table, column } => {
            let row = scope.rows.get(table).copied().unwrap_or_default();
            out.push_str(scope.feeds[table].cell(row, column));
            Ok(())
        }
        Source::Kept(place) => {
            let item = scope.item.filter(|(at, _)| *at == place).map(|(_, kept)| kept);
            let kept = item.or_else(|| scope.kept.get(place).and_then(Option::as_ref));
            out.push_str(kept.map_or("", Kept::text));
            Ok(())
        }
    };
}

/// A version-4 UUID (RFC 9562), the same wherever one arrival uses it.
fn push_uuid(scope: &Scope<'_>, out: &mut String) {
    let mut bytes = [0; 16];
    scope.seed.stream("uuid", scope.seq, scope.iteration.unwrap_or(u64::MAX)).fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
}

/// Escapes for use inside a JSON string.
fn push_json(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn push_url(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Percent-encodes what no request line may carry, so that a value from a feed cannot break it.
pub(crate) fn make_path_safe(path: &mut String) {
    let bad = |byte: u8| byte <= b' ' || byte >= 0x7f || b"\"<>\\^`{|}".contains(&byte);
    if !path.bytes().any(bad) {
        return;
    }
    let mut safe = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if bad(byte) {
            let _ = write!(safe, "%{byte:02X}");
        } else {
            safe.push(char::from(byte));
        }
    }
    *path = safe;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct NoNames;

    impl Names for NoNames {
        type Error = ();
        fn feed(&self, _: &str) -> Result<usize, ()> {
            Err(())
        }
        fn kept(&mut self, _: &str) -> usize {
            0
        }
    }

    fn filled(value: Value, kept: &str) -> String {
        let template =
            Template { pieces: vec![Piece::Text("<".into()), Piece::Value(value), Piece::Text(">".into())] };
        let kept = [Some(Kept::Text(kept.into()))];
        let scope = Scope {
            seed: Seed::new(1),
            feeds: &[],
            user: 4,
            seq: 7,
            iteration: Some(3),
            attempt: 2,
            rows: &[],
            kept: &kept,
            item: None,
        };
        let mut out = String::new();
        Text::compile(&template, &mut NoNames).expect("compiles").fill(&scope, &mut out);
        out
    }

    #[test]
    fn holes_are_filled() {
        assert_eq!(filled(Value::User, ""), "<4>");
        assert_eq!(filled(Value::Arrival, ""), "<7-3>");
        assert_eq!(filled(Value::Attempt, ""), "<2>");
        assert_eq!(filled(Value::Kept("x".into()), "a b"), "<a b>");
        assert_eq!(filled(Value::Json(Box::new(Value::Kept("x".into()))), "a\"\n"), "<a\\\"\\n>");
        assert_eq!(filled(Value::Url(Box::new(Value::Kept("x".into()))), "a b/é"), "<a%20b%2F%C3%A9>");
        let uuid = filled(Value::Uuid, "");
        assert_eq!(uuid.len(), 38);
        assert_eq!(&uuid[15..16], "4", "version 4 in {uuid}");
        assert_eq!(uuid, filled(Value::Uuid, ""));
    }

    proptest! {
        #[test]
        fn what_is_escaped_for_json_reads_back(text in "\\PC*|[\\x00-\\x1f]*") {
            let json = format!("\"{}\"", filled(Value::Json(Box::new(Value::Kept("x".into()))), &text).trim_start_matches('<').strip_suffix('>').expect("the end"));
            // A text that itself begins with `<` loses it above; compare only the others.
            if !text.starts_with('<') {
                prop_assert_eq!(serde_json::from_str::<String>(&json).expect("valid JSON"), text);
            }
        }

        #[test]
        fn a_safe_path_is_a_valid_uri(text in "\\PC*") {
            let mut path = format!("/{text}");
            make_path_safe(&mut path);
            prop_assert!(path.parse::<http::uri::PathAndQuery>().is_ok(), "{}", path);
        }
    }
}
