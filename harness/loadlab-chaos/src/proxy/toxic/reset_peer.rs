//! `reset_peer {timeout}`: both sides get an RST `timeout` ms after the toxic took hold of the
//! connection, whether anything is sent or not. Until then its direction is held back, as in
//! Toxiproxy, where data is never passed on either.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use serde_json::{Value, json};

use super::{Chunk, End, FieldError, Fields, Kind, Mark, Queue, Site, Stage, after, real_ms};

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResetPeer {
    timeout_ms: u64,
}

impl ResetPeer {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { timeout_ms: fields.count("timeout")? })
    }

    pub(super) fn attributes(&self) -> Value {
        json!({ "timeout": self.timeout_ms })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        Fuse {
            since: site.now,
            timeout: real_ms(site.speed, self.timeout_ms),
            speed: site.speed,
            queue: Queue::default(),
            mark: site.mark,
        }
    }
}

struct Fuse {
    since: Instant,
    timeout: Duration,
    speed: Speed,
    queue: Queue,
    mark: Mark,
}

impl Stage for Fuse {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn push(&mut self, chunk: Chunk) {
        self.mark.bytes(chunk.data.len());
    }

    fn finish(&mut self, _now: Instant) {
        // An end that came first would hide the reset.
    }

    fn is_finished(&self, _now: Instant) -> bool {
        false
    }

    fn cut(&mut self, now: Instant) -> Option<End> {
        if after(self.since, self.timeout) > now {
            return None;
        }
        self.mark.connection();
        Some(End::Reset)
    }

    fn wake(&self) -> Option<Instant> {
        Some(after(self.since, self.timeout))
    }

    fn retune(&mut self, kind: &Kind, _now: Instant) {
        if let Kind::ResetPeer(reset) = kind {
            self.timeout = real_ms(self.speed, reset.timeout_ms);
        }
    }

    fn release(&mut self) -> Option<End> {
        // Part of the stream may be missing, so the connection cannot go on as if nothing were.
        (self.mark.has_counted() && !self.timeout.is_zero()).then_some(End::Reset)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site};
    use super::*;

    #[test]
    fn an_idle_connection_is_reset_in_time() {
        let now = Instant::now();
        let (site, touched) = site(now);
        let reset = kind("reset_peer", &json!({ "timeout": 100 })).expect("attributes");
        let mut stage = reset.stage(site).expect("a stage");
        assert_eq!(stage.cut(now + Duration::from_millis(99)), None);
        assert_eq!(touched.count().connections, 0);
        assert_eq!(stage.cut(now + Duration::from_millis(100)), Some(End::Reset));
        assert_eq!(touched.count().connections, 1);
    }

    #[test]
    fn a_fuse_that_is_taken_away_leaves_idle_connections_alone() {
        let now = Instant::now();
        let reset = kind("reset_peer", &json!({ "timeout": 100 })).expect("attributes");
        let (idle, _) = site(now);
        assert_eq!(reset.stage(idle).expect("a stage").release(), None);
        let (busy, _) = site(now);
        let mut stage = reset.stage(busy).expect("a stage");
        stage.push(chunk(5, now));
        assert_eq!(stage.release(), Some(End::Reset));
    }
}
