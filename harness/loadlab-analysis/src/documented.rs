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
