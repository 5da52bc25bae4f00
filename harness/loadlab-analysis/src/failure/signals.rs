//! The run as the other modules look at it: seconds, trigger, span, and what the target published.

use loadlab_record::{Outcome, OutcomeCounts, RunFile, Trigger, Window};
use loadlab_scenario::objective::{Compare, LatencyKind, Measure, ShareOf, Statistic};

use super::trigger;
use crate::{Facts, Metrics, Points, Rules, held_at, labels::label};

/// The share of the arrivals that may be lost if no objective says so: `measurement` has 1 %, as the
/// breaking point.
pub(super) const ALLOWED_LOSS: f64 = 0.01;
/// Seconds at the start of which no steady state is taken: caches and connections are new.
const SETTLING_S: f64 = 2.0;
/// Seconds that a time before the trigger needs to be compared with.
const BEFORE_MIN_S: f64 = 5.0;

/// One second of the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Second {
    /// Arrivals that were due.
    pub(super) due: f64,
    /// Arrivals that ended.
    pub(super) ended: f64,
    /// Arrivals that ended badly, wrong answers not among them: those say nothing about capacity.
    pub(super) failed: f64,
    /// Arrivals that ended with a wrong answer.
    pub(super) wrong: f64,
    /// Arrivals that ended well, but later than the tightest response objective.
    pub(super) late: f64,
    /// Arrivals that ended well and in time.
    pub(super) good: f64,
    /// Arrivals that failed in this second, by time of failing: late ones when they became late.
    pub(super) lost: f64,
    /// Extra attempts that ended.
    pub(super) retried: f64,
    /// Attempts that ended.
    pub(super) attempts: f64,
    /// Attempts that ended badly, wrong answers not among them.
    pub(super) failed_attempts: f64,
    /// Attempts that the client gave up.
    pub(super) given_up: f64,
    /// Attempts whose connection was reset, cut or refused.
    pub(super) cut: f64,
    /// Attempts that were answered with an error or a refusal.
    pub(super) errors: f64,
    /// Arrivals due and not ended at its end.
    pub(super) in_flight: f64,
    /// 95th percentile of the response times, in seconds.
    pub(super) p95: Option<f64>,
}

/// The run, ready to be looked at.
pub(super) struct Signals<'a> {
    pub(super) run: &'a RunFile,
    pub(super) metrics: Metrics<'a>,
    pub(super) seconds: Vec<Second>,
    pub(super) trigger: Trigger,
    /// When nothing new was wanted any more.
    pub(super) load_end: f64,
    /// The share of arrivals that may be lost.
    pub(super) allowed: f64,
    /// The share of arrivals that may be late; `None` if no objective bounds the response time.
    pub(super) late_allowed: Option<f64>,
    /// From the trigger to the end of failing, or to the trigger's own end.
    pub(super) span: (f64, f64),
    /// A stretch before the trigger, if it is long enough to be compared with.
    pub(super) before: Option<(f64, f64)>,
}

impl<'a> Signals<'a> {
    /// The signals of a run; `None` if nothing was due in it.
    pub(super) fn of(run: &'a RunFile) -> Option<Self> {
        let rules = Rules::of(&run.plan);
        let mut seconds: Vec<Second> = run.windows.iter().map(|window| second(window, &rules)).collect();
        if seconds.iter().all(|second| second.due == 0.0) {
            return None;
        }
        book_by_time_of_failing(&mut seconds, &run.windows, &rules);
        let trigger = trigger::of(run, &rules);
        let allowed = allowed_loss(run);
        let late_allowed = late_allowed(run);
        let end = end_of_failing(&seconds, &trigger, allowed.max(late_allowed.unwrap_or(0.0)));
        let settled = SETTLING_S.min(trigger.from_s);
        let start = if trigger.from_s - rules.first_second as f64 > BEFORE_MIN_S {
            settled.max(rules.first_second as f64)
        } else {
            settled
        };
        let before = (trigger.from_s - start >= BEFORE_MIN_S).then_some((start, trigger.from_s.floor()));
        Some(Self {
            run,
            metrics: Metrics::of(run),
            load_end: trigger::load_end(run, &rules),
            span: (trigger.from_s, end),
            seconds,
            trigger,
            allowed,
            late_allowed,
            before,
        })
    }

    /// The seconds that begin in a stretch, the one in which it begins included.
    pub(super) fn within(&self, (from, to): (f64, f64)) -> &[Second] {
        let end = (to.ceil().max(0.0) as usize).min(self.seconds.len());
        &self.seconds[(from.max(0.0) as usize).min(end)..end]
    }

