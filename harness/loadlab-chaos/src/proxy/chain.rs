//! The toxics of one direction of one link, in a row.
//!
//! ```text
//!   read ─> push ─> [stage] ─> [stage] ─> … ─> pull ─> write
//! ```
//!
//! The chain follows the toxics of the proxy: when these change, stages of toxics that stay keep
//! what they hold, and what the others held goes on where it stood, so no byte is lost and none
//! overtakes another. Nothing here waits.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

use super::{
    Draw, Draws, Mark, Purpose, Shared, Toxic,
    draw::takes,
    raw::End,
    toxic::{Chunk, Direction, Site, Stage},
};

/// Stages in a row.
#[derive(Default)]
pub(crate) struct Chain {
    slots: Vec<Slot>,
    has_ended: bool,
}

/// One stage, and how its toxic takes hold of chunks.
struct Slot {
    toxic: Arc<Toxic>,
    /// Draws for each chunk, where the toxic wants that.
    chunks: Option<ChaCha8Rng>,
    stage: Box<dyn Stage>,
    was_told_of_the_end: bool,
}

impl Slot {
    fn push(&mut self, mut chunk: Chunk) {
        chunk.hit = self.chunks.as_mut().is_none_or(|rng| takes(rng, self.toxic.toxicity));
        self.stage.push(chunk);
    }

    fn finish(&mut self, now: Instant) {
        if !self.was_told_of_the_end {
            self.was_told_of_the_end = true;
            self.stage.finish(now);
        }
    }
}

/// What a change of toxics sets free.
#[derive(Default)]
pub(crate) struct Freed {
    /// Data that goes on before anything that the chain still holds.
    pub(crate) data: Vec<Bytes>,
    /// The connection ends for it.
    pub(crate) end: Option<End>,
}

impl Chain {
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether the first stage takes more.
    pub(crate) fn wants(&self) -> bool {
        self.slots.first().is_none_or(|slot| slot.stage.wants())
    }

    pub(crate) fn push(&mut self, data: Bytes, now: Instant) {
        if let Some(first) = self.slots.first_mut() {
            first.push(Chunk::new(data, now));
        }
    }

    /// The source has ended.
    pub(crate) fn finish(&mut self, now: Instant) {
        self.has_ended = true;
        if let Some(first) = self.slots.first_mut() {
            first.finish(now);
        }
    }

    /// The next piece that may be written at `now`.
    pub(crate) fn pull(&mut self, now: Instant) -> Option<Bytes> {
        self.advance(now);
        let chunk = self.slots.last_mut()?.stage.pull(now)?;
        Some(chunk.data)
    }

    /// Moves chunks and the end of the stream as far as the last stage.
    fn advance(&mut self, now: Instant) {
        for index in 1..self.slots.len() {
            let (before, rest) = self.slots.split_at_mut(index);
            let (Some(from), Some(to)) = (before.last_mut(), rest.first_mut()) else { return };
            while to.stage.wants() {
                let Some(chunk) = from.stage.pull(now) else { break };
                to.push(chunk);
            }
            if from.stage.is_finished(now) {
                to.finish(now);
            }
        }
    }

    /// Whether all that will ever come out has come out.
    pub(crate) fn is_finished(&self, now: Instant) -> bool {
        self.slots.last().map_or(self.has_ended, |last| last.stage.is_finished(now))
    }

    /// Whether the connection ends with the stream.
    pub(crate) fn ends_connection(&self) -> bool {
        self.slots.iter().any(|slot| slot.stage.ends_connection())
    }

    /// Whether the connection ends at once.
    pub(crate) fn cut(&mut self, now: Instant) -> Option<End> {
        self.slots.iter_mut().find_map(|slot| slot.stage.cut(now))
    }

    /// When time alone changes something, after `now`. A stage whose moment has passed waits for
    /// room, not for time.
    pub(crate) fn wake(&self, now: Instant) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.stage.wake()).filter(|wake| *wake > now).min()
    }

    /// Follows the toxics of the proxy.
    pub(crate) fn follow(
        &mut self,
        shared: &Shared,
        direction: Direction,
        connection: u64,
        now: Instant,
    ) -> Freed {
        let toxics = shared.toxics(direction);
        let wanted: Vec<&Arc<Toxic>> =
            toxics.iter().filter(|toxic| takes_hold(toxic, shared, connection)).collect();
        let (mut kept, freed) = self.part(&wanted);
        for toxic in wanted {
            let place = kept.iter().position(|slot| slot.toxic.id == toxic.id);
            let slot = match place {
                Some(place) => {
                    let mut slot = kept.remove(place);
                    if slot.toxic.draw != toxic.draw {
                        slot.chunks = chunk_draws(toxic, &shared.draws(toxic, connection));
                    }
                    Some(retuned(slot, toxic, now))
                }
                None => new_slot(toxic, shared, connection, now),
            };
            self.slots.extend(slot);
        }
        if self.has_ended {
            self.finish(now);
        }
        freed
    }

    /// Takes the slots out: those that stay, and what the others held. Last first, so that what
    /// stands further on goes first.
    fn part(&mut self, wanted: &[&Arc<Toxic>]) -> (Vec<Slot>, Freed) {
        let mut freed = Freed::default();
        let mut kept: Vec<Slot> = Vec::new();
        for mut slot in self.slots.drain(..).rev() {
            if wanted.iter().any(|toxic| toxic.id == slot.toxic.id) {
                kept.push(slot);
                continue;
            }
            freed.end = freed.end.or(slot.stage.release());
            while let Some(chunk) = slot.stage.queue_mut().pop() {
                // The last one kept so far is the next in the row.
                match kept.last_mut() {
                    Some(next) => next.push(chunk),
                    None => freed.data.push(chunk.data),
                }
            }
        }
        kept.reverse();
        (kept, freed)
    }
}

/// Whether the toxic concerns the connection at all. The draw is the same every time.
fn takes_hold(toxic: &Toxic, shared: &Shared, connection: u64) -> bool {
    draws_pieces(toxic) || shared.draws(toxic, connection).takes_connection(toxic.toxicity)
}

/// The draws for each chunk.
fn chunk_draws(toxic: &Toxic, draws: &Draws) -> Option<ChaCha8Rng> {
    draws_pieces(toxic).then(|| draws.stream(Purpose::Piece))
}

/// Whether the toxic takes hold of pieces of the stream rather than of connections.
fn draws_pieces(toxic: &Toxic) -> bool {
    toxic.draw != Draw::Connection && !toxic.kind.is_for_connections()
}

fn new_slot(toxic: &Arc<Toxic>, shared: &Shared, connection: u64, now: Instant) -> Option<Slot> {
    let draws = shared.draws(toxic, connection);
    let chunks = chunk_draws(toxic, &draws);
    let site = Site {
        draws,
        speed: shared.speed(),
        budget: shared.budget(),
        mark: Mark::of(&toxic.touched, connection),
        now,
    };
    let stage = toxic.kind.stage(site)?;
    Some(Slot { toxic: Arc::clone(toxic), chunks, stage, was_told_of_the_end: false })
}

/// The slot of a toxic that stays, with the attributes it has now.
fn retuned(mut slot: Slot, toxic: &Arc<Toxic>, now: Instant) -> Slot {
    if Arc::ptr_eq(&slot.toxic, toxic) {
        return slot;
    }
    if slot.toxic.kind != toxic.kind {
        slot.stage.retune(&toxic.kind, now);
    }
    slot.toxic = Arc::clone(toxic);
    slot
}
