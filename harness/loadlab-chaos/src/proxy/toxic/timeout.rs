//! `timeout {timeout}`: data and ends are dropped, and the connection closes after `timeout` ms
//! without data; 0 is a black hole for ever. Removing the toxic closes the connections it held.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use serde_json::{Value, json};

use super::{Chunk, End, FieldError, Fields, Kind, Mark, Queue, Site, Stage, after, real_ms};

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timeout {
    timeout_ms: u64,
}

impl Timeout {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { timeout_ms: fields.count("timeout")? })
    }

    pub(super) fn attributes(&self) -> Value {
        json!({ "timeout": self.timeout_ms })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        Hole {
            timeout: self.real(site.speed),
            speed: site.speed,
            last: site.now,
            queue: Queue::default(),
            mark: site.mark,
        }
    }

    fn real(&self, speed: Speed) -> Option<Duration> {
        (self.timeout_ms > 0).then(|| real_ms(speed, self.timeout_ms))
    }
}

struct Hole {
    timeout: Option<Duration>,
    speed: Speed,
    /// When data came last, or the toxic.
    last: Instant,
    queue: Queue,
    mark: Mark,
}

impl Stage for Hole {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn push(&mut self, chunk: Chunk) {
        self.mark.bytes(chunk.data.len());
        self.last = self.last.max(chunk.at);
    }

    fn finish(&mut self, _now: Instant) {
        // The end of the stream falls into the hole too.
        self.mark.connection();
    }

    fn is_finished(&self, _now: Instant) -> bool {
        false
    }

    fn cut(&mut self, now: Instant) -> Option<End> {
        if self.wake()? > now {
            return None;
        }
        self.mark.connection();
        Some(End::Close)
    }

    fn wake(&self) -> Option<Instant> {
        self.timeout.map(|timeout| after(self.last, timeout))
    }

    fn retune(&mut self, kind: &Kind, now: Instant) {
        if let Kind::Timeout(timeout) = kind {
            self.timeout = timeout.real(self.speed);
            self.last = now;
        }
    }

    fn release(&mut self) -> Option<End> {
        self.mark.connection();
        Some(End::Close)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    #[test]
    fn data_is_dropped_and_puts_the_end_off() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let (site, touched) = site(now);
        let timeout = kind("timeout", &json!({ "timeout": 100 })).expect("attributes");
        let mut stage = timeout.stage(site).expect("a stage");
        stage.push(chunk(5, now + ms(50)));
        assert!(sizes(stage.as_mut(), now + ms(50)).is_empty());
        assert_eq!(stage.cut(now + ms(149)), None);
        assert_eq!(stage.cut(now + ms(150)), Some(End::Close));
        assert_eq!((touched.count().connections, touched.count().bytes), (1, 5));
    }

    #[test]
    fn zero_holds_for_ever_and_removal_closes() {
        let now = Instant::now();
        let (site, _) = site(now);
        let timeout = kind("timeout", &json!({ "timeout": 0 })).expect("attributes");
        let mut stage = timeout.stage(site).expect("a stage");
        stage.finish(now);
        assert_eq!((stage.wake(), stage.cut(now), stage.is_finished(now)), (None, None, false));
        assert_eq!(stage.release(), Some(End::Close));
    }
}
