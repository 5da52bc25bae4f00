//! The one evaluation of a measure: on what was seen so far, on a stretch of seconds, or on the whole
//! run.
//!
//! Shares are of the arrivals that *ended* in the view; in a finished run those are all. Extra attempts
//! are counted when they are made.

use std::time::Duration;

use loadlab_record::{Histogram, Outcome, OutcomeCounts, StepWindow, Window};
use loadlab_scenario::objective::{
    Compare, LatencyKind, Measure, MetricStatistic, ShareOf, Statistic, Throughput,
};

use crate::{Facts, Rules};

/// Values closer than this to their bound, relative to it, are equal to it: 999 of 1,000 is 99.9 %.
const SAME: f64 = 1e-9;

/// A part of a run that a measure is taken of.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The seconds, or one window that is the sum of several.
    pub windows: &'a [Window],
    /// How many seconds that are.
    pub seconds: f64,
    /// What the measure's metric did, if it is about one and it was published.
    pub metric: Option<Facts>,
    /// The plan's rules.
    pub rules: &'a Rules,
}

/// What was observed of a measure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Observation {
    /// In the measure's unit ([`unit`]); `None` if there was nothing to observe.
    pub value: Option<f64>,
    /// How many arrivals, requests or events it was taken of; for a metric 1.
    pub samples: u64,
}

/// The unit of a measure's values.
pub fn unit(measure: &Measure) -> &'static str {
    match measure {
        Measure::Latency { .. } | Measure::Metric { statistic: MetricStatistic::Drained, .. } => "s",
        Measure::Share { .. } => "share",
        Measure::Throughput(_) => "/s",
        Measure::Metric { .. } => "",
    }
}

/// Whether a value is on the right side of its bound.
pub fn holds(compare: Compare, value: f64, bound: f64) -> bool {
    let same = (value - bound).abs() <= SAME * bound.abs();
    match compare {
        Compare::Less => value < bound && !same,
        Compare::LessOrEqual => value < bound || same,
        Compare::Greater => value > bound && !same,
        Compare::GreaterOrEqual => value > bound || same,
    }
}

/// Takes a measure of a view.
pub fn evaluate(measure: &Measure, view: &View<'_>) -> Observation {
    match measure {
        Measure::Latency { statistic, step, kind } => {
            latency(*statistic, &durations(view.windows, step.as_deref(), *kind), view.rules)
        }
        Measure::Share { of, step: None } => share_of_arrivals(*of, view),
        Measure::Share { of, step: Some(step) } => share_of_requests(*of, step, view.windows),
        Measure::Throughput(which) => throughput(*which, view),
        Measure::Metric { statistic, .. } => {
            view.metric.map_or_else(Observation::default, |facts| metric(*statistic, facts))
        }
    }
}

/// The histogram that a latency is about. Without a step, requests of all steps count.
fn durations(windows: &[Window], step: Option<&str>, kind: LatencyKind) -> Histogram {
    let of_step = |window: &StepWindow| match kind {
        LatencyKind::Response => window.response.clone(),
        LatencyKind::Service => window.service.clone(),
        LatencyKind::FirstByte => window.first_byte.clone(),
        LatencyKind::FirstEvent => window.first_event.clone(),
        LatencyKind::EventGap => window.event_gap.clone(),
        LatencyKind::ClientWait => window.client_wait.clone(),
    };
    match (step, kind) {
        (None, LatencyKind::Response) => Histogram::sum(windows.iter().map(|window| &window.response)),
        (None, LatencyKind::Service) => Histogram::sum(windows.iter().map(|window| &window.service)),
        _ => {
            let all = windows.iter().flat_map(|window| &window.steps);
            let wanted = all.filter(|(name, _)| step.is_none_or(|step| step == name.as_str()));
            wanted.fold(Histogram::new(), |mut sum, (_, window)| {
                sum.merge(&of_step(window));
                sum
            })
        }
    }
}

fn latency(statistic: Statistic, durations: &Histogram, rules: &Rules) -> Observation {
    let value = match statistic {
        Statistic::Percentile(percentile) => durations.percentile(percentile, rules.speed),
        Statistic::Max => durations.max(rules.speed),
        Statistic::Mean => durations.mean(rules.speed),
    };
    Observation { value: value.as_ref().map(Duration::as_secs_f64), samples: durations.count() }
}