    /// One figure of the seconds, added up.
    pub(super) fn sum(&self, stretch: (f64, f64), of: impl Fn(&Second) -> f64) -> f64 {
        self.within(stretch).iter().map(of).sum()
    }

    /// One figure as a share of another in a stretch; `None` if there is nothing it is a share of.
    pub(super) fn share(
        &self,
        stretch: (f64, f64),
        part: impl Fn(&Second) -> f64,
        whole: impl Fn(&Second) -> f64,
    ) -> Option<f64> {
        let whole = self.sum(stretch, whole);
        (whole > 0.0).then(|| self.sum(stretch, part) / whole)
    }

    /// What a metric did in a stretch; `None` if it is not published.
    pub(super) fn facts(&self, name: &str, (from, to): (f64, f64)) -> Option<Facts> {
        self.metrics.facts(name, from, to)
    }

    /// By how much a counter rose.
    pub(super) fn rise(&self, name: &str, stretch: (f64, f64)) -> Option<f64> {
        self.facts(name, stretch).map(|facts| facts.increase)
    }

    /// By how much those series of a counter rose whose label has the value.
    pub(super) fn rise_of(&self, name: &str, labels: &[(&str, &str)], stretch: (f64, f64)) -> Option<f64> {
        self.metrics.series(name).next()?;
        let wanted = |series: &loadlab_record::Series| {
            labels.iter().all(|(key, value)| label(&series.labels, key).as_deref() == Some(*value))
        };
        let points = self.metrics.points(name, wanted);
        // The name is published, so labels that never were are of something that never happened.
        let facts = crate::facts::between(&points, stretch.0, stretch.1.max(stretch.0));
        Some(facts.map_or(0.0, |facts| facts.increase))
    }

    /// Mean of what a Prometheus histogram observed in a stretch; `None` if nothing.
    pub(super) fn mean(&self, histogram: &str, stretch: (f64, f64)) -> Option<f64> {
        let count = self.rise(&format!("{histogram}_count"), stretch)?;
        let sum = self.rise(&format!("{histogram}_sum"), stretch)?;
        (count > 0.0).then(|| sum / count)
    }

    /// Mean over time of a gauge, summed.
    pub(super) fn average(&self, name: &str, stretch: (f64, f64)) -> Option<f64> {
        self.facts(name, stretch).map(|facts| facts.average)
    }

    /// Whether more of what ended in a second was lost than may be.
    pub(super) fn is_failing(&self, second: &Second) -> bool {
        is_failing(second, self.allowed.max(self.late_allowed.unwrap_or(0.0)))
    }
}

/// The share of a stretch in which something held of the points.
pub(super) fn share_of_time(
    points: &Points,
    (from, to): (f64, f64),
    holds: impl Fn(f64) -> bool,
) -> Option<f64> {
    if points.is_empty() || to <= from {
        return None;
    }
    let mut times: Vec<f64> = vec![from];
    times.extend(points.iter().map(|(at, _)| *at).filter(|at| (from..to).contains(at)));
    let ends = times.iter().skip(1).copied().chain([to]);
    let held: f64 = times
        .iter()
        .zip(ends)
        .filter(|(at, _)| held_at(points, **at).is_some_and(&holds))
        .map(|(at, end)| end - at)
        .sum();
    Some(held / (to - from))
}

fn second(window: &Window, rules: &Rules) -> Second {
    let attempts = window.steps.values().fold(OutcomeCounts::default(), |mut sum, step| {
        sum.merge(&step.ended);
        sum
    });
    // A run without steps by name has no attempts of its own: the arrivals stand for them.
    let attempts = if attempts.total() == 0 { window.ended } else { attempts };
    let of = |outcomes: &[Outcome]| outcomes.iter().map(|outcome| attempts.get(*outcome)).sum::<u64>() as f64;
    let within = rules.late_after.map(|limit| window.response_ok.count_within(limit, rules.speed));
    let late = within.map_or(0, |within| window.response_ok.count().saturating_sub(within));
    let ok = window.ended.get(Outcome::Ok);
    let wrong = window.ended.get(Outcome::WrongAnswer);
    Second {
        due: window.scheduled as f64,
        ended: window.ended.total() as f64,
        failed: (window.ended.not_ok() - wrong) as f64,
        wrong: wrong as f64,
        late: late as f64,
        good: ok.saturating_sub(late) as f64,
        lost: 0.0,
        retried: window.retried as f64,
        attempts: attempts.total() as f64,
        failed_attempts: (attempts.not_ok() - attempts.get(Outcome::WrongAnswer)) as f64,
        given_up: of(&[Outcome::Timeout, Outcome::Abandoned]),
        cut: of(&[Outcome::Reset, Outcome::Truncated, Outcome::Connect]),
        errors: of(&[Outcome::Status, Outcome::Shed]),
        in_flight: window.in_flight as f64,
        p95: window.response.percentile(95.0, rules.speed).map(|p95| p95.as_secs_f64()),
    }
}

