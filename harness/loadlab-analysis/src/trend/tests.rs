//! Series whose truth is known: how often a change is found where it is, and how often where there is none.

use std::time::Duration;

use loadlab_clock::Distribution;
use proptest::{collection::vec, prelude::*};

use super::*;

/// Nightly runs of some weeks.
const RUNS: usize = 40;
/// Series of a kind.
const SERIES: u64 = 100;
/// What a number differs from run to run.
const NOISE: f64 = 0.02;

/// Around 1, as numbers of runs are.
fn noise(seed: u64, runs: usize) -> Vec<f64> {
    let draw = Distribution::Lognormal { median: Duration::from_secs(1), sigma: NOISE };
    let mut rng = Seed::new(seed).stream("noise", 0, 0);
    (0..runs).map(|_| draw.sample(&mut rng).as_secs_f64()).collect()
}

/// Where a series changes: not always at the same place.
fn place(seed: u64) -> usize {
    10 + (seed * 7 % 21) as usize
}

fn stepped(seed: u64, by: f64) -> Vec<f64> {
    let factor = |index| if index < place(seed) { 1.0 } else { 1.0 + by };
    noise(seed, RUNS).into_iter().enumerate().map(|(index, value)| value * factor(index)).collect()
}

fn of(values: &[f64], seed: u64) -> Trend {
    trend(values, Sense::LowerIsBetter, Seed::new(seed), TrendRules::default())
}

/// Of how many of the series something is true.
fn count(is: impl Fn(u64) -> bool) -> usize {
    (0..SERIES).filter(|seed| is(*seed)).count()
}

#[test]
fn a_step_of_a_tenth_is_found_where_it_is() {
    let near = |change: &ChangePoint, seed| change.index.abs_diff(place(seed)) <= 1;
    let only = |seed: u64, by: f64| {
        let changes = of(&stepped(seed, by), seed).changes;
        matches!(changes.as_slice(), [change] if near(change, seed))
    };
    let some = |seed: u64, by: f64| !of(&stepped(seed, by), seed).changes.is_empty();
    let steps =
        [0.10, 0.05, 0.03, 0.02].map(|by| (by, count(|seed| some(seed, by)), count(|seed| only(seed, by))));
    for (by, found, exact) in steps {
        println!("step of {by}: found in {found} of {SERIES}, alone and within 1 run in {exact}");
    }
    assert!(steps[0].2 >= 90, "{steps:?}");
}

#[test]
fn a_step_is_told_with_its_means_and_its_direction() {
    let up = of(&stepped(3, 0.1), 3);
    let [change] = up.changes[..] else { panic!("{:?}", up.changes) };
    assert_eq!((change.index, change.direction, change.gradual), (place(3), Direction::Worse, false));
    let relative = change.relative.expect("it was not 0 before");
    assert!((relative - 0.1).abs() < 0.02, "{relative}");
    assert!((change.before - 1.0).abs() < 0.02 && (change.after - 1.1).abs() < 0.02, "{change:?}");
    assert!(change.p <= 0.01, "{}", change.p);
    let ends: Vec<(usize, usize)> = up.segments.iter().map(|segment| (segment.from, segment.to)).collect();
    assert_eq!(ends, [(0, place(3) - 1), (place(3), RUNS - 1)]);
    let same = trend(&stepped(3, 0.1), Sense::HigherIsBetter, Seed::new(3), TrendRules::default());
    assert_eq!(same.changes[0].direction, Direction::Better);
}

#[test]
fn noise_has_no_change() {
    let quiet = count(|seed| of(&noise(seed, RUNS), seed).changes.is_empty());
    println!("noise: no change in {quiet} of {SERIES}");
    assert!(quiet >= 95, "{quiet}");
}

#[test]
fn a_single_outlier_is_no_change_wherever_it_is() {
    let spoiled = |seed: u64, place: usize| {
        let mut values = noise(seed, RUNS);
        values[place] *= 3.0;
        of(&values, seed).changes.is_empty()
    };
    let anywhere = count(|seed| spoiled(seed, (seed * 13 % RUNS as u64) as usize));
    let newest = count(|seed| spoiled(seed, RUNS - 1));
    println!(
        "one run of three times the value: no change in {anywhere} of {SERIES}; as the newest run in {newest}"
    );
    assert!(anywhere >= 95 && newest >= 95, "{anywhere} and {newest}");
}

#[test]
fn what_creeps_is_found_and_told_as_creeping() {
    let drifting = |seed: u64| {
        let values = noise(seed, RUNS).into_iter().enumerate();
        let values: Vec<f64> =
            values.map(|(index, value)| value * (1.0 + 0.1 * index as f64 / RUNS as f64)).collect();
        of(&values, seed).changes
    };
    let worse = |changes: &[ChangePoint]| {
        !changes.is_empty() && changes.iter().all(|change| change.direction == Direction::Worse)
    };
    let found = count(|seed| worse(&drifting(seed)));
    let creeping = count(|seed| {
        let changes = drifting(seed);
        worse(&changes) && changes.iter().any(|change| change.gradual)
    });
    let steps = count(|seed| of(&stepped(seed, 0.1), seed).changes.iter().any(|change| change.gradual));
    println!("a drift of 10 % over {RUNS} runs: found in {found} of {SERIES}, as creeping in {creeping}");
    println!("a step of 10 %: taken for creeping in {steps} of {SERIES}");
    assert!(found >= 90 && creeping >= 90 && steps <= 10, "{found}, {creeping}, {steps}");
}

