//! Searches of a simulated service whose breaking point is calculated: how far they are off, how often
//! their interval contains it, and what they cost.

use std::sync::LazyLock;

use loadlab_clock::Seed;

use super::{made_up::searched, simulated::Service, *};

/// A search is to be this close to the truth.
const CLOSE: f64 = 0.03;
/// So many searches show shares to half a percent.
const SEARCHES: u64 = 200;

/// Searches of the service of [`Service::SIXTEEN`], made once for all claims about them.
static MLR: LazyLock<Figures> = LazyLock::new(|| figures(Method::Mlr));
static BAYES: LazyLock<Figures> = LazyLock::new(|| figures(Method::Bayes));

fn figures(method: Method) -> Figures {
    search(method, &rules(), &Service::SIXTEEN, SEARCHES).told(&format!("{method:?}"))
}

/// What many searches did.
#[derive(Debug, Clone, Copy)]
struct Figures {
    /// Share of them that were within 3 % of the truth.
    within: f64,
    /// Share of their intervals that contain it.
    covered: f64,
    /// Share that ended as precise as was asked for.
    precise: f64,
    /// Mean of the relative error without its sign, and with it.
    error: f64,
    bias: f64,
    /// The same error of the largest passing load.
    error_of_passing: f64,
    /// Medians.
    requests: f64,
    trials: f64,
    minutes: f64,
}

/// What one search did.
struct Row {
    error: f64,
    error_of_passing: f64,
    covered: bool,
    precise: bool,
    requests: f64,
    trials: f64,
    minutes: f64,
}

impl Row {
    fn of(method: Method, rules: &Rules, service: &Service, seed: u64) -> Self {
        let knee = service.knee(rules).expect("it carries something");
        let (trials, found) = searched(method, rules, |offer| service.trial(Seed::new(seed), rules, offer));
        let at = found.at.expect("it passed somewhere");
        let interval = found.interval.0.zip(found.interval.1);
        let (low, high) = interval.expect("bounded on both sides");
        Self {
            error: found.estimate.expect("it breaks") / knee - 1.0,
            error_of_passing: at / knee - 1.0,
            covered: (low..=high).contains(&knee),
            precise: found.reached_precision,
            requests: found.requests as f64,
            trials: trials.len() as f64,
            minutes: trials.iter().map(|trial| service.takes_s(trial)).sum::<f64>() / 60.0,
        }
    }
}

impl Figures {
    fn of(rows: &[Row]) -> Self {
        let share = |holds: fn(&Row) -> bool| mean(rows, |row| f64::from(u8::from(holds(row))));
        Self {
            within: share(|row| row.error.abs() <= CLOSE),
            covered: share(|row| row.covered),
            precise: share(|row| row.precise),
            error: mean(rows, |row| row.error.abs()),
            bias: mean(rows, |row| row.error),
            error_of_passing: mean(rows, |row| row.error_of_passing.abs()),
            requests: median(rows, |row| row.requests),
            trials: median(rows, |row| row.trials),
            minutes: median(rows, |row| row.minutes),
        }
    }

    fn told(self, name: &str) -> Self {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        println!(
            "{name}: {} within 3 %, {} of the intervals cover, {} precise; error {}, bias {}, that of the \
             largest passing load {}; medians {:.0} requests, {:.0} trials, {:.1} minutes",
            percent(self.within),
            percent(self.covered),
            percent(self.precise),
            percent(self.error),
            percent(self.bias),
            percent(self.error_of_passing),
            self.requests,
            self.trials,
            self.minutes,
        );
        self
    }
}

fn mean(rows: &[Row], value: impl Fn(&Row) -> f64) -> f64 {
    rows.iter().map(value).sum::<f64>() / rows.len() as f64
}

