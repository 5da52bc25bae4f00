//! Things that happened once, stamped by the run clock.

use loadlab_clock::Offset;
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunEvent {
    /// When, in scenario time.
    pub at: Offset,
    /// What.
    pub what: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A phase of the run began: `warm-up`, `steady`, `fault`, `recovery`, `drain`.
    Phase(String),
    /// A breaker of the target moved.
    Breaker {
        /// Which.
        name: String,
        /// From which state.
        from: String,
        /// To which.
        to: String,
    },
    /// A process of the stack ended without being asked to.
    ProcessDied {
        /// Its role.
        role: String,
        /// How: exit code or signal.
        how: String,
    },
    /// A process of the stack that had died is ready again.
    ProcessBack {
        /// Its role.
        role: String,
    },
    /// A fault was asked for.
    FaultAsked {
        /// Its name.
        name: String,
    },
    /// A fault is on, as whoever carries it out says.
    FaultBegan {
        /// Its name.
        name: String,
        /// What it does: `latency`.
        kind: String,
        /// Where: an edge (`service-0/redis`) or a role.
        place: String,
    },
    /// A probe through the fault's place met it: it is active.
    FaultSeen {
        /// Its name.
        name: String,
    },
    /// A fault is over.
    FaultEnded {
        /// Its name.
        name: String,
        /// What it touched; `None` where nobody counts, as the original Toxiproxy does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        touched: Option<Touched>,
    },
    /// A probe through the fault's place came back as before it.
    FaultGone {
        /// Its name.
        name: String,
    },
    /// A fault could not be begun or healed.
    FaultFailed {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A limit of `max_blast` was passed: what was on is healed, and no other fault begins.
    FaultsStopped {
        /// The limit, and what was observed.
        reason: String,
    },
    /// An objective was missed for the first time.
    ObjectiveMissed {
        /// Its line.
        objective: String,
        /// What was observed, in its unit.
        observed: f64,
    },
    /// The run was asked to end early.
    Stopping {
        /// Why.
        reason: String,
    },
    /// Something a reader of the report should know.
    Note(String),
}

/// What a fault touched while it was on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Touched {
    /// Connections on which it did something, or that could not be made because of it.
    pub connections: u64,
    /// Bytes that it delayed, held back, dropped, cut or changed.
    pub bytes: u64,
    /// Requests that it disturbed, where the proxy reads the protocol: HTTP requests, Redis commands.
    /// Of a fault on the clients: the requests of the arrivals that behaved otherwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests: u64,
    /// Processes that it signalled, or whose settings it changed.
    pub processes: u64,
    /// Keys of a store that it removed, added or read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keys: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Touched {
    /// Whether it had no effect at all: chaos that touches nothing proves nothing.
    pub const fn is_nothing(&self) -> bool {
        self.connections == 0
            && self.bytes == 0
            && self.requests == 0
            && self.processes == 0
            && self.keys == 0
    }
}
