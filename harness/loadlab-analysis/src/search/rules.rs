//! What a search may try and when it may stop.

use std::fmt;

use loadlab_scenario::quantity::Share;
use serde::{Deserialize, Serialize};

/// Loads are offered with so many digits: finer than any precision, and still readable.
const DIGITS: i32 = 5;
/// Two loads that differ by less are the same one, read from a file or calculated anew.
const SAME: f64 = 1e-9;
/// The finest precision that loads of so many digits can have.
const PRECISION_LEAST: f64 = 0.001;

/// What a search may try and when it may stop. Loads are arrivals per second or users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The first load: one that surely passes, because a high one may leave a target that is not well.
    pub start: f64,
    /// No load below this is offered.
    pub least: f64,
    /// No load above this is offered.
    pub most: f64,
    /// The share of the arrivals that may be lost.
    pub allowed_loss: Share,
    /// So many trials are pooled into a load's verdict.
    pub trials_per_load: u32,
    /// How long a trial measures if it is not ended early, in seconds.
    pub trial_s: f64,
    /// While all loads pass, the next one is so many times higher.
    pub expand: f64,
    /// How far the interval's ends may be from the estimate, and the failing load from the passing one,
    /// as a share.
    pub precision: f64,
    /// Valid trials after which the search ends, precise or not.
    pub trials_most: u32,
    /// With more invalid trials than this the search ends.
    pub invalid_most: u32,
    /// How much a linear ramp adds at each step; only [`Method::Ramp`](super::Method::Ramp) has steps.
    pub ramp_step: f64,
    /// Whether loads are whole numbers: users.
    pub whole: bool,
}

/// A rule that no search can follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RulesError {
    /// Not `0 < least <= start <= most`, or no whole numbers where loads are whole.
    Loads,
    /// Not more than 1.05, or not finite.
    Expand(f64),
    /// Not between 0.001 and 0.5.
    Precision(f64),
    /// No trials, or none of any length.
    Trials,
    /// The step of the ramp is not above 0.
    RampStep(f64),
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loads => write!(f, "loads must be 0 < least <= start <= most"),
            Self::Expand(value) => write!(f, "a search cannot expand by {value}: more than 1.05 is needed"),
            Self::Precision(value) => {
                write!(f, "{value} is no precision between {PRECISION_LEAST} and 0.5")
            }
            Self::Trials => write!(f, "a search needs trials that measure for some time"),
            Self::RampStep(value) => write!(f, "a ramp cannot step by {value}"),
        }
    }
}

impl std::error::Error for RulesError {}

impl Rules {
    /// The rules by default, for loads from `least` to `most`.
    pub fn new(start: f64, least: f64, most: f64) -> Self {
        Self {
            start,
            least,
            most,
            allowed_loss: Share::try_new(0.01).expect("1 % is a share"),
            trials_per_load: 5,
            trial_s: 5.0,
            expand: 1.3,
            precision: 0.03,
            trials_most: 45,
            invalid_most: 6,
            ramp_step: start / 4.0,
            whole: false,
        }
    }

    /// The rules, if a search can follow them.
    pub fn checked(self) -> Result<Self, RulesError> {
        let ordered = 0.0 < self.least && self.least <= self.start && self.start <= self.most;
        let whole = !self.whole || self.least.ceil() <= self.most.floor();
        if !(ordered && whole && self.most.is_finite()) {
            return Err(RulesError::Loads);
        }
        if !(self.expand > 1.05 && self.expand.is_finite()) {
            return Err(RulesError::Expand(self.expand));
        }
        if !(PRECISION_LEAST..=0.5).contains(&self.precision) {
            return Err(RulesError::Precision(self.precision));
        }
        let trials = self.trials_per_load > 0 && self.trials_most > 0;
        if !(trials && self.trial_s > 0.0 && self.trial_s.is_finite()) {
            return Err(RulesError::Trials);
        }
        if self.ramp_step > 0.0 { Ok(self) } else { Err(RulesError::RampStep(self.ramp_step)) }
    }

    /// A trial that has lost more arrivals than this may end: even if no other trial at its load lost any,
    /// together they would lose more than is allowed. `scheduled`: arrivals of the whole measurement.
    pub fn hopeless_beyond(&self, scheduled: f64) -> f64 {
        self.allowed_loss.get() * scheduled * f64::from(self.trials_per_load)
    }

