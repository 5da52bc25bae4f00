//! When a closed breaker opens: what is counted, and how many failures are too many.

use std::{collections::VecDeque, time::Duration};

/// Parts of a window. What is forgotten is forgotten in such steps.
const PARTS: u32 = 30;

/// What opens a closed breaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trip {
    /// So many failures without a success in between; 0 is never.
    InARow(u32),
    /// So many failures within the window, whatever succeeds in between.
    Within {
        /// How many.
        failures: u32,
        /// How far back they count.
        window: Duration,
    },
    /// A share of the calls within the window.
    Share {
        /// From 0 to 1.
        share: f64,
        /// How far back they count.
        window: Duration,
        /// Calls below which a share says nothing.
        least: u32,
    },
}

/// The calls that count.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    trip: Trip,
    /// Failures without a success in between.
    in_a_row: u32,
    /// Parts of the window, the newest last.
    parts: VecDeque<Part>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    from: Duration,
    calls: u32,
    failures: u32,
}

impl Tally {
    pub(super) fn new(trip: Trip) -> Self {
        Self { trip, in_a_row: 0, parts: VecDeque::new() }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.in_a_row = 0;
        self.parts.clear();
    }

    /// Failures that count.
    pub(super) fn failures(&self) -> u32 {
        match self.trip {
            Trip::InARow(_) => self.in_a_row,
            Trip::Within { .. } | Trip::Share { .. } => self.parts.iter().map(|part| part.failures).sum(),
        }
    }

    /// Counts a call that ended at `now`. True if it is one failure too many.
    pub(super) fn count(&mut self, failed: bool, now: Duration) -> bool {
        self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
        match self.trip {
            Trip::InARow(most) => failed && self.in_a_row == most,
            Trip::Within { failures, window } => {
                self.put(failed, window, now);
                failed && self.failures() >= failures
            }
            Trip::Share { share, window, least } => {
                self.put(failed, window, now);
                let calls: u32 = self.parts.iter().map(|part| part.calls).sum();
                failed && calls >= least && f64::from(self.failures()) >= share * f64::from(calls)
            }
        }
    }

    fn put(&mut self, failed: bool, window: Duration, now: Duration) {
        while self.parts.front().is_some_and(|part| part.from + window <= now) {
            self.parts.pop_front();
        }
        let length = window / PARTS;
        if self.parts.back().is_none_or(|part| part.from + length <= now) {
            self.parts.push_back(Part { from: now, calls: 0, failures: 0 });
        }
        if let Some(part) = self.parts.back_mut() {
            part.calls += 1;
            part.failures += u32::from(failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ten_failures_within_a_minute_are_too_many_whatever_succeeds_in_between() {
        let mut tally = Tally::new(Trip::Within { failures: 10, window: 60 * SECOND });
        for n in 0..9 {
            assert!(!tally.count(true, n * SECOND));
            assert!(!tally.count(false, n * SECOND));
        }
        assert!(tally.count(true, 10 * SECOND));
        // Spread over more than a minute they are not.
        tally.clear();
        for n in 0..100 {
            assert!(!tally.count(true, n * 8 * SECOND), "{n}");
        }
    }

    #[test]
    fn half_of_the_calls_of_half_a_minute_are_too_many_once_there_are_enough() {
        let mut tally = Tally::new(Trip::Share { share: 0.5, window: 30 * SECOND, least: 10 });
        // Nine failures are no share of anything.
        assert!((0..9).all(|_| !tally.count(true, Duration::ZERO)));
        assert!(tally.count(true, Duration::ZERO));
        // A third is not half.
        tally.clear();
        for n in 0..300 {
            assert!(!tally.count(n % 3 == 2, n * SECOND / 10), "{n}");
        }
        // What is older is forgotten, all at once if nothing came in between.
        for n in 0..9 {
            assert!(!tally.count(true, 100 * SECOND + n * SECOND / 10), "{n}");
        }
        assert!(tally.count(true, 101 * SECOND));
    }
}
