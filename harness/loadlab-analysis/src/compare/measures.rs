//! Shares and rates of two groups, and how a change is made of two values.

use loadlab_clock::Speed;
use loadlab_record::{Histogram, RunFile};
use loadlab_scenario::objective::{Measure, ShareOf, Throughput};

use super::{Change, StepChange, distribution::latency, interval::Design};
use crate::{Observation, objectives::Measured, unit};

/// How the value of a group follows from those of its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Together {
    /// The share of all arrivals.
    Pooled,
    /// The mean of the runs: a rate is of a run's time.
    Mean,
}

/// Loss, errors, throughput and goodput of the arrivals.
pub(super) fn arrivals(sides: [&[RunFile]; 2], design: &Design) -> Vec<Change> {
    let share = |of| Measure::Share { of, step: None };
    let measures = [
        ("loss", share(ShareOf::Loss), Together::Pooled),
        ("errors", share(ShareOf::Errors), Together::Pooled),
        ("throughput", Measure::Throughput(Throughput::Completed), Together::Mean),
        ("goodput", Measure::Throughput(Throughput::Good), Together::Mean),
    ];
    measures.map(|(name, measure, together)| observed(name, &measure, together, sides, design)).into()
}

/// Each step that any run has.
pub(super) fn steps(sides: [&[RunFile]; 2], design: &Design) -> Vec<StepChange> {
    let mut names: Vec<&String> =
        sides.iter().flat_map(|side| *side).flat_map(|run| run.steps.keys()).collect();
    names.sort();
    names.dedup();
    let speed = sides[0].first().map_or(Speed::REAL, |run| run.speed);
    let of_step = |name: &String| {
        let response = |run: &RunFile| {
            run.steps.get(name).map_or_else(Histogram::new, |step| step.total.response.clone())
        };
        let errors = Measure::Share { of: ShareOf::Errors, step: Some(name.clone()) };
        StepChange {
            step: name.clone(),
            response: latency(&sides.map(|runs| runs.iter().map(response).collect()), speed, design),
            errors: observed("errors", &errors, Together::Pooled, sides, design),
        }
    };
    names.into_iter().map(of_step).collect()
}

/// A measure that objectives know.
fn observed(
    name: &str,
    measure: &Measure,
    together: Together,
    sides: [&[RunFile]; 2],
    design: &Design,
) -> Change {
    let each = sides.map(|runs| runs.iter().map(|run| Measured::of(run).whole(measure)).collect::<Vec<_>>());
    let group = each.each_ref().map(|runs| match together {
        Together::Pooled => pooled(runs),
        Together::Mean => mean(runs.iter().map(|one| one.value)),
    });
    let runs = each.map(|runs| runs.iter().map(|one| one.value).collect());
    change(name, unit(measure), group, runs, design)
}

/// A share of everything that the runs counted.
fn pooled(runs: &[Observation]) -> Option<f64> {
    let known = || runs.iter().filter_map(|run| Some((run.value?, run.samples as f64)));
    let samples: f64 = known().map(|(_, samples)| samples).sum();
    (samples > 0.0).then(|| known().map(|(value, samples)| value * samples).sum::<f64>() / samples)
}

/// The mean of the runs that have a value.
pub(super) fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The change from one value to another. It is that of the groups; only how far it may be off is taken from
/// the single runs. (The percentile of several runs together lies among those of the runs, and near their
/// mean as long as they resemble each other.)
pub(super) fn change(
    measure: &str,
    unit: &str,
    [before, after]: [Option<f64>; 2],
    [each_before, each_after]: [Vec<Option<f64>>; 2],
    design: &Design,
) -> Change {
    let difference = after.zip(before).map(|(after, before)| after - before);
    let half = difference
        .ok_or_else(|| "there is too little on one side".to_owned())
        .and_then(|difference| Ok((difference, design.half_width([&each_before, &each_after])?)));
    let (interval, note) = match half {
        Ok((difference, half)) => (Some(bounded(unit, difference - half, difference + half)), String::new()),
        Err(why) => (None, why),
    };
    Change {
        measure: measure.to_owned(),
        unit: unit.to_owned(),
        before,
        after,
        difference,
        relative: difference.zip(before.filter(|before| *before != 0.0)).map(|(by, of)| by / of.abs()),
        interval,
        each_before,
        each_after,
        note,
    }
}

/// Two shares differ by no more than everything.
fn bounded(unit: &str, low: f64, high: f64) -> (f64, f64) {
    if unit == "share" { (low.max(-1.0), high.min(1.0)) } else { (low, high) }
}