fn median(rows: &[Row], value: impl Fn(&Row) -> f64) -> f64 {
    let mut sorted: Vec<f64> = rows.iter().map(value).collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Searches with seeds from 0 on. The first load varies with the seed, from an eighth of the knee to half of
/// it: nobody knows better beforehand.
fn search(method: Method, rules: &Rules, service: &Service, searches: u64) -> Figures {
    let knee = service.knee(rules).expect("it carries something");
    let from = |seed: u64| knee * (0.13 + 0.41 * (seed % 20) as f64 / 20.0);
    let row = |seed: u64| Row::of(method, &Rules { start: from(seed), ..*rules }, service, seed);
    let rows: Vec<Row> = (0..searches).map(row).collect();
    Figures::of(&rows)
}

fn rules() -> Rules {
    Rules::new(400.0, 50.0, 5000.0)
}

/// A ramp as it is done by hand: steps of so much, trials of so many seconds, up to the first that fails.
fn ramp(step: f64, seconds: f64, searches: u64) -> Figures {
    let rules =
        Rules { ramp_step: step, trial_s: seconds, trials_per_load: 1, trials_most: 10_000, ..rules() };
    let name = format!("ramp by {step} in trials of {seconds} s");
    search(Method::Ramp, &rules, &Service::SIXTEEN, searches).told(&name)
}

#[test]
fn the_search_is_close_to_the_breaking_point_and_its_interval_covers_it() {
    let figures = *MLR;
    assert!(figures.within >= 0.95, "{figures:?}");
    assert!(figures.covered >= 0.90, "{figures:?}");
    assert!(figures.error < 0.011 && figures.bias.abs() < 0.006, "{figures:?}");
    assert!(figures.error_of_passing < 0.015, "{figures:?}");
    // The others end at the most trials that there may be.
    assert!(figures.precise >= 0.75, "{figures:?}");
    assert!(figures.trials <= 35.0 && figures.minutes <= 5.0, "{figures:?}");
}

#[test]
fn bayesian_bisection_is_close_to_the_breaking_point_and_its_interval_covers_it() {
    let figures = *BAYES;
    assert!(figures.within >= 0.95, "{figures:?}");
    assert!(figures.covered >= 0.90, "{figures:?}");
    assert!(figures.error < 0.011 && figures.bias.abs() < 0.006, "{figures:?}");
    assert!(figures.trials <= 40.0 && figures.minutes <= 5.0, "{figures:?}");
}

/// Steps of a quarter of the first load are what the rules have by default, and trials as long as those of
/// the search.
#[test]
fn a_ramp_at_its_usual_step_is_worse() {
    let ramp = ramp(rules().ramp_step, rules().trial_s, SEARCHES);
    assert!(ramp.error > 2.5 * MLR.error, "{ramp:?}");
    assert!(ramp.within < 0.75 && ramp.covered < 0.75 && ramp.bias < -0.01, "{ramp:?}");
}

/// Finer steps alone do not make a ramp more exact, since among many one fails by chance before its time; so
/// trials are longer as well. Each of these is less exact than the search, or needs more than twice its
/// requests; most are both.
#[test]
fn a_ramp_that_is_as_exact_needs_more_than_twice_the_requests() {
    let ramps = [(50.0, 20.0), (25.0, 20.0), (25.0, 60.0), (12.5, 60.0)];
    let figures = ramps.map(|(step, seconds)| ramp(step, seconds, 6));
    for ramp in figures {
        assert!(ramp.error > MLR.error || ramp.requests > 2.0 * MLR.requests, "{ramp:?}");
    }
    let exact = figures.iter().find(|ramp| ramp.error <= 1.3 * MLR.error).expect("the last is long enough");
    println!("as exact: {:.0} requests, the search {:.0}", exact.requests, MLR.requests);
    assert!(exact.requests > 2.0 * MLR.requests, "{exact:?}");
}

/// Few servers have a flat knee, and trials of twice the length still differ; many have a steep one.
#[test]
fn services_with_fewer_and_more_servers_are_found_too() {
    let of = |servers, trial_s, searches| {
        let service = Service { servers, ..Service::SIXTEEN };
        let rules = Rules { trial_s, least: 10.0, most: 50_000.0, ..rules() };
        search(Method::Mlr, &rules, &service, searches).told(&format!("{servers} servers"))
    };
    let (few, many) = (of(4, 10.0, 40), of(64, 5.0, 20));
    assert!(few.within >= 0.85 && few.covered >= 0.9, "{few:?}");
    assert!(many.within >= 0.95 && many.covered >= 0.9, "{many:?}");
}
