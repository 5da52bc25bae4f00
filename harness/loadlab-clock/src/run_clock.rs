//! The one clock of a run. Engine, scraper and chaos stamp with it, so their records can be joined.

use std::time::{Duration, Instant};

use crate::{Offset, Speed};

/// Real instants to scenario offsets and back, from one origin.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
    speed: Speed,
}

impl RunClock {
    /// A clock whose zero is now.
    pub fn start(speed: Speed) -> Self {
        Self { origin: Instant::now(), speed }
    }

    /// A clock whose zero is `origin`.
    pub const fn starting_at(origin: Instant, speed: Speed) -> Self {
        Self { origin, speed }
    }

    /// The real instant of zero.
    pub const fn origin(&self) -> Instant {
        self.origin
    }

    /// The speed of scenario time.
    pub const fn speed(&self) -> Speed {
        self.speed
    }

    /// Scenario time now.
    pub fn now(&self) -> Offset {
        self.offset(Instant::now())
    }

    /// Scenario time at a real instant; zero for what came before the start.
    pub fn offset(&self, at: Instant) -> Offset {
        Offset::from_duration(self.speed.scenario(at.saturating_duration_since(self.origin)))
    }

    /// The real instant at which `offset` comes.
    pub fn instant(&self, offset: Offset) -> Instant {
        self.origin + self.real(offset.as_duration())
    }

    /// How long a span of scenario time takes here.
    pub fn real(&self, scenario: Duration) -> Duration {
        self.speed.real(scenario)
    }
}