    /// The nearest load that can be offered.
    pub(super) fn offered(&self, load: f64) -> f64 {
        if self.whole {
            return load.round().clamp(self.least.ceil(), self.most.floor());
        }
        rounded(load).clamp(self.least, self.most)
    }

    /// The load to try when `load` passes and nothing above it was tried; none if it is the highest.
    pub(super) fn above(&self, load: f64, next: f64) -> Option<f64> {
        let next = if self.whole { next.round().max(load + 1.0) } else { next };
        let next = self.offered(next);
        (next > load && !same(next, load)).then_some(next)
    }

    /// The load to try when `load` fails and nothing below it was tried; none if it is the lowest.
    pub(super) fn below(&self, load: f64) -> Option<f64> {
        let next = load / self.expand;
        let next = self.offered(if self.whole { next.round().min(load - 1.0) } else { next });
        (next < load && !same(next, load)).then_some(next)
    }

    /// Whether a passing and a failing load are so close that nothing between them needs to be tried.
    pub(super) fn are_close(&self, passing: f64, failing: f64) -> bool {
        (self.whole && failing - passing < 1.5) || failing <= passing * (1.0 + self.precision)
    }

    /// The load in the middle of two that are not close, as factors go.
    pub(super) fn between(&self, passing: f64, failing: f64) -> f64 {
        let middle = self.offered((passing * failing).sqrt());
        if self.whole { middle.clamp(passing + 1.0, failing - 1.0) } else { middle }
    }
}

/// Whether two loads are the same one.
pub(super) fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME * a.abs().max(b.abs())
}

/// With [`DIGITS`] digits.
fn rounded(load: f64) -> f64 {
    let places = DIGITS - 1 - load.log10().floor() as i32;
    let factor = 10.0_f64.powi(places.abs());
    // Dividing by a power of ten gives the number nearest to the decimal one; multiplying does not.
    if places >= 0 { (load * factor).round() / factor } else { (load / factor).round() * factor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offered_loads_are_readable_and_within_the_limits() {
        let rules = Rules::new(200.0, 50.0, 5000.0);
        assert!(same(rules.offered(439.400_01), 439.4));
        assert_eq!(rules.offered(1_487.276_3).to_string(), "1487.3");
        assert_eq!(rules.offered(9_000.0).to_string(), "5000");
        let users = Rules { whole: true, ..Rules::new(2.0, 1.0, 100.0) };
        assert_eq!(users.offered(16.6).to_string(), "17");
        assert_eq!(rounded(123_456_789.0).to_string(), "123460000");
        assert_eq!(rounded(0.012_345_67).to_string(), "0.012346");
    }

    #[test]
    fn whole_loads_always_move_until_they_cannot() {
        let users = Rules { whole: true, ..Rules::new(1.0, 1.0, 3.0) };
        let up = [1.0, 2.0, 3.0].map(|load| users.above(load, load * users.expand));
        assert_eq!(up, [Some(2.0), Some(3.0), None]);
        assert_eq!([3.0, 2.0, 1.0].map(|load| users.below(load)), [Some(2.0), Some(1.0), None]);
        assert!(users.are_close(2.0, 3.0) && !users.are_close(1.0, 3.0));
    }

    #[test]
    fn rules_that_no_search_can_follow_are_refused() {
        let fine = Rules::new(200.0, 50.0, 5000.0);
        assert_eq!(fine.checked(), Ok(fine));
        assert_eq!(Rules { start: 20.0, ..fine }.checked(), Err(RulesError::Loads));
        assert_eq!(Rules { most: f64::INFINITY, ..fine }.checked(), Err(RulesError::Loads));
        let between = Rules { whole: true, least: 1.2, start: 1.5, most: 1.8, ..fine };
        assert_eq!(between.checked(), Err(RulesError::Loads));
        assert_eq!(Rules { expand: 1.0, ..fine }.checked(), Err(RulesError::Expand(1.0)));
        assert_eq!(Rules { precision: 0.0, ..fine }.checked(), Err(RulesError::Precision(0.0)));
        assert_eq!(Rules { trials_most: 0, ..fine }.checked(), Err(RulesError::Trials));
        assert_eq!(Rules { ramp_step: 0.0, ..fine }.checked(), Err(RulesError::RampStep(0.0)));
    }
}
