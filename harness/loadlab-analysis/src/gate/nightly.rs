//! Tier 2: paired searches for both breaking points, looked at three times.
//!
//! x = ln(head / base) of each pair. After 4, 6 and 8 pairs, with t the quantile of Student's distribution at
//! the look's own alpha and se the standard error of the mean: a regression when mean + t·se < ln(1 - delta),
//! a pass when mean - t·se > ln(1 - delta), else two pairs more. After the last look, it cannot be told.
//! Looking three times at 5 % would find a difference that is not there more often than once in twenty; with
//! Pocock's constant alpha of 0.0221 for each of three looks it stays at that (S. J. Pocock, Biometrika 64,
//! 1977; simulated, a drop of just delta fails 4.8 times in a hundred).
//!
//! Here delta is the limit: a drop of just delta mostly stays open, and one of twice delta is found. Tier 1
//! means by delta what it finds.

use serde::{Deserialize, Serialize};

use super::{
    Decision, Evidence, Ratio, Side, Spoilt, Validity, Why,
    student::{Spread, quantile},
};

/// What tier 2 goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NightlyRules {
    /// The drop that is a regression, as a share.
    pub delta: f64,
    /// After how many pairs it is looked at, ascending.
    pub looks: Vec<u32>,
    /// The one-sided alpha of each look.
    pub alpha: f64,
    /// So many spoilt pairs are repeated.
    pub invalid_max: u32,
}

/// A search on base and one on head, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SearchPair {
    /// Base's breaking point.
    pub base: f64,
    /// Head's.
    pub head: f64,
    /// Whether both say something about the target.
    pub validity: Validity,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum NightlyStep {
    /// Search on both.
    Search {
        /// The pair's number, from 0: seeds differ by it.
        pair: u32,
        /// On which first.
        first: Side,
    },
    /// Nothing: it is decided.
    Decided(Decision),
}

impl Default for NightlyRules {
    fn default() -> Self {
        Self { delta: 0.05, looks: vec![4, 6, 8], alpha: 0.0221, invalid_max: 4 }
    }
}

impl NightlyRules {
    /// The most pairs that it can take.
    pub fn pairs_max(&self) -> u32 {
        self.looks.iter().copied().max().unwrap_or(0)
    }
}

impl SearchPair {
    /// ln(head / base), if both are there.
    pub fn x(&self) -> Option<f64> {
        let found = |load: f64| load.is_finite() && load > 0.0;
        let counts = self.validity == Validity::Valid && found(self.base) && found(self.head);
        counts.then(|| (self.head / self.base).ln())
    }
}

/// The next pair of searches, or the decision.
pub fn next(rules: &NightlyRules, done: &[SearchPair]) -> NightlyStep {
    let xs: Vec<f64> = done.iter().filter_map(SearchPair::x).collect();
    let at_look = |pairs: &u32| xs.get(..*pairs as usize).and_then(|xs| look(rules, xs));
    if let Some(decision) = rules.looks.iter().find_map(at_look) {
        return NightlyStep::Decided(decision);
    }
    let evidence = ratio(rules, &xs);
    let invalid = (done.len() - xs.len()) as u32;
    if xs.len() as u32 >= rules.pairs_max() {
        return NightlyStep::Decided(Decision::Inconclusive { why: Why::TooClose, evidence });
    }
    if invalid > rules.invalid_max {
        let why = Why::TooManyInvalid { invalid, mostly: last_spoilt(done) };
        return NightlyStep::Decided(Decision::Inconclusive { why, evidence });
    }
    NightlyStep::Search { pair: xs.len() as u32, first: Side::first_of(xs.len() as u32) }
}

/// The decision of a job that ends here, whether or not it was decided.
pub fn ended(rules: &NightlyRules, done: &[SearchPair]) -> Decision {
    match next(rules, done) {
        NightlyStep::Decided(decision) => decision,
        NightlyStep::Search { .. } => {
            let xs: Vec<f64> = done.iter().filter_map(SearchPair::x).collect();
            Decision::Inconclusive { why: Why::EndedEarly, evidence: ratio(rules, &xs) }
        }
    }
}

