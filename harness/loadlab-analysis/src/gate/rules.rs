//! What tier 1 goes by, and why its loads are where they are.
//!
//! The obvious procedure offers one load to both, (1 - delta) of base's stored breaking point, and asks of
//! each whether it loses more than is allowed. It cannot do what a gate must. A head that dropped by just
//! delta stands *at* its own breaking point there, where its loss is the allowed one: it is found less than
//! half of the time. With the load halfway, the margin to either side is delta / 2, and on a shared machine
//! the stored number, the day's capacity and the bursts together are off by as much: four in ten of such
//! heads pass or stay open. (The simulated gates print both.)
//!
//! So the question is asked of the two sides, not of a stored number: **base is offered a load, head that
//! load times the [`cut`](Rules::cut), √(1 - delta); who loses more?** A head that did not change has
//! √(1 - delta) of room and loses less. One that dropped by delta is overloaded by as much, and loses more.
//! Both are equally far from the cut, whatever the target's knee is like, and a machine that is slower today
//! is slower for both. A drop of a quarter of delta passes, one of three quarters fails, and one of half of
//! it may come out either way, or stay open.
//!
//! The stored breaking point is only where this begins. From pair to pair the load follows base: a
//! [`step`](Rules::load) down when base lost more than is allowed, else up. So the comparison takes place
//! around the breaking point that base has in this job, where losses tell something.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The fewest pairs in half a gate: with two, one burst decides.
const PAIRS_LEAST: u32 = 3;
/// Steps between base's load and that of a build whose breaking point is lower by delta. With four of them
/// a load that follows base stays within half a cut of its breaking point, when nothing else moves.
const STEPS: f64 = 4.0;
/// Loss below this part of the allowed one is as good as none: a single burst more or less.
const FLOOR_OF_ALLOWED: f64 = 0.1;

/// What tier 1 goes by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The smallest drop of the breaking point that must be found, as a share.
    pub delta: f64,
    /// Base's breaking point, from an earlier search or from one in this job: where to begin.
    pub carried: f64,
    /// The share of arrivals that may be lost.
    pub allowed: f64,
    /// Pairs after which a head that is clearly fine passes. Twice as many decide about every other.
    pub pairs: u32,
    /// So many spoilt trials are repeated.
    pub invalid_max: u32,
    /// Loads are whole numbers: users.
    pub whole: bool,
}

/// Why no gate can go by some rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RulesError {
    /// The drop to be found is no share between 0.1 % and 50 %.
    Delta(f64),
    /// The load to begin with is not a positive number.
    Carried(f64),
    /// What may be lost is no share between 0 and 50 %.
    Allowed(f64),
    /// Too few pairs.
    Pairs(u32),
    /// Between so many whole users and delta less of them there is no room.
    TooFewUsers {
        /// Where it begins.
        carried: f64,
        /// The drop to be found.
        delta: f64,
    },
}

impl Rules {
    /// The usual ones: five pairs and up to five more, 1 % may be lost.
    pub fn new(delta: f64, carried: f64) -> Self {
        Self { delta, carried, allowed: 0.01, pairs: 5, invalid_max: 10, whole: false }
    }

