//! Everything that a report of a gate needs. A report is a function of it.

use serde::{Deserialize, Serialize};

use super::{
    BoundResult, Decision, Done, MeasureResult, NightlyRules, Noise, Power, Rules, SearchPair, Tier, Why,
    fast, nightly, power,
};

/// A gate that was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// How thorough.
    pub tier: Tier,
    /// The one thing in which head differs from base.
    pub factor: String,
    /// What it went by.
    pub limits: Limits,
    /// Every trial of tier 1, in order.
    pub trials: Vec<Done>,
    /// Every pair of searches of tier 2, in order.
    pub searches: Vec<SearchPair>,
    /// What was decided about the breaking point.
    pub decision: Decision,
    /// What else was asked.
    pub beside: Beside,
    /// The verdict on all of it.
    pub verdict: GateVerdict,
    /// One sentence each: the breaking point, then whatever counts against head or could not be told.
    pub reasons: Vec<String>,
    /// What such a gate finds, with the noise as it is known.
    pub power: Option<Power>,
}

/// What a gate went by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limits {
    /// Tier 1.
    Fast(Rules),
    /// Tier 2.
    Nightly(NightlyRules),
}

/// What is asked beside the breaking point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Measures at a fixed load.
    pub measures: Vec<MeasureResult>,
    /// Bounds on costs.
    pub bounds: Vec<BoundResult>,
    /// The noise of an A/A job on this machine.
    pub noise: Option<Noise>,
}

/// The verdict on all that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// Nothing speaks against head.
    Pass,
    /// Its breaking point is lower, or a measure became worse.
    Regression,
    /// It is no worse than base, but misses a bound.
    BoundMissed,
    /// Whether its breaking point is lower cannot be told.
    Inconclusive,
}

impl GateResult {
    /// Of a job of tier 1.
    pub fn fast(factor: &str, rules: Rules, trials: Vec<Done>, beside: Beside) -> Self {
        let decision = fast::ended(&rules, &trials);
        let decided_by_it =
            matches!(&decision, Decision::Inconclusive { why: Why::TooManyInvalid { .. }, .. });
        let uncounted = fast::uncounted(&rules, &trials).filter(|_| !decided_by_it);
        let mut result = Self::of(factor, Limits::Fast(rules), decision, beside);
        result.reasons.extend(uncounted.map(|why| format!("{}.", why.text())));
        Self { trials, ..result }
    }

    /// Of a job of tier 2.
    pub fn nightly(factor: &str, rules: NightlyRules, searches: Vec<SearchPair>, beside: Beside) -> Self {
        let decision = nightly::ended(&rules, &searches);
        Self { searches, ..Self::of(factor, Limits::Nightly(rules), decision, beside) }
    }

    fn of(factor: &str, limits: Limits, decision: Decision, beside: Beside) -> Self {
        let (tier, delta, pairs) = match &limits {
            Limits::Fast(rules) => (Tier::Fast, rules.delta, rules.pairs_max()),
            Limits::Nightly(rules) => (Tier::Nightly, rules.delta, rules.pairs_max()),
        };
        let noise = beside.noise.filter(|noise| noise.tier == tier);
        Self {
            tier,
            factor: factor.to_owned(),
            limits,
            trials: Vec::new(),
            searches: Vec::new(),
            verdict: verdict(&decision, &beside),
            reasons: reasons(&decision, &beside),
            power: noise.map(|noise| power(&noise, delta, pairs)),
            decision,
            beside,
        }
    }
}

/// A regression is one whatever else could not be told.
fn verdict(decision: &Decision, beside: &Beside) -> GateVerdict {
    let worse = beside.measures.iter().any(|measure| measure.worse);
    let missed = beside.bounds.iter().any(|bound| !bound.holds);
    match decision {
        Decision::Regression { .. } => GateVerdict::Regression,
        _ if worse => GateVerdict::Regression,
        _ if missed => GateVerdict::BoundMissed,
        Decision::Pass { .. } => GateVerdict::Pass,
        Decision::Inconclusive { .. } => GateVerdict::Inconclusive,
    }
}