/// What a look decides, if it does.
fn look(rules: &NightlyRules, xs: &[f64]) -> Option<Decision> {
    let evidence = ratio(rules, xs)?;
    let Evidence::Ratio(Ratio { low, high, least, .. }) = evidence else { return None };
    if high < least {
        Some(Decision::Regression { evidence })
    } else if low > least {
        Some(Decision::Pass { evidence })
    } else {
        None
    }
}

pub(super) fn ratio(rules: &NightlyRules, xs: &[f64]) -> Option<Evidence> {
    let spread = Spread::of(xs)?;
    let half = quantile(1.0 - rules.alpha, spread.freedom()) * spread.of_mean().sqrt();
    Some(Evidence::Ratio(Ratio {
        pairs: xs.len() as u32,
        at: spread.mean.exp(),
        low: (spread.mean - half).exp(),
        high: (spread.mean + half).exp(),
        least: 1.0 - rules.delta,
    }))
}

fn last_spoilt(done: &[SearchPair]) -> Spoilt {
    let spoilt = |pair: &SearchPair| match pair.validity {
        Validity::Invalid(spoilt) => Some(spoilt),
        Validity::Valid => pair.x().is_none().then_some(Spoilt::Nothing),
    };
    done.iter().rev().find_map(spoilt).unwrap_or(Spoilt::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(ratios: &[f64]) -> Vec<SearchPair> {
        let pair = |ratio: &f64| SearchPair { base: 200.0, head: 200.0 * ratio, validity: Validity::Valid };
        ratios.iter().map(pair).collect()
    }

    fn sentence(ratios: &[f64]) -> String {
        match next(&NightlyRules::default(), &pairs(ratios)) {
            NightlyStep::Decided(decision) => decision.sentence(),
            NightlyStep::Search { pair, first } => format!("pair {pair}, {} first", first.name()),
        }
    }

    /// t of three degrees of freedom at 0.9779 is 3.32; the values' standard error is 0.58 %.
    #[test]
    fn the_first_look_decides_what_is_clear() {
        assert_eq!(sentence(&[1.01, 0.99, 1.01]), "pair 3, head first");
        assert_eq!(
            sentence(&[1.01, 0.99, 1.01, 0.99]),
            "Pass: head's breaking point is 1 of base's, above 0.95 (0.981 to 1.02 over 4 paired searches)."
        );
        assert_eq!(
            sentence(&[0.9, 0.91, 0.89, 0.9]),
            "Regression: head's breaking point is 0.9 of base's, below 0.95 (0.886 to 0.914 over 4 paired \
             searches)."
        );
    }

    #[test]
    fn what_is_near_the_limit_is_looked_at_three_times_and_stays_open() {
        let near = [0.93, 0.97, 0.94, 0.96, 0.93, 0.97, 0.94, 0.96];
        assert_eq!(sentence(&near[..4]), "pair 4, base first");
        assert_eq!(sentence(&near[..5]), "pair 5, head first");
        assert_eq!(sentence(&near[..6]), "pair 6, base first");
        assert!(
            sentence(&near).starts_with("Inconclusive: the difference is too close"),
            "{}",
            sentence(&near)
        );
    }

    #[test]
    fn a_look_that_decided_stays_decided_whatever_comes_later() {
        let later = [1.01, 0.99, 1.01, 0.99, 0.5, 0.5];
        assert!(sentence(&later).contains("over 4 paired searches"), "{}", sentence(&later));
    }

    #[test]
    fn spoilt_pairs_are_repeated_up_to_a_limit() {
        let mut done = pairs(&[1.0, 0.0, f64::NAN, 1.0]);
        done.push(SearchPair { validity: Validity::Invalid(Spoilt::CpuStolen), ..done[0] });
        let rules = NightlyRules { invalid_max: 3, ..NightlyRules::default() };
        assert_eq!(next(&rules, &done), NightlyStep::Search { pair: 2, first: Side::Base });
        done.push(done[4]);
        let NightlyStep::Decided(decision) = next(&rules, &done) else { panic!("too many") };
        assert!(matches!(
            decision,
            Decision::Inconclusive { why: Why::TooManyInvalid { invalid: 4, mostly: Spoilt::CpuStolen }, .. }
        ));
    }
}
