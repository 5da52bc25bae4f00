//! How the evidence of a gate grew: for those who look at it. Nothing is decided here.

use serde::Serialize;

use super::{
    Done, Evidence, NightlyRules, Ratio, Rules, SearchPair, Spoilt, nightly,
    score::{self, Scored},
    walk::Progress,
};

/// What a pair of trials said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairScore {
    /// Base's trial.
    pub base: Done,
    /// Head's.
    pub head: Done,
    /// Above 0 if head lost more.
    pub score: f64,
    /// The scores of this pair and of all before it.
    pub sum: f64,
}

/// What the sum of the scores is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bars {
    /// Below it head is fine.
    pub better: f64,
    /// Above it head is worse.
    pub worse: f64,
    /// Either must be said by so many pairs.
    pub pairs: u32,
}

/// What was seen when the pairs of searches were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Look {
    /// The ratio and its interval.
    pub ratio: Ratio,
    /// It decided.
    pub decided: bool,
}

/// The pairs of a job of tier 1, in order, as far as they are complete.
pub fn course(rules: &Rules, done: &[Done]) -> Vec<PairScore> {
    let mut sum = 0.0;
    let pairs = Progress::of(rules, done).pairs;
    let scored = pairs.iter().map(|pair| {
        let score = Scored::of(rules, pair).score;
        sum += score;
        PairScore { base: pair.base, head: pair.head, score, sum }
    });
    scored.collect()
}

/// What spoilt each trial, if it did not count. That another one had been asked for is known only here.
pub fn spoilt(rules: &Rules, done: &[Done]) -> Vec<Option<Spoilt>> {
    let known = |trials: usize| Progress::of(rules, &done[..trials]).spoilt;
    let of = |trial: usize| known(trial + 1).get(known(trial).len()).copied();
    (0..done.len()).map(of).collect()
}

/// What the sum of the scores is held against.
pub fn bars(rules: &Rules) -> Bars {
    Bars { better: score::BETTER, worse: score::WORSE, pairs: score::enough(rules) as u32 }
}

/// The looks of a job of tier 2, up to the one that decided.
pub fn looks(rules: &NightlyRules, done: &[SearchPair]) -> Vec<Look> {
    let xs: Vec<f64> = done.iter().filter_map(SearchPair::x).collect();
    let mut looks = Vec::new();
    for pairs in &rules.looks {
        let Some(Evidence::Ratio(ratio)) = xs.get(..*pairs as usize).and_then(|xs| nightly::ratio(rules, xs))
        else {
            break;
        };
        let decided = ratio.high < ratio.least || ratio.low > ratio.least;
        looks.push(Look { ratio, decided });
        if decided {
            break;
        }
    }
    looks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Decision, NightlyStep, Side, Step, Validity, next, next_pair};

    /// Base loses 1 % and head nothing, until it is decided.
    fn fine(rules: &Rules) -> Vec<Done> {
        let mut done = Vec::new();
        while let Step::Try(offer) = next(rules, &done) {
            let lost = if offer.side == Side::Base { 10 } else { 0 };
            done.push(Done::of(offer, 1_000, lost, Validity::Valid));
        }
        done
    }

    #[test]
    fn the_scores_add_up_and_end_where_it_was_decided() {
        let rules = Rules::new(0.1, 1_000.0);
        let course = course(&rules, &fine(&rules));
        let sums: Vec<f64> = course.iter().map(|pair| pair.sum).collect();
        assert_eq!(sums, [-2.0, -4.0, -6.0]);
        assert!(course.iter().all(|pair| pair.base.side == Side::Base && pair.head.side == Side::Head));
        assert_eq!(bars(&rules), Bars { better: -1.0, worse: 2.0, pairs: 3 });
    }

    #[test]
    fn a_trial_that_was_not_asked_for_is_told_from_one_that_counts() {
        let rules = Rules::new(0.1, 1_000.0);
        let mut done = fine(&rules)[..3].to_vec();
        done.insert(1, Done { validity: Validity::Invalid(Spoilt::CpuStolen), ..done[1] });
        done.insert(0, Done { load: 1.0, ..done[0] });
        let told = [Some(Spoilt::NotAsked), None, Some(Spoilt::CpuStolen), None, None];
        assert_eq!(spoilt(&rules, &done), told);
        assert_eq!(course(&rules, &done).len(), 1);
    }

    #[test]
    fn looks_are_told_up_to_the_one_that_decides() {
        let rules = NightlyRules::default();
        let pairs = |ratios: &[f64]| -> Vec<SearchPair> {
            let pair =
                |ratio: &f64| SearchPair { base: 100.0, head: 100.0 * ratio, validity: Validity::Valid };
            ratios.iter().map(pair).collect()
        };
        let near = pairs(&[0.93, 0.97, 0.94, 0.96, 0.93, 0.97, 0.94]);
        let told = looks(&rules, &near);
        assert_eq!(told.iter().map(|look| look.ratio.pairs).collect::<Vec<_>>(), [4, 6]);
        assert!(told.iter().all(|look| !look.decided));
        let clear = pairs(&[0.9, 0.91, 0.89, 0.9, 0.5]);
        let told = looks(&rules, &clear);
        assert!(told.len() == 1 && told[0].decided, "{told:?}");
        let NightlyStep::Decided(Decision::Regression { evidence: Evidence::Ratio(ratio) }) =
            next_pair(&rules, &clear)
        else {
            panic!("it decided");
        };
        assert_eq!(told[0].ratio, ratio);
    }
}
