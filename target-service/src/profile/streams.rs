//! Big answers and what waits for their readers: a part of the service's profile.

use std::{fmt, str::FromStr};

use loadlab_clock::Seed;
use rand::RngExt as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::size::{Size, SizeTextError};

/// The answers that are being delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// What of a big answer may wait in the instance for its reader.
    pub buffer: StreamBuffer,
    /// Streams at the same time, from request to last byte; the next is refused with 503. None is no
    /// limit.
    pub max: Option<usize>,
    /// The kernel's send buffer of each connection; none leaves it to the kernel.
    pub socket: Option<Size>,
}

/// How much of an answer may wait for its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamBuffer {
    /// All of it: it is made at once and held until it is read.
    Unbounded,
    /// So much; it is made as it is read.
    Bytes(Size),
}

impl fmt::Display for StreamBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbounded => f.write_str(UNBOUNDED),
            Self::Bytes(size) => size.fmt(f),
        }
    }
}

/// The word for no limit.
const UNBOUNDED: &str = "unbounded";

impl FromStr for StreamBuffer {
    type Err = SizeTextError;

    fn from_str(text: &str) -> Result<Self, SizeTextError> {
        if text == UNBOUNDED { Ok(Self::Unbounded) } else { text.parse().map(Self::Bytes) }
    }
}

impl Serialize for StreamBuffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamBuffer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| D::Error::custom(format!("{error}, or `{UNBOUNDED}`")))
    }
}

/// How long a streamed answer is, in bytes of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBytes {
    /// Each the same.
    Constant(Size),
    /// Anything between two sizes.
    Uniform {
        /// The least.
        min: Size,
        /// The most.
        max: Size,
    },
}

impl AnswerBytes {
    /// The length of the answer number `answer`: a function of the seed and that number.
    pub fn draw(self, seed: Seed, answer: u64) -> u64 {
        match self {
            Self::Constant(size) => size.bytes(),
            Self::Uniform { min, max } => {
                seed.stream("answer-bytes", answer, 0).random_range(min.bytes()..=max.bytes())
            }
        }
    }
}