fn reasons(decision: &Decision, beside: &Beside) -> Vec<String> {
    let worse = beside.measures.iter().filter(|measure| measure.worse || measure.weak);
    let missed = beside.bounds.iter().filter(|bound| !bound.holds);
    std::iter::once(decision.sentence())
        .chain(worse.map(|measure| measure.sentence.clone()))
        .chain(missed.map(|bound| bound.sentence.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{
        Bound, Cost, Measured, Scale, SecondaryRules, Side, Spoilt, Step, Usage, Validity, bounds, next,
        secondary,
    };

    /// Trials of a gate, of which head loses so much of a thousand and base 1 %.
    fn trials(rules: &Rules, head: u64) -> Vec<Done> {
        let mut done = Vec::new();
        while let Step::Try(offer) = next(rules, &done) {
            let lost = if offer.side == Side::Base { 10 } else { head };
            done.push(Done::of(offer, 1_000, lost, Validity::Valid));
        }
        done
    }

    fn slower() -> Vec<MeasureResult> {
        let measure = Measured {
            measure: "p95".to_owned(),
            unit: "s".to_owned(),
            scale: Scale::Ratio,
            margin: 0.1,
            base: vec![2.0, 2.02, 1.99, 2.0],
            head: vec![4.0, 4.04, 3.98, 4.0],
        };
        secondary(&SecondaryRules::default(), &[measure])
    }

    #[test]
    fn a_measure_can_fail_what_the_breaking_point_passes_and_a_bound_can_be_missed() {
        let rules = Rules::new(0.1, 100.0);
        let verdict = |head, beside| GateResult::fast("build", rules, trials(&rules, head), beside).verdict;
        let missed = bounds(&[] as &[Usage], &[Bound { cost: Cost::CpuSeconds, at_most: 1.0 }]);
        let slow = || Beside { measures: slower(), ..Beside::default() };
        let dear = || Beside { bounds: missed.clone(), ..Beside::default() };
        assert_eq!(verdict(0, Beside::default()), GateVerdict::Pass);
        assert_eq!(verdict(0, slow()), GateVerdict::Regression);
        assert_eq!(verdict(0, dear()), GateVerdict::BoundMissed);
        assert_eq!(verdict(300, dear()), GateVerdict::Regression);
        assert_eq!(verdict(10, Beside::default()), GateVerdict::Inconclusive);
    }

    #[test]
    fn its_reasons_are_sentences() {
        let rules = Rules::new(0.1, 100.0);
        let beside = Beside { measures: slower(), ..Beside::default() };
        let result = GateResult::fast("build", rules, trials(&rules, 300), beside);
        assert_eq!(
            result.reasons,
            [
                "Regression: even with 5.13 % less load head lost more than base (30 % of its arrivals \
                 against 1 %, more than base in 6 of 6 pairs).",
                "p95: 4 s against base's 2 s (+100 %), worse by more than the margin of +10 %.",
            ]
        );
    }

    #[test]
    fn trials_that_did_not_count_are_told() {
        let rules = Rules::new(0.1, 100.0);
        let mut done = trials(&rules, 0);
        done.insert(2, Done { validity: Validity::Invalid(Spoilt::CpuStolen), ..done[2] });
        let result = GateResult::fast("build", rules, done, Beside::default());
        assert_eq!(result.verdict, GateVerdict::Pass);
        assert_eq!(result.reasons[1], "1 trial did not count, mostly because the CPU was stolen.");
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        let rules = Rules::new(0.07, 123.4);
        let mut done = trials(&rules, 0);
        done[0].validity = Validity::Invalid(Spoilt::CpuStolen);
        let beside = Beside { measures: slower(), ..Beside::default() };
        let fast = GateResult::fast("build", rules, done, beside);
        let pair = SearchPair { base: 100.0, head: 93.3, validity: Validity::Valid };
        let nightly =
            GateResult::nightly("profile", NightlyRules::default(), vec![pair; 5], Beside::default());
        for result in [fast, nightly] {
            let text = serde_json::to_string(&result).expect("all of it can be written");
            assert_eq!(serde_json::from_str::<GateResult>(&text).expect("and read"), result);
        }
    }
}
