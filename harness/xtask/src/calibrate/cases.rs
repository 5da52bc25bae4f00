//! The cases of a calibration: a load, a server's script, and what must come out.

use std::time::Duration;

use loadlab_clock::{Distribution, Seed, Speed};
use loadlab_record::Histogram;

use super::{check::Check, percentiles::Exact, script::Script, server::Truth};
use crate::journal::Journalled;

/// Median of the drawn latency, and the constant one: far above what a loopback and a timer add, on a
/// virtual machine too, whose neighbours make a thread wake some milliseconds late. The harness is
/// held to 2 % of it.
const LATENCY: Duration = Duration::from_millis(200);
/// Spread of the drawn latency: its 99.9th percentile is 4.7 times its median.
const SIGMA: f64 = 0.5;
/// How long the server stalls.
const STALL: Duration = Duration::from_secs(1);
/// A sample at least this long shows the stall: more than twice what a request takes otherwise, and half
/// of the stall, so that a user whose request comes a little after its beginning is counted.
const LONG: Duration = Duration::from_millis(500);
/// The percentiles that are compared.
const PERCENTILES: [f64; 4] = [50.0, 95.0, 99.0, 99.9];

/// How much load, and how exact the harness must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// Arrivals per second in open load.
    pub(crate) rate: u64,
    /// Seconds of open load.
    pub(crate) open_s: u64,
    /// Users in closed load.
    pub(crate) users: u64,
    /// Seconds of closed load.
    pub(crate) closed_s: u64,
    /// How far a percentile may be from the truth, as a share of it.
    pub(crate) percentile_share: f64,
    /// How far the achieved rate may be from the offered one, as a share of it.
    pub(crate) rate_share: f64,
    /// 99th percentile of the dispatch lag, at most, in milliseconds.
    pub(crate) lag_ms_max: f64,
}

impl Scale {
    /// The figures that are written down: 60,000 samples a case.
    pub(crate) const FULL: Self = Self {
        rate: 1_000,
        open_s: 60,
        users: 20,
        closed_s: 12,
        percentile_share: 0.02,
        rate_share: 0.005,
        lag_ms_max: 2.0,
    };

    /// A few seconds, for the test command on a busy machine: it finds what is wrong by design, such
    /// as a stall that does not show, not what is a little late.
    pub(crate) const SHORT: Self = Self {
        rate: 200,
        open_s: 4,
        users: 10,
        closed_s: 4,
        percentile_share: 0.3,
        rate_share: 0.05,
        lag_ms_max: 50.0,
    };

    fn arrivals(&self) -> u64 {
        self.rate * self.open_s
    }
}

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its name in the evidence.
    pub(crate) name: &'static str,
    /// What the server does.
    pub(crate) script: Script,
    /// The load, as a scenario without its target.
    pub(crate) load: String,
    /// What must come out.
    pub(crate) judge: fn(&Scale, &Script, &Outcome) -> Vec<Check>,
}

/// What came out of a case.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the harness reports.
    pub(crate) reported: Journalled,
    /// What the server did.
    pub(crate) truth: Truth,
}

/// All cases.
pub(crate) fn all(scale: &Scale) -> [Case; 3] {
    let stall = |load_s: u64| Script::Stall {
        latency_ms: LATENCY.as_millis() as u64,
        after_ms: load_s * 1_000 / 2,
        lasts_ms: STALL.as_millis() as u64,
    };
    let open = |process: &str| {
        format!("{{ arrivals: {{ rate: {}/s, for: {}s, process: {process} }} }}", scale.rate, scale.open_s)
    };
    [
        Case {
            name: "open_lognormal",
            script: Script::Drawn {
                distribution: Distribution::Lognormal { median: LATENCY, sigma: SIGMA },
                seed: Seed::new(1),
            },
            load: open("poisson"),
            judge: judge_open_lognormal,
        },
        Case {
            name: "open_stall",
            script: stall(scale.open_s),
            load: open("uniform"),
            judge: judge_open_stall,
        },
        Case {
            name: "closed_stall",
            script: stall(scale.closed_s),
            load: format!("{{ users: {{ count: {}, for: {}s }} }}", scale.users, scale.closed_s),
            judge: judge_closed_stall,
        },
    ]
}

/// The truth is how long the server took, as it drew and as its own timer was late: the arrivals are
/// due when they are due, and take that long.
fn judge_open_lognormal(scale: &Scale, _: &Script, outcome: &Outcome) -> Vec<Check> {
    let truth = Exact::of(outcome.truth.held.clone());
    let mut checks = percentiles(scale, &outcome.reported.whole.response, &truth);
    checks.extend(arrivals(scale, outcome));
    checks
}

