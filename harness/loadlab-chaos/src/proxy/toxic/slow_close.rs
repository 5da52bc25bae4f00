//! `slow_close {delay}`: the end of the stream comes `delay` ms late; data is not delayed.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use serde_json::{Value, json};

use super::{Chunk, FieldError, Fields, Kind, Mark, Queue, Site, Stage, after, real_ms};

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlowClose {
    delay_ms: u64,
}

impl SlowClose {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { delay_ms: fields.count("delay")? })
    }

    pub(super) fn attributes(&self) -> Value {
        json!({ "delay": self.delay_ms })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        Closing {
            delay: real_ms(site.speed, self.delay_ms),
            speed: site.speed,
            queue: Queue::default(),
            mark: site.mark,
        }
    }
}

struct Closing {
    delay: Duration,
    speed: Speed,
    queue: Queue,
    mark: Mark,
}

impl Stage for Closing {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn push(&mut self, chunk: Chunk) {
        self.queue.push(chunk);
    }

    fn finish(&mut self, now: Instant) {
        self.mark.connection();
        self.queue.end(now);
    }

    fn is_finished(&self, now: Instant) -> bool {
        self.queue.is_over() && self.wake().is_some_and(|end| end <= now)
    }

    fn wake(&self) -> Option<Instant> {
        self.queue.ended().map(|ended| after(ended, self.delay))
    }

    fn retune(&mut self, kind: &Kind, _now: Instant) {
        if let Kind::SlowClose(slow) = kind {
            self.delay = real_ms(self.speed, slow.delay_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    #[test]
    fn the_end_is_late_and_the_data_is_not() {
        let now = Instant::now();
        let (site, touched) = site(now);
        let slow = kind("slow_close", &json!({ "delay": 100 })).expect("attributes");
        let mut stage = slow.stage(site).expect("a stage");
        stage.push(chunk(5, now));
        assert_eq!(sizes(stage.as_mut(), now), [5]);
        assert_eq!(touched.count().connections, 0);
        stage.finish(now);
        assert!(!stage.is_finished(now + Duration::from_millis(99)));
        assert_eq!(stage.wake(), Some(now + Duration::from_millis(100)));
        assert!(stage.is_finished(now + Duration::from_millis(100)));
        assert_eq!(touched.count().connections, 1);
    }
}
