//! Claims about comparisons, on made-up runs.

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::{Offset, Seed, Speed};
use loadlab_record::{EndReason, Histogram, Outcome, RunFile, Verdict, merge, synthetic::Synthetic};
use loadlab_scenario::{
    objective::ShareOf,
    plan::{Feed, Load, Pick, TargetPlan},
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    judge,
    made_up::{MadeUp, at_least, share},
};

/// A burst of 100 on so many sessions, judged.
fn burst(seed: u64, sessions: usize) -> RunFile {
    let mut run = Synthetic { seed: Seed::new(seed), sessions, ..Synthetic::burst(100) }.run();
    judge(&mut run);
    run
}

fn bursts(seeds: &[u64], sessions: usize) -> Vec<RunFile> {
    seeds.iter().map(|seed| burst(*seed, sessions)).collect()
}

fn of<'c>(changes: &'c [Change], measure: &str) -> &'c Change {
    changes.iter().find(|change| change.measure == measure).expect(measure)
}

fn names(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.measure.as_str()).collect()
}

#[test]
fn twice_the_sessions_are_one_setting_and_are_shown_to_help() {
    let seeds = [1, 2, 3, 4];
    let (before, after) = (bursts(&seeds, 20), bursts(&seeds, 40));
    let found = compare(&before, &after).expect("they are alike");
    println!("{}", found.headline);
    assert_eq!((found.factor.kind, found.method, found.units), (FactorKind::Settings, Method::Paired, 4));
    let factor = (found.factor.before.as_str(), found.factor.after.as_str());
    assert_eq!(factor, ("pool.sessions_max=20", "pool.sessions_max=40"));
    let p95 = of(&found.response.percentiles, "p95");
    println!("p95: {:?} to {:?}, interval {:?}", p95.before, p95.after, p95.interval);
    assert!(p95.is_shown() && p95.difference.is_some_and(|by| by < -3.0), "{p95:?}");
    assert_eq!((p95.each_before.len(), p95.each_after.len()), (4, 4));
    let loss = of(&found.measures, "loss");
    assert!(loss.is_shown() && loss.before > loss.after, "{loss:?}");
    assert!(found.headline.starts_with("A difference is shown: p50 fell by "), "{}", found.headline);
    assert_eq!(names(&found.measures), ["loss", "errors", "throughput", "goodput"]);
    assert_eq!(found.steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>(), ["search"]);
    assert_eq!((found.before.arrivals, found.after.arrivals), (400, 400));
}

#[test]
fn sides_are_those_of_all_arrivals_and_intervals_lie_around_their_difference() {
    let (before, after) = (bursts(&[1, 2, 3], 20), bursts(&[1, 2, 3], 30));
    let found = compare(&before, &after).expect("they are alike");
    let merged = Histogram::sum(before.iter().map(|run| &run.histograms.response));
    let expected = merged.percentile(95.0, Speed::REAL).expect("300 arrivals").as_secs_f64();
    let p95 = of(&found.response.percentiles, "p95");
    assert_eq!(p95.before.map(f64::to_bits), Some(expected.to_bits()));
    let errors = of(&found.measures, "errors");
    let failed: u64 = before.iter().map(|run| run.totals.failed).sum();
    assert!((errors.before.expect("arrivals ended") - failed as f64 / 300.0).abs() < 1e-12);
    for change in found.response.percentiles.iter().chain(&found.response.deciles) {
        let ((low, high), by) = (change.interval.expect("three pairs"), change.difference.expect("both"));
        assert!(low < by && by < high && (f64::midpoint(low, high) - by).abs() < 1e-9, "{change:?}");
    }
}

#[test]
fn one_run_each_has_no_interval_and_says_so() {
    let found = compare(&[burst(1, 20)], &[burst(1, 40)]).expect("they are alike");
    assert_eq!((found.method, found.units), (Method::None, 0));
    let all = found.response.percentiles.iter().chain(&found.response.deciles).chain(&found.measures);
    let all: Vec<&Change> = all.chain(&found.cost).collect();
    assert!(all.iter().all(|change| change.interval.is_none() && change.difference.is_some()), "{all:?}");
    assert!(all.iter().all(|change| change.note == "nothing was repeated, so there is no interval"));
    assert!(found.headline.starts_with("Without intervals nothing is shown; what was measured: p50 fell"));
    assert!(
        found.cautions[0].starts_with("There are no intervals: 1 before and 1 after"),
        "{:?}",
        found.cautions
    );
}

