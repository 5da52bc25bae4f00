//! `slicer {average_size, size_variation, delay}`: chunks go on in slices of `average_size` bytes,
//! give or take `size_variation`, with `delay` µs after each.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{Chunk, FieldError, Fields, Kind, Mark, Queue, Site, Stage, after};
use crate::proxy::Purpose;

/// Slices that a stalled reader held up follow each other at once for this much time and no more.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slicer {
    average_size: u64,
    size_variation: u64,
    delay_us: u64,
}

impl Slicer {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        let slicer = Self {
            average_size: fields.count("average_size")?,
            size_variation: fields.count("size_variation")?,
            delay_us: fields.count("delay")?,
        };
        if slicer.average_size == 0 {
            return Err(FieldError::value("average_size", "must be 1 or more, not 0"));
        }
        if slicer.size_variation > slicer.average_size {
            let problem = format!("must be up to average_size, not {}", slicer.size_variation);
            return Err(FieldError::value("size_variation", problem));
        }
        Ok(slicer)
    }

    pub(super) fn attributes(&self) -> Value {
        json!({
            "average_size": self.average_size,
            "size_variation": self.size_variation,
            "delay": self.delay_us,
        })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        let rng = site.draws.stream(Purpose::Value);
        let mut knife = Knife {
            slicer: self.clone(),
            speed: site.speed,
            next_len: 0,
            free_at: site.now,
            rng,
            queue: Queue::default(),
            mark: site.mark,
        };
        knife.draw();
        knife
    }

    /// The bounds of a slice, at least one byte.
    fn sizes(&self) -> (u64, u64) {
        let most = self.average_size.saturating_add(self.size_variation);
        (self.average_size.saturating_sub(self.size_variation).max(1), most)
    }
}

struct Knife {
    slicer: Slicer,
    speed: Speed,
    next_len: usize,
    /// When the delay after the last slice is over.
    free_at: Instant,
    rng: ChaCha8Rng,
    queue: Queue,
    mark: Mark,
}

impl Knife {
    fn draw(&mut self) {
        let (least, most) = self.slicer.sizes();
        self.next_len = usize::try_from(self.rng.random_range(least..=most)).unwrap_or(usize::MAX);
    }
}

impl Stage for Knife {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn push(&mut self, chunk: Chunk) {
        if chunk.hit {
            self.mark.bytes(chunk.data.len());
        }
        self.queue.push(chunk);
    }

    fn pull(&mut self, now: Instant) -> Option<Chunk> {
        let start = self.wake()?.max(now.checked_sub(CATCH_UP).unwrap_or(now));
        if start > now {
            return None;
        }
        if !self.queue.front()?.hit {
            return self.queue.pop();
        }
        let mut slice = self.queue.pop_part(self.next_len)?;
        self.draw();
        slice.at = start;
        self.free_at = after(start, self.speed.real(Duration::from_micros(self.slicer.delay_us)));
        Some(slice)
    }

    fn wake(&self) -> Option<Instant> {
        self.queue.front().map(|first| first.at.max(self.free_at))
    }

    fn retune(&mut self, kind: &Kind, now: Instant) {
        if let Kind::Slicer(slicer) = kind {
            self.slicer = slicer.clone();
            self.free_at = self.free_at.min(now);
            self.draw();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    fn knife(attributes: &Value, now: Instant) -> Box<dyn Stage> {
        let (site, _) = site(now);
        kind("slicer", attributes).expect("attributes").stage(site).expect("a stage")
    }

    #[test]
    fn slices_keep_their_size_and_lose_nothing() {
        let now = Instant::now();
        let mut knife = knife(&json!({ "average_size": 100, "size_variation": 20 }), now);
        knife.push(chunk(60_000, now));
        let slices = sizes(knife.as_mut(), now);
        assert_eq!(slices.iter().sum::<usize>(), 60_000);
        let (_, whole) = slices.split_last().expect("slices");
        assert!(whole.iter().all(|len| (80..=120).contains(len)), "{whole:?}");
        assert!((550..=650).contains(&slices.len()), "{}", slices.len());
    }

    #[test]
    fn slices_are_apart_by_the_delay() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut knife = knife(&json!({ "average_size": 10, "delay": 5_000 }), now);
        knife.push(chunk(30, now));
        for n in 0..3 {
            assert_eq!(knife.wake().map(|wake| wake - now), Some(ms(n * 5)));
            assert_eq!(sizes(knife.as_mut(), now + ms(n * 5)), [10]);
        }
        assert_eq!(knife.wake(), None);
    }

    #[test]
    fn slices_of_nothing_are_refused() {
        let cases = [
            (json!({}), "average_size must be 1 or more, not 0"),
            (json!({ "average_size": -5 }), "average_size must be 0 or more, not -5"),
            (
                json!({ "average_size": 5, "size_variation": 6 }),
                "size_variation must be up to average_size, not 6",
            ),
        ];
        for (attributes, said) in cases {
            assert_eq!(kind("slicer", &attributes).expect_err("nothing").to_string(), said);
        }
    }
}
