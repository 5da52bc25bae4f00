//! Runs whose truth is known: how often intervals contain it, and whether a difference is found.

use std::time::Duration;

use loadlab_clock::{Distribution, Seed, Speed};
use loadlab_record::{ArmWindow, Window};
use loadlab_scenario::{
    arms::{Arms, Cohort},
    quantity::Share,
};

use super::*;
use crate::made_up::{MadeUp, at_most, response};

const Z_95: f64 = 1.959_964;
const SECONDS: u64 = 60;

/// What users and the service are like.
#[derive(Clone, Copy)]
struct World {
    users: u32,
    arrivals_per_s: u64,
    /// How users differ in what they wait and in how often they fail: sigma of a lognormal.
    users_differ: f64,
    /// How one second differs from the next, in each arm by itself.
    moments_differ: f64,
    /// How much of a second is left in the next one, from 0 to 1.
    lasts: f64,
    /// So many times slower is the experiment.
    slower: f64,
    /// From this second on.
    slower_from: u64,
}

const INDEPENDENT: World = World {
    users: 60,
    arrivals_per_s: 20,
    users_differ: 0.0,
    moments_differ: 0.0,
    lasts: 0.0,
    slower: 1.0,
    slower_from: 0,
};

/// Draws of one run, in seconds.
struct Draws(Box<dyn FnMut(Distribution) -> f64>);

impl Draws {
    fn new(seed: Seed) -> Self {
        let mut rng = seed.stream("world", 0, 0);
        Self(Box::new(move |of| of.sample(&mut rng).as_secs_f64()))
    }

    /// Around 1.
    fn factor(&mut self, sigma: f64) -> f64 {
        if sigma <= 0.0 {
            return 1.0;
        }
        (self.0)(Distribution::Lognormal { median: Duration::from_secs(1), sigma })
    }

    /// From 0 to 1.
    fn even(&mut self) -> f64 {
        (self.0)(Distribution::Uniform { min: Duration::ZERO, max: Duration::from_secs(1) })
    }
}

fn halves() -> Arms {
    Arms { experiment: Share::try_new(0.5).expect("a share"), set: BTreeMap::new() }
}

impl World {
    /// A run: of each second the cohorts whose arrivals ended.
    fn windows(&self, seed: u64) -> Vec<Window> {
        let seed = Seed::new(seed);
        let cohorts = halves().cohorts(seed, self.users);
        let mut draws = Draws::new(seed);
        let users: Vec<f64> = (0..self.users).map(|_| draws.factor(self.users_differ)).collect();
        let mut moments = [1.0_f64, 1.0];
        let mut windows = Vec::new();
        for second in 0..SECONDS {
            for moment in &mut moments {
                *moment = moment.powf(self.lasts) * draws.factor(self.moments_differ);
            }
            let mut window = Window { second, ..Window::default() };
            for _ in 0..self.arrivals_per_s {
                let user = (draws.even() * f64::from(self.users)) as usize % users.len();
                let of_experiment = cohorts[user].arm == Arm::Experiment;
                let effect = if of_experiment && second >= self.slower_from { self.slower } else { 1.0 };
                let slow = users[user] * moments[usize::from(of_experiment)] * effect;
                let outcome = if draws.even() < 0.03 * slow { Outcome::Status } else { Outcome::Ok };
                let micros = 100_000.0 * slow * draws.factor(0.4);
                add(&mut window, cohorts[user], outcome, micros as u64);
            }
            windows.push(window);
        }
        windows
    }

    fn sides(&self, seed: u64) -> [Side; 2] {
        let windows = self.windows(seed);
        Arm::BOTH.map(|arm| Side::of(arm, &windows, &RULES))
    }

    fn compared(&self, seed: u64) -> Vec<Difference> {
        differences(&self.sides(seed), &RULES, Z_JOINT)
    }
}

const RULES: Rules = Rules {
    speed: Speed::REAL,
    late_after: Some(Duration::from_millis(220)),
    first_second: 0,
    loaded_until: Some(SECONDS),
};

