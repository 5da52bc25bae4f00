//! Searches of a simulated service whose breaking point is calculated: how far they are off, how often
//! their interval contains it, and what they cost.

use loadlab_clock::Seed;

use super::{made_up::searched, simulated::Service, *};

/// What many searches did.
#[derive(Debug, Clone, Copy)]
struct Figures {
    /// Share of them that were within 3 % of the truth.
    within: f64,
    /// Share of their intervals that contain it.
    covered: f64,
    /// Mean of the relative error without its sign, and with it.
    error: f64,
    bias: f64,
    /// The same error of the largest passing load.
    error_of_passing: f64,
    /// Half of the interval's width, relative.
    half_width: f64,
    /// Share of the searches whose largest passing load is in the interval.
    passing_inside: f64,
    precise: f64,
    /// Medians.
    requests: f64,
    trials: f64,
    minutes: f64,
    /// The most that one took.
    trials_most: f64,
    minutes_most: f64,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// Searches with seeds from 0 on; the start of the load varies with the seed.
fn search(method: Method, rules: &Rules, service: &Service, searches: u64) -> Figures {
    let knee = service.knee(rules).expect("it carries something");
    let share = |holds: &[bool]| holds.iter().filter(|holds| **holds).count() as f64 / holds.len() as f64;
    let mut columns: [Vec<f64>; 6] = Default::default();
    let (mut within, mut covered, mut precise) = (Vec::new(), Vec::new(), Vec::new());
    let mut inside = Vec::new();
    for seed in 0..searches {
        // From an eighth of the knee to a half of it.
        let start = knee * (0.13 + 0.41 * (seed % 20) as f64 / 20.0);
        let rules = Rules { start, ..*rules };
        let (trials, found) = searched(method, &rules, |offer| service.trial(Seed::new(seed), &rules, offer));
        let error = found.estimate.expect("it breaks") / knee - 1.0;
        let (low, high) = (found.interval.0.expect("bounded"), found.interval.1.expect("bounded"));
        within.push(error.abs() <= 0.03);
        covered.push((low..=high).contains(&knee));
        inside.push((low..=high).contains(&found.at.expect("it passed")));
        precise.push(found.reached_precision);
        let minutes = trials.iter().map(|trial| service.takes_s(trial)).sum::<f64>() / 60.0;
        let row = [
            error,
            found.at.expect("it passed") / knee - 1.0,
            (high - low) / 2.0 / knee,
            found.requests as f64,
            trials.len() as f64,
            minutes,
        ];
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let [errors, of_passing, half_widths, requests, trials, minutes] = columns;
    let without_sign = |errors: &[f64]| mean(&errors.iter().map(|error| error.abs()).collect::<Vec<_>>());
    Figures {
        within: share(&within),
        covered: share(&covered),
        error: without_sign(&errors),
        bias: mean(&errors),
        error_of_passing: without_sign(&of_passing),
        passing_inside: share(&inside),
        half_width: median(&half_widths),
        precise: share(&precise),
        requests: median(&requests),
        trials: median(&trials),
        minutes: median(&minutes),
        trials_most: most(&trials),
        minutes_most: most(&minutes),
    }
}

fn rules() -> Rules {
    Rules::new(400.0, 50.0, 5000.0)
}

/// What a trial near the breaking point is like; what the fit takes for usual comes from here.
#[test]
fn explore_trials() {
    for (name, service, trial_s) in [
        ("16", Service::SIXTEEN, 5.0),
        ("4", Service { servers: 4, ..Service::SIXTEEN }, 10.0),
        ("64", Service { servers: 64, ..Service::SIXTEEN }, 5.0),
    ] {
        let rules = Rules { trial_s, ..rules() };
        let knee = service.knee(&rules).expect("it carries something");
        println!("{name} servers, knee {knee:.1}");
        for factor in [0.94, 0.96, 0.98, 0.99, 1.0, 1.01, 1.02, 1.04, 1.06] {
            let losses: Vec<f64> = (1..=300)
                .map(|repetition| {
                    let offer = Offer { load: knee * factor, repetition };
                    service.trial(Seed::new(7), &rules, offer).loss()
                })
                .collect();
            let mean = mean(&losses);
            let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / losses.len() as f64;
            let none = losses.iter().filter(|loss| **loss <= 0.0).count() as f64 / losses.len() as f64;
            let fails = losses.iter().filter(|loss| **loss > 0.01).count() as f64 / losses.len() as f64;
            let times = variance / (mean * (1.0 - mean) / (knee * factor * trial_s));
            println!(
                "{factor:.2}: mean {mean:.5} cv {:.2} phi {:.3} times binomial {times:.0} none {none:.2} \
                 over 1 % {fails:.2}",
                variance.sqrt() / mean,
                variance / mean.powf(1.5),
            );
        }
    }
}

fn print(name: &str, figures: &Figures) {
    println!("{name}: {figures:?}");
}

#[test]
fn explore_searches() {
    for method in [Method::Mlr, Method::Bayes] {
        print(&format!("16 {method:?}"), &search(method, &rules(), &Service::SIXTEEN, 200));
    }
    for (step, seconds) in [
        (100.0, 5.0),
        (50.0, 5.0),
        (25.0, 5.0),
        (50.0, 20.0),
        (25.0, 20.0),
        (25.0, 60.0),
        (12.5, 60.0),
        (12.5, 120.0),
    ] {
        let rules =
            Rules { ramp_step: step, trial_s: seconds, trials_per_load: 1, trials_most: 10_000, ..rules() };
        print(
            &format!("ramp {step} {seconds}"),
            &search(Method::Ramp, &rules, &Service::SIXTEEN, if seconds > 50.0 { 20 } else { 60 }),
        );
    }
}