/// A weakness, measured: neighbours that are alike look like a change.
#[test]
fn runs_that_are_like_their_neighbours_are_taken_for_changes_too_often() {
    let lasting = |seed: u64, lasts: f64| {
        let mut state = 0.0;
        let walk = noise(seed, RUNS).into_iter().map(|value| {
            state = lasts * state + (value - 1.0);
            1.0 + state
        });
        of(&walk.collect::<Vec<f64>>(), seed).changes.is_empty()
    };
    let quiet = [0.2, 0.5].map(|lasts| count(|seed| lasting(seed, lasts)));
    println!("noise of which 20 % and 50 % last to the next run: no change in {quiet:?} of {SERIES}");
    assert!(quiet[1] < 95, "the module's doc warns of it: {quiet:?}");
}

#[test]
fn what_went_up_and_came_back_is_two_changes() {
    let found = count(|seed| {
        let factor = |index| if (14..27).contains(&index) { 1.1 } else { 1.0 };
        let values = noise(seed, RUNS).into_iter().enumerate();
        let values: Vec<f64> = values.map(|(index, value)| value * factor(index)).collect();
        let changes = of(&values, seed).changes;
        let near = |place: usize, to: usize| changes.get(place).is_some_and(|c| c.index.abs_diff(to) <= 1);
        changes.len() == 2 && near(0, 14) && near(1, 27)
    });
    println!("up by 10 % and back: both changes within 1 run in {found} of {SERIES}");
    assert!(found >= 90, "{found}");
}

#[test]
fn runs_without_a_number_are_left_out_and_still_counted() {
    let mut values = stepped(3, 0.1);
    values.insert(2, f64::NAN);
    values.insert(5, f64::INFINITY);
    let found = of(&values, 3);
    assert_eq!(found.changes[0].index, place(3) + 2);
    assert_eq!(found.segments.iter().map(|segment| segment.runs).sum::<usize>(), RUNS);
}

#[test]
fn too_few_runs_say_so() {
    let few = of(&noise(1, 9), 1);
    assert_eq!((few.changes.len(), few.segments.len()), (0, 1));
    assert!(few.note.starts_with("9 runs have a number, and 10 are needed"), "{}", few.note);
    let empty = of(&[], 1);
    assert_eq!((empty.changes.len(), empty.segments.len()), (0, 0));
    assert!(of(&noise(1, 10), 1).note.is_empty());
}

#[test]
fn a_number_that_never_differs_has_no_change_and_one_that_becomes_another_has() {
    assert!(of(&[0.0; 30], 1).changes.is_empty());
    let loss: Vec<f64> = [0.0; 10].into_iter().chain([0.2; 10]).collect();
    let [change] = of(&loss, 1).changes[..] else { panic!("it lost nothing, and then a fifth") };
    assert_eq!((change.index, change.relative), (10, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn divergence_by_moving_values_is_that_of_all_distances(values in vec(-50.0_f64..50.0, 6..20)) {
        let slow = |at: usize, end: usize| {
            let (one, other) = (&values[..at], &values[at..end]);
            let sum = |a: &[f64], b: &[f64]| -> f64 {
                a.iter().flat_map(|x| b.iter().map(move |y| (x - y).abs())).sum()
            };
            let (n, m) = (one.len() as f64, other.len() as f64);
            // Each pair within a side is counted twice, and with itself as 0.
            let within = |side: &[f64], n: f64| sum(side, side) / (n * (n - 1.0));
            n * m / (n + m) * (2.0 * sum(one, other) / (n * m) - within(one, n) - within(other, m))
        };
        let best = best_split(&values, 3).expect("there are six at least");
        let at = |at: usize| (at + 3..=values.len()).map(|end| slow(at, end)).fold(f64::NEG_INFINITY, f64::max);
        let expected = (3..=values.len() - 3).map(at).fold(f64::NEG_INFINITY, f64::max);
        prop_assert!((best.divergence - expected).abs() < 1e-6, "{} for {}", best.divergence, expected);
        prop_assert!((at(best.after) - expected).abs() < 1e-6);
    }

    #[test]
    fn units_do_not_matter(seed in 0_u64..1_000) {
        let values = stepped(seed, 0.1);
        let changes = of(&values, seed).changes;
        let scaled: Vec<f64> = values.iter().map(|value| 1_000.0 * value).collect();
        let places = |changes: &[ChangePoint]| changes.iter().map(|change| change.index).collect::<Vec<_>>();
        prop_assert_eq!(places(&of(&scaled, seed).changes), places(&changes));
    }
}
