//! Claims about merged runs, on runs of which every sample is known.

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::{Offset, Speed};
use loadlab_scenario::{
    arms::Arms,
    plan::{Feed, Load, Pick},
    quantity::Share,
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    EventKind, Histogram, Journal, JournalLine, Outcome, RunEvent, Scrape, Totals, synthetic::Synthetic,
};

/// Arrivals that end in a second: the outcome's number, and the response time in microseconds.
type Ends = Vec<(usize, u64)>;

/// A second: what was due, what ended, and what was still under way at its end.
type Second<'s> = (u64, &'s [(usize, u64)], u64);

/// What one generator saw.
#[derive(Debug, Clone)]
struct Seen {
    /// Arrivals due, and those that end, in every second.
    seconds: Vec<(u64, Ends)>,
    /// How late it began, in seconds.
    late: u64,
    /// How it ended.
    reason: usize,
    /// Scrapes of the target that it made.
    scrapes: u64,
}

fn seen() -> impl Strategy<Value = Seen> {
    let ends = vec((0_usize..10, 0_u64..9_000_000), 0..6);
    (vec((0_u64..5, ends), 0..7), 0_u64..3, 0_usize..5, 0_u64..4)
        .prop_map(|(seconds, late, reason, scrapes)| Seen { seconds, late, reason, scrapes })
}

fn three() -> impl Strategy<Value = ([Seen; 3], u64)> {
    ([seen(), seen(), seen()], 0_u64..4)
}

/// A generator's run: its arrivals end only after they were due, and the rest stays under way.
fn run(seed: u64, saw: &Seen, warm_up_s: u64) -> RunFile {
    let mut journal = Synthetic::arrivals(1, Duration::from_secs(1)).journal();
    journal.header.plan.seed = Seed::new(seed);
    journal.header.plan.warm_up = Duration::from_secs(warm_up_s);
    journal.header.plan.users.count = 10 + seed as u32;
    journal.header.environment.started = format!("2026-01-15T10:00:0{}Z", saw.late);
    journal.header.environment.load_average = seed as f64 / 8.0;
    journal.lines = lines(seed, saw);
    let in_flight = in_flight(saw);
    let reason = [
        EndReason::Finished,
        EndReason::Signal(15),
        EndReason::Killed,
        EndReason::TargetLost { how: format!("no answer, says {seed}") },
        EndReason::Aborted { objective: "p95 < 7s".to_owned() },
    ];
    let at = Offset::from_micros(saw.seconds.len() as u64 * 1_000_000);
    journal.ending = Some(Ending { at, reason: reason[saw.reason].clone(), in_flight });
    RunFile::from_journal(&journal)
}

/// Those that end in each second, as far as there are any.
fn ends(saw: &Seen) -> Vec<Second<'_>> {
    let mut in_flight = 0;
    let mut all = Vec::new();
    for (due, wanted) in &saw.seconds {
        let ended = wanted.len().min((in_flight + due) as usize);
        in_flight = in_flight + due - ended as u64;
        all.push((*due, &wanted[..ended], in_flight));
    }
    all
}

fn in_flight(saw: &Seen) -> u64 {
    ends(saw).last().map_or(0, |(_, _, in_flight)| *in_flight)
}

fn lines(seed: u64, saw: &Seen) -> Vec<JournalLine> {
    let mut lines = Vec::new();
    for (second, (due, ended, in_flight)) in (0..).zip(ends(saw)) {
        let mut window = Window { second, scheduled: due, in_flight, users: seed % 4, ..Window::default() };
        window.dispatch_lag.record_micros(seed * 10);
        for (outcome, micros) in ended {
            let outcome = Outcome::ALL[*outcome];
            window.ended.add(outcome);
            window.response.record_micros(*micros);
            let step = window.steps.entry(format!("step-{}", seed % 2)).or_default();
            step.ended.add(outcome);
            step.service.record_micros(*micros);
        }
        lines.push(JournalLine::Window(Box::new(window)));
        let cpu = (seed + second) as f64 / 100.0;
        let sample = GeneratorSample { second, cpu, resident_bytes: seed << 20, connections: seed };
        lines.push(JournalLine::Generator(sample));
        let at = Offset::from_micros(second * 1_000_000 + seed);
        let what = if second % 2 == 0 {
            EventKind::FaultBegan { name: "slow".into(), kind: "latency".into(), place: "a/b".into() }
        } else {
            EventKind::FaultEnded { name: "slow".into(), touched: None }
        };
        lines.push(JournalLine::Event(RunEvent { at, what }));
    }
    let scrape = |n: u64| {
        let values = BTreeMap::from([("up".to_owned(), (seed + n) as f64)]);
        JournalLine::Scrape(Scrape { at: Offset::from_micros(n * 250_000), role: "target".into(), values })
    };
    lines.extend((0..saw.scrapes).map(scrape));
    lines
}

