//! What would happen to a plan's target, in words: faults in order of time, what they are measured
//! against, and what ends them or the run.

use std::time::Duration;

use loadlab_clock::text::format_duration;
use loadlab_scenario::{condition::SteadyState, fault::Fault, plan::Plan};

/// Stretches of a fault that comes again and again which are listed.
const FAULTS_SHOWN: usize = 20;

/// Rows of a name and a line.
pub(super) fn rows(plan: &Plan) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    rows.extend(plan.steady_state.iter().map(|steady| ("steady", steady_line(steady))));
    rows.extend(scheduled(plan).into_iter().map(|line| ("fault", line)));
    rows.extend(plan.faults.iter().filter_map(waiting).map(|line| ("fault", line)));
    rows.extend(
        plan.abort_if.iter().map(|condition| {
            ("abort if", format!("{condition} (from {} samples on)", condition.min_samples))
        }),
    );
    rows.extend(blast(plan).map(|line| ("max blast", line)));
    rows
}

fn steady_line(steady: &SteadyState) -> String {
    let conditions: Vec<String> = steady.conditions.iter().map(ToString::to_string).collect();
    let tolerated = if steady.tolerate {
        "must hold before and during the faults"
    } else {
        "must hold before the faults"
    };
    let recovery = steady.recover_within.map(|limit| format!(", again within {}", format_duration(limit)));
    format!("{}: {tolerated}{}", conditions.join("; "), recovery.unwrap_or_default())
}

/// When each fault of the schedule would be on, in order.
fn scheduled(plan: &Plan) -> Vec<String> {
    let until = plan.load.duration() + plan.drain;
    let mut stretches: Vec<(Duration, String)> = Vec::new();
    for fault in &plan.faults {
        for at in fault.beginnings(until).take(FAULTS_SHOWN) {
            let (from, to) = (format_duration(at), format_duration(at + fault.lasts));
            stretches.push((at, format!("{from} to {to}: {}", what(fault))));
        }
    }
    stretches.sort();
    stretches.into_iter().map(|(_, line)| line).collect()
}

/// A fault of which nobody knows when it begins.
fn waiting(fault: &Fault) -> Option<String> {
    let condition = fault.when.as_ref()?;
    let after = match fault.at {
        Duration::ZERO => String::new(),
        at => format!(" (not before {})", format_duration(at)),
    };
    Some(format!("once {condition}{after}, for {}: {}", format_duration(fault.lasts), what(fault)))
}

fn what(fault: &Fault) -> String {
    let ramp = fault.ramp.map(|ramp| format!(", growing for {}", format_duration(ramp)));
    let seed = fault.seed.map(|seed| format!(", seed {seed}"));
    let (kind, place) = (fault.what.kind(), fault.what.place());
    format!("{} ({kind} at {place}{}{})", fault.name, ramp.unwrap_or_default(), seed.unwrap_or_default())
}

fn blast(plan: &Plan) -> Option<String> {
    let limits = &plan.max_blast;
    let percent = |share: loadlab_scenario::quantity::Share| format!("{}%", share.get() * 100.0);
    let parts = [
        limits.loss.map(|loss| format!("{} of the arrivals lost while faults are on", percent(loss))),
        limits.at_once.map(|count| format!("{count} at the same time")),
        limits.longest.map(|longest| format!("{} each", format_duration(longest))),
        limits.instances.map(|share| format!("{} of a role's instances", percent(share))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