/// Books each lost arrival in the second in which it failed. One that took longer than the tightest
/// objective failed when it had taken that long, whatever became of it afterwards.
fn book_by_time_of_failing(seconds: &mut [Second], windows: &[Window], rules: &Rules) {
    let limit = rules.late_after.map(|limit| limit.as_secs_f64());
    let mut lost = vec![0.0; seconds.len()];
    for (index, window) in windows.iter().enumerate() {
        let mut rest = window.ended.not_ok() as f64;
        for (took, all, ok) in late_buckets(window, rules) {
            let overdue = limit.map_or(0.0, |limit| took - limit);
            // Within its second it ended in the middle, for all that is known.
            let failed_at = (window.second as f64 + 0.5 - overdue).max(0.0) as usize;
            lost[failed_at.min(index)] += all;
            rest -= all - ok;
        }
        lost[index] += rest.max(0.0);
    }
    seconds.iter_mut().zip(lost).for_each(|(second, lost)| second.lost = lost);
}

/// Of what ended later than the limit: how long it took, how many, and how many of these ended well.
fn late_buckets(window: &Window, rules: &Rules) -> Vec<(f64, f64, f64)> {
    let Some(limit) = rules.late_after else { return Vec::new() };
    let ok: std::collections::BTreeMap<std::time::Duration, u64> =
        window.response_ok.buckets(rules.speed).collect();
    let late = window.response.buckets(rules.speed).filter(|(took, _)| *took > limit);
    late.map(|(took, all)| {
        let ok = ok.get(&took).copied().unwrap_or(0);
        (took.as_secs_f64(), all as f64, ok as f64)
    })
    .collect()
}

/// Of few that end in a second, one is chance: more than one beyond what is allowed, or half of all, is not.
fn is_failing(second: &Second, allowed: f64) -> bool {
    let lost = second.failed + second.wrong + second.late;
    lost > 0.0 && (lost - 1.0 > allowed * second.ended || lost * 2.0 >= second.ended)
}

/// The end of the last second since the trigger of which too much was lost; the trigger's own end if that
/// is later.
fn end_of_failing(seconds: &[Second], trigger: &Trigger, allowed: f64) -> f64 {
    let last = seconds.iter().rposition(|second| is_failing(second, allowed));
    let last = last.map_or(0.0, |last| (last + 1) as f64);
    let end = seconds.len() as f64;
    // A burst is over at once; what comes of it is not.
    let served = seconds.iter().rposition(|second| second.ended > 0.0).map_or(end, |last| (last + 1) as f64);
    let own = if trigger.to_s - trigger.from_s < 1.0 { served } else { trigger.to_s };
    last.max(own).clamp(trigger.from_s, end.max(trigger.from_s))
}

/// What the objectives allow to be lost: the strictest of them.
fn allowed_loss(run: &RunFile) -> f64 {
    let bounds =
        run.plan.objectives.iter().filter_map(|objective| match (&objective.measure, objective.compare) {
            (
                Measure::Share { of: ShareOf::Loss | ShareOf::Errors, step: None },
                Compare::Less | Compare::LessOrEqual,
            ) => Some(objective.bound),
            (
                Measure::Share { of: ShareOf::Success, step: None },
                Compare::Greater | Compare::GreaterOrEqual,
            ) => Some(1.0 - objective.bound),
            _ => None,
        });
    bounds.min_by(f64::total_cmp).unwrap_or(ALLOWED_LOSS)
}

/// What the objectives on the response time allow to be late: a p95 allows 5 %.
fn late_allowed(run: &RunFile) -> Option<f64> {
    let shares =
        run.plan.objectives.iter().filter_map(|objective| match (&objective.measure, objective.compare) {
            (
                Measure::Latency { statistic, step: None, kind: LatencyKind::Response },
                Compare::Less | Compare::LessOrEqual,
            ) => match statistic {
                Statistic::Percentile(percentile) => Some(1.0 - percentile / 100.0),
                Statistic::Max => Some(0.0),
                Statistic::Mean => None,
            },
            _ => None,
        });
    shares.min_by(f64::total_cmp)
}
