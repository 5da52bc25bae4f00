//! `noop`: lets everything pass, and counts it.

use std::time::Instant;

use super::{Chunk, Kind, Mark, Queue, Site, Stage};

struct Passing {
    queue: Queue,
    mark: Mark,
}

pub(super) fn stage(site: Site) -> impl Stage {
    Passing { queue: Queue::default(), mark: site.mark }
}

impl Stage for Passing {
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

    fn retune(&mut self, _kind: &Kind, _now: Instant) {}
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    #[test]
    fn everything_passes_in_order() {
        let now = Instant::now();
        let (site, touched) = site(now);
        let mut stage = kind("noop", &json!({})).expect("a noop").stage(site).expect("a stage");
        stage.push(chunk(3, now));
        stage.push(chunk(4, now));
        assert!(!stage.is_finished(now));
        stage.finish(now);
        assert_eq!(sizes(stage.as_mut(), now), [3, 4]);
        assert!(stage.is_finished(now));
        assert_eq!((touched.count().connections, touched.count().bytes), (1, 7));
    }
}