fn merged(runs: &[&RunFile]) -> RunFile {
    merge(runs.iter().map(|run| (*run).clone()).collect()).expect("they were made alike")
}

/// The counts of several runs, field by field.
fn added(all: &[Totals]) -> Totals {
    let mut sum = Totals::default();
    for one in all {
        sum.scheduled += one.scheduled;
        sum.carried_in += one.carried_in;
        sum.completed += one.completed;
        sum.failed += one.failed;
        sum.undispatched += one.undispatched;
        sum.in_flight += one.in_flight;
        sum.retried += one.retried;
        sum.abandoned += one.abandoned;
        sum.gave_up += one.gave_up;
        sum.requests += one.requests;
        sum.outcomes.merge(&one.outcomes);
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_associative_and_commutative((three, warm_up) in three()) {
        let [a, b, c] = [1, 2, 3].map(|seed| run(seed, &three[seed as usize - 1], warm_up));
        let all = merged(&[&a, &b, &c]);
        prop_assert_eq!(&merged(&[&c, &a, &b]), &all);
        prop_assert_eq!(&merged(&[&merged(&[&a, &b]), &c]), &all);
        prop_assert_eq!(&merged(&[&b, &merged(&[&c, &a])]), &all);
        prop_assert_eq!(RunFile::from_json(&all.to_json()), Ok(all));
    }

    #[test]
    fn merging_one_is_the_identity(saw in seen(), warm_up in 0_u64..4) {
        let run = run(1, &saw, warm_up);
        prop_assert_eq!(&merged(&[&run]), &run);
    }

    #[test]
    fn counts_add_up_and_still_balance((three, warm_up) in three()) {
        let runs = [1, 2, 3].map(|seed| run(seed, &three[seed as usize - 1], warm_up));
        let all = merged(&[&runs[0], &runs[1], &runs[2]]);
        prop_assert_eq!(all.totals, added(&runs.each_ref().map(|run| run.totals)));
        prop_assert!(all.totals.balances(), "{:?}", all.totals);
        let in_last = all.windows.last().map_or(0, |window| window.in_flight);
        prop_assert_eq!(in_last, all.totals.in_flight, "the last window carries what was cut off");
    }

    #[test]
    fn percentiles_are_those_of_all_samples_together((three, warm_up) in three()) {
        let runs = [1, 2, 3].map(|seed| run(seed, &three[seed as usize - 1], warm_up));
        let all = merged(&[&runs[0], &runs[1], &runs[2]]);
        let mut samples = Histogram::new();
        for saw in &three {
            for (_, ended, _) in ends(saw).into_iter().skip(warm_up as usize) {
                for (_, micros) in ended {
                    samples.record_micros(*micros);
                }
            }
        }
        prop_assert_eq!(all.latency_ms.response, samples.summary(Speed::REAL));
        prop_assert_eq!(&all.histograms.response, &samples);
    }
}

fn bursts() -> [RunFile; 2] {
    [1, 2].map(|seed| Synthetic { seed: Seed::new(seed), ..Synthetic::burst(50) }.run())
}

fn refused(change: impl FnOnce(&mut RunFile)) -> MergeError {
    let [first, mut other] = bursts();
    change(&mut other);
    merge(vec![first, other]).expect_err("they are not alike")
}

#[test]
fn two_halves_of_a_burst_are_the_burst() {
    let runs = bursts();
    let all = merged(&[&runs[0], &runs[1]]);
    assert_eq!(all.plan.load, Load::Burst { users: 100, within: Duration::ZERO });
    assert_eq!((all.totals.scheduled, all.seed, all.plan.seed), (100, Seed::new(1), Seed::new(1)));
    assert!(all.totals.balances() && all.totals.in_flight == 0, "{:?}", all.totals);
    assert_eq!(all.steps["search"].total.ended.total(), all.totals.requests);
    let seconds: Vec<u64> = all.windows.iter().map(|window| window.second).collect();
    let longest = runs[0].windows.len().max(runs[1].windows.len()) as u64;
    assert_eq!(seconds, (0..longest).collect::<Vec<_>>());
    let shares: Vec<(u64, u64)> =
        all.generators.iter().map(|part| (part.seed.get(), part.totals.scheduled)).collect();
    assert_eq!(shares, [(1, 50), (2, 50)]);
    assert_eq!((all.verdict, all.objectives.len()), (Verdict::Inconclusive, 0));
    let phases: Vec<&EventKind> = all.events.iter().map(|event| &event.what).collect();
    assert_eq!(phases.len(), 2, "each phase began once: {phases:?}");
}

#[test]
fn the_target_is_not_added_up_and_of_generators_the_busier_counts() {
    let runs = bursts();
    let all = merged(&[&runs[0], &runs[1]]);
    let points = |run: &RunFile| -> usize {
        run.series.iter().filter(|s| s.role == "service-0").map(|s| s.points.len()).sum()
    };
    assert_eq!(points(&all), points(&runs[0]).max(points(&runs[1])));
    let (one, both) = (&runs[0].generator_series[0], &all.generator_series[0]);
    assert_eq!((both.cpu.to_bits(), both.connections), (one.cpu.to_bits(), 2 * one.connections));
}

#[test]
fn the_worst_ending_is_the_runs() {
    let [first, mut other] = bursts();
    other.ending.reason = EndReason::Signal(2);
    assert_eq!(merged(&[&first, &other]).ending.reason, EndReason::Signal(2));
    other.ending.reason = EndReason::TargetLost { how: "gone".to_owned() };
    assert_eq!(merged(&[&other, &first]).ending.reason, other.ending.reason);
}

#[test]
fn runs_that_do_not_belong_together_are_refused_by_name() {
    assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
    assert_eq!(refused(|run| run.format = 7), MergeError::Format { run: 2, first: 1, other: 7 });
    let scenario = refused(|run| run.scenario = "other".to_owned());
    assert_eq!(scenario.to_string(), "run 2 is of the scenario `other`, and run 1 of `100-concurrent`");
    let speed = refused(|run| run.speed = Speed::try_new(20.0).expect("a speed"));
    assert_eq!(speed, MergeError::Speed { run: 2, first: 1.0, other: 20.0 });
    let plan = refused(|run| {
        run.plan.client.connections = 1;
        run.plan.drain = Duration::ZERO;
    });
    assert_eq!(plan, MergeError::Plan { run: 2, fields: vec!["drain", "client"] });
    let load = refused(|run| run.plan.load = Load::Burst { users: 50, within: Duration::from_secs(1) });
    assert_eq!(load, MergeError::Plan { run: 2, fields: vec!["load"] });
    let target = refused(|run| run.target.base = "http://127.0.0.1:9".to_owned());
    assert_eq!(target, MergeError::Target { run: 2, fields: vec!["base"] });
    let start = refused(|run| run.environment.started = "noon".to_owned());
    assert_eq!(start, MergeError::Start { run: 2, started: "noon".to_owned() });
}

#[test]
fn starts_may_lie_two_seconds_apart_and_no_more() {
    let [first, mut other] = bursts();
    other.environment.started = "2026-01-15T10:00:02Z".to_owned();
    let all = merged(&[&other, &first]);
    assert_eq!(all.environment.started, "2026-01-15T10:00:00Z", "the earliest");
    let apart = refused(|run| run.environment.started = "2026-01-15T10:00:03Z".to_owned());
    assert!(matches!(apart, MergeError::StartsApart { apart_s: 3, .. }), "{apart}");
    let mut third = other.clone();
    (third.seed, third.plan.seed) = (Seed::new(3), Seed::new(3));
    third.environment.started = "2026-01-15T10:00:03Z".to_owned();
    let late = merge(vec![all, third]).expect_err("the first began three seconds before");
    assert!(matches!(late, MergeError::StartsApart { apart_s: 3, .. }), "{late}");
}

#[test]
fn a_run_is_merged_only_once() {
    let [first, other] = bursts();
    let both = merged(&[&first, &other]);
    let twice = |runs| matches!(merge(runs), Err(MergeError::Twice { seed, .. }) if seed == Seed::new(1));
    assert!(twice(vec![first.clone(), other.clone(), first.clone()]));
    assert!(twice(vec![both, first.clone()]), "it is in the merged run already");
    let cut = RunFile::from_journal(&Journal { ending: None, ..Synthetic::burst(50).journal() });
    assert!(twice(vec![first, cut]), "a copy without its end is the same run");
}

#[test]
fn a_seed_of_its_own_is_allowed_where_it_draws_rows_and_not_where_it_splits_users() {
    let feed = |row: &str| {
        let rows = vec![vec![row.to_owned()]];
        BTreeMap::from([(
            "ids".to_owned(),
            Feed { columns: vec!["id".to_owned()], rows, pick: Pick::InTurn },
        )])
    };
    let [mut first, mut other] = bursts();
    (first.plan.feeds, other.plan.feeds) = (feed("a"), feed("b"));
    assert_eq!(merged(&[&other, &first]).plan.feeds, feed("a"), "those of the smallest seed");
    let arms = Arms { experiment: Share::try_new(0.5).expect("a share"), set: BTreeMap::new() };
    (first.plan.arms, other.plan.arms) = (Some(arms.clone()), Some(arms));
    assert_eq!(merge(vec![first, other]), Err(MergeError::Arms { run: 2 }));
}
