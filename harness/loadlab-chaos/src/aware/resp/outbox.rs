//! Commands on their way to the server, in order, some of them held back.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;

use crate::aware::switch::{Active, FaultSet};

/// Bytes in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Item>,
    bytes: usize,
    held: usize,
}

#[derive(Debug)]
struct Item {
    bytes: BytesMut,
    hold: Option<Held>,
}

/// Why a command waits.
#[derive(Debug, Clone)]
pub(super) struct Held {
    arrived: Instant,
    /// Each fault with the real time that it adds. Those that are gone add nothing.
    faults: Vec<(Arc<Active>, Duration)>,
}

impl Held {
    /// Nothing holds a command that just arrived.
    pub(super) fn new(arrived: Instant) -> Self {
        Self { arrived, faults: Vec::new() }
    }

    pub(super) fn add(&mut self, fault: &Arc<Active>, time: Duration) {
        self.faults.push((Arc::clone(fault), time));
    }

    pub(super) fn is_free(&self) -> bool {
        self.faults.is_empty()
    }

    fn due(&self, faults: &FaultSet) -> Instant {
        let still = self.faults.iter().filter(|(fault, _)| faults.contains(fault));
        let wait = still.fold(Duration::ZERO, |sum, (_, time)| sum.saturating_add(*time));
        // An overflow is a wait of centuries; a day is as good.
        self.arrived.checked_add(wait).unwrap_or(self.arrived + Duration::from_secs(86_400))
    }
}

/// What can be done with the outbox now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Front {
    /// Nothing is in it.
    Empty,
    /// Its first bytes can be sent.
    Ready,
    /// They wait until then.
    At(Instant),
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Whether a command that comes now would wait behind one that is held back.
    pub(super) fn holds(&self) -> bool {
        self.held > 0
    }

    /// More bytes that nothing holds back but what is before them.
    pub(super) fn push(&mut self, bytes: BytesMut) {
        self.bytes += bytes.len();
        match self.queue.back_mut() {
            Some(last) if last.hold.is_none() => last.bytes.unsplit(bytes),
            _ => self.queue.push_back(Item { bytes, hold: None }),
        }
    }

    /// The beginning of a command that is held back.
    pub(super) fn hold(&mut self, bytes: BytesMut, hold: Held) {
        self.bytes += bytes.len();
        self.held += 1;
        self.queue.push_back(Item { bytes, hold: Some(hold) });
    }

    /// More bytes of the command that was held back last; if it was let go they just follow it.
    pub(super) fn push_to_last(&mut self, bytes: BytesMut) {
        self.bytes += bytes.len();
        match self.queue.back_mut() {
            Some(last) => last.bytes.unsplit(bytes),
            None => self.queue.push_back(Item { bytes, hold: None }),
        }
    }

    /// What can be done now. A command whose time has come is free from then on.
    pub(super) fn front(&mut self, faults: &FaultSet) -> Front {
        while let Some(first) = self.queue.front_mut() {
            if let Some(hold) = &first.hold {
                let due = hold.due(faults);
                if due > Instant::now() {
                    return Front::At(due);
                }
                first.hold = None;
                self.held -= 1;
            }
            if !first.bytes.is_empty() {
                return Front::Ready;
            }
            self.queue.pop_front();
        }
        Front::Empty
    }

    /// The bytes that are [`Front::Ready`].
    pub(super) fn ready(&self) -> &[u8] {
        self.queue.front().map_or(&[], |first| &first.bytes[..])
    }

    /// So many of them were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(first) = self.queue.front_mut() {
            bytes::Buf::advance(&mut first.bytes, bytes);
            self.bytes -= bytes;
        }
    }
}
