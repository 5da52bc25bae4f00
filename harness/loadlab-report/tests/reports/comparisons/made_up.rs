//! Comparisons of made-up bursts: a pool of 20 sessions before, and another after.

use loadlab_analysis::{
    compare::{Comparison, compare},
    judge,
};
use loadlab_clock::Seed;
use loadlab_record::{RunFile, Series, synthetic::Synthetic};
use loadlab_scenario::plan::TargetPlan;

/// A burst of 100 on so many sessions, judged. What it costs is made up too.
pub(crate) fn burst(seed: u64, sessions: usize) -> RunFile {
    let mut run = Synthetic { seed: Seed::new(seed), sessions, ..Synthetic::burst(100) }.run();
    if let TargetPlan::Profile { set, .. } = &mut run.plan.target
        && sessions != 20
    {
        set.insert("service.pool.max".to_owned(), sessions.to_string());
    }
    let seed = seed as f64;
    let series = |name: &str, from: f64, to: f64| Series {
        role: "service-0".to_owned(),
        name: name.to_owned(),
        labels: String::new(),
        points: vec![(0.0, from), (9.0, to)],
    };
    run.series.push(series("process_cpu_seconds_total", 1.0, 1.5 + seed / 40.0 + sessions as f64 / 400.0));
    let megabyte = f64::from(1 << 20);
    run.series.push(series("process_resident_memory_bytes", 40.0 * megabyte, (60.0 + seed) * megabyte));
    judge(&mut run);
    run
}

fn bursts(seeds: &[u64], sessions: usize) -> Vec<RunFile> {
    seeds.iter().map(|seed| burst(*seed, sessions)).collect()
}

fn compared(seeds: &[u64], sessions: usize) -> Comparison {
    compare(&bursts(seeds, 20), &bursts(seeds, sessions)).expect("one setting differs")
}

/// Four runs each, of which those after have twice the sessions.
pub(crate) fn repeated() -> Comparison {
    compared(&[1, 2, 3, 4], 40)
}

/// One run each.
pub(crate) fn single() -> Comparison {
    compared(&[1], 16)
}

/// Three runs each that differ in nothing: what chance makes.
pub(crate) fn same() -> Comparison {
    let after = |seed: u64| {
        let mut run = burst(seed, 20);
        run.environment.started = String::from("2026-01-15T11:00:00Z");
        run
    };
    let before = [burst(1, 20), burst(2, 20), burst(3, 20)];
    let mut after = [after(1), after(2), after(3)];
    after[1].histograms.response = before[0].histograms.response.clone();
    compare(&before, &after).expect("nothing differs")
}

/// With text of users that would do harm where it is not escaped.
pub(crate) fn hostile(text: &str) -> Comparison {
    let mut hostile = repeated();
    let places = [
        &mut hostile.scenario,
        &mut hostile.factor.before,
        &mut hostile.factor.after,
        &mut hostile.steps[0].step,
        &mut hostile.objectives[0].name,
        &mut hostile.cost_note,
    ];
    for place in places {
        text.clone_into(place);
    }
    hostile.cautions.push(text.to_owned());
    hostile
}

/// Each of them, with a name for messages.
pub(crate) fn all() -> Vec<(&'static str, Comparison)> {
    vec![("repeated", repeated()), ("single", single()), ("same", same()), ("hostile", hostile("<i>x</i>"))]
}