#[test]
fn percentiles_are_told_as_far_as_the_samples_reach() {
    let one = compare(&[burst(1, 20)], &[burst(1, 40)]).expect("they are alike");
    assert_eq!(names(&one.response.percentiles), ["p50", "p75", "p90", "p95"], "of 100, 5 lie beyond p95");
    let seeds = [1, 2, 3, 4, 5];
    let five = compare(&bursts(&seeds, 20), &bursts(&seeds, 40)).expect("they are alike");
    assert_eq!(names(&five.response.percentiles), ["p50", "p75", "p90", "p95", "p99"]);
    let p99 = of(&five.response.percentiles, "p99");
    assert!(p99.difference.is_some() && p99.interval.is_none(), "{p99:?}");
    assert_eq!(p99.note, "single runs have too little for an interval");
}

/// A run whose arrivals took so long, a hundred of them.
fn took(ms: impl Fn(u64) -> u64) -> RunFile {
    let ended: Vec<(Outcome, u64)> = (0..100).map(|n| (Outcome::Ok, ms(n))).collect();
    MadeUp::new().second(100, &ended).finished()
}

#[test]
fn the_shift_function_shows_who_became_slower() {
    let shifts = |before: RunFile, after: RunFile| {
        let found = compare(&[before], &[after]).expect("they are alike");
        assert_eq!(found.factor.kind, FactorKind::Nothing);
        assert_eq!(
            names(&found.response.deciles),
            ["p10", "p20", "p30", "p40", "p50", "p60", "p70", "p80", "p90"]
        );
        found.response.deciles.iter().filter_map(|decile| decile.difference).collect::<Vec<f64>>()
    };
    let before = || took(|n| 1_000 + n * 10);
    for shift in shifts(before(), took(|n| 2_000 + n * 10)) {
        assert!((shift - 1.0).abs() < 0.004, "all took a second longer, not {shift}");
    }
    let slow = shifts(before(), took(|n| if n < 50 { 1_000 + n * 10 } else { 5_000 }));
    assert!(
        slow[..5].iter().all(|shift| shift.abs() < 1e-9) && slow[5..].iter().all(|shift| *shift > 3.0),
        "{slow:?}"
    );
}

#[test]
fn curves_rise_to_the_largest() {
    let found = compare(&[burst(1, 20)], &[burst(1, 40)]).expect("they are alike");
    for curve in [&found.response.curves.before, &found.response.curves.after] {
        assert!(curve.is_sorted_by(|one, next| one.0 <= next.0 && one.1 < next.1), "{curve:?}");
        assert_eq!((curve.len(), curve.last().map(|(_, share)| *share)), (100, Some(1.0)));
    }
}

#[test]
fn objectives_are_told_with_the_verdict_of_each_side() {
    let mut before = bursts(&[1, 2, 3], 20);
    for run in &mut before[..2] {
        run.objectives[1].verdict = Verdict::Pass;
    }
    let found = compare(&before, &bursts(&[1, 2, 3], 100)).expect("they are alike");
    let told: Vec<_> =
        found.objectives.iter().map(|o| (o.name.as_str(), o.before.verdict, o.after.verdict)).collect();
    let expected = [
        ("p95 < 7s", Verdict::Fail, Verdict::Pass),
        ("success >= 99%", Verdict::Inconclusive, Verdict::Pass),
    ];
    assert_eq!(told, expected);
    let mut each: Vec<f64> = found.objectives[0].before.each.iter().copied().flatten().collect();
    each.sort_by(f64::total_cmp);
    assert_eq!((found.objectives[1].before.passed, found.objectives[0].before.observed), (2, Some(each[1])));
}