fn add(window: &mut Window, cohort: Cohort, outcome: Outcome, micros: u64) {
    let mut one = ArmWindow::of(cohort);
    one.book(outcome, micros);
    window.add_cohort(&one);
}

/// What was found in many runs.
#[derive(Default)]
struct Found {
    /// By measure: runs that told something, and those whose 95 % interval contains 0.
    contain: BTreeMap<String, (u32, u32)>,
    /// Runs in which a difference was shown, by the joint intervals.
    shown: u32,
}

impl Found {
    fn of(world: World, runs: u64) -> Self {
        let mut found = Self::default();
        for seed in 0..runs {
            let sides = world.sides(seed);
            for difference in differences(&sides, &RULES, Z_95) {
                let (all, with) = found.contain.entry(difference.measure.clone()).or_default();
                *all += u32::from(difference.interval.is_some());
                *with += u32::from(difference.interval.is_some() && !difference.is_shown());
            }
            found.shown += u32::from(differences(&sides, &RULES, Z_JOINT).iter().any(Difference::is_shown));
        }
        found
    }

    /// The least and the largest share of intervals that contain 0, of measures that nearly all runs told.
    fn coverage(&self, runs: u64) -> (f64, f64) {
        let told = self.contain.values().filter(|(all, _)| u64::from(*all) * 10 > runs * 9);
        let shares: Vec<f64> = told.map(|(all, with)| f64::from(*with) / f64::from(*all)).collect();
        assert!(shares.len() >= 4, "{:?}", self.contain);
        (shares.iter().copied().fold(1.0, f64::min), shares.iter().copied().fold(0.0, f64::max))
    }
}

/// Three standard deviations of a share of 95 % in so many runs.
fn allowance(runs: u64) -> f64 {
    3.0 * (0.95_f64 * 0.05 / runs as f64).sqrt()
}

/// An interval that is a little too wide is the safe side: 1 % more.
#[test]
fn of_a_thousand_aa_runs_95_in_100_intervals_contain_0_and_5_in_100_runs_show_a_difference() {
    let found = Found::of(INDEPENDENT, 1_000);
    let (least, most) = found.coverage(1_000);
    assert!(least > 0.95 - allowance(1_000), "{:?}", found.contain);
    assert!(most < 0.96 + allowance(1_000), "{:?}", found.contain);
    assert!(found.shown <= 70, "{} of 1000, where 50 and three standard deviations are 70", found.shown);
}

#[test]
fn also_where_users_differ() {
    let found = Found::of(World { users_differ: 0.25, ..INDEPENDENT }, 300);
    let (least, most) = found.coverage(300);
    assert!(least > 0.95 - allowance(300) && most < 0.96 + allowance(300), "{:?}", found.contain);
}

/// A second of which a quarter is left in the next: blocks of four seconds see nearly all of it.
#[test]
fn also_where_one_moment_is_like_the_next() {
    let found = Found::of(World { moments_differ: 0.1, lasts: 0.25, ..INDEPENDENT }, 300);
    let (least, most) = found.coverage(300);
    assert!(least > 0.94 - allowance(300) && most < 0.97 + allowance(300), "{:?}", found.contain);
}

#[test]
fn a_real_difference_is_found_and_its_size_is_told() {
    let world = World { slower: 1.3, ..INDEPENDENT };
    let (mut found, mut right) = (0, 0);
    for seed in 0..100 {
        let differences = world.compared(seed);
        let p50 = differences.iter().find(|difference| difference.measure == "p50").expect("compared");
        found += u32::from(p50.is_shown());
        // The median of control is 100 ms and a hair, since it is a little slower to fail.
        right += u32::from(p50.interval.is_some_and(|(low, high)| low < 0.030 && 0.030 < high));
    }
    assert_eq!(found, 100);
    assert!(right >= 95, "99 % of the intervals contain the 30 ms, and {right} of 100 did");
}

