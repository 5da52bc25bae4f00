//! Whether the generator kept up. If it did not, the run says nothing about the target.
//!
//! The rules: every arrival was dispatched, so that none waited for the generator's own limits; the
//! dispatch lag's p99 stays within 5 ms, or 5 % of the tightest bound on the response time where that is
//! more, be it an objective or a condition of the steady state;
//! the CPU it may use is at most 80 % busy. Users who wait for their own client's connections are no
//! fault of the generator's, and are not looked at here.

use std::time::Duration;

use loadlab_clock::Speed;
use loadlab_record::{GeneratorSample, GeneratorSummary, RunFile, first_measured_second};

use crate::{
    tightest_response,
    words::{percent, seconds_text},
};

/// Dispatch lag that is always allowed, of real time.
const LAG_ALLOWED: Duration = Duration::from_millis(5);
/// Share of the objective that the dispatch lag may take.
const LAG_SHARE: f64 = 0.05;
/// Least share of what was scheduled that has to be dispatched.
const ACHIEVED_MIN: f64 = 0.995;
/// Most of its CPU that the generator may use.
const CPU_MAX: f64 = 0.8;
/// Over how many seconds in a row: a peak of one second, as a burst makes it, shows in the dispatch lag
/// if it matters.
const CPU_SECONDS: usize = 5;

/// What of the generator was the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorLimit {
    /// Arrivals were never sent.
    Undispatched,
    /// Arrivals were taken up late.
    Late,
    /// It had no CPU left.
    Busy,
}

/// What of the generator was the limit, worst first, each with a sentence.
pub fn generator_limits(run: &RunFile) -> Vec<(GeneratorLimit, String)> {
    let found = [
        (GeneratorLimit::Undispatched, undispatched(run, achieved(run))),
        (GeneratorLimit::Late, lag(run)),
        (GeneratorLimit::Busy, cpu(&samples(run))),
    ];
    found.into_iter().filter_map(|(limit, reason)| Some((limit, reason?))).collect()
}

/// Judges the generator.
pub(crate) fn summary(run: &RunFile) -> GeneratorSummary {
    let reasons: Vec<String> = generator_limits(run).into_iter().map(|(_, reason)| reason).collect();
    GeneratorSummary {
        limited: !reasons.is_empty(),
        reasons,
        cpu_peak: samples(run).iter().map(|sample| sample.cpu).fold(0.0, f64::max),
        achieved: achieved(run),
    }
}

fn samples(run: &RunFile) -> Vec<&GeneratorSample> {
    let first = first_measured_second(&run.plan);
    run.generator_series.iter().filter(|sample| sample.second >= first).collect()
}

/// The share of what was scheduled that was sent.
fn achieved(run: &RunFile) -> f64 {
    let dispatched = run.totals.scheduled - run.totals.undispatched.min(run.totals.scheduled);
    run.totals.share(dispatched).unwrap_or(1.0)
}

fn undispatched(run: &RunFile, achieved: f64) -> Option<String> {
    let count = run.totals.undispatched;
    (count > 0 || achieved < ACHIEVED_MIN).then(|| {
        format!(
            "{count} of {} arrivals were never sent: no worker of the generator was free in time; offer \
             less, or give the generator more workers",
            run.totals.scheduled
        )
    })
}

/// Milliseconds of real time on both sides.
fn lag(run: &RunFile) -> Option<String> {
    let conditions = run.plan.steady_state.iter().flat_map(|steady| &steady.conditions);
    let bound = tightest_response(run.plan.objectives.iter().chain(conditions));
    let bound = bound.map(|bound| run.speed.real(bound));
    let allowed = bound.map_or(LAG_ALLOWED, |bound| LAG_ALLOWED.max(bound.mul_f64(LAG_SHARE)));
    let observed = latest(run)?;
    (observed > allowed).then(|| {
        format!(
            "arrivals were taken up late: p99 {} after they were due, where {} is allowed; offer less, or \
             give the generator more cores",
            seconds_text(observed.as_secs_f64()),
            seconds_text(allowed.as_secs_f64())
        )
    })
}

/// How late arrivals were taken up: p99. Of a run that several generators made together, that of the latest
/// generator, which would be hidden among those that were in time.
fn latest(run: &RunFile) -> Option<Duration> {
    let all = run.histograms.dispatch_lag.percentile(99.0, Speed::REAL)?;
    let each = run.generators.iter().filter_map(|part| part.latency_ms.dispatch_lag_real.p99);
    let each = each.filter_map(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
    Some(each.fold(all, Duration::max))
}

fn cpu(samples: &[&GeneratorSample]) -> Option<String> {
    let length = CPU_SECONDS.min(samples.len()).max(1);
    let mean =
        |window: &[&GeneratorSample]| window.iter().map(|sample| sample.cpu).sum::<f64>() / length as f64;
    let busiest = samples.windows(length).map(mean).fold(0.0, f64::max);
    (busiest > CPU_MAX).then(|| {
        format!(
            "the generator used {} of its CPU over {length} s, where {} is allowed; offer less, or give it \
             more cores",
            percent(busiest, 1.0),
            percent(CPU_MAX, 1.0)
        )
    })
}
