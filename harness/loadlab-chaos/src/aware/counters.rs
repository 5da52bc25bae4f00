//! What was seen and touched, live in atomics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;

/// What one fault touched since it was set for the first time. It outlives changes of the fault.
#[derive(Debug, Default)]
pub struct Touched {
    connections: AtomicU64,
    requests: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
}

impl Touched {
    /// Connections with at least one request that was touched.
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Requests or commands.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Server-sent events that were altered, held back, or after which a stream was cut.
    pub fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    /// Bytes that were altered, withheld from the upstream, or delayed; each fault says which.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    pub(crate) fn add_connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_event(&self) {
        self.events.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Its value now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }
}

/// What passed over an edge.
#[derive(Debug, Default)]
pub struct Counters {
    /// Of an HTTP edge.
    pub http: HttpCounters,
    /// Of a RESP edge.
    pub resp: RespCounters,
}

/// What passed over an HTTP edge.
#[derive(Debug, Default)]
pub struct HttpCounters {
    /// Requests whose head was read, those answered by a fault included.
    pub requests: Count,
    /// Server-sent events that passed, whether a fault is set or not.
    pub events: Count,
    /// Connections that began with HTTP/2's preface and passed untouched.
    pub http2_untouched: Count,
    /// Connections that did not begin like HTTP (TLS, say) and passed untouched.
    pub not_http: Count,
    /// Connections that became a tunnel by an upgrade or CONNECT.
    pub tunnels: Count,
    /// Times that the upstream had closed and was dialled anew for a client that stayed.
    pub redialled: Count,
    /// Replies whose trailers could not be handed on: not announced by `Trailer`, or the client
    /// did not say `TE: trailers`.
    pub trailers_dropped: Count,
    /// Event streams that are encoded (gzip, say), so that event faults cannot act on them.
    pub encoded_streams: Count,
}

/// Why a RESP connection became pass-through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Passed {
    /// `MULTI`: replies of queued commands arrive in one.
    Transaction,
    /// `SUBSCRIBE` and its kin: messages come without being asked for.
    Subscription,
    /// `MONITOR`.
    Monitor,
    /// A command that waits in the server: `BLPOP`, `XREAD BLOCK`, `WAIT`.
    Blocking,
    /// `EVAL`, `FCALL` and their kin: a script may do anything.
    Script,
    /// A RESP3 push arrived.
    Push,
    /// `CLIENT REPLY`: from here on commands may have no reply.
    Silence,
    /// `SYNC`, `PSYNC`, `REPLCONF`: a replica's stream.
    Replication,
    /// Bytes that are not RESP.
    NotResp,
}

impl Passed {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Transaction,
        Self::Subscription,
        Self::Monitor,
        Self::Blocking,
        Self::Script,
        Self::Push,
        Self::Silence,
        Self::Replication,
        Self::NotResp,
    ];
}

/// What passed over a RESP edge.
#[derive(Debug, Default)]
pub struct RespCounters {
    /// Commands that were read, those answered by a fault included.
    pub commands: Count,
    /// Replies that were matched to a command.
    pub replies: Count,
    /// Commands that no fault delayed itself, but that waited behind one that was.
    pub collateral: Count,
    passed: [Count; Passed::ALL.len()],
}

impl RespCounters {
    /// Connections that became pass-through for this reason.
    pub fn passed(&self, reason: Passed) -> u64 {
        self.passed[reason as usize].get()
    }

    /// Connections that became pass-through for any reason.
    pub fn passed_all(&self) -> u64 {
        self.passed.iter().map(Count::get).sum()
    }

    pub(crate) fn add_passed(&self, reason: Passed) {
        self.passed[reason as usize].one();
    }
}

/// The pen with which one connection writes into [`Touched`]: it knows which faults have touched the
/// connection already, so that each counts it once.
#[derive(Debug, Default)]
pub(crate) struct TouchedBy {
    known: Mutex<Vec<Arc<Touched>>>,
    is_unseen: bool,
}

impl TouchedBy {
    /// One that writes nothing.
    pub(crate) fn unseen() -> Self {
        Self { is_unseen: true, ..Self::default() }
    }

    /// One more request of this connection was touched.
    pub(crate) fn request(&self, touched: &Arc<Touched>) {
        if self.is_unseen {
            return;
        }
        touched.add_request();
        let mut known = self.known.lock();
        if !known.iter().any(|one| Arc::ptr_eq(one, touched)) {
            known.push(Arc::clone(touched));
            touched.add_connection();
        }
    }

    /// One more event was touched.
    pub(crate) fn event(&self, touched: &Touched) {
        if !self.is_unseen {
            touched.add_event();
        }
    }

    /// More bytes were touched.
    pub(crate) fn bytes(&self, touched: &Touched, bytes: u64) {
        if !self.is_unseen {
            touched.add_bytes(bytes);
        }
    }
}
