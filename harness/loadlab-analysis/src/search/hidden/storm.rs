//! A service that a retry storm keeps down, simulated, to try searches for the hidden capacity on.
//!
//! ```text
//!   arrival ──attempt 1──> queue ──too late──> attempt 2 ──> queue ──too late──> attempt 3 ──> given up
//! ```
//!
//! M/M/c in virtual time. Servers work on what nobody waits for any more, in the order in which it came.
//! While the trigger is on, every answer comes later than anybody waits, so that each arrival makes all of
//! its attempts. If those alone are more than the servers carry, the queue outlives the trigger: all attempts
//! stay too late, and so all are made again. [`Storm::edge`] is where that begins.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use loadlab_clock::Seed;
use loadlab_record::{EventKind, Outcome, RunFile, synthetic::Synthetic};
use rand_distr::{Distribution as _, Exp1};

use super::{
    super::{Offer, made_up::trial},
    HiddenTrial,
};
use crate::made_up::MadeUp;

/// Seconds of load before the trigger, of the trigger, and after it.
const BEFORE_S: u64 = 10;
const TRIGGER_S: u64 = 5;
const AFTER_S: u64 = 30;
/// All of the load.
const LOAD_S: u64 = BEFORE_S + TRIGGER_S + AFTER_S;
/// Microseconds of a second.
const SECOND: u64 = 1_000_000;
/// The name of the trigger in the run's events.
const TRIGGER: &str = "late answers";

/// The service and its clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storm {
    pub(super) servers: u32,
    pub(super) mean_service: Duration,
    /// How long a client waits for an attempt.
    pub(super) timeout: Duration,
    /// How many attempts it makes.
    pub(super) attempts: u32,
}

/// What became of an arrival; times in microseconds.
struct Wanted {
    due: u64,
    end: u64,
    outcome: Outcome,
}

impl Storm {
    /// Four servers that carry 400 a second, and clients who try three times.
    pub(super) const FOUR: Self = Self {
        servers: 4,
        mean_service: Duration::from_millis(10),
        timeout: Duration::from_millis(100),
        attempts: 3,
    };

    pub(super) fn capacity_per_s(&self) -> f64 {
        f64::from(self.servers) / self.mean_service.as_secs_f64()
    }

    /// Between which two loads it begins to stay down. At the lower one all attempts together are what the
    /// servers carry. At the higher one the queue has grown as long as clients wait by the end of the
    /// trigger, although the retries of its first time-outs were still to come.
    pub(super) fn edge(&self) -> (f64, f64) {
        let attempts = f64::from(self.attempts);
        let least = self.capacity_per_s() / attempts;
        let part = self.timeout.as_secs_f64() / TRIGGER_S as f64;
        (least, least * (1.0 + part) / (1.0 - part * (attempts - 1.0) / 2.0))
    }

    /// The trial as a search sees it.
    pub(super) fn trial(&self, seed: u64, offer: Offer) -> HiddenTrial {
        let run = self.run(seed, offer);
        HiddenTrial::of(
            &run,
            &super::super::Trial { repetition: offer.repetition, ..trial(offer.load, 1, 0) },
        )
    }

    /// The run of a trial, judged.
    fn run(&self, seed: u64, offer: Offer) -> RunFile {
        let wanted = self.wanted(seed, offer);
        let last = wanted.iter().map(|one| one.end).max().unwrap_or(0) / SECOND + 1;
        let mut seconds: Vec<(u64, Vec<(Outcome, u64)>)> = vec![(0, Vec::new()); last.max(LOAD_S) as usize];
        for one in &wanted {
            seconds[(one.due / SECOND) as usize].0 += 1;
            seconds[(one.end / SECOND) as usize].1.push((one.outcome, (one.end - one.due) / 1_000));
        }
        let load = Synthetic::arrivals(1, Duration::from_secs(LOAD_S)).load;
        let mut run = MadeUp::new().plan(|plan| plan.load = load);
        for (at, (scheduled, ended)) in (0..).zip(&seconds) {
            let name = || TRIGGER.to_owned();
            let (kind, place) = ("latency".to_owned(), "load/target".to_owned());
            run = match at {
                BEFORE_S => run.event(EventKind::FaultBegan { name: name(), kind, place }),
                at if at == BEFORE_S + TRIGGER_S => {
                    run.event(EventKind::FaultEnded { name: name(), touched: None })
                }
                _ => run,
            };
            run = run.second(*scheduled, ended);
        }
        run.finished()
    }

    fn wanted(&self, seed: u64, offer: Offer) -> Vec<Wanted> {
        let mut draws = Seed::new(seed).stream("storm", offer.load.to_bits(), u64::from(offer.repetition));
        let mut exponential = |mean_s: f64| -> u64 {
            let unit: f64 = Exp1.sample(&mut draws);
            (unit * mean_s * SECOND as f64) as u64
        };
        let (mut wanted, mut attempts) = (Vec::new(), BinaryHeap::new());
        let mut due = exponential(1.0 / offer.load);
        while due < LOAD_S * SECOND {
            attempts.push(Reverse((due, wanted.len(), 1)));
            wanted.push(Wanted { due, end: due, outcome: Outcome::Timeout });
            due += exponential(1.0 / offer.load);
        }
        let timeout = self.timeout.as_micros() as u64;
        let on = BEFORE_S * SECOND..(BEFORE_S + TRIGGER_S) * SECOND;
        let mut free: BinaryHeap<Reverse<u64>> = (0..self.servers).map(|_| Reverse(0)).collect();
        while let Some(Reverse((now, arrival, number))) = attempts.pop() {
            let earliest = free.pop().map_or(now, |Reverse(at)| at.max(now));
            let done = earliest + exponential(self.mean_service.as_secs_f64());
            free.push(Reverse(done));
            let answer = if on.contains(&done) { done + 2 * timeout } else { done };
            let one = &mut wanted[arrival];
            if answer - now <= timeout {
                (one.end, one.outcome) = (answer, Outcome::Ok);
            } else if number < self.attempts {
                attempts.push(Reverse((now + timeout, arrival, number + 1)));
            } else {
                one.end = now + timeout;
            }
        }
        wanted
    }
}
