//! What of a search must not be overlooked: what its answer does not show by itself.

use loadlab_analysis::search::{Found, LoadResult, Reason, SearchResult, Standing};

use super::words;
use crate::figures;

/// What must not be overlooked, the weightiest first.
pub(super) fn notes(result: &SearchResult, loads: &[LoadResult]) -> Vec<String> {
    let found = result.found.as_ref();
    [
        found.and_then(|found| imprecise(found, result)),
        silent(result),
        not_recovered(result),
        restarted(result.restarts),
        uneven(result, loads),
        ended_early(result),
        words::late_after_s(&result.objectives).is_none().then(|| {
            "No objective bounds the response time: only what fails or is never sent is lost.".to_owned()
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn imprecise(found: &Found, result: &SearchResult) -> Option<String> {
    let wanted = figures::share(result.rules.precision);
    match (found.reason, found.estimate, found.interval) {
        (Reason::Precise | Reason::MostPasses | Reason::LeastFails, ..) => None,
        (Reason::FirstFailure, ..) => Some(
            "A ramp has no share of certainty: a step can fail or pass by chance, and its answer is low by \
             half a step on average."
                .to_owned(),
        ),
        (_, Some(estimate), (Some(low), Some(high))) => Some(format!(
            "The precision of {wanted} was not reached: the interval ends {} below and {} above the \
             estimate.",
            figures::share(1.0 - low / estimate),
            figures::share(high / estimate - 1.0)
        )),
        _ => Some(format!(
            "The precision of {wanted} was not reached: the loads that were tried do not bound the breaking \
             point on both sides."
        )),
    }
}

/// Trials that say nothing, by their reasons.
fn silent(result: &SearchResult) -> Option<String> {
    let mut reasons: Vec<(&str, u64)> = Vec::new();
    for because in result.trials.iter().filter_map(|one| words::silent_because(&one.trial)) {
        match reasons.iter_mut().find(|(known, _)| *known == because) {
            Some((_, count)) => *count += 1,
            None => reasons.push((because, 1)),
        }
    }
    let all: u64 = reasons.iter().map(|(_, count)| count).sum();
    let times = |(because, count): &(&str, u64)| {
        if *count == all { (*because).to_owned() } else { format!("{because} ({count})") }
    };
    let listed = reasons.iter().map(times).collect::<Vec<_>>().join(", ");
    let says = if all == 1 { "says" } else { "say" };
    (all > 0).then(|| {
        format!("{} {says} nothing and count as none: {listed}.", words::counted(all, "trial", "trials"))
    })
}

fn not_recovered(result: &SearchResult) -> Option<String> {
    let load = result.trials.iter().map(|one| &one.trial).filter(|trial| trial.counts() && !trial.recovered);
    let lowest = load.map(|trial| trial.load).min_by(f64::total_cmp)?;
    let lowest = words::load(lowest, result.axis);
    Some(format!(
        "After a trial at {lowest} the target was not idle again by itself: what goes wrong at such a load \
         may last."
    ))
}

fn restarted(restarts: u32) -> Option<String> {
    let times = if restarts == 1 { "once".to_owned() } else { words::counted(restarts, "time", "times") };
    (restarts > 0).then(|| {
        format!(
            "The target was started again {times}, because it did not settle: trials before and after are of \
             two lives of it."
        )
    })
}

/// A load that is carried above one that is not.
fn uneven(result: &SearchResult, loads: &[LoadResult]) -> Option<String> {
    let fails = loads.iter().find(|at| at.standing == Standing::LostTooMuch)?;
    let carried = loads.iter().rfind(|at| at.standing == Standing::Carried && at.load > fails.load)?;
    Some(format!(
        "{} was carried although {} was not: the loss does not only depend on the load.",
        words::load(carried.load, result.axis),
        words::load(fails.load, result.axis)
    ))
}

fn ended_early(result: &SearchResult) -> Option<String> {
    let count = result.trials.iter().filter(|one| one.trial.ended_early).count() as u64;
    let trials = words::counted(count, "trial", "trials");
    (count > 0).then(|| {
        format!(
            "{trials} ended early, as soon as so much was lost that no other could make up for it; loss, p95 \
             and goodput are those until then."
        )
    })
}
