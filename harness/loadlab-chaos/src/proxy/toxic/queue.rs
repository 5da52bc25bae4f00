//! What waits in a stage: chunks in order, and whether more will come.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

/// How much a stage that only passes on holds before it takes no more: one read.
const ROOM_BYTES: usize = 64 * 1024;

/// A piece of a stream: what one read gave, or part of it.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub(crate) data: Bytes,
    /// When it came to the stage it is in, by schedule: lateness does not add up along a chain.
    pub(crate) at: Instant,
    /// When it may go on, where the stage says so in advance.
    pub(crate) due: Instant,
    /// Whether the stage's toxic takes hold of it.
    pub(crate) hit: bool,
}

impl Chunk {
    pub(crate) fn new(data: Bytes, at: Instant) -> Self {
        Self { data, at, due: at, hit: true }
    }
}

/// Chunks in order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    ended: Option<Instant>,
}

impl Queue {
    pub(crate) fn push(&mut self, chunk: Chunk) {
        self.bytes += chunk.data.len();
        self.chunks.push_back(chunk);
    }

    pub(crate) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.data.len();
        Some(chunk)
    }

    /// The first `len` bytes of the first chunk, or all of it if it has no more.
    pub(crate) fn pop_part(&mut self, len: usize) -> Option<Chunk> {
        let first = self.chunks.front_mut()?;
        if first.data.len() <= len {
            return self.pop();
        }
        self.bytes -= len;
        Some(Chunk { data: first.data.split_to(len), ..first.clone() })
    }

    pub(crate) fn front(&self) -> Option<&Chunk> {
        self.chunks.front()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Chunk> {
        self.chunks.iter_mut()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.bytes < ROOM_BYTES
    }

    /// No more comes. The first call counts.
    pub(crate) fn end(&mut self, now: Instant) {
        self.ended.get_or_insert(now);
    }

    /// When the last was pushed, if that is known.
    pub(crate) fn ended(&self) -> Option<Instant> {
        self.ended
    }

    /// Whether all is gone and no more comes.
    pub(crate) fn is_over(&self) -> bool {
        self.chunks.is_empty() && self.ended.is_some()
    }
}