#[test]
fn a_fault_for_a_part_of_the_run_is_no_chance() {
    let world = World { slower: 2.0, slower_from: 40, ..INDEPENDENT };
    let shown = |seed: &u64| {
        let differences = world.compared(*seed);
        differences.iter().any(|difference| difference.measure == "p95" && difference.is_shown())
    };
    assert!((0..50).filter(shown).count() >= 49);
}

/// A split run of a second for each of the arrivals, in turn of control and experiment.
fn split(ended: &[[(Outcome, u64); 2]]) -> MadeUp {
    let run = MadeUp::new().plan(|plan| {
        plan.arms = Some(halves());
        plan.users.count = 20;
    });
    let second = |run: MadeUp, [control, experiment]: &[(Outcome, u64); 2]| {
        run.window(2, &[*control, *experiment], |window| {
            for (arm, (outcome, ms)) in Arm::BOTH.into_iter().zip([control, experiment]) {
                add(window, Cohort { arm, number: (window.second % 10) as u8 }, *outcome, ms * 1_000);
            }
        })
    };
    ended.iter().fold(run, second)
}

#[test]
fn the_arms_of_a_run_are_counted_by_hand() {
    let ended: Vec<[(Outcome, u64); 2]> = (0..60)
        .map(|n| {
            let experiment = if n % 3 == 0 { (Outcome::Timeout, 900) } else { (Outcome::Ok, 300 + n) };
            [(Outcome::Ok, 100 + n), experiment]
        })
        .collect();
    let objective = at_most(response(loadlab_scenario::objective::Statistic::Max), 0.345);
    let run = split(&ended).objective(objective).finished();
    let arms = run.arms.expect("the users were split");
    let control = ArmResult {
        users: 10,
        arrivals: 60,
        loss: Some(0.0),
        errors: Some(0.0),
        p50: Some(0.129),
        p95: Some(0.156),
        p99: Some(0.159),
        goodput: 1.0,
    };
    let close = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() < 1e-3);
    assert!(
        close(arms.control.p50, control.p50) && close(arms.control.p99, control.p99),
        "{:?}",
        arms.control
    );
    assert_eq!(ArmResult { p50: control.p50, p95: control.p95, p99: control.p99, ..arms.control }, control);
    // Twenty time out, and of the other forty those from 346 ms on are late: n = 46, 47, 49 … 59.
    assert_eq!((arms.experiment.errors, arms.experiment.arrivals), (Some(20.0 / 60.0), 60));
    assert_eq!(arms.experiment.loss, Some(30.0 / 60.0));
    assert!(arms.different);
    assert!(
        arms.verdict
            .starts_with("A difference is shown: in the experiment loss is higher by 50 percentage points ("),
        "{}",
        arms.verdict
    );
    let p99 = arms.differences.last().expect("five measures");
    assert_eq!((p99.measure.as_str(), p99.interval), ("p99", None), "sixty arrivals do not bound it");
}

#[test]
fn equal_arms_show_no_difference_and_few_users_are_a_caution() {
    let ended: Vec<[(Outcome, u64); 2]> =
        (0..60).map(|n| [(Outcome::Ok, 100 + n * 7 % 60), (Outcome::Ok, 100 + n * 11 % 60)]).collect();
    let run = split(&ended).plan(|plan| plan.users.count = 10).finished();
    let arms = run.arms.expect("the users were split");
    assert!(!arms.different, "{arms:?}");
    assert_eq!(
        arms.verdict,
        "No difference is shown: every interval contains 0. For p95 and p99 there were too few arrivals."
    );
    assert_eq!(
        arms.cautions,
        ["An arm has only 5 users: what differs between users may pass for a difference between the arms."]
    );
}

#[test]
fn a_run_that_was_not_split_compares_nothing_and_an_empty_one_tells_nothing() {
    assert_eq!(MadeUp::new().seconds(3, Outcome::Ok, 10).finished().arms, None);
    let arms = split(&[]).finished().arms.expect("the users were split");
    assert_eq!(arms.verdict, "Nothing can be told: too few arrivals ended.");
    assert_eq!((arms.control.arrivals, arms.control.loss), (0, None));
}
