//! Objectives of two groups, with their verdicts.

use loadlab_record::{ObjectiveResult, RunFile, Verdict};

use super::{ObjectiveChange, ObjectiveSide};
use crate::study::median;

/// Each objective of the plan, in its order. The runs' own verdicts count: they are those of their reports.
pub(super) fn changes(sides: [&[RunFile]; 2]) -> Vec<ObjectiveChange> {
    let Some(first) = sides[0].first() else { return Vec::new() };
    let change = |objective: &ObjectiveResult| {
        let [before, after] = sides.map(|runs| side(&objective.name, runs));
        ObjectiveChange {
            name: objective.name.clone(),
            bound: objective.bound,
            unit: objective.unit.clone(),
            before,
            after,
        }
    };
    first.objectives.iter().map(change).collect()
}

fn side(name: &str, runs: &[RunFile]) -> ObjectiveSide {
    let of_run = |run: &'_ RunFile| run.objectives.iter().find(|objective| objective.name == name).cloned();
    let results: Vec<Option<ObjectiveResult>> = runs.iter().map(of_run).collect();
    let each: Vec<Option<f64>> = results.iter().map(|result| result.as_ref()?.observed).collect();
    let mut observed: Vec<f64> = each.iter().copied().flatten().collect();
    observed.sort_by(f64::total_cmp);
    let passed = results.iter().flatten().filter(|result| result.verdict == Verdict::Pass).count();
    let verdict = match passed {
        all if all == runs.len() => Verdict::Pass,
        0 => Verdict::Fail,
        _ => Verdict::Inconclusive,
    };
    ObjectiveSide { observed: median(&observed), each, passed, verdict }
}
