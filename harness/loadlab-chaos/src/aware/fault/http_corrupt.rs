//! `http_corrupt`: alters bytes of a body and leaves its length.
//!
//! The first byte of a body is always altered, so that no body that was hit is intact; the others
//! with probability `rate` each. An encoded body is altered as it is encoded.

use bytes::{Bytes, BytesMut};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::{super::draw::other_byte, Attributes, FaultError, HttpSelect};

/// Share of the bytes that is altered unless the fault says otherwise.
const RATE: f64 = 0.01;

/// Alters bytes of a body. `Touched::bytes` counts those altered.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpCorrupt {
    rate: f64,
    request: bool,
    select: HttpSelect,
}

impl HttpCorrupt {
    /// Its name.
    pub const TYPE: &'static str = "http_corrupt";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let rate = attributes.fraction("rate")?.unwrap_or(RATE);
        let request = match attributes.text("body")?.as_deref() {
            None | Some("response") => false,
            Some("request") => true,
            Some(other) => {
                let found = format!("{other:?}");
                return Err(FaultError::Wrong {
                    attribute: "body",
                    expected: "`request` or `response`",
                    found,
                });
            }
        };
        Ok(Self { rate, request, select: HttpSelect::take(attributes)? })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        map.insert("rate".to_owned(), Value::from(self.rate));
        map.insert("body".to_owned(), Value::from(if self.request { "request" } else { "response" }));
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &HttpSelect {
        &self.select
    }

    /// Whether it alters requests rather than replies.
    pub(super) fn request(&self) -> bool {
        self.request
    }

    /// The state for one body.
    pub(crate) fn begin(&self) -> Corrupted {
        Corrupted { until_next: 0, rate: self.rate }
    }
}

/// One body that is being altered.
#[derive(Debug)]
pub struct Corrupted {
    /// Bytes that stay as they are before the next one that does not.
    until_next: u64,
    rate: f64,
}

impl Corrupted {
    /// The bytes altered, and how many of them were. Where the chunks end makes no difference.
    pub(crate) fn alter(&mut self, bytes: &Bytes, rng: &mut ChaCha8Rng) -> (Bytes, u64) {
        let mut altered = BytesMut::from(&bytes[..]);
        let (mut at, mut count) = (0, 0);
        let length = altered.len() as u64;
        while length - at > self.until_next {
            at += self.until_next;
            let byte = &mut altered[at as usize];
            *byte = other_byte(*byte, rng);
            count += 1;
            at += 1;
            self.until_next = self.gap(rng);
        }
        self.until_next -= length - at;
        (altered.freeze(), count)
    }

    /// How many bytes to leave: geometric, drawn at once instead of byte by byte.
    fn gap(&self, rng: &mut ChaCha8Rng) -> u64 {
        if self.rate >= 1.0 {
            return 0;
        }
        let unit = 1.0 - rng.random::<f64>();
        (unit.ln() / (1.0 - self.rate).ln()) as u64
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Seed;
    use proptest::prelude::*;

    use super::*;

    fn alter(rate: f64, chunks: &[&[u8]]) -> (Vec<u8>, u64) {
        let mut state = HttpCorrupt { rate, request: false, select: HttpSelect::default() }.begin();
        let mut rng = Seed::new(3).stream("test", 0, 0);
        let (mut all, mut count) = (Vec::new(), 0);
        for chunk in chunks {
            let (bytes, altered) = state.alter(&Bytes::copy_from_slice(chunk), &mut rng);
            all.extend_from_slice(&bytes);
            count += altered;
        }
        (all, count)
    }

    #[test]
    fn the_rate_is_the_share_of_bytes_and_the_first_is_always_altered() {
        let body = vec![b'x'; 100_000];
        let (altered, count) = alter(0.05, &[&body]);
        let differ = altered.iter().filter(|byte| **byte != b'x').count();
        assert_eq!(differ as u64, count);
        assert!((4_500..5_500).contains(&count), "{count}");
        assert_ne!(altered[0], b'x');
        assert_eq!(alter(1.0, &[&body]).1, 100_000);
        assert_eq!(alter(1e-9, &[b"{}"]).1, 1);
    }

    proptest! {
        #[test]
        fn where_the_chunks_end_makes_no_difference(body in any::<Vec<u8>>(), cut in any::<prop::sample::Index>()) {
            let at = if body.is_empty() { 0 } else { cut.index(body.len()) };
            prop_assert_eq!(alter(0.1, &[&body]), alter(0.1, &[&body[..at], &body[at..]]));
        }
    }
}