#[test]
fn the_cost_is_of_completed_requests_and_without_what_stands_in() {
    let run = |requests: u64, cpu_s: f64| {
        let seconds = (0..10).fold(MadeUp::new(), |run, _| {
            run.window(1, &[(Outcome::Ok, 9)], |window| {
                let step = window.steps.entry("search".to_owned()).or_default();
                (0..requests / 10).for_each(|_| step.ended.add(Outcome::Ok));
                step.ended.add(Outcome::Timeout);
            })
        });
        let (cpu, memory) = ("process_cpu_seconds_total", "process_resident_memory_bytes");
        let seconds = seconds.published(0, &[(cpu, 5.0), (memory, 1e6)]);
        let mut run = seconds.published(9_000, &[(cpu, 5.0 + cpu_s), (memory, 3e6)]).finished();
        let mut stand_in = run.series.clone();
        for series in &mut stand_in {
            series.role = "llm".to_owned();
        }
        run.series.extend(stand_in);
        run
    };
    let found = compare(&[run(2_000, 4.0)], &[run(4_000, 4.0)]).expect("they are alike");
    let told: Vec<_> =
        found.cost.iter().map(|c| (c.measure.as_str(), c.unit.as_str(), c.before, c.after)).collect();
    let (thousand, bytes) = ("s per 1000 requests", "bytes");
    let expected = [
        ("cpu", thousand, Some(2.0), Some(1.0)),
        ("peak memory", bytes, Some(3e6), Some(3e6)),
        ("peak memory", "bytes per 1000 requests", Some(1.5e6), Some(0.75e6)),
        ("cpu of llm", thousand, Some(2.0), Some(1.0)),
        ("peak memory of llm", bytes, Some(3e6), Some(3e6)),
        ("cpu of service", thousand, Some(2.0), Some(1.0)),
        ("peak memory of service", bytes, Some(3e6), Some(3e6)),
    ];
    assert_eq!(told, expected);
    assert!(found.cost_note.is_empty());
    let silent = compare(&[took(|_| 5)], &[took(|_| 6)]).expect("they are alike");
    assert!(silent.cost.is_empty());
    assert!(silent.cost_note.starts_with("the target did not publish process_cpu_seconds_total and"));
}

#[test]
fn a_comparison_is_read_back_as_it_was_written() {
    let found = compare(&bursts(&[1, 2], 20), &bursts(&[1, 2], 40)).expect("they are alike");
    let text = serde_json::to_string(&found).expect("it has text keys and finite numbers");
    let read: Comparison = serde_json::from_str(&text).expect("it was just written");
    assert_eq!(serde_json::to_string(&read).expect("as before"), text);
    assert_eq!(compare(&bursts(&[1, 2], 20), &bursts(&[1, 2], 40)), Ok(found));
}

/// What differs between a run and one that was changed.
fn differing(change: impl FnOnce(&mut RunFile)) -> Vec<(String, String, String)> {
    let mut after = burst(1, 20);
    change(&mut after);
    let found = alike(&[burst(1, 20)], &[after]).expect_err("it was changed");
    found.into_iter().map(|one| (one.what, one.before, one.after)).collect()
}

#[test]
fn whatever_else_differs_is_told_with_both_values() {
    type Changed = fn(&mut RunFile);
    let cases: [(Changed, &str, &str, &str); 12] = [
        (|run| run.scenario = "other".to_owned(), "scenario", "100-concurrent", "other"),
        (|run| run.speed = Speed::try_new(20.0).expect("a speed"), "speed", "1", "20"),
        (|run| run.seed = Seed::new(9), "seeds", "1", "9"),
        (|run| run.environment.cores = 8, "cores", "2", "8"),
        (|run| run.environment.cpu_model = "Other".to_owned(), "CPU model", "Made-up CPU", "Other"),
        (|run| run.environment.loadlab = "0.2.0".to_owned(), "loadlab version", "0.1.0", "0.2.0"),
        (
            |run| run.environment.command.push("--redis=redis://:secret@cache:6379".to_owned()),
            "stack",
            "the reference target's",
            "the reference target's, --redis redis://cache:6379",
        ),
        (|run| run.plan.client.timeout = Duration::from_secs(10), "client.timeout", "30s", "10s"),
        (|run| run.plan.objectives[0].bound = 9.0, "objectives.0.bound", "7.0", "9.0"),
        (|run| run.plan.load = Synthetic::burst(200).load, "load.burst.users", "100", "200"),
        (|run| run.plan.warm_up = Duration::from_secs(5), "warm_up", "0s", "5s"),
        (|run| drop(run.plan.journeys[0].steps[0].checks.pop()), "journeys.0.steps.0.checks", "none", "[]"),
    ];
    for (change, what, before, after) in cases {
        let found = differing(change);
        let expected = (what.to_owned(), before.to_owned(), after.to_owned());
        assert!(found.contains(&expected), "{found:?} and not {expected:?}");
    }
    let told = differing(|run| run.plan.load = Synthetic::arrivals(5, Duration::from_secs(20)).load);
    assert!(told.iter().all(|(what, ..)| what.starts_with("load")) && told.len() <= 5, "{told:?}");
}

