//! What the engine hands to its recorder: one sample per arrival, one per request.
//!
//! All instants are microseconds of real time since the run began; the recorder turns them into
//! histograms at once, so samples are never kept.

use loadlab_scenario::arms::Cohort;

use crate::Outcome;

/// One arrival that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrivalSample {
    /// Its number: in open load the position in the schedule, in closed load counted as it came.
    pub seq: u64,
    /// Index of its journey in the plan.
    pub journey: usize,
    /// When it was due.
    pub due: u64,
    /// When a worker took it up; equal to `done` if none did.
    pub taken: u64,
    /// When its first request was sent: after the wait for a connection of the client. `None` if
    /// nothing was sent.
    pub sent: Option<u64>,
    /// When it ended.
    pub done: u64,
    /// How it ended, after all attempts.
    pub outcome: Outcome,
    /// Extra attempts, over all steps.
    pub retries: u32,
    /// At least one attempt was given up, by patience or by the time-out.
    pub gave_up: bool,
    /// The cohort of its user, where users are split.
    pub cohort: Option<Cohort>,
}

/// One attempt of one step, or of one child of its fan-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSample {
    /// Index of the step over all journeys, in the plan's order.
    pub step: usize,
    /// When the step was due. For an extra attempt: when it was due after its backoff.
    pub due: u64,
    /// When a connection of the client was free (and, for a new one, made).
    pub sent: u64,
    /// Microseconds waited for one of the client's own connections, beyond dispatch.
    pub client_wait: u64,
    /// First byte of the answer (its status line).
    pub first_byte: Option<u64>,
    /// When it ended.
    pub done: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The answer's status, if one came.
    pub status: Option<u16>,
    /// Which attempt: 0 is the first.
    pub attempt: u32,
    /// Bytes of the answer's body that were read.
    pub bytes: u64,
    /// What a stream showed.
    pub stream: Option<StreamSample>,
}

/// What a stream of events showed. Gaps between events go to the recorder as they happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamSample {
    /// First event.
    pub first_event: Option<u64>,
    /// Events that came whole.
    pub events: u64,
}
