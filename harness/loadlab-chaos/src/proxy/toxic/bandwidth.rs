//! `bandwidth {rate}`: at most `rate` KB/s (of 1,000 bytes) on each connection; 0 lets nothing pass.
//!
//! The line is modelled, not the average: a piece goes on when it would have arrived in full.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use serde_json::{Value, json};

use super::{Chunk, FieldError, Fields, Kind, Mark, Queue, Site, Stage, after};

/// A piece is what the line carries in this time: short enough that a reader sees a steady flow,
/// long enough that a fast line needs few pieces.
const PIECE: Duration = Duration::from_millis(50);
/// A line that was held up (its reader did not read) makes up for this much and no more.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bandwidth {
    rate_kb: u64,
}

impl Bandwidth {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { rate_kb: fields.count("rate")? })
    }

    pub(super) fn attributes(&self) -> Value {
        json!({ "rate": self.rate_kb })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        Line {
            bytes_per_second: self.real(site.speed),
            speed: site.speed,
            free_at: site.now,
            queue: Queue::default(),
            mark: site.mark,
        }
    }

    fn real(&self, speed: Speed) -> f64 {
        speed.real_rate(self.rate_kb as f64 * 1000.0)
    }
}

struct Line {
    bytes_per_second: f64,
    speed: Speed,
    /// When the line has carried what went on so far.
    free_at: Instant,
    queue: Queue,
    mark: Mark,
}

impl Line {
    /// How much of the first chunk goes next, and when, if the line is free from `from`.
    fn next(&self, from: Instant) -> Option<(usize, Instant)> {
        let first = self.queue.front()?;
        if !first.hit {
            return Some((first.data.len(), from.max(first.at)));
        }
        if self.bytes_per_second <= 0.0 {
            return None;
        }
        let piece = (self.bytes_per_second * PIECE.as_secs_f64()).max(1.0);
        let len = if piece < first.data.len() as f64 { piece as usize } else { first.data.len() };
        let span = Duration::from_secs_f64(len as f64 / self.bytes_per_second);
        Some((len, after(from.max(first.at), span)))
    }
}

impl Stage for Line {
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
        let caught_up = now.checked_sub(CATCH_UP).unwrap_or(now);
        let (len, due) = self.next(self.free_at.max(caught_up))?;
        if due > now {
            return None;
        }
        self.free_at = due;
        let mut chunk = self.queue.pop_part(len)?;
        chunk.at = due;
        Some(chunk)
    }

    fn wake(&self) -> Option<Instant> {
        self.next(self.free_at).map(|(_, due)| due)
    }

    fn retune(&mut self, kind: &Kind, _now: Instant) {
        if let Kind::Bandwidth(bandwidth) = kind {
            self.bytes_per_second = bandwidth.real(self.speed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    fn line(rate: i64, now: Instant) -> Box<dyn Stage> {
        let (site, _) = site(now);
        kind("bandwidth", &json!({ "rate": rate })).expect("attributes").stage(site).expect("a stage")
    }

    #[test]
    fn bytes_come_at_the_rate() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut line = line(100, start);
        line.push(chunk(50_000, start));
        let mut now = start;
        let mut came = 0;
        while let Some(wake) = line.wake() {
            assert!(wake >= now);
            now = wake;
            came += sizes(line.as_mut(), now).iter().sum::<usize>();
            let due = 100_000.0 * (now - start).as_secs_f64();
            assert!((came as f64 - due).abs() < 1.0, "{came} bytes, {due} due");
        }
        assert_eq!((came, now - start), (50_000, ms(500)));
    }

    #[test]
    fn a_late_waking_loses_nothing() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut line = line(100, start);
        line.push(chunk(50_000, start));
        let came: usize =
            (1..=10).map(|n| sizes(line.as_mut(), start + ms(n * 50 + 20)).iter().sum::<usize>()).sum();
        assert_eq!(came, 50_000);
    }

    #[test]
    fn a_stalled_reader_does_not_save_up_bandwidth() {
        let start = Instant::now();
        let mut line = line(100, start);
        line.push(chunk(50_000, start));
        let burst: usize = sizes(line.as_mut(), start + Duration::from_secs(60)).iter().sum();
        assert!(burst <= 10_000, "{burst}");
    }

    #[test]
    fn zero_lets_nothing_pass_until_it_is_changed() {
        let start = Instant::now();
        let mut line = line(0, start);
        line.push(chunk(100, start));
        assert_eq!((line.wake(), line.pull(start + Duration::from_secs(9)).is_none()), (None, true));
        line.retune(&kind("bandwidth", &json!({ "rate": 1 })).expect("attributes"), start);
        assert_eq!(sizes(line.as_mut(), start + Duration::from_secs(9)), [50, 50]);
    }

    #[test]
    fn a_negative_rate_is_refused() {
        let error = kind("bandwidth", &json!({ "rate": -1 })).expect_err("negative");
        assert_eq!(error.to_string(), "rate must be 0 or more, not -1");
    }
}