#[test]
fn targets_that_are_up_side_by_side_are_compared_by_what_they_are() {
    let factor = same_ground(&burst(1, 20), &burst(2, 40)).expect("only the sessions differ");
    assert_eq!(factor.kind, FactorKind::Settings);
    let mut stopped = burst(2, 20);
    stopped.ending.reason = EndReason::Killed;
    let factor = same_ground(&burst(1, 20), &stopped).expect("how it went is not asked");
    assert_eq!(factor.kind, FactorKind::Nothing);
    let mut other = burst(1, 20);
    other.environment.cores = 8;
    let found = same_ground(&burst(1, 20), &other).expect_err("another machine");
    assert_eq!(found.iter().map(|one| one.what.as_str()).collect::<Vec<_>>(), ["cores"]);
}

#[test]
fn what_is_only_told_or_documented_may_differ() {
    let mut after = burst(1, 20);
    after.plan.title = "other words".to_owned();
    after.plan.documented = None;
    let factor = alike(&[burst(1, 20)], &[after]).expect("nothing that is measured differs");
    assert_eq!(factor.kind, FactorKind::Nothing);
}

#[test]
fn one_thing_about_the_target_may_differ_and_is_named() {
    type Changed = fn(&mut RunFile);
    fn profile(run: &mut RunFile) -> (&mut String, &mut Vec<String>, &mut BTreeMap<String, String>) {
        match &mut run.plan.target {
            TargetPlan::Profile { name, with, set } => (name, with, set),
            TargetPlan::Url { .. } => unreachable!("a burst is of a profile"),
        }
    }
    fn named(run: &mut RunFile) {
        *profile(run).0 = "mitigated".to_owned();
    }
    fn with(run: &mut RunFile) {
        profile(run).1.push("breaker".to_owned());
    }
    let cases: [(Changed, FactorKind, &str, &str); 4] = [
        (named, FactorKind::Profile, "baseline", "mitigated"),
        (with, FactorKind::Mitigations, "none", "breaker"),
        (
            |run| drop(profile(run).2.insert("pool.max".to_owned(), "40".to_owned())),
            FactorKind::Settings,
            "none",
            "pool.max=40",
        ),
        (
            |run| drop(run.target.versions.insert("loadlab".to_owned(), "0.2.0".to_owned())),
            FactorKind::Build,
            "loadlab 0.1.0",
            "loadlab 0.2.0",
        ),
    ];
    for (change, kind, before, after) in cases {
        let mut changed = burst(1, 20);
        change(&mut changed);
        let factor = alike(&[burst(1, 20)], &[changed]).expect("only one thing differs");
        assert_eq!((factor.kind, factor.before.as_str(), factor.after.as_str()), (kind, before, after));
    }
    let both = differing(|run| {
        named(run);
        with(run);
    });
    let what: Vec<&str> = both.iter().map(|(what, ..)| what.as_str()).collect();
    assert_eq!(what, ["mitigations (only one thing may differ)", "profile (only one thing may differ)"]);
}

#[test]
fn two_places_of_a_service_may_be_compared() {
    let at = |base: &str| {
        let mut run = burst(1, 20);
        run.plan.target = TargetPlan::Url { base: base.to_owned(), metrics: None };
        run
    };
    let factor = alike(&[at("http://old")], &[at("http://new")]).expect("only the address differs");
    assert_eq!(factor.kind, FactorKind::Address);
    let stacks = alike(&[at("http://old")], &[burst(1, 20)]).expect_err("another kind of stack");
    assert!(stacks.iter().any(|one| one.what == "stack" && one.before == "somebody's service"), "{stacks:?}");
}

