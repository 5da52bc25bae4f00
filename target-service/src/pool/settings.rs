//! What a pool is told, in the words of Oracle's session pool.

use std::{fmt, time::Duration};

use loadlab_clock::{
    Speed,
    text::{human_duration, optional_duration},
};
use serde::{Deserialize, Serialize};

/// The settings of a session pool. Durations are scenario time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolSettings {
    /// Sessions that the pool opens at its start and does not shrink below.
    pub min: usize,
    /// Sessions that the pool holds at most; only [`GetMode::Forceget`] goes beyond.
    pub max: usize,
    /// Sessions that are opened at a time when one is wanted and none is idle.
    pub increment: usize,
    /// What a caller gets when all sessions are busy.
    pub getmode: GetMode,
    /// How long [`GetMode::Timedwait`] waits; the other modes do not read it.
    #[serde(with = "human_duration")]
    pub wait_timeout: Duration,
    /// A session that is idle for so long is closed, down to `min`; zero is never.
    #[serde(with = "human_duration")]
    pub idle_timeout: Duration,
    /// A session that was opened so long ago is closed when it is idle or comes back; zero is never.
    #[serde(with = "human_duration")]
    pub max_lifetime_session: Duration,
    /// A session that was idle for longer is pinged before it is handed out; zero is always, absent
    /// is never.
    #[serde(default, with = "optional_duration")]
    pub ping_interval: Option<Duration>,
    /// How long the answer to a ping may take; the session is closed after that.
    #[serde(with = "human_duration")]
    pub ping_timeout: Duration,
}

/// What a caller gets when all sessions are busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GetMode {
    /// A place in the queue, without end.
    Wait,
    /// An error at once. While the pool may still grow, the caller waits for its session to open.
    Nowait,
    /// A session of its own, beyond `max`; it is closed when it comes back.
    Forceget,
    /// A place in the queue for `wait_timeout`, then an error.
    Timedwait,
}

/// Why settings make no pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolSettingsError {
    /// `max` is zero.
    NoSessions,
    /// `min` is above `max`.
    MinAboveMax {
        /// As set.
        min: usize,
        /// As set.
        max: usize,
    },
    /// `increment` is zero, so the pool could never grow from `min` to `max`.
    NoIncrement,
}

impl fmt::Display for PoolSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSessions => write!(f, "max is 0; a pool needs at least one session"),
            Self::MinAboveMax { min, max } => write!(f, "min {min} is above max {max}"),
            Self::NoIncrement => write!(f, "increment is 0, but min is below max"),
        }
    }
}

impl std::error::Error for PoolSettingsError {}

impl PoolSettings {
    /// Whether they make a pool.
    pub fn check(&self) -> Result<(), PoolSettingsError> {
        let (min, max) = (self.min, self.max);
        match () {
            () if max == 0 => Err(PoolSettingsError::NoSessions),
            () if min > max => Err(PoolSettingsError::MinAboveMax { min, max }),
            () if self.increment == 0 && min < max => Err(PoolSettingsError::NoIncrement),
            () => Ok(()),
        }
    }

    /// The same with real durations, for the pool's own use.
    pub(super) fn real(&self, speed: Speed) -> Self {
        Self {
            wait_timeout: speed.real(self.wait_timeout),
            idle_timeout: speed.real(self.idle_timeout),
            max_lifetime_session: speed.real(self.max_lifetime_session),
            ping_interval: self.ping_interval.map(|interval| speed.real(interval)),
            ping_timeout: speed.real(self.ping_timeout),
            ..self.clone()
        }
    }
}
