//! Claims about stored results in series, and how soon a regression is told.

use std::time::Duration;

use loadlab_clock::Distribution;
use loadlab_record::{EndReason, Outcome};
use loadlab_scenario::plan::TargetPlan;

use super::*;
use crate::{
    made_up::MadeUp,
    trend::{read_run, read_search},
};

const RECENT: usize = 10;

/// What a trend needs of a night's result.
fn night(day: usize, value: f64) -> Reading {
    Reading {
        place: format!("night-{day:02}"),
        scenario: "burst".to_owned(),
        target: "profile baseline".to_owned(),
        started: format!("2026-{:02}-{:02}T03:00:00Z", 1 + day / 28, 1 + day % 28),
        seed: "1".to_owned(),
        value: Ok(value),
        unit: "s".to_owned(),
        setting: BTreeMap::from([("cores".to_owned(), "2".to_owned())]),
    }
}

fn p95() -> Followed {
    Followed::parse("p95").expect("a measure")
}

/// Results that are stored in no order.
fn followed(mut readings: Vec<Reading>) -> Trends {
    readings.reverse();
    trends(&p95(), readings, Vec::new(), RECENT)
}

fn only(trends: &Trends) -> &Series {
    let [series] = &trends.series[..] else { panic!("one series: {trends:?}") };
    series
}

/// Around 1 before the step, and `by` more from it on.
fn stepped(seed: u64, nights: usize, step: usize, by: f64) -> Vec<f64> {
    let draw = Distribution::Lognormal { median: Duration::from_secs(1), sigma: 0.02 };
    let mut rng = Seed::new(seed).stream("nights", 0, 0);
    let level = |night: usize| if night < step { 1.0 } else { 1.0 + by };
    (0..nights).map(|night| draw.sample(&mut rng).as_secs_f64() * level(night)).collect()
}

fn nights(values: &[f64]) -> Vec<Reading> {
    values.iter().enumerate().map(|(day, value)| night(day, *value)).collect()
}

#[test]
fn a_step_for_the_worse_is_a_regression_while_it_is_new() {
    for (after, standing) in [(5, Standing::Regression), (10, Standing::Regression), (11, Standing::Worse)] {
        let found = followed(nights(&stepped(1, 20 + after, 20, 0.2)));
        assert_eq!((only(&found).standing, found.regressed()), (standing, after <= RECENT), "{after}");
        assert_eq!(only(&found).trend.changes[0].index, 20);
    }
    let better = followed(nights(&stepped(1, 26, 20, -0.2)));
    assert_eq!((only(&better).standing, better.regressed()), (Standing::Better, false));
    assert_eq!(only(&followed(nights(&stepped(1, 26, 20, 0.0)))).standing, Standing::Unchanged);
    assert_eq!(only(&followed(nights(&[1.0; 9]))).standing, Standing::TooFew);
}

#[test]
fn results_are_in_the_order_of_their_start_and_each_target_is_a_series() {
    let mut readings = nights(&[1.0, 2.0, 3.0]);
    readings[1].target = "profile mitigated".to_owned();
    let found = followed(readings);
    let told: Vec<(&str, Vec<f64>)> = found
        .series
        .iter()
        .map(|series| (series.target.as_str(), series.results.iter().map(|result| result.value).collect()))
        .collect();
    assert_eq!(told, [("profile baseline", vec![1.0, 3.0]), ("profile mitigated", vec![2.0])]);
}