    /// All that is wrong with them.
    pub fn check(&self) -> Result<(), Vec<RulesError>> {
        let delta = (0.001..=0.5).contains(&self.delta);
        let carried = self.carried.is_finite() && self.carried > 0.0;
        let allowed = self.allowed > 0.0 && self.allowed < 0.5;
        // Head must be offered at least one user less than base.
        let room = !(self.whole && delta && carried) || self.carried * (1.0 - self.cut()) >= 1.0;
        let all = [
            (delta, RulesError::Delta(self.delta)),
            (carried, RulesError::Carried(self.carried)),
            (allowed, RulesError::Allowed(self.allowed)),
            (self.pairs >= PAIRS_LEAST, RulesError::Pairs(self.pairs)),
            (room, RulesError::TooFewUsers { carried: self.carried, delta: self.delta }),
        ];
        let wrong: Vec<RulesError> =
            all.into_iter().filter(|(holds, _)| !holds).map(|(_, error)| error).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Head's load as a part of base's.
    pub fn cut(&self) -> f64 {
        (1.0 - self.delta).sqrt()
    }

    /// What base is offered, so many steps above where it begins.
    pub fn load(&self, steps: i32) -> f64 {
        let load = self.carried * (-(1.0 - self.delta).ln() / STEPS * f64::from(steps)).exp();
        if self.whole { load.round().max(1.0) } else { load }
    }

    /// What head is offered beside a load of base.
    pub fn head_load(&self, base_load: f64) -> f64 {
        let load = base_load * self.cut();
        if self.whole { load.round().max(1.0) } else { load }
    }

    /// Up to this loss a trial lost as good as nothing.
    pub fn floor(&self) -> f64 {
        self.allowed * FLOOR_OF_ALLOWED
    }

    /// From this loss on, halfway from the allowed one to all, more of it tells nothing. A trial may be ended
    /// as soon as it has lost this share of what it was to offer, and not before: how much is lost counts.
    pub fn ceiling(&self) -> f64 {
        f64::midpoint(self.allowed, 1.0)
    }

    /// The most pairs that it can take.
    pub fn pairs_max(&self) -> u32 {
        2 * self.pairs
    }

    /// The most trials that it can take, spoilt ones among them.
    pub fn trials_max(&self) -> u32 {
        2 * self.pairs_max() + self.invalid_max
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delta(delta) => write!(f, "delta {delta} is not between 0.001 and 0.5"),
            Self::Carried(load) => write!(f, "a load of {load} is not a positive number"),
            Self::Allowed(share) => write!(f, "an allowed loss of {share} is not between 0 and 0.5"),
            Self::Pairs(pairs) => write!(f, "{pairs} pairs are fewer than {PAIRS_LEAST}"),
            Self::TooFewUsers { carried, delta } => {
                write!(
                    f,
                    "{carried} users are too few to tell a drop of {delta}: it would be under two of them"
                )
            }
        }
    }
}

impl std::error::Error for RulesError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn head_is_offered_half_of_delta_less_than_base() {
        let rules = Rules::new(0.19, 1_000.0);
        assert!(close(rules.load(0), 1_000.0) && close(rules.head_load(1_000.0), 900.0));
        // Four steps are delta, two of them the cut.
        assert!(close(rules.load(-4), 810.0) && close(rules.load(2), 1_000.0 / 0.9));
        assert!(close(rules.floor(), 0.001) && close(rules.ceiling(), 0.505));
        assert_eq!((rules.pairs_max(), rules.trials_max()), (10, 30));
    }

    #[test]
    fn users_are_whole() {
        let rules = Rules { whole: true, ..Rules::new(0.1, 40.0) };
        let loads = [-2, -1, 0, 1, 2].map(|steps| (rules.load(steps), rules.head_load(rules.load(steps))));
        assert_eq!(
            format!("{loads:?}"),
            "[(38.0, 36.0), (39.0, 37.0), (40.0, 38.0), (41.0, 39.0), (42.0, 40.0)]"
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        assert_eq!(Rules::new(0.1, 100.0).check(), Ok(()));
        let wrong = Rules { allowed: 0.0, pairs: 2, ..Rules::new(f64::NAN, -1.0) };
        let texts: Vec<String> =
            wrong.check().expect_err("four mistakes").iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "delta NaN is not between 0.001 and 0.5",
                "a load of -1 is not a positive number",
                "an allowed loss of 0 is not between 0 and 0.5",
                "2 pairs are fewer than 3",
            ]
        );
        let few = Rules { whole: true, ..Rules::new(0.1, 10.0) };
        assert_eq!(few.check(), Err(vec![RulesError::TooFewUsers { carried: 10.0, delta: 0.1 }]));
    }
}
