//! What a reader should know before believing a comparison.

use std::collections::BTreeSet;

use loadlab_record::{Environment, RunFile};
use loadlab_scenario::plan::Load;

use super::{
    Factor, FactorKind, Method,
    interval::{CONFIDENCE, Design},
};
use crate::words::percent;

/// Something about a machine, in words.
type Fact = fn(&Environment) -> String;

/// The cautions, one sentence each.
pub(super) fn of(factor: &Factor, sides: [&[RunFile]; 2], design: &Design) -> Vec<String> {
    let mut cautions = Vec::new();
    cautions.extend(repeated(sides, design));
    cautions.extend(many(design));
    cautions.extend(nothing(factor));
    cautions.extend(order(sides));
    cautions.extend(machine(sides));
    cautions.extend(closed(sides));
    cautions
}

fn repeated(sides: [&[RunFile]; 2], design: &Design) -> Option<String> {
    let [before, after] = sides.map(<[RunFile]>::len);
    (design.method == Method::None).then(|| {
        format!(
            "There are no intervals: {before} before and {after} after do not show how runs differ by \
             chance. Repeat them, with the same seeds before and after."
        )
    })
}

fn many(design: &Design) -> Option<String> {
    (design.method != Method::None).then(|| {
        let confidence = percent(CONFIDENCE, 1.0);
        format!("Each interval by itself holds with {confidence}: of twenty, one is expected to miss.")
    })
}

fn nothing(factor: &Factor) -> Option<String> {
    (factor.kind == FactorKind::Nothing).then(|| {
        "Nothing that the run files tell differs between before and after: what differs is chance, or not \
         recorded, as a target that was built anew under an old version."
            .to_owned()
    })
}

/// What drifts on a machine passes for the change if everything before it was measured first.
fn order(sides: [&[RunFile]; 2]) -> Option<String> {
    // Starts are written in one form and in UTC, so that their text is in order of time.
    let starts = sides.map(|side| side.iter().map(|run| run.environment.started.as_str()));
    let days = sides.map(|side| {
        side.iter().map(|run| run.environment.started.get(..10).unwrap_or_default()).collect::<BTreeSet<_>>()
    });
    let [before, after] = starts;
    let (last_before, first_after) = (before.clone().max()?, after.clone().min()?);
    let apart = last_before < first_after || after.max()? < before.min()?;
    if days[0].is_disjoint(&days[1]) {
        return Some(
            "Before and after were measured on different days: what else changed on the machine is part of \
             the difference."
                .to_owned(),
        );
    }
    (apart && sides.iter().any(|side| side.len() > 1)).then(|| {
        "All runs of one side were measured before all of the other: what drifted meanwhile is part of the \
         difference. Take turns."
            .to_owned()
    })
}

fn machine(sides: [&[RunFile]; 2]) -> Option<String> {
    let facts: [(&str, Fact); 3] = [
        ("kernel", |environment| environment.kernel.clone()),
        ("operating system", |environment| environment.os.clone()),
        ("memory", |environment| environment.memory_bytes.to_string()),
    ];
    let differ = facts.into_iter().filter(|(_, of)| {
        let runs = sides.iter().flat_map(|side| *side);
        runs.map(|run| of(&run.environment)).collect::<BTreeSet<String>>().len() > 1
    });
    let differ: Vec<&str> = differ.map(|(what, _)| what).collect();
    (!differ.is_empty()).then(|| format!("The machines differ in their {}.", differ.join(" and ")))
}

fn closed(sides: [&[RunFile]; 2]) -> Option<String> {
    let closed = sides[0].first().is_some_and(|run| matches!(run.plan.load, Load::Users { .. }));
    closed.then(|| {
        "Users wait for their answers, so a slower side is asked less often: percentiles are of fewer \
         arrivals then."
            .to_owned()
    })
}
