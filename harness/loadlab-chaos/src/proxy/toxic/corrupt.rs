//! `corrupt {share, unit}`: bytes arrive changed. `unit` is `chunk` (one byte in that share of the
//! chunks; the default) or `byte` (that share of all bytes). Toxiproxy has no such toxic.

use std::time::Instant;

use bytes::Bytes;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{Chunk, FieldError, Fields, Kind, Mark, Queue, Site, Stage};
use crate::proxy::{Purpose, view::number};

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Corrupt {
    share: f64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Chunk,
    Byte,
}

impl Corrupt {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        let unit = match fields.text("unit")? {
            None | Some("chunk") => Unit::Chunk,
            Some("byte") => Unit::Byte,
            Some(_) => return Err(FieldError::value("unit", "was invalid, can be chunk or byte")),
        };
        Ok(Self { share: fields.share("share")?, unit })
    }

    pub(super) fn attributes(&self) -> Value {
        let unit = match self.unit {
            Unit::Chunk => "chunk",
            Unit::Byte => "byte",
        };
        json!({ "share": number(self.share), "unit": unit })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        let rng = site.draws.stream(Purpose::Value);
        Corrupting { corrupt: self.clone(), rng, queue: Queue::default(), mark: site.mark }
    }

    /// Where the bytes of a chunk of `len` change.
    fn places(&self, len: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        match self.unit {
            Unit::Chunk => {
                let (unit, place): (f64, f64) = (rng.random(), rng.random());
                // A unit under 1 times the length is under the length.
                if unit < self.share && len > 0 { vec![(place * len as f64) as usize] } else { Vec::new() }
            }
            Unit::Byte => skips(self.share, len, rng),
        }
    }
}

/// Places in `0..len`, each taken with probability `share`, by drawing the gaps between them: the
/// gap before the next is geometric.
fn skips(share: f64, len: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut places = Vec::new();
    if share <= 0.0 {
        return places;
    }
    let mut place = 0.0_f64;
    loop {
        let unit: f64 = rng.random();
        // ln(1 - unit) is at most 0, and so is ln(1 - share): minus infinity where share is 1.
        place += ((1.0 - unit).ln() / (1.0 - share).ln()).floor();
        if place >= len as f64 {
            return places;
        }
        places.push(place as usize);
        place += 1.0;
    }
}

struct Corrupting {
    corrupt: Corrupt,
    rng: ChaCha8Rng,
    queue: Queue,
    mark: Mark,
}

impl Stage for Corrupting {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn push(&mut self, mut chunk: Chunk) {
        let places =
            if chunk.hit { self.corrupt.places(chunk.data.len(), &mut self.rng) } else { Vec::new() };
        if !places.is_empty() {
            self.mark.bytes(places.len());
            let mut data = chunk.data.to_vec();
            for place in places {
                // Never 0: a byte that is hit is another.
                data[place] ^= self.rng.random_range(1..=u8::MAX);
            }
            chunk.data = Bytes::from(data);
        }
        self.queue.push(chunk);
    }

    fn retune(&mut self, kind: &Kind, _now: Instant) {
        if let Kind::Corrupt(corrupt) = kind {
            self.corrupt = corrupt.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site};
    use super::*;

    /// How many bytes of `chunks` chunks of `len` bytes arrive changed, and how many were counted.
    fn changed(attributes: &Value, chunks: usize, len: usize) -> (usize, u64) {
        let now = Instant::now();
        let (site, touched) = site(now);
        let mut stage = kind("corrupt", attributes).expect("attributes").stage(site).expect("a stage");
        let mut one = || {
            stage.push(chunk(len, now));
            let data = stage.pull(now).expect("a chunk").data;
            assert_eq!(data.len(), len);
            data.iter().filter(|byte| **byte != b'x').count()
        };
        let sum = (0..chunks).map(|_| one()).sum();
        (sum, touched.count().bytes)
    }

    #[test]
    fn the_share_is_of_chunks_or_of_bytes_and_is_counted() {
        let (by_chunk, counted) = changed(&json!({ "share": 0.25 }), 2_000, 100);
        assert!((400..=600).contains(&by_chunk), "{by_chunk}");
        assert_eq!(by_chunk as u64, counted);
        let (by_byte, counted) = changed(&json!({ "share": 0.01, "unit": "byte" }), 20, 10_000);
        assert!((1_700..=2_300).contains(&by_byte), "{by_byte}");
        assert_eq!(by_byte as u64, counted);
    }

    #[test]
    fn all_and_none_are_all_and_none() {
        for unit in ["byte", "chunk"] {
            assert_eq!(changed(&json!({ "share": 0, "unit": unit }), 10, 10).0, 0);
        }
        assert_eq!(changed(&json!({ "share": 1, "unit": "byte" }), 10, 10).0, 100);
        assert_eq!(changed(&json!({ "share": 1, "unit": "chunk" }), 10, 10).0, 10);
    }
}
