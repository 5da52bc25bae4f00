//! The breaker's decisions: a pure function of calls, outcomes and the time they come at.
//!
//! ```text
//!   closed --too many failures--> open --open_for--> half-open --probes succeed--> closed
//!                                  ^                     | one fails
//!                                  +---------------------+
//! ```

use std::time::Duration;

use super::trip::{Tally, Trip};

/// Where the breaker stands, in the usual sense: open means rejecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// A few calls pass, to see.
    HalfOpen,
    /// Calls are rejected.
    Open,
}

impl BreakerState {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// Its number in metrics.
    pub fn number(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// How a call that was let through ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// The other side did its work.
    Success,
    /// It did not, or not in time.
    Failure,
    /// Nobody knows: the caller left.
    Unknown,
}

/// A call that was let through. It tells the outcomes of this state from those of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the breaker waits for the outcome of every call it lets through"]
pub struct Permit {
    generation: u64,
}

/// The state with its counters. Times are since any fixed origin.
#[derive(Debug, Clone)]
pub struct Machine {
    /// What counts against it while it is closed.
    tally: Tally,
    /// Failures that opened it.
    failures_at_opening: u32,
    open_for: Duration,
    /// The longest it stays open: each probe that fails doubles the time up to this.
    open_for_max: Duration,
    /// Probes that failed since it was closed.
    failed_probes: u32,
    /// Calls let through while half-open, and successes that close it.
    probes: u32,
    phase: Phase,
    /// Counts the state changes.
    generation: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open { until: Duration },
    HalfOpen { under_way: u32, successes: u32 },
}

impl Machine {
    /// A closed breaker that opens by failures in a row.
    pub fn new(failures_to_open: u32, open_for: Duration, probes: u32) -> Self {
        Self::opening(Trip::InARow(failures_to_open), (open_for, open_for), probes)
    }

    /// A closed breaker. It stays open for the first of the two times, and up to the second if its
    /// probes fail.
    pub fn opening(trip: Trip, (open_for, open_for_max): (Duration, Duration), probes: u32) -> Self {
        Self {
            tally: Tally::new(trip),
            failures_at_opening: 0,
            open_for,
            open_for_max: open_for_max.max(open_for),
            failed_probes: 0,
            probes: probes.max(1),
            phase: Phase::Closed,
            generation: 0,
        }
    }

    /// Where it stands. An open breaker turns half-open by the first call after its time.
    pub fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Failures that count against it so far, or that opened it.
    pub fn failures(&self) -> u32 {
        match self.phase {
            Phase::Closed => self.tally.failures(),
            Phase::Open { .. } | Phase::HalfOpen { .. } => self.failures_at_opening,
        }
    }

    /// How long it still rejects at `now`; zero when it does not.
    pub fn rejects_for(&self, now: Duration) -> Duration {
        match self.phase {
            Phase::Open { until } => until.saturating_sub(now),
            Phase::Closed | Phase::HalfOpen { .. } => Duration::ZERO,
        }
    }

    /// Whether a call would be let through at `now`, without letting it.
    pub fn would_admit(&self, now: Duration) -> bool {
        match self.phase {
            Phase::Closed => true,
            Phase::Open { until } => now >= until,
            Phase::HalfOpen { under_way, successes } => under_way + successes < self.probes,
        }
    }

    /// Lets a call through, or not.
    pub fn admit(&mut self, now: Duration) -> Option<Permit> {
        if !self.would_admit(now) {
            return None;
        }
        if matches!(self.phase, Phase::Open { .. }) {
            self.turn(Phase::HalfOpen { under_way: 0, successes: 0 });
        }
        if let Phase::HalfOpen { under_way, .. } = &mut self.phase {
            *under_way += 1;
        }
        Some(Permit { generation: self.generation })
    }

    /// Takes note of how a call ended. Outcomes from before the last change of state count nothing.
    pub fn finish(&mut self, permit: Permit, outcome: CallOutcome, now: Duration) {
        if permit.generation != self.generation {
            return;
        }
        match &mut self.phase {
            Phase::Closed => {
                let counts = outcome != CallOutcome::Unknown;
                if counts && self.tally.count(outcome == CallOutcome::Failure, now) {
                    self.failures_at_opening = self.tally.failures();
                    self.open(now);
                }
            }
            Phase::HalfOpen { under_way, successes } => {
                *under_way -= 1;
                match outcome {
                    CallOutcome::Success => *successes += 1,
                    CallOutcome::Unknown => {}
                    CallOutcome::Failure => {
                        self.failed_probes += 1;
                        return self.open(now);
                    }
                }
                if *successes == self.probes {
                    self.failed_probes = 0;
                    self.turn(Phase::Closed);
                }
            }
            Phase::Open { .. } => {}
        }
    }

    fn open(&mut self, now: Duration) {
        let doubled = self.open_for.saturating_mul(1_u32.checked_shl(self.failed_probes).unwrap_or(u32::MAX));
        self.turn(Phase::Open { until: now + doubled.min(self.open_for_max) });
    }

    fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        self.tally.clear();
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn call(machine: &mut Machine, now: Duration, outcome: CallOutcome) -> bool {
        let permit = machine.admit(now);
        let admitted = permit.is_some();
        if let Some(permit) = permit {
            machine.finish(permit, outcome, now);
        }
        admitted
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_a_success_between_starts_anew() {
        let mut machine = Machine::new(5, 5 * MINUTE, 1);
        for outcome in [CallOutcome::Failure; 4].into_iter().chain([CallOutcome::Success]) {
            assert!(call(&mut machine, Duration::ZERO, outcome));
        }
        for _ in 0..4 {
            assert!(call(&mut machine, Duration::ZERO, CallOutcome::Failure));
        }
        assert_eq!(machine.state(), BreakerState::Closed);
        assert!(call(&mut machine, Duration::ZERO, CallOutcome::Failure));
        assert_eq!(machine.state(), BreakerState::Open);
        assert!(!call(&mut machine, Duration::from_millis(299_999), CallOutcome::Success));
    }

    #[test]
    fn after_its_time_one_probe_decides() {
        for (outcome, state) in
            [(CallOutcome::Success, BreakerState::Closed), (CallOutcome::Failure, BreakerState::Open)]
        {
            let mut machine = Machine::new(1, 5 * MINUTE, 1);
            call(&mut machine, Duration::ZERO, CallOutcome::Failure);
            let probe = machine.admit(5 * MINUTE).expect("its time is over");
            assert_eq!(machine.state(), BreakerState::HalfOpen);
            assert!(machine.admit(5 * MINUTE).is_none(), "a second probe");
            machine.finish(probe, outcome, 6 * MINUTE);
            assert_eq!(machine.state(), state);
        }
    }

    #[test]
    fn each_probe_that_fails_doubles_the_time_up_to_its_limit() {
        let mut machine = Machine::opening(Trip::InARow(1), (MINUTE, 5 * MINUTE), 1);
        let mut now = Duration::ZERO;
        call(&mut machine, now, CallOutcome::Failure);
        for minutes in [1, 2, 4, 5, 5] {
            assert_eq!(machine.rejects_for(now), minutes * MINUTE);
            now += minutes * MINUTE;
            assert!(call(&mut machine, now, CallOutcome::Failure), "a probe");
        }
        now += 5 * MINUTE;
        assert!(call(&mut machine, now, CallOutcome::Success));
        assert_eq!(machine.state(), BreakerState::Closed);
        call(&mut machine, now, CallOutcome::Failure);
        assert_eq!(machine.rejects_for(now), MINUTE);
    }

    #[test]
    fn a_probe_whose_caller_left_makes_room_for_another() {
        let mut machine = Machine::new(1, MINUTE, 1);
        call(&mut machine, Duration::ZERO, CallOutcome::Failure);
        let probe = machine.admit(MINUTE).expect("its time is over");
        machine.finish(probe, CallOutcome::Unknown, MINUTE);
        assert!(machine.admit(MINUTE).is_some());
    }

    #[test]
    fn what_began_before_it_opened_does_not_close_it() {
        let mut machine = Machine::new(1, MINUTE, 1);
        let early = machine.admit(Duration::ZERO).expect("closed");
        call(&mut machine, Duration::ZERO, CallOutcome::Failure);
        let probe = machine.admit(MINUTE).expect("its time is over");
        machine.finish(early, CallOutcome::Success, MINUTE);
        assert_eq!(machine.state(), BreakerState::HalfOpen);
        machine.finish(probe, CallOutcome::Failure, MINUTE);
        assert_eq!(machine.state(), BreakerState::Open);
    }

    fn outcomes() -> impl Strategy<Value = CallOutcome> {
        prop_oneof![Just(CallOutcome::Success), Just(CallOutcome::Failure), Just(CallOutcome::Unknown)]
    }

    proptest! {
        /// Whatever comes: an open breaker admits nothing before its time, a half-open one no more
        /// than its probes, and a closed one has seen fewer failures in a row than open it.
        #[test]
        fn its_promises_hold_in_every_history(
            steps in prop::collection::vec((0_u64..90, any::<bool>(), any::<prop::sample::Index>(), outcomes()), 1..200),
            failures in 1_u32..6,
            probes in 1_u32..4,
        ) {
            let mut machine = Machine::new(failures, MINUTE, probes);
            let mut now = Duration::ZERO;
            let mut under_way: Vec<(Permit, BreakerState)> = Vec::new();
            for (seconds, starts, which, outcome) in steps {
                now += Duration::from_secs(seconds);
                if starts || under_way.is_empty() {
                    let waits = machine.rejects_for(now) > Duration::ZERO;
                    match machine.admit(now) {
                        Some(permit) => {
                            prop_assert!(!waits);
                            under_way.push((permit, machine.state()));
                        }
                        None => prop_assert!(machine.state() != BreakerState::Closed),
                    }
                } else {
                    let (permit, _) = under_way.swap_remove(which.index(under_way.len()));
                    machine.finish(permit, outcome, now);
                }
                let of_now = under_way.iter().filter(|(permit, _)| permit.generation == machine.generation);
                match machine.state() {
                    BreakerState::HalfOpen => prop_assert!(of_now.count() <= probes as usize),
                    BreakerState::Closed => prop_assert!(machine.failures() < failures),
                    BreakerState::Open => prop_assert_eq!(of_now.count(), 0),
                }
            }
        }
    }
}
