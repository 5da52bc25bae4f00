//! Whose p99 is lower: pairs of short turns, one of each, in alternating order.
//!
//! The hypervisor takes the CPU away for milliseconds at a time. In a turn that this meets, more than one
//! request in a hundred waits for it, so the p99 tells of the hypervisor and may be ten times what it
//! would be. Short turns are met less often; turns that follow each other are met alike; and a median of
//! many pairs does not care how bad the bad ones are. A mean would.

use statrs::distribution::{Binomial, DiscreteCDF as _};

use crate::bench::rounds::median;

/// Seconds of a turn: some fifteen thousand requests, so its p99 is that of 150.
pub(super) const TURN_SECONDS: f64 = 0.5;
/// Pairs after each round.
pub(super) const PAIRS: usize = 12;
/// How sure it must be that the median of the ratios is no higher than its bound.
const CONFIDENCE: f64 = 0.95;

/// The ratios of the pairs' p99: ours over theirs.
#[derive(Debug, Default)]
pub(super) struct Duel(Vec<f64>);

impl Duel {
    /// One pair, in the same unit.
    pub(super) fn add(&mut self, ours: f64, theirs: f64) {
        self.0.push(ours / theirs);
    }

    pub(super) fn ratios(&self) -> &[f64] {
        &self.0
    }

    /// The median of the ratios; `None` of no pairs.
    pub(super) fn ratio(&self) -> Option<f64> {
        median(&self.0)
    }

    /// What the median of all possible pairs is below, with 95 %: an order statistic of those that were
    /// measured, whatever their distribution (Conover, Practical Nonparametric Statistics, section 3.2).
    /// `None` where there are too few.
    pub(super) fn bound(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let below = Binomial::new(0.5, sorted.len() as u64).ok()?;
        // As many pairs are below the median as coins fall heads: with 95 % no more than `at`.
        let at = (0..sorted.len()).find(|heads| below.cdf(*heads as u64) >= CONFIDENCE)?;
        sorted.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ratios: impl IntoIterator<Item = f64>) -> Duel {
        let mut duel = Duel::default();
        for ratio in ratios {
            duel.add(ratio * 4.0, 4.0);
        }
        duel
    }

    /// The sign test's bounds: of 10 pairs the ninth (P = 0.989, the eighth has 0.945), of 100 the 59th.
    #[test]
    fn the_bound_is_the_sign_tests() {
        let ten = of((1..=10).map(f64::from));
        assert_eq!((ten.ratio(), ten.bound()), (Some(5.5), Some(9.0)));
        assert_eq!(of((1..=100).map(f64::from)).bound(), Some(59.0));
    }

    #[test]
    fn few_pairs_bound_nothing() {
        // All four lie below the median in one of sixteen cases, all five in one of 32.
        assert_eq!(of([0.5, 0.6, 0.7, 0.8]).bound(), None);
        assert_eq!(of([0.5, 0.6, 0.7, 0.8, 0.9]).bound(), Some(0.9));
        assert_eq!((Duel::default().ratio(), Duel::default().bound()), (None, None));
    }

    #[test]
    fn how_bad_the_bad_pairs_are_does_not_matter() {
        let pairs = |worst: f64| of((0..40).map(|pair| if pair < 10 { worst } else { 0.8 }));
        assert_eq!(pairs(1.2).bound(), pairs(90.0).bound());
        assert_eq!(pairs(90.0).ratio(), Some(0.8));
    }
}