#[test]
fn a_run_that_says_nothing_about_the_target_is_not_compared() {
    type Changed = fn(&mut RunFile);
    let cases: [(Changed, &str, &str); 5] = [
        (|run| run.ending.reason = EndReason::Signal(2), "ending", "seed 1: ended after"),
        (
            |run| {
                run.ending.reason = EndReason::Killed;
                run.ending.at = Offset::from_micros(3_000_000);
            },
            "ending",
            "seed 1: killed after 3.0s",
        ),
        (
            |run| {
                run.generator.limited = true;
                run.generator.reasons = vec!["too late".to_owned()];
            },
            "generator",
            "seed 1: too late",
        ),
        (
            |run| {
                run.verdict = Verdict::Inconclusive;
                run.reasons = vec!["the fault `f` touched nothing".to_owned()];
            },
            "verdict",
            "seed 1: the fault `f` touched nothing",
        ),
        (
            |run| {
                run.verdict = Verdict::Inconclusive;
                run.reasons.clear();
            },
            "verdict",
            "seed 1: not judged",
        ),
    ];
    for (change, what, after) in cases {
        let found = differing(change);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == what && found[0].2.starts_with(after), "{found:?}");
    }
}

#[test]
fn runs_of_one_side_are_repetitions_of_each_other() {
    let whats = |before: &[RunFile], after: &[RunFile]| -> Vec<String> {
        alike(before, after).expect_err("they are not").into_iter().map(|one| one.what).collect()
    };
    assert_eq!(whats(&[], &bursts(&[1], 20)), ["runs"]);
    assert_eq!(whats(&bursts(&[1, 1], 20), &bursts(&[1], 40)), ["runs given twice"]);
    assert_eq!(whats(&bursts(&[1, 2], 20), &bursts(&[1, 3], 40)), ["seeds"]);
    let mixed = [burst(1, 20), burst(2, 30)];
    assert_eq!(whats(&mixed, &bursts(&[1, 2], 40)), ["settings (the runs of one side must have one)"]);
}

#[test]
fn rows_that_a_seed_drew_are_compared_with_those_of_that_seed() {
    let with = |seed: u64, row: &str| {
        let rows = vec![vec![row.to_owned()]];
        let mut run = burst(seed, 20);
        let feed = Feed { columns: vec!["id".to_owned()], rows, pick: Pick::InTurn };
        run.plan.feeds = BTreeMap::from([("ids".to_owned(), feed)]);
        run
    };
    let before = [with(1, "a"), with(2, "b")];
    assert!(alike(&before, &[with(2, "b"), with(1, "a")]).is_ok());
    let found = alike(&before, &[with(2, "c"), with(1, "a")]).expect_err("another row");
    assert_eq!(found[0].what, "feeds.ids.rows with seed 2");
}

#[test]
fn what_was_measured_on_another_day_or_one_after_the_other_is_told() {
    let at = |started: &str, runs: Vec<RunFile>| -> Vec<RunFile> {
        let mut runs = runs;
        for run in &mut runs {
            run.environment.started = started.to_owned();
        }
        runs
    };
    let cautions = |started: &str| {
        let after = at(started, bursts(&[1, 2], 40));
        compare(&bursts(&[1, 2], 20), &after).expect("they are alike").cautions
    };
    assert!(
        cautions("2026-01-16T09:00:00Z")[1].starts_with("Before and after were measured on different days")
    );
    assert!(cautions("2026-01-15T12:00:00Z")[1].ends_with("Take turns."));
    assert_eq!(cautions("2026-01-15T10:00:00Z").len(), 1);
}

#[test]
fn merged_runs_are_judged_and_compared_like_others() {
    let run = |sessions: usize| {
        let half = |seed: u64| Synthetic { seed: Seed::new(seed), sessions, ..Synthetic::burst(50) }.run();
        let mut merged = merge(vec![half(1), half(2)]).expect("two halves of a burst");
        judge(&mut merged);
        merged
    };
    let slow = run(10);
    assert_eq!((slow.verdict, slow.objectives.len()), (Verdict::Fail, 2), "{:?}", slow.reasons);
    assert_eq!(slow.plan.load, Load::Burst { users: 100, within: Duration::ZERO });
    let found = compare(&[slow], &[run(20)]).expect("they are alike");
    assert_eq!(found.before.seeds, ["1+2"]);
    assert!(of(&found.response.percentiles, "p95").difference.is_some_and(|by| by < 0.0));
}

