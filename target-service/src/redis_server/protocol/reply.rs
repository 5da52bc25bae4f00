//! Replies, and how each version of the protocol writes them.

use std::fmt::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::super::{commands::CommandError, number};

/// The version of the protocol that a connection speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) enum Version {
    /// What every client speaks.
    #[default]
    Resp2,
    /// With maps, sets, numbers and pushes of their own.
    Resp3,
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Reply {
    /// A word: `+OK`.
    Simple(&'static str),
    /// A refusal.
    Error(CommandError),
    /// A number.
    Integer(i64),
    /// Bytes.
    Bulk(Bytes),
    /// Text for people.
    Text(String),
    /// A number with a fraction.
    Double(f64),
    /// Nothing, where bytes could be.
    Null,
    /// Nothing, where an array could be.
    NullArray,
    /// A list.
    Array(Vec<Reply>),
    /// Names and what they stand for; a flat list for RESP2.
    Map(Vec<(Reply, Reply)>),
    /// Members in no order; a list for RESP2.
    Set(Vec<Reply>),
    /// Members and their scores; a flat list for RESP2.
    Scored(Vec<(Bytes, f64)>),
    /// Something nobody asked for just now, such as a message; a list for RESP2.
    Push(Vec<Reply>),
    /// Several replies to one command, or none.
    Several(Vec<Reply>),
}

impl Reply {
    /// `+OK`.
    pub(in super::super) const OK: Self = Self::Simple("OK");

    /// Bytes of a name that is known.
    pub(in super::super) fn name(name: &'static str) -> Self {
        Self::Bulk(Bytes::from_static(name.as_bytes()))
    }

    /// Bytes, or nothing.
    pub(in super::super) fn optional(bytes: Option<Bytes>) -> Self {
        bytes.map_or(Self::Null, Self::Bulk)
    }

    /// A size.
    pub(in super::super) fn count(count: usize) -> Self {
        Self::Integer(count as i64)
    }

    /// A list of bytes.
    pub(in super::super) fn bulks(items: impl IntoIterator<Item = Bytes>) -> Self {
        Self::Array(items.into_iter().map(Self::Bulk).collect())
    }

    /// Writes the reply in a version of the protocol.
    pub(in super::super) fn encode(&self, version: Version, out: &mut BytesMut) {
        let resp3 = version == Version::Resp3;
        match self {
            Self::Simple(word) => line(out, '+', word),
            Self::Error(error) => line(out, '-', error.to_string().replace(['\r', '\n'], " ")),
            Self::Integer(number) => line(out, ':', number),
            Self::Bulk(bytes) => bulk(out, bytes),
            Self::Text(text) if resp3 => {
                line(out, '=', text.len() + 4);
                out.put_slice(b"txt:");
                out.put_slice(text.as_bytes());
                out.put_slice(b"\r\n");
            }
            Self::Text(text) => bulk(out, text.as_bytes()),
            Self::Double(number) if resp3 => line(out, ',', number::double_text(*number)),
            Self::Double(number) => bulk(out, number::double_text(*number).as_bytes()),
            Self::Null | Self::NullArray if resp3 => out.put_slice(b"_\r\n"),
            Self::Null => out.put_slice(b"$-1\r\n"),
            Self::NullArray => out.put_slice(b"*-1\r\n"),
            Self::Array(items) => list(out, '*', items, version),
            Self::Set(items) => list(out, if resp3 { '~' } else { '*' }, items, version),
            Self::Push(items) => list(out, if resp3 { '>' } else { '*' }, items, version),
            Self::Map(pairs) => {
                if resp3 {
                    line(out, '%', pairs.len());
                } else {
                    line(out, '*', pairs.len() * 2);
                }
                for (name, value) in pairs {
                    name.encode(version, out);
                    value.encode(version, out);
                }
            }
            Self::Scored(pairs) => {
                line(out, '*', if resp3 { pairs.len() } else { pairs.len() * 2 });
                for (member, score) in pairs {
                    if resp3 {
                        out.put_slice(b"*2\r\n");
                    }
                    bulk(out, member);
                    Self::Double(*score).encode(version, out);
                }
            }
            Self::Several(replies) => {
                for reply in replies {
                    reply.encode(version, out);
                }
            }
        }
    }
}

fn line(out: &mut BytesMut, kind: char, content: impl std::fmt::Display) {
    // Writing to memory that grows cannot fail.
    let _ = write!(out, "{kind}{content}\r\n");
}

fn bulk(out: &mut BytesMut, bytes: &[u8]) {
    line(out, '$', bytes.len());
    out.put_slice(bytes);
    out.put_slice(b"\r\n");
}

fn list(out: &mut BytesMut, kind: char, items: &[Reply], version: Version) {
    line(out, kind, items.len());
    for item in items {
        item.encode(version, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_forms() {
        let member = Bytes::from_static(b"m");
        let cases = [
            (Reply::OK, "+OK\r\n", "+OK\r\n"),
            (Reply::Null, "$-1\r\n", "_\r\n"),
            (Reply::NullArray, "*-1\r\n", "_\r\n"),
            (Reply::Double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (Reply::Text("a".to_owned()), "$1\r\na\r\n", "=5\r\ntxt:a\r\n"),
            (
                Reply::Map(vec![(Reply::name("k"), Reply::Integer(1))]),
                "*2\r\n$1\r\nk\r\n:1\r\n",
                "%1\r\n$1\r\nk\r\n:1\r\n",
            ),
            (Reply::Set(vec![Reply::Integer(1)]), "*1\r\n:1\r\n", "~1\r\n:1\r\n"),
            (Reply::Push(vec![Reply::Integer(1)]), "*1\r\n:1\r\n", ">1\r\n:1\r\n"),
            (
                Reply::Scored(vec![(member, 2.0)]),
                "*2\r\n$1\r\nm\r\n$1\r\n2\r\n",
                "*1\r\n*2\r\n$1\r\nm\r\n,2\r\n",
            ),
        ];
        for (reply, resp2, resp3) in cases {
            for (version, expected) in [(Version::Resp2, resp2), (Version::Resp3, resp3)] {
                let mut out = BytesMut::new();
                reply.encode(version, &mut out);
                assert_eq!(out, expected.as_bytes(), "{reply:?}");
            }
        }
    }
}