/// The truth follows from the schedule: arrival `k` is due at `k / rate`, and the script says when
/// an arrival of that instant is answered, whether or not the generator was able to send it then. What
/// the server itself was late is part of the truth: it needs some milliseconds to write the thousand
/// answers that a stall has held up.
fn judge_open_stall(scale: &Scale, script: &Script, outcome: &Outcome) -> Vec<Check> {
    let answer = |k: u64| script.wait(k, Duration::from_micros(k * 1_000_000 / scale.rate));
    let late = |k: u64| {
        let of = |values: &[u64]| values.get(k as usize).copied().unwrap_or(0);
        of(&outcome.truth.held).saturating_sub(of(&outcome.truth.scripted))
    };
    let truth = Exact::of((0..scale.arrivals()).map(|k| micros(answer(k)) + late(k)).collect());
    let mut checks = percentiles(scale, &outcome.reported.whole.response, &truth);
    checks.extend(arrivals(scale, outcome));
    let gaps = outcome.truth.scripted.len().saturating_sub(1) as f64;
    let rate = gaps / (outcome.truth.span as f64 / 1e6);
    checks.push(Check::within("rate at the server, 1/s", rate, scale.rate as f64, scale.rate_share));
    checks
}

/// A user who waits sends nothing, so the stall is one long sample for each.
fn judge_closed_stall(scale: &Scale, _: &Script, outcome: &Outcome) -> Vec<Check> {
    let response = &outcome.reported.whole.response;
    let truth = Exact::of(outcome.truth.scripted.clone());
    let long = response.buckets(Speed::REAL).filter(|(latency, _)| *latency >= LONG);
    let reported_long: u64 = long.map(|(_, count)| count).sum();
    let users = scale.users as f64;
    vec![
        Check::within("samples that show the stall", reported_long as f64, users, 0.0),
        Check::within("requests the server stalled", truth.at_least(micros(LONG)) as f64, users, 0.0),
        percentile(scale, response, &truth, 50.0),
        Check::within("samples", response.count() as f64, truth.count() as f64, 0.0),
    ]
}

/// The reported percentiles of response time. In a small sample the last one is a single value, which
/// any hiccup of the machine moves, so it is left out.
fn percentiles(scale: &Scale, reported: &Histogram, truth: &Exact) -> Vec<Check> {
    let supported = |p: &f64| truth.count() as f64 * (100.0 - p) / 100.0 >= 5.0;
    PERCENTILES.into_iter().filter(supported).map(|p| percentile(scale, reported, truth, p)).collect()
}

fn percentile(scale: &Scale, reported: &Histogram, truth: &Exact, p: f64) -> Check {
    let observed = reported.percentile(p, Speed::REAL).map_or(f64::NAN, |value| value.as_secs_f64() * 1e3);
    Check::within(format!("response p{p}, ms"), observed, truth.ms(p), scale.percentile_share)
}

/// Every arrival was scheduled, reached the server, and was sent when it was due.
fn arrivals(scale: &Scale, outcome: &Outcome) -> Vec<Check> {
    let (reported, came) = (&outcome.reported.whole, outcome.truth.scripted.len() as f64);
    let lag =
        reported.dispatch_lag.percentile(99.0, Speed::REAL).map_or(f64::NAN, |lag| lag.as_secs_f64() * 1e3);
    vec![
        Check::within("arrivals, achieved", came, reported.scheduled as f64, scale.rate_share),
        Check::within(
            "arrivals, ended well",
            (reported.ended.total() - reported.ended.not_ok()) as f64,
            came,
            0.0,
        ),
        Check::below("dispatch lag p99, ms", lag, scale.lag_ms_max),
    ]
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A harness that starts its clock when it sends, and sends nothing while it waits, would report
    /// a stall as a few long samples. The checks must find that out.
    #[test]
    fn coordinated_omission_is_found() {
        let scale = Scale::FULL;
        let [_, case, _] = all(&scale);
        let mut honest = Journalled::default();
        let mut omitting = Journalled::default();
        for k in 0..scale.arrivals() {
            let due = Duration::from_micros(k * 1_000_000 / scale.rate);
            let wait = case.script.wait(k, due);
            honest.whole.response.record(wait);
            omitting.whole.response.record(wait.min(LATENCY));
        }
        let missed = |reported| {
            let outcome = Outcome { reported, truth: Truth::default() };
            let checks = judge_open_stall(&scale, &case.script, &outcome);
            let missed = checks.into_iter().filter(|check| check.what.starts_with("response") && !check.held);
            missed.map(|check| check.what).collect::<Vec<_>>()
        };
        assert_eq!(missed(honest), Vec::<String>::new());
        assert_eq!(missed(omitting), ["response p99, ms", "response p99.9, ms"]);
    }
}
