//! What a source document claims, compared with what happened. Reported, never judged.

use loadlab_record::{DocumentedResult, RunFile};
use loadlab_scenario::{
    objective::{Compare, Expectation},
    plan::DocumentedOutcome,
};

use crate::{holds, objectives::Measured, unit};

/// Each claim of the plan's source, in its order.
pub(crate) fn compare(run: &RunFile, measured: &Measured<'_>) -> Vec<DocumentedResult> {
    let outcomes = run.plan.documented.iter().flat_map(|documented| &documented.outcomes);
    outcomes.map(|outcome| result(outcome, measured)).collect()
}

fn result(outcome: &DocumentedOutcome, measured: &Measured<'_>) -> DocumentedResult {
    let expect = &outcome.expect;
    let observed = match (outcome.from, outcome.to) {
        (None, None) => measured.whole(&expect.measure),
        (from, to) => measured.between(&expect.measure, from.unwrap_or_default(), to),
    };
    let observed = observed.value;
    DocumentedResult {
        name: outcome.name.clone(),
        measure: expect.text.clone(),
        band: (expect.min, expect.max),
        observed,
        unit: unit(&expect.measure).to_owned(),
        reproduced: observed.is_some_and(|value| within(expect, value)),
    }
}

/// Whether a value lies in the band, ends included.
fn within(expect: &Expectation, value: f64) -> bool {
    expect.min.is_none_or(|min| holds(Compare::GreaterOrEqual, value, min))
        && expect.max.is_none_or(|max| holds(Compare::LessOrEqual, value, max))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_record::Outcome;
    use loadlab_scenario::plan::Documented;

    use loadlab_scenario::objective::Statistic;

    use crate::made_up::{MadeUp, response};

    /// What is observed of the p95 from one second to another.
    fn observed(from: Option<u64>, to: Option<u64>) -> Option<f64> {
        let claim = |from: Option<u64>, to: Option<u64>| {
            let expect = loadlab_scenario::objective::Expectation {
                text: "p95".to_owned(),
                measure: response(Statistic::Percentile(95.0)),
                min: None,
                max: Some(1.0),
            };
            let (from, to) = (from.map(Duration::from_secs), to.map(Duration::from_secs));
            loadlab_scenario::plan::DocumentedOutcome { name: "p95".to_owned(), expect, from, to }
        };
        let documented = Documented {
            source: "a test".to_owned(),
            section: "here".to_owned(),
            outcomes: vec![claim(from, to)],
            chain: Vec::new(),
            deviations: Vec::new(),
        };
        let run = MadeUp::new()
            .plan(|plan| plan.documented = Some(documented))
            .seconds(30, Outcome::Ok, 100)
            .seconds(30, Outcome::Ok, 2_000)
            .finished();
        run.documented[0].observed
    }

    #[test]
    fn a_claim_about_a_time_is_held_against_what_ended_in_it() {
        let near = |observed: Option<f64>, expected: f64| {
            observed.is_some_and(|value| (value / expected - 1.0).abs() < 0.01)
        };
        assert!(near(observed(None, None), 2.0));
        assert!(near(observed(None, Some(30)), 0.1));
        assert!(near(observed(Some(30), None), 2.0));
        assert!(near(observed(Some(29), Some(31)), 2.0));
        assert_eq!(observed(Some(70), Some(80)), None);
    }
}
