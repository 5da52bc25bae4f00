//! `limit_data {bytes}`: the connection closes once so many bytes have passed since the toxic took
//! hold of it.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Chunk, FieldError, Fields, Kind, Mark, Queue, Site, Stage};

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LimitData {
    bytes: u64,
}

impl LimitData {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { bytes: fields.count("bytes")? })
    }

    pub(super) fn attributes(&self) -> Value {
        json!({ "bytes": self.bytes })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        Gate { bytes_max: self.bytes, passed: 0, is_shut: false, queue: Queue::default(), mark: site.mark }
    }
}

struct Gate {
    bytes_max: u64,
    passed: u64,
    is_shut: bool,
    queue: Queue,
    mark: Mark,
}

impl Stage for Gate {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn wants(&self) -> bool {
        !self.is_shut && self.queue.has_room()
    }

    fn push(&mut self, mut chunk: Chunk) {
        if self.is_shut {
            return;
        }
        let len = chunk.data.len();
        let left = usize::try_from(self.bytes_max.saturating_sub(self.passed)).unwrap_or(usize::MAX);
        chunk.data.truncate(left);
        self.passed += chunk.data.len() as u64;
        if left <= len {
            self.is_shut = true;
            self.mark.bytes(len - left);
            self.queue.end(chunk.at);
        }
        if !chunk.data.is_empty() {
            self.queue.push(chunk);
        }
    }

    fn ends_connection(&self) -> bool {
        self.is_shut
    }

    fn retune(&mut self, kind: &Kind, _now: Instant) {
        if let Kind::LimitData(limit) = kind {
            self.bytes_max = limit.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    #[test]
    fn the_gate_shuts_at_the_limit() {
        let now = Instant::now();
        let (site, touched) = site(now);
        let limit = kind("limit_data", &json!({ "bytes": 100 })).expect("attributes");
        let mut stage = limit.stage(site).expect("a stage");
        stage.push(chunk(60, now));
        assert!(!stage.ends_connection() && touched.count().connections == 0);
        stage.push(chunk(60, now));
        stage.push(chunk(60, now));
        assert_eq!(sizes(stage.as_mut(), now), [60, 40]);
        assert!(stage.ends_connection() && stage.is_finished(now));
        assert_eq!((touched.count().connections, touched.count().bytes), (1, 20));
    }

    #[test]
    fn nothing_passes_a_limit_of_zero() {
        let now = Instant::now();
        let (site, _) = site(now);
        let limit = kind("limit_data", &json!({})).expect("attributes");
        let mut stage = limit.stage(site).expect("a stage");
        stage.push(chunk(60, now));
        assert!(sizes(stage.as_mut(), now).is_empty() && stage.is_finished(now));
    }
}
