//! Nothing is lost: what was scheduled has ended, was never sent, or was under way at the end.

use std::fmt;

use loadlab_record::{Outcome, Window};

use crate::recorder::Cut;

/// Arrivals of a run, and its requests. The two sides of each equation are counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// Were due.
    pub scheduled: u64,
    /// Ended well.
    pub completed: u64,
    /// Were sent and did not end well.
    pub failed: u64,
    /// Were never sent.
    pub undispatched: u64,
    /// Were under way, or waited for a worker, when the run ended.
    pub in_flight: u64,
    /// Attempts of steps and of children of a fan-out.
    pub requests: RequestBalance,
}

/// Requests of a run: `started = ended + in_flight`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestBalance {
    /// Begun.
    pub started: u64,
    /// Ended, well or not.
    pub ended: u64,
    /// Under way when the run ended.
    pub in_flight: u64,
}

/// Something was lost, or counted twice: a fault of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imbalance {
    /// Arrivals.
    Arrivals(Balance),
    /// Requests.
    Requests(RequestBalance),
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrivals(Balance { scheduled, completed, failed, undispatched, in_flight, .. }) => write!(
                f,
                "{scheduled} arrivals were scheduled, but {completed} completed + {failed} failed + \
                 {undispatched} undispatched + {in_flight} in flight"
            ),
            Self::Requests(RequestBalance { started, ended, in_flight }) => {
                write!(f, "{started} requests were started, but {ended} ended + {in_flight} in flight")
            }
        }
    }
}

impl std::error::Error for Imbalance {}

impl Balance {
    /// Adds what a window counted.
    pub(crate) fn add(&mut self, window: &Window) {
        self.scheduled += window.scheduled;
        self.completed += window.ended.get(Outcome::Ok);
        self.undispatched += window.ended.get(Outcome::Undispatched);
        self.failed += window.ended.not_ok() - window.ended.get(Outcome::Undispatched);
        self.requests.ended += window.steps.values().map(|step| step.ended.total()).sum::<u64>();
    }

    /// Adds what the run's end cut off, and the arrivals that still waited for a worker.
    pub(crate) fn close(&mut self, cut: Cut, waiting: u64) {
        self.in_flight = cut.arrivals + waiting;
        self.requests.started = cut.requests_started;
        self.requests.in_flight = cut.requests;
    }

    /// Itself, if both equations hold.
    pub fn checked(self) -> Result<Self, Imbalance> {
        if self.scheduled != self.completed + self.failed + self.undispatched + self.in_flight {
            return Err(Imbalance::Arrivals(self));
        }
        if self.requests.started != self.requests.ended + self.requests.in_flight {
            return Err(Imbalance::Requests(self.requests));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_arrival_and_a_lost_request_are_found() {
        let whole = Balance {
            scheduled: 10,
            completed: 5,
            failed: 3,
            undispatched: 1,
            in_flight: 1,
            requests: RequestBalance { started: 12, ended: 11, in_flight: 1 },
        };
        assert_eq!(whole.checked(), Ok(whole));
        let lost = Balance { completed: 4, ..whole };
        assert!(lost.checked().expect_err("one is missing").to_string().contains("10 arrivals"));
        let lost = Balance { requests: RequestBalance { ended: 10, ..whole.requests }, ..whole };
        assert!(lost.checked().expect_err("one is missing").to_string().contains("12 requests"));
    }
}