#[test]
fn what_is_unlike_the_newest_is_left_out_and_told() {
    let mut readings = nights(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    readings[0].setting.insert("cores".to_owned(), "8".to_owned());
    readings[1].value = Err("killed after 3.0s".to_owned());
    for place in ["a", "b", "c", "d"] {
        readings[2].setting.insert(place.to_owned(), "x".to_owned());
    }
    readings.push(Reading { place: "copy".to_owned(), ..readings[3].clone() });
    let found = followed(readings);
    let series = only(&found);
    let told: Vec<(&str, &str)> =
        series.left_out.iter().map(|one| (one.place.as_str(), one.why.as_str())).collect();
    let expected = [
        ("night-00", "it is unlike the newest: cores 8, not 2"),
        ("night-01", "killed after 3.0s"),
        ("night-02", "it is unlike the newest: a x, not none; b x, not none; c x, not none; and 1 more"),
        ("night-03", "it is the same result as copy"),
    ];
    assert_eq!(told, expected);
    assert_eq!(series.results.iter().map(|result| result.value).collect::<Vec<_>>(), [4.0, 5.0]);
    assert_eq!(series.newest_left_out(), None);
}

#[test]
fn a_newest_result_without_a_number_is_not_passed_over_in_silence() {
    let mut readings = nights(&[1.0; 12]);
    readings[11].value = Err("the target was lost after 3.0s: gone".to_owned());
    let found = followed(readings);
    assert_eq!(only(&found).newest_left_out().map(|one| one.place.as_str()), Some("night-11"));
    assert_eq!((only(&found).results.len(), only(&found).standing), (11, Standing::Unchanged));
}

#[test]
fn trends_are_read_back_as_they_were_written() {
    let found = followed(nights(&stepped(1, 26, 20, 0.2)));
    let text = serde_json::to_string(&found).expect("it has text keys and finite numbers");
    let read: Trends = serde_json::from_str(&text).expect("it was just written");
    assert_eq!(serde_json::to_string(&read).expect("as before"), text);
    assert_eq!(followed(nights(&stepped(1, 26, 20, 0.2))), found);
}

fn run_of(arrivals: u64) -> MadeUp {
    let ended: Vec<(Outcome, u64)> = (0..arrivals).map(|n| (Outcome::Ok, 1_000 + n)).collect();
    MadeUp::new().second(arrivals, &ended)
}

#[test]
fn a_run_has_a_number_if_it_says_something_about_the_target_and_enough_of_it() {
    let value = |run: &loadlab_record::RunFile, measure: &str| {
        let Ok(Followed::Measure(measure)) = Followed::parse(measure) else { panic!("{measure}") };
        read_run(run, "here", &measure).value
    };
    let run = run_of(100).finished();
    assert!(value(&run, "p95").is_ok_and(|p95| (p95 - 1.095).abs() < 0.01));
    assert_eq!(value(&run, "p99"), Err("100 samples are too few for p99".to_owned()));
    assert_eq!(value(&run, "errors"), Ok(0.0));
    assert!(value(&run, "max").is_ok() && value(&run, "p100").is_ok());
    assert_eq!(value(&run, "peak(pool)"), Err("the target published no metrics".to_owned()));
    let killed = value(&run_of(100).ended(EndReason::Killed), "p95");
    assert_eq!(killed, Err("killed after 1.0s".to_owned()));
    let mut late = run;
    late.generator.limited = true;
    late.generator.reasons = vec!["too late".to_owned()];
    assert_eq!(value(&late, "p95"), Err("the generator was the limit: too late".to_owned()));
}

#[test]
fn the_target_of_a_run_is_its_profile_with_what_is_laid_over_it() {
    let mut run = run_of(100).finished();
    let target = |run: &loadlab_record::RunFile| match p95() {
        Followed::Measure(measure) => read_run(run, "here", &measure).target,
        Followed::BreakingPoint => unreachable!("p95 is a measure"),
    };
    assert_eq!(target(&run), "profile baseline");
    if let TargetPlan::Profile { with, set, .. } = &mut run.plan.target {
        with.push("breaker".to_owned());
        set.insert("service.pool.max".to_owned(), "40".to_owned());
    }
    assert_eq!(target(&run), "profile baseline with breaker, service.pool.max=40");
    run.plan.target = TargetPlan::Url { base: "http://here".to_owned(), metrics: None };
    assert_eq!(target(&run), "http://here");
}

#[test]
fn a_search_is_read_by_the_keys_that_are_needed() {
    let document = |found: serde_json::Value| {
        serde_json::json!({
            "scenario": "capacity", "axis": "arrivals_per_second", "method": "mlr", "seed": 3, "speed": 1.0,
            "objectives": ["p95 < 7s"], "rules": { "allowed_loss": 0.01 }, "found": found,
            "environment": {
                "started": "2026-01-15T10:00:00Z", "cpu_model": "A", "cores": 2, "loadlab": "0.1.0",
                "command": ["loadlab", "breakpoint", "capacity", "--with", "pool-40", "--set=a.b=1"],
            },
            "target": { "base": "http://x", "profile": "baseline" },
        })
    };
    let read =
        read_search(&document(serde_json::json!({ "estimate": 6.5 })), "here").expect("it is a search");
    assert_eq!((read.value, read.unit.as_str(), read.seed.as_str()), (Ok(6.5), "/s", "3"));
    assert_eq!(read.target, "profile baseline with pool-40, a.b=1");
    let setting = |name: &str| read.setting[name].as_str();
    assert_eq!(
        [setting("objectives"), setting("allowed loss"), setting("cores")],
        ["[\"p95 < 7s\"]", "0.01", "2"]
    );
    let value = |found| read_search(&document(found), "here").expect("it is a search").value;
    assert_eq!(value(serde_json::Value::Null), Err("the search was interrupted".to_owned()));
    let bounded = serde_json::json!({ "estimate": null, "reason": "most_passes" });
    assert_eq!(value(bounded), Err("the search found no breaking point: most passes".to_owned()));
    let other = read_search(&serde_json::json!({ "scenario": "x" }), "here");
    assert_eq!(other, Err("it has no `environment/started`".to_owned()));
}

#[test]
fn more_throughput_is_better_and_more_of_anything_else_is_worse() {
    let sense = |text: &str| Followed::parse(text).expect(text).sense();
    for better in ["throughput", "goodput", "success", "breaking-point"] {
        assert_eq!(sense(better), Sense::HigherIsBetter, "{better}");
    }
    for worse in ["p95", "max", "loss", "errors", "retries", "peak(pool_waiting)"] {
        assert_eq!(sense(worse), Sense::LowerIsBetter, "{worse}");
    }
    assert_eq!(
        Followed::parse(" breaking-point ").map(|followed| followed.name()),
        Ok("breaking-point".to_owned())
    );
    assert!(Followed::parse("p9x").is_err());
}

/// Night after night the series is one longer. How young is a change for the worse when it is told first?
#[test]
fn a_regression_is_told_before_it_is_an_old_story() {
    const SERIES: u64 = 40;
    // The fewest results from the change on, of all nights on which there is one.
    let youngest = |by: f64, seed: u64| {
        let values = stepped(seed, 34, 20, by);
        let age = |tonight: usize| {
            let found = trends(&p95(), nights(&values[..tonight]), Vec::new(), RECENT);
            let change = only(&found).trend.changes.last().copied()?;
            (change.direction == Direction::Worse).then(|| tonight - change.index)
        };
        (24..=34).filter_map(age).min()
    };
    let told = |by: f64, recents: [usize; 2]| {
        let youngest: Vec<usize> = (0..SERIES).filter_map(|seed| youngest(by, seed)).collect();
        recents.map(|recent| youngest.iter().filter(|age| **age <= recent).count())
    };
    for by in [0.10, 0.05, 0.03] {
        let [five, ten] = told(by, [5, RECENT]);
        println!(
            "a step of {by}: told within 14 nights in {five} of {SERIES} with 5 recent, in {ten} with 10"
        );
        assert!(by < 0.05 || ten >= 38, "{by}: {ten}");
    }
    let [five, ten] = told(0.0, [5, RECENT]);
    println!("no step: told on any of 11 nights in {five} of {SERIES} with 5 recent, in {ten} with 10");
    assert!(ten <= 4, "{ten}");
}
