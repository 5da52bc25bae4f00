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
