//! How many bytes may wait in latency toxics, over all links together.
//!
//! A latency toxic holds what is on its way: bandwidth times delay. A thousand links whose readers
//! are stuck would each fill up to their bound, so what all of them hold is bounded too.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// What one link may always hold, whatever the others do: one read.
const ALWAYS_BYTES: usize = 64 * 1024;
/// What one link may hold at most: 100 ms of 80 MB/s.
const LINK_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes that wait, over all links.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: usize,
    bytes: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, bytes: AtomicUsize::new(0) })
    }
}

/// The part that one stage holds; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Holding {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Holding {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Whether more may be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < ALWAYS_BYTES
            || (self.bytes < LINK_BYTES_MAX
                && self.budget.bytes.load(Ordering::Relaxed) < self.budget.bytes_max)
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.budget.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_always_has_room_for_one_read_and_never_for_more_than_its_bound() {
        let budget = Budget::new(100_000);
        let mut greedy = Holding::new(Arc::clone(&budget));
        greedy.take(100_000);
        assert!(!greedy.has_room());
        let mut modest = Holding::new(Arc::clone(&budget));
        assert!(modest.has_room());
        modest.take(ALWAYS_BYTES);
        assert!(!modest.has_room());
        drop(greedy);
        assert!(modest.has_room());
        drop(modest);
        assert_eq!(budget.bytes.load(Ordering::Relaxed), 0);
        let mut alone = Holding::new(Budget::new(usize::MAX));
        alone.take(LINK_BYTES_MAX);
        assert!(!alone.has_room());
    }
}
