//! What the run did to the target: its first fault, a peak of the load, or the load as such.

use loadlab_record::{RunFile, Trigger};
use loadlab_scenario::plan::{Load, Plan};

use crate::{Rules, fault_spans, rules::active};

/// A stretch of the load this much above what comes before and after it is a peak.
const PEAK: f64 = 1.5;

/// The trigger. Times are scenario seconds.
pub(super) fn of(run: &RunFile, rules: &Rules) -> Trigger {
    let first = rules.first_second as f64;
    let load_end = load_end(run, rules);
    let faults = fault_spans(run);
    if let Some(begun) = faults.first() {
        let end = faults.iter().map(|fault| fault.to_s).fold(0.0, f64::max);
        let what = match faults.len() {
            1 => format!("the fault {}", begun.name),
            more => format!("{more} faults, first {}", begun.name),
        };
        let passing = end < load_end && begun.from_s > first;
        return Trigger { what, from_s: begun.from_s, to_s: end, passing };
    }
    match peak(&run.plan) {
        Some((from_s, to_s)) if from_s > first => {
            Trigger { what: "the peak of the load".to_owned(), from_s, to_s, passing: true }
        }
        _ => Trigger { what: "the load".to_owned(), from_s: first, to_s: load_end, passing: false },
    }
}

/// When nothing new was wanted any more.
pub(super) fn load_end(run: &RunFile, rules: &Rules) -> f64 {
    let recorded = run.windows.last().map_or(0.0, |window| (window.second + 1) as f64);
    let last_due = run.windows.iter().rfind(|window| window.scheduled > 0);
    let due = last_due.map_or(0.0, |window| (window.second + 1) as f64);
    let served = run.windows.iter().rfind(|window| active(window));
    let served = served.map_or(due, |window| (window.second + 1) as f64);
    match &run.plan.load {
        Load::Burst { within, .. } => within.as_secs_f64(),
        _ => rules.loaded_until.map_or(due, |end| (end as f64).min(served)),
    }
    .min(recorded)
}

/// From when to when the load was well above what it began and ended with.
fn peak(plan: &Plan) -> Option<(f64, f64)> {
    let stages: Vec<(f64, f64)> = match &plan.load {
        Load::Burst { .. } => return None,
        Load::Arrivals { stages, .. } => {
            let middle = |from: f64, to: f64| f64::midpoint(from, to);
            stages
                .iter()
                .map(|stage| {
                    (middle(stage.from.per_second(), stage.to.per_second()), stage.over.as_secs_f64())
                })
                .collect()
        }
        Load::Users { stages, .. } => stages
            .iter()
            .map(|stage| (f64::from(stage.users), (stage.ramp + stage.hold).as_secs_f64()))
            .collect(),
    };
    let around = stages.first()?.0.max(stages.last()?.0);
    let above = |stage: &(f64, f64)| stage.0 > around * PEAK;
    let (first, last) = (stages.iter().position(above)?, stages.iter().rposition(above)?);
    let until = |count: usize| stages[..count].iter().map(|stage| stage.1).sum::<f64>();
    Some((until(first), until(last + 1)))
}
