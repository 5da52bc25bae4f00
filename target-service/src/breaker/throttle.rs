//! The adaptive breaker's decisions: client-side throttling as in Google's *Site Reliability
//! Engineering*, chapter "Handling Overload".
//!
//! A call is rejected with the probability `max(0, (calls - k × successes) / (calls + 1))`, where calls
//! are all that were wanted within the window, rejected ones included. While all succeed none is
//! rejected; while all fail nearly all are, and the few that pass show when the other side is back.

use std::{collections::VecDeque, time::Duration};

/// Parts of the window. What is forgotten is forgotten in such steps.
const PARTS: u32 = 12;

/// Calls and successes within the window. Times are since any fixed origin.
#[derive(Debug, Clone)]
pub struct Throttle {
    k: f64,
    window: Duration,
    /// The newest last.
    parts: VecDeque<Part>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    from: Duration,
    calls: u64,
    successes: u64,
}

impl Throttle {
    /// `k` calls are let through for each success within `window`.
    pub fn new(k: f64, window: Duration) -> Self {
        Self { k, window, parts: VecDeque::new() }
    }

    /// How probably the next call is rejected, from 0 to 1.
    pub fn rejects(&self) -> f64 {
        let calls: u64 = self.parts.iter().map(|part| part.calls).sum();
        let successes: u64 = self.parts.iter().map(|part| part.successes).sum();
        ((calls as f64 - self.k * successes as f64) / (calls as f64 + 1.0)).max(0.0)
    }

    /// Counts a call that is wanted at `now`. Says whether it passes; `draw` is evenly from 0 to 1.
    pub fn admit(&mut self, now: Duration, draw: f64) -> bool {
        let passes = draw >= {
            self.forget(now);
            self.rejects()
        };
        self.part(now).calls += 1;
        passes
    }

    /// Counts a success.
    pub fn succeeded(&mut self, now: Duration) {
        self.forget(now);
        self.part(now).successes += 1;
    }

    /// Takes a call back of which nobody knows how it ended.
    pub fn left(&mut self) {
        if let Some(part) = self.parts.iter_mut().rev().find(|part| part.calls > 0) {
            part.calls -= 1;
        }
    }

    fn forget(&mut self, now: Duration) {
        while self.parts.front().is_some_and(|part| part.from + self.window <= now) {
            self.parts.pop_front();
        }
    }

    fn part(&mut self, now: Duration) -> &mut Part {
        let length = self.window / PARTS;
        if self.parts.back().is_none_or(|part| part.from + length <= now) {
            self.parts.push_back(Part { from: now, calls: 0, successes: 0 });
        }
        self.parts.back_mut().expect("one was put there if there was none")
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Seed;
    use rand::RngExt as _;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(120);

    /// The share that passes in the second half of `calls`, ten a second, of which `fails` says how
    /// probably one that passes fails.
    fn passing(fails: f64, calls: u32) -> f64 {
        let mut rng = Seed::new(7).stream("test", 0, 0);
        let mut throttle = Throttle::new(2.0, WINDOW);
        let mut passed = 0;
        for n in 0..calls {
            let now = Duration::from_millis(100) * n;
            if throttle.admit(now, rng.random()) {
                if n >= calls / 2 {
                    passed += 1;
                }
                if rng.random::<f64>() >= fails {
                    throttle.succeeded(now);
                }
            }
        }
        f64::from(passed) / f64::from(calls - calls / 2)
    }

    #[test]
    fn it_lets_all_pass_up_to_half_of_failures_and_a_few_when_all_fail() {
        assert!(passing(0.0, 4_000) >= 1.0);
        assert!(passing(0.4, 4_000) > 0.95, "{}", passing(0.4, 4_000));
        // Where more than half fail, twice what succeeds is less than what passed, again and again: what
        // is left is about one call in a window, which has 1,200.
        for fails in [0.9, 1.0] {
            let share = passing(fails, 40_000);
            assert!((0.0002..0.01).contains(&share), "{share}");
        }
    }

    #[test]
    fn it_is_open_to_all_again_once_the_failures_are_older_than_the_window() {
        let mut throttle = Throttle::new(2.0, WINDOW);
        for _ in 0..100 {
            let _ = throttle.admit(Duration::ZERO, 0.5);
        }
        assert!(throttle.rejects() > 0.9);
        assert!(throttle.admit(WINDOW, 0.0));
        throttle.succeeded(WINDOW);
        assert!(throttle.rejects() <= 0.0);
    }

    #[test]
    fn who_leaves_counts_neither_way() {
        let mut throttle = Throttle::new(2.0, WINDOW);
        for _ in 0..100 {
            assert!(throttle.admit(Duration::ZERO, 0.0));
            throttle.left();
        }
        assert!(throttle.rejects() <= 0.0);
    }
}
