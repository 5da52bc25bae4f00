//! Searches of a simulated service whose breaking point is calculated: how far they are off, how often
//! their interval contains it, and what they cost.

use std::sync::LazyLock;

use super::{
    simulated::{Figures, Service},
    *,
};

/// So many searches show shares to half a percent.
const SEARCHES: u64 = 200;

/// Searches of the service of [`Service::SIXTEEN`], made once for all claims about them.
static MLR: LazyLock<Figures> = LazyLock::new(|| figures(Method::Mlr));
static BAYES: LazyLock<Figures> = LazyLock::new(|| figures(Method::Bayes));

fn figures(method: Method) -> Figures {
    told(&format!("{method:?}"), Figures::of(method, &rules(), &Service::SIXTEEN, 0..SEARCHES))
}

fn told(name: &str, figures: Figures) -> Figures {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    println!(
        "{name}: {} within 3 %, {} of the intervals cover, {} precise; error {}, bias {}, that of the largest \
         passing load {}; medians {:.0} requests, {:.0} trials, {:.1} minutes",
        percent(figures.within),
        percent(figures.covered),
        percent(figures.precise),
        percent(figures.error),
        percent(figures.bias),
        percent(figures.error_of_passing),
        figures.requests,
        figures.trials,
        figures.minutes,
    );
    figures
}

fn rules() -> Rules {
    Rules::new(400.0, 50.0, 5000.0)
}

/// A ramp as it is done by hand: steps of so much, trials of so many seconds, up to the first that fails.
fn ramp(step: f64, seconds: f64, searches: u64) -> Figures {
    let rules =
        Rules { ramp_step: step, trial_s: seconds, trials_per_load: 1, trials_most: 10_000, ..rules() };
    let name = format!("ramp by {step} in trials of {seconds} s");
    told(&name, Figures::of(Method::Ramp, &rules, &Service::SIXTEEN, 0..searches))
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
        told(&format!("{servers} servers"), Figures::of(Method::Mlr, &rules, &service, 0..searches))
    };
    let (few, many) = (of(4, 10.0, 40), of(64, 5.0, 20));
    assert!(few.within >= 0.85 && few.covered >= 0.9, "{few:?}");
    assert!(many.within >= 0.95 && many.covered >= 0.9, "{many:?}");
}