/// `part` of `whole`, unless there is none.
fn share(part: u64, whole: u64) -> Observation {
    let value = (whole > 0).then(|| part as f64 / whole as f64);
    Observation { value, samples: whole }
}

fn share_of_arrivals(of: ShareOf, view: &View<'_>) -> Observation {
    let windows = view.windows;
    let ended = sum_outcomes(windows.iter().map(|window| &window.ended));
    let part = match of {
        ShareOf::Retries => windows.iter().map(|window| window.retried).sum(),
        ShareOf::GaveUp => windows.iter().map(|window| window.gave_up).sum(),
        ShareOf::Loss => ended.not_ok() + late(windows, view.rules),
        _ => outcomes_in(of, &ended),
    };
    share(part, ended.total())
}

/// Requests have no due time of the user's and no user who gives up for good: an attempt that was given
/// up is one that timed out or was abandoned, and what is lost is what failed.
fn share_of_requests(of: ShareOf, step: &str, windows: &[Window]) -> Observation {
    let steps = || windows.iter().filter_map(|window| window.steps.get(step));
    let ended = sum_outcomes(steps().map(|step| &step.ended));
    let retried: u64 = steps().map(|step| step.retried).sum();
    match of {
        ShareOf::Retries => share(retried, ended.total().saturating_sub(retried)),
        ShareOf::GaveUp => share(outcomes_in(ShareOf::Timeouts, &ended), ended.total()),
        ShareOf::Loss => share(ended.not_ok(), ended.total()),
        _ => share(outcomes_in(of, &ended), ended.total()),
    }
}

/// How many ended so, for the shares that are about outcomes alone.
fn outcomes_in(of: ShareOf, ended: &OutcomeCounts) -> u64 {
    match of {
        ShareOf::Success => ended.get(Outcome::Ok),
        ShareOf::Errors => ended.not_ok(),
        ShareOf::Timeouts => ended.get(Outcome::Timeout) + ended.get(Outcome::Abandoned),
        ShareOf::Abandoned => ended.get(Outcome::Abandoned),
        ShareOf::Truncated => ended.get(Outcome::Truncated),
        ShareOf::Shed => ended.get(Outcome::Shed),
        ShareOf::WrongAnswers => ended.get(Outcome::WrongAnswer),
        ShareOf::Undispatched => ended.get(Outcome::Undispatched),
        ShareOf::Loss | ShareOf::GaveUp | ShareOf::Retries => 0,
    }
}

fn sum_outcomes<'a>(parts: impl Iterator<Item = &'a OutcomeCounts>) -> OutcomeCounts {
    parts.fold(OutcomeCounts::default(), |mut sum, part| {
        sum.merge(part);
        sum
    })
}

/// Arrivals that ended well, but too late.
pub(crate) fn late(windows: &[Window], rules: &Rules) -> u64 {
    let Some(limit) = rules.late_after else { return 0 };
    let late = |ok: &Histogram| ok.count() - ok.count_within(limit, rules.speed);
    windows.iter().map(|window| late(&window.response_ok)).sum()
}

fn throughput(which: Throughput, view: &View<'_>) -> Observation {
    let ended = sum_outcomes(view.windows.iter().map(|window| &window.ended));
    let count = match which {
        Throughput::Completed => ended.total() - ended.get(Outcome::Undispatched),
        Throughput::Good => ended.get(Outcome::Ok).saturating_sub(late(view.windows, view.rules)),
    };
    let value = (view.seconds > 0.0).then(|| count as f64 / view.seconds);
    Observation { value, samples: ended.total() }
}

fn metric(statistic: MetricStatistic, facts: Facts) -> Observation {
    let value = match statistic {
        MetricStatistic::Peak => Some(facts.peak),
        MetricStatistic::Average => Some(facts.average),
        MetricStatistic::Increase => Some(facts.increase),
        MetricStatistic::Drained => facts.drained,
    };
    Observation { value, samples: 1 }
}
