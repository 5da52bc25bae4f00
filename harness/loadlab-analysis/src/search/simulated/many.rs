//! Many searches of one service: how far they are off, how often their interval contains the truth, and what
//! they cost.

use std::ops::Range;

use loadlab_clock::Seed;
use serde::Serialize;

use super::Service;
use crate::search::{Found, Method, Offer, Rules, Step, Trial, next};

/// A search is to be this close to the truth.
const CLOSE: f64 = 0.03;
/// The lowest and the highest first load, as a share of the breaking point: nobody knows better beforehand.
const STARTS: (f64, f64) = (0.13, 0.54);
/// So many first loads there are.
const STARTS_COUNT: u64 = 20;

/// What many searches did. Errors are shares of the true breaking point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Share of them that were within 3 % of the truth.
    pub within: f64,
    /// Share of their intervals that contain it.
    pub covered: f64,
    /// Share that ended as precise as was asked for.
    pub precise: f64,
    /// Mean of the error without its sign.
    pub error: f64,
    /// Mean of the error with its sign.
    pub bias: f64,
    /// The error without its sign of the largest passing load.
    pub error_of_passing: f64,
    /// Median of the requests of a search.
    pub requests: f64,
    /// Median of its trials.
    pub trials: f64,
    /// Median of the time that it would take, in minutes.
    pub minutes: f64,
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

impl Figures {
    /// Of searches with these seeds. The first load differs from seed to seed, whatever `rules` say.
    ///
    /// # Panics
    /// If the service carries nothing, or `rules` do not reach from below its breaking point to above it.
    pub fn of(method: Method, rules: &Rules, service: &Service, seeds: Range<u64>) -> Self {
        let knee = service.knee(rules).expect("it carries something");
        let step = (STARTS.1 - STARTS.0) / STARTS_COUNT as f64;
        let from = |seed: u64| knee * (STARTS.0 + step * (seed % STARTS_COUNT) as f64);
        let row = |seed: u64| Row::of(method, &Rules { start: from(seed), ..*rules }, service, seed);
        let rows: Vec<Row> = seeds.map(row).collect();
        let share = |holds: fn(&Row) -> bool| mean(&rows, |row| f64::from(u8::from(holds(row))));
        Self {
            within: share(|row| row.error.abs() <= CLOSE),
            covered: share(|row| row.covered),
            precise: share(|row| row.precise),
            error: mean(&rows, |row| row.error.abs()),
            bias: mean(&rows, |row| row.error),
            error_of_passing: mean(&rows, |row| row.error_of_passing.abs()),
            requests: median(&rows, |row| row.requests),
            trials: median(&rows, |row| row.trials),
            minutes: median(&rows, |row| row.minutes),
        }
    }
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

/// Searches to the end; all trials, and the answer.
pub fn searched(
    method: Method,
    rules: &Rules,
    mut target: impl FnMut(Offer) -> Trial,
) -> (Vec<Trial>, Found) {
    let mut done = Vec::new();
    loop {
        match next(method, rules, &done) {
            Step::Try(offer) => done.push(target(offer)),
            Step::Done(found) => return (done, found),
        }
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
