//! `packet_loss {loss_rate, correlation}`: chunks are dropped, each with probability `loss_rate`,
//! and with `loss_rate + correlation` after one that was dropped, so that losses come in bursts.
//!
//! A chunk is what one read gave. The stream goes on without it: this is data lost on the way, not
//! a loss that TCP would repair.

use std::time::Instant;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{Chunk, FieldError, Fields, Kind, Mark, Queue, Site, Stage};
use crate::proxy::{Purpose, view::number};

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PacketLoss {
    loss_rate: f64,
    correlation: f64,
}

impl PacketLoss {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { loss_rate: fields.share("loss_rate")?, correlation: fields.share("correlation")? })
    }

    pub(super) fn attributes(&self) -> Value {
        json!({ "loss_rate": number(self.loss_rate), "correlation": number(self.correlation) })
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        let rng = site.draws.stream(Purpose::Value);
        Losing { loss: self.clone(), has_dropped: false, rng, queue: Queue::default(), mark: site.mark }
    }
}

struct Losing {
    loss: PacketLoss,
    has_dropped: bool,
    rng: ChaCha8Rng,
    queue: Queue,
    mark: Mark,
}

impl Stage for Losing {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn push(&mut self, chunk: Chunk) {
        let burst = if self.has_dropped { self.loss.correlation } else { 0.0 };
        let unit: f64 = self.rng.random();
        self.has_dropped = chunk.hit && unit < self.loss.loss_rate + burst;
        if self.has_dropped {
            self.mark.bytes(chunk.data.len());
        } else {
            self.queue.push(chunk);
        }
    }

    fn retune(&mut self, kind: &Kind, _now: Instant) {
        if let Kind::PacketLoss(loss) = kind {
            self.loss = loss.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    /// Which of 10,000 chunks are lost.
    fn lost(attributes: &Value) -> Vec<bool> {
        let now = Instant::now();
        let (site, _) = site(now);
        let mut stage = kind("packet_loss", attributes).expect("attributes").stage(site).expect("a stage");
        let mut one = || {
            stage.push(chunk(1, now));
            sizes(stage.as_mut(), now).is_empty()
        };
        (0..10_000).map(|_| one()).collect()
    }

    #[test]
    fn the_rate_is_the_share_of_chunks() {
        let share = |lost: &[bool]| lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64;
        let few = lost(&json!({ "loss_rate": 0.1 }));
        assert!((share(&few) - 0.1).abs() < 0.02, "{}", share(&few));
        // With correlation c the share is r / (1 - c).
        let bursts = lost(&json!({ "loss_rate": 0.1, "correlation": 0.5 }));
        assert!((share(&bursts) - 0.2).abs() < 0.03, "{}", share(&bursts));
        let pairs = bursts.windows(2).filter(|pair| pair[0] && pair[1]).count() as f64;
        let after_loss = pairs / bursts.iter().filter(|lost| **lost).count() as f64;
        assert!((after_loss - 0.6).abs() < 0.06, "{after_loss}");
    }

    #[test]
    fn a_rate_that_is_no_share_is_refused() {
        for attributes in [json!({ "loss_rate": 1.1 }), json!({ "loss_rate": 0.1, "correlation": -1 })] {
            let error = kind("packet_loss", &attributes).expect_err("no share").to_string();
            assert!(error.contains("must be from 0 to 1"), "{error}");
        }
    }
}
