//! What the target used for what it did: CPU seconds and memory per thousand completed requests.
//!
//! CPU seconds are real ones, whatever the speed. Work for requests that failed is part of the cost of those
//! that did not. What stands in for a paid service (the LLM) is no cost of the target, and is told by itself
//! like every component, but not in the sum.

use std::collections::BTreeSet;

use loadlab_record::{Outcome, RunFile, Series, first_measured_second};

use super::{
    Change,
    interval::Design,
    measures::{change, mean},
};
use crate::{Facts, Metrics, facts, gate::Usage};

/// CPU seconds, as every process of the target publishes them.
const CPU: &str = "process_cpu_seconds_total";
/// Its memory.
const MEMORY: &str = "process_resident_memory_bytes";
/// The component that stands in for a paid service.
const STAND_IN: &str = "llm";
/// The cost is of so many requests.
const REQUESTS: f64 = 1_000.0;

/// The costs, or why there are none.
pub(super) fn changes(sides: [&[RunFile]; 2], design: &Design) -> (Vec<Change>, String) {
    let runs = || sides.iter().flat_map(|side| *side);
    let missing: Vec<&str> = [CPU, MEMORY]
        .into_iter()
        .filter(|name| !runs().all(|run| Metrics::of(run).series(name).next().is_some()))
        .collect();
    let note = if missing.is_empty() {
        String::new()
    } else {
        format!("the target did not publish {} in every run", missing.join(" and "))
    };
    let per = format!("per {REQUESTS} requests");
    let whole = |role: &str| role != STAND_IN;
    let mut all = Vec::new();
    let mut add = |name: &str, unit: &str, of: &dyn Fn(&RunFile) -> Option<f64>| {
        let each = sides.map(|side| side.iter().map(of).collect::<Vec<_>>());
        let group = each.each_ref().map(|side| mean(side.iter().copied()));
        if group.iter().any(Option::is_some) {
            all.push(change(name, unit, group, each, design));
        }
    };
    let cpu =
        |run: &RunFile, wanted: &dyn Fn(&str) -> bool| per_thousand(run, used(run, CPU, wanted)?.increase);
    add("cpu", &format!("s {per}"), &|run| cpu(run, &whole));
    add("peak memory", "bytes", &|run| Some(used(run, MEMORY, &whole)?.peak));
    add("peak memory", &format!("bytes {per}"), &|run| per_thousand(run, used(run, MEMORY, &whole)?.peak));
    for component in components(sides) {
        let is = |role: &str| role == component;
        add(&format!("cpu of {component}"), &format!("s {per}"), &|run| cpu(run, &is));
        add(&format!("peak memory of {component}"), "bytes", &|run| Some(used(run, MEMORY, &is)?.peak));
    }
    (all, note)
}

/// What one run used, for a gate.
pub(crate) fn usage(run: &RunFile) -> Usage {
    let whole = |role: &str| role != STAND_IN;
    Usage {
        completed: completed(run),
        cpu_s: used(run, CPU, &whole).map(|facts| facts.increase),
        peak_bytes: used(run, MEMORY, &whole).map(|facts| facts.peak),
    }
}

/// A role without the number of its instance.
fn component(role: &str) -> &str {
    match role.rsplit_once('-') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => role,
    }
}

/// Those that published CPU or memory.
fn components(sides: [&[RunFile]; 2]) -> BTreeSet<String> {
    let series = sides.iter().flat_map(|side| *side).flat_map(|run| &run.series);
    let used = series.filter(|series| [CPU, MEMORY].contains(&series.name.as_str()));
    used.map(|series| component(&series.role).to_owned()).collect()
}

/// What a metric of some components did from the end of the warm-up on.
fn used(run: &RunFile, metric: &str, wanted: &dyn Fn(&str) -> bool) -> Option<Facts> {
    let metrics = Metrics::of(run);
    let points = metrics.points(metric, |series: &Series| wanted(component(&series.role)));
    facts::all(&points, first_measured_second(&run.plan) as f64, metrics.end())
}

/// Requests of all steps that ended well.
fn completed(run: &RunFile) -> u64 {
    run.steps.values().map(|step| step.total.ended.get(Outcome::Ok)).sum()
}

fn per_thousand(run: &RunFile, cost: f64) -> Option<f64> {
    let completed = completed(run);
    (completed > 0).then(|| cost * REQUESTS / completed as f64)
}
