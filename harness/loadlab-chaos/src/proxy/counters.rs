//! What passed, live: bytes by direction, connections, and what each toxic touched.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use serde::Serialize;

use super::Direction;
use crate::aware;

/// Where the numbers of probes begin. No proxy accepts so many connections.
const PROBES_FROM: u64 = 1 << 63;

/// Whether the connection with this number is a probe's.
pub(crate) const fn is_probe(number: u64) -> bool {
    number >= PROBES_FROM
}

/// Bytes of one direction of a proxy, counted as they pass.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Flow {
    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn count(&self) -> FlowCount {
        FlowCount { received: self.received.load(Relaxed), sent: self.sent.load(Relaxed) }
    }
}

/// Bytes of one direction so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FlowCount {
    /// Bytes read from the side that sends.
    pub received: u64,
    /// Bytes written to the side that reads.
    pub sent: u64,
}

/// The counters of one proxy, over all its links.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    flows: [Flow; 2],
    open: AtomicU64,
    total: AtomicU64,
    dials_failed: AtomicU64,
    probes: AtomicU64,
}

impl Counters {
    pub(crate) fn flow(&self, direction: Direction) -> &Flow {
        &self.flows[direction.index()]
    }

    /// Counts a connection that was accepted, and numbers it: 1, 2, 3.
    pub(crate) fn accepted(&self) -> u64 {
        self.open.fetch_add(1, Relaxed);
        self.total.fetch_add(1, Relaxed) + 1
    }

    /// Numbers a probe, which counts as no connection.
    pub(crate) fn probed(&self) -> u64 {
        PROBES_FROM + self.probes.fetch_add(1, Relaxed)
    }

    /// The connection with this number is over.
    pub(crate) fn closed(&self, number: u64) {
        if !is_probe(number) {
            self.open.fetch_sub(1, Relaxed);
        }
    }

    /// The upstream of the connection with this number could not be reached.
    pub(crate) fn dial_failed(&self, number: u64) {
        if !is_probe(number) {
            self.dials_failed.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn connections(&self) -> ConnectionCount {
        ConnectionCount {
            open: self.open.load(Relaxed),
            total: self.total.load(Relaxed),
            dials_failed: self.dials_failed.load(Relaxed),
        }
    }
}

/// Connections of one proxy so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionCount {
    /// Open now, those that still dial included.
    pub open: u64,
    /// Accepted since the proxy was made.
    pub total: u64,
    /// Those whose upstream could not be reached, or not in time.
    pub dials_failed: u64,
}

/// What one toxic touched since it was made.
#[derive(Debug, Default)]
pub struct Touched {
    connections: AtomicU64,
    bytes: AtomicU64,
    requests: AtomicU64,
    /// What the aware mode counts, where the toxic is a fault of that.
    fault: Arc<aware::Touched>,
}

impl Touched {
    pub(crate) fn fault(&self) -> &Arc<aware::Touched> {
        &self.fault
    }

    /// The numbers now.
    pub fn count(&self) -> TouchedCount {
        TouchedCount {
            connections: self.connections.load(Relaxed) + self.fault.connections(),
            bytes: self.bytes.load(Relaxed) + self.fault.bytes(),
            requests: self.requests.load(Relaxed) + self.fault.requests(),
        }
    }
}

/// What one toxic touched so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TouchedCount {
    /// Connections on which it did something.
    pub connections: u64,
    /// Bytes that it delayed, held back, dropped, cut or changed.
    pub bytes: u64,
    /// Requests that it disturbed, where the proxy reads the protocol.
    pub requests: u64,
}

/// The pen with which one link writes into [`Touched`]: it counts its connection once.
#[derive(Debug, Clone)]
pub struct Mark {
    touched: Arc<Touched>,
    has_counted: bool,
}

impl Mark {
    /// A pen for one link.
    pub fn new(touched: Arc<Touched>) -> Self {
        Self { touched, has_counted: false }
    }

    /// The pen for the connection with this number. That of a probe leaves no trace.
    pub(crate) fn of(touched: &Arc<Touched>, number: u64) -> Self {
        Self::new(if is_probe(number) { Arc::default() } else { Arc::clone(touched) })
    }

    /// Whether it did something to this connection.
    pub fn has_counted(&self) -> bool {
        self.has_counted
    }

    /// The toxic did something to this connection.
    pub fn connection(&mut self) {
        if !self.has_counted {
            self.has_counted = true;
            self.touched.connections.fetch_add(1, Relaxed);
        }
    }

    /// The toxic did something to this many bytes of this connection.
    pub fn bytes(&mut self, bytes: usize) {
        self.connection();
        self.touched.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// The toxic did something to a request of this connection.
    pub fn request(&mut self) {
        self.connection();
        self.touched.requests.fetch_add(1, Relaxed);
    }
}