#[test]
fn a_late_generator_does_not_hide_among_those_in_time() {
    let with_lag = |seed: u64, micros: u64, arrivals: u64| {
        let run = MadeUp::new().plan(|plan| plan.seed = Seed::new(seed));
        let ended = vec![(Outcome::Ok, 9); arrivals as usize];
        let run = run.window(arrivals, &ended, |window| {
            (0..arrivals).for_each(|_| window.dispatch_lag.record_micros(micros));
        });
        run.objective(at_least(share(ShareOf::Success), 0.5)).finished()
    };
    let mut merged = merge(vec![with_lag(1, 100, 1_000), with_lag(2, 50_000, 5)]).expect("two generators");
    judge(&mut merged);
    let p99 = merged.latency_ms.dispatch_lag_real.p99.expect("arrivals were dispatched");
    assert!(p99 < 1.0 && merged.generator.limited, "{p99} ms: {:?}", merged.generator);
}

fn nothing() -> Factor {
    Factor { kind: FactorKind::Nothing, before: String::new(), after: String::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn turning_the_sides_around_turns_every_change_around(ms in vec(vec(1_u64..20_000, 10..60), 4)) {
        let run = |ms: &Vec<u64>| {
            let ended: Vec<(Outcome, u64)> =
                ms.iter().map(|ms| (if ms % 7 == 0 { Outcome::Timeout } else { Outcome::Ok }, *ms)).collect();
            MadeUp::new().second(ended.len() as u64, &ended).finished()
        };
        let runs: Vec<RunFile> = ms.iter().map(run).collect();
        let (before, after) = runs.split_at(2);
        let (there, back) = (compared(nothing(), before, after), compared(nothing(), after, before));
        let all = |found: &Comparison| -> Vec<Change> {
            let response = found.response.percentiles.iter().chain(&found.response.deciles);
            response.chain(&found.measures).cloned().collect()
        };
        prop_assert_eq!(all(&there).len(), all(&back).len());
        for (there, back) in all(&there).iter().zip(all(&back)) {
            prop_assert_eq!((there.before, there.after), (back.after, back.before));
            prop_assert_eq!(there.difference, back.difference.map(|by| -by));
            let turned = back.interval.map(|(low, high)| (-high, -low));
            prop_assert_eq!(there.interval.is_some(), turned.is_some());
            for ((low, high), (turned_low, turned_high)) in there.interval.into_iter().zip(turned) {
                prop_assert!((low - turned_low).abs() < 1e-9 && (high - turned_high).abs() < 1e-9);
            }
        }
    }
}

/// Nothing differs but chance: how often intervals of whole comparisons contain 0.
#[test]
fn intervals_of_runs_that_do_not_differ_contain_nothing_as_often_as_they_say() {
    const PAIRS: u64 = 40;
    let group = |first: u64| -> Vec<RunFile> {
        let run = |n: u64| {
            let load = Synthetic::arrivals(6, Duration::from_secs(30));
            let mut run = Synthetic { seed: Seed::new(first + n), ..load }.run();
            // The draws are another seed's, so that a pair is independent.
            (run.seed, run.plan.seed) = (Seed::new(n), Seed::new(n));
            run
        };
        (0..4).map(run).collect()
    };
    let mut contain: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for pair in 0..PAIRS {
        let (before, after) = (group(pair * 8), group(pair * 8 + 4));
        let found = compared(nothing(), &before, &after);
        for change in found.response.percentiles.iter().chain(&found.measures) {
            let (holds, all) = contain.entry(change.measure.clone()).or_default();
            *all += u64::from(change.interval.is_some());
            *holds += u64::from(change.interval.is_some() && !change.is_shown());
        }
    }
    let (holds, all) = contain.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("A/A, 4 pairs of seeds: {holds} of {all} intervals contain 0; by measure {contain:?}");
    assert!(holds as f64 >= 0.92 * all as f64, "{holds} of {all}");
}
