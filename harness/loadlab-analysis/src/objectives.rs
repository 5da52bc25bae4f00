//! Objectives on the final record: over the whole run, or in every stretch of their window.

use std::time::Duration;

use loadlab_clock::text::format_duration;
use loadlab_record::{EndReason, ObjectiveResult, RunFile, Verdict, Window};
use loadlab_scenario::{
    nearest,
    objective::{Compare, LatencyKind, Measure, MetricStatistic, Objective},
};

use crate::{
    Metrics, Observation, Rules, View, evaluate,
    facts::{self, Point},
    holds,
    rules::active,
    unit,
    words::value_text,
};

/// The final record, ready to be evaluated.
pub(crate) struct Measured<'a> {
    run: &'a RunFile,
    rules: Rules,
    metrics: Metrics<'a>,
}

impl<'a> Measured<'a> {
    pub(crate) fn of(run: &'a RunFile) -> Self {
        Self { run, rules: Rules::of(&run.plan), metrics: Metrics::of(run) }
    }

    /// A measure of the whole run, without the warm-up.
    pub(crate) fn whole(&self, measure: &Measure) -> Observation {
        let windows = self.windows(measure);
        let from = self.rules.first_second as f64;
        let metric = facts::all(&self.points(measure), from, self.metrics.end());
        let view = View { windows, seconds: windows.len() as f64, metric, rules: &self.rules };
        evaluate(measure, &view)
    }

    /// A measure of what ended from one time until another, or to the end.
    pub(crate) fn between(&self, measure: &Measure, from: Duration, to: Option<Duration>) -> Observation {
        let (from, to) = (from.as_secs(), to.map_or(u64::MAX, |to| to.as_secs()));
        let windows = self.windows(measure);
        let start = windows.partition_point(|window| window.second < from);
        let windows = &windows[start..windows.partition_point(|window| window.second < to).max(start)];
        let end = self.metrics.end().min(to as f64);
        let metric = facts::between(&self.points(measure), from as f64, end);
        let view = View { windows, seconds: windows.len() as f64, metric, rules: &self.rules };
        evaluate(measure, &view)
    }

    /// Each stretch of so many seconds: the second of its end, and what was observed in it. A run
    /// shorter than that is one stretch.
    fn stretches(&self, measure: &Measure, length: usize) -> Vec<(f64, Observation)> {
        let windows = self.windows(measure);
        let length = length.min(windows.len()).max(1);
        let points = self.points(measure);
        let observe = |windows: &[Window]| {
            let (from, to) = (windows[0].second as f64, (windows[0].second + length as u64) as f64);
            let metric = facts::between(&points, from, to);
            let view = View { windows, seconds: length as f64, metric, rules: &self.rules };
            (to, evaluate(measure, &view))
        };
        windows.windows(length).map(observe).collect()
    }

    /// The windows that count for a measure. A burst ends with its last arrival.
    fn windows(&self, measure: &Measure) -> &'a [Window] {
        let counts = |window: &Window| self.rules.counts(measure, window);
        let windows = &self.run.windows;
        let start = windows.iter().position(counts).unwrap_or(windows.len());
        let rest = &windows[start..];
        let end = match measure {
            Measure::Throughput(_) if self.rules.loaded_until.is_none() => {
                rest.iter().rposition(active).map_or(0, |last| last + 1)
            }
            _ => rest.iter().position(|window| !counts(window)).unwrap_or(rest.len()),
        };
        &rest[..end]
    }

    /// Whether the run was ended because this objective was missed.
    fn ended_by(&self, objective: &Objective) -> bool {
        matches!(&self.run.ending.reason, EndReason::Aborted { objective: name } if *name == line(objective))
    }

    fn points(&self, measure: &Measure) -> Vec<Point> {
        match measure {
            Measure::Metric { name, .. } => self.metrics.points(name, |_| true),
            _ => Vec::new(),
        }
    }

    /// Why a measure has no value, with the nearest name that has one.
    pub(crate) fn missing(&self, measure: &Measure) -> String {
        match measure {
            Measure::Metric { name, statistic } => self.missing_metric(name, *statistic),
            Measure::Latency { step: Some(step), kind, .. } => self.missing_step(step, Some(*kind)),
            Measure::Share { step: Some(step), .. } => self.missing_step(step, None),
            Measure::Latency { step: None, kind, .. } => match kind {
                LatencyKind::Response => "no arrival ended".to_owned(),
                kind => format!("no request has {}", what(*kind)),
            },
            Measure::Share { step: None, .. } => "no arrival ended".to_owned(),
            Measure::Throughput(_) => "the run has no second that counts".to_owned(),
        }
    }

    fn missing_metric(&self, name: &str, statistic: MetricStatistic) -> String {
        let names = self.metrics.names();
        match (self.whole_facts(name), nearest(name, names.iter().copied())) {
            (Some(last), _) if statistic == MetricStatistic::Drained => {
                format!("it was still {} at the end", value_text(last, ""))
            }
            _ if names.is_empty() => "the target published no metrics".to_owned(),
            (_, Some(nearest)) => {
                format!("the target published no `{name}`; the nearest name is `{nearest}`")
            }
            (_, None) => format!("the target published no `{name}`"),
        }
    }

    /// A metric's value at the end.
    fn whole_facts(&self, name: &str) -> Option<f64> {
        let end = self.metrics.end();
        self.metrics.facts(name, 0.0, end).map(|facts| facts.last)
    }

    fn missing_step(&self, step: &str, kind: Option<LatencyKind>) -> String {
        let steps = self.run.plan.journeys.iter().flat_map(|journey| &journey.steps);
        let names: Vec<&str> = steps.map(|step| step.name.as_str()).collect();
        let ended = self.run.steps.get(step).is_some_and(|step| step.total.ended.total() > 0);
        match (nearest(step, names.iter().copied()), kind) {
            (Some(known), Some(kind)) if known == step && ended => {
                format!("no request of `{step}` has {}", what(kind))
            }
            (Some(known), _) if known == step => format!("no request of `{step}` ended"),
            (Some(nearest), _) => format!("no step is called `{step}`; the nearest name is `{nearest}`"),
            (None, _) => format!("no step is called `{step}`; there is `{}`", names.join("`, `")),
        }
    }
}

/// A latency, as something that a request has.
const fn what(kind: LatencyKind) -> &'static str {
    match kind {
        LatencyKind::Response => "a response time",
        LatencyKind::Service => "a service time",
        LatencyKind::FirstByte => "a first byte",
        LatencyKind::FirstEvent => "a first event",
        LatencyKind::EventGap => "two events",
        LatencyKind::ClientWait => "waited for a connection",
    }
}

/// An objective as it is named in results: with its window, so that `p95 < 7s` and `p95 < 7s for 10s`
/// are two.
pub fn line(objective: &Objective) -> String {
    match objective.window {
        Some(window) => format!("{} for {}", objective.name, format_duration(window)),
        None => objective.name.clone(),
    }
}

/// Judges one objective.
pub(crate) fn judge(objective: &Objective, measured: &Measured<'_>) -> ObjectiveResult {
    let mut findings = match measured.rules.stretch(objective) {
        None => whole(objective, measured),
        Some(length) => in_stretches(objective, &measured.stretches(&objective.measure, length)),
    };
    let missing = || measured.missing(&objective.measure);
    if findings.holds && measured.ended_by(objective) {
        ended_the_run(&mut findings);
    }
    ObjectiveResult {
        name: line(objective),
        observed: findings.observed,
        bound: objective.bound,
        unit: unit(&objective.measure).to_owned(),
        verdict: if findings.holds { Verdict::Pass } else { Verdict::Fail },
        note: if findings.observed.is_none() { Some(missing()) } else { findings.note },
        first_missed_s: findings.first_missed_s,
    }
}

/// An objective that ended the run is missed, even if what was under way then made up for it.
fn ended_the_run(findings: &mut Findings) {
    findings.holds = false;
    findings.note = Some("missed while the run went on, which ended it".to_owned());
}

/// What was found about an objective.
#[derive(Default)]
struct Findings {
    observed: Option<f64>,
    holds: bool,
    note: Option<String>,
    first_missed_s: Option<f64>,
}

fn whole(objective: &Objective, measured: &Measured<'_>) -> Findings {
    let observed = measured.whole(&objective.measure).value;
    let holds = observed.is_some_and(|value| holds(objective.compare, value, objective.bound));
    Findings { observed, holds, ..Findings::default() }
}

/// Stretches in which there was nothing to observe are left out; if that is all of them, nothing was
/// observed.
fn in_stretches(objective: &Objective, stretches: &[(f64, Observation)]) -> Findings {
    let seen: Vec<(f64, f64)> =
        stretches.iter().filter_map(|(end, observed)| observed.value.map(|value| (*end, value))).collect();
    let values = seen.iter().map(|(_, value)| *value);
    let worst = match objective.compare {
        Compare::Less | Compare::LessOrEqual => values.reduce(f64::max),
        Compare::Greater | Compare::GreaterOrEqual => values.reduce(f64::min),
    };
    let missed: Vec<f64> = seen
        .iter()
        .filter(|(_, value)| !holds(objective.compare, *value, objective.bound))
        .map(|(end, _)| *end)
        .collect();
    let note = format!("missed in {} of {} stretches", missed.len(), seen.len());
    Findings {
        observed: worst,
        holds: missed.is_empty() && worst.is_some(),
        note: (!missed.is_empty()).then_some(note),
        first_missed_s: missed.first().copied(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_record::{Outcome, synthetic::Synthetic};
    use loadlab_scenario::objective::{ShareOf, Statistic, Throughput};

    use super::*;
    use crate::made_up::{MadeUp, at_least, at_most, in_every, metric, response, share};

    const OK: Outcome = Outcome::Ok;
    const P95: Statistic = Statistic::Percentile(95.0);

    /// The first objective's result.
    fn result(run: &MadeUp) -> ObjectiveResult {
        run.finished().objectives.remove(0)
    }

    /// Observed within the 0.1 % of a histogram.
    fn assert_observed(result: &ObjectiveResult, expected: f64) {
        let observed = result.observed.expect("something was observed");
        assert!((observed - expected).abs() <= expected.abs() * 0.001, "{observed}, not {expected}");
    }

    #[test]
    fn a_percentile_is_that_of_all_arrivals_failed_ones_too() {
        let run = MadeUp::new()
            .seconds(18, OK, 100)
            .second(1, &[(Outcome::Timeout, 9_000)])
            .second(1, &[(OK, 200)]);
        let result = result(&run.objective(at_most(response(P95), 0.3)));
        assert_observed(&result, 0.2);
        assert_eq!((result.verdict, result.unit.as_str()), (Verdict::Pass, "s"));
    }

    #[test]
    fn a_share_that_equals_its_bound_holds() {
        let ended: Vec<(Outcome, u64)> = (0..999).map(|_| (OK, 5)).chain([(Outcome::Status, 5)]).collect();
        let run =
            MadeUp::new().second(1_000, &ended).objective(at_least(share(ShareOf::Success), 99.9 / 100.0));
        assert_eq!(result(&run).verdict, Verdict::Pass);
    }

    #[test]
    fn loss_counts_what_failed_and_what_came_too_late() {
        let run = MadeUp::new()
            .second(4, &[(OK, 100), (OK, 800), (Outcome::Abandoned, 300), (Outcome::Undispatched, 10_000)])
            .objective(at_most(share(ShareOf::Loss), 0.01))
            .objective(at_most(response(P95), 0.5))
            .objective(at_most(response(Statistic::Mean), 0.05));
        let result = result(&run);
        assert_eq!(
            (result.observed, result.verdict),
            (Some(0.75), Verdict::Fail),
            "the mean bounds no arrival"
        );
    }

    #[test]
    fn every_share_has_its_own_outcomes() {
        let ended = [
            OK,
            Outcome::Timeout,
            Outcome::Abandoned,
            Outcome::Truncated,
            Outcome::Shed,
            Outcome::WrongAnswer,
        ];
        let run = MadeUp::new().window(10, &ended.map(|outcome| (outcome, 1)), |window| {
            (window.retried, window.gave_up) = (3, 4);
        });
        let shares = [
            (ShareOf::Success, 1.0),
            (ShareOf::Errors, 5.0),
            (ShareOf::Timeouts, 2.0),
            (ShareOf::Abandoned, 1.0),
            (ShareOf::Truncated, 1.0),
            (ShareOf::Shed, 1.0),
            (ShareOf::WrongAnswers, 1.0),
            (ShareOf::Undispatched, 0.0),
            (ShareOf::Retries, 3.0),
            (ShareOf::GaveUp, 4.0),
            (ShareOf::Loss, 5.0),
        ];
        let run = shares.into_iter().fold(run, |run, (of, _)| run.objective(at_most(share(of), 1.0)));
        for (result, (of, count)) in run.finished().objectives.iter().zip(shares) {
            assert_eq!(result.observed, Some(count / 6.0), "{of:?} of the six that ended");
        }
    }

    #[test]
    fn throughput_is_that_of_the_time_in_which_load_is_offered() {
        let run = MadeUp::new()
            .plan(|plan| plan.load = Synthetic::arrivals(2, Duration::from_secs(2)).load)
            .second(2, &[(OK, 10), (OK, 10)])
            .second(2, &[(OK, 10), (OK, 900)])
            .second(0, &[])
            .second(0, &[])
            .objective(at_least(Measure::Throughput(Throughput::Completed), 2.0))
            .objective(at_least(Measure::Throughput(Throughput::Good), 2.0))
            .objective(at_most(response(P95), 0.5));
        let observed =
            run.finished().objectives.into_iter().map(|result| result.observed).collect::<Vec<_>>();
        assert_eq!(observed[..2], [Some(2.0), Some(1.5)]);
    }

    #[test]
    fn the_throughput_of_a_burst_ends_with_its_last_arrival() {
        let run = MadeUp::new()
            .plan(|plan| plan.load = Synthetic::burst(4).load)
            .second(4, &[(OK, 10)])
            .second(0, &[(OK, 10), (OK, 900), (Outcome::Reset, 5)])
            .second(0, &[])
            .objective(at_least(Measure::Throughput(Throughput::Completed), 2.0));
        assert_eq!(result(&run).observed, Some(2.0));
    }

    #[test]
    fn a_window_finds_the_bad_stretch_that_the_whole_run_hides() {
        let run = || MadeUp::new().seconds(8, OK, 10).seconds(1, Outcome::Status, 10).seconds(11, OK, 10);
        let success = || at_least(share(ShareOf::Success), 0.9);
        assert_eq!(result(&run().objective(success())).verdict, Verdict::Pass, "19 of 20");
        let result = result(&run().objective(in_every(5, success())));
        assert_eq!((result.observed, result.verdict), (Some(0.8), Verdict::Fail));
        assert_eq!(result.first_missed_s, Some(9.0), "the stretch from 4 s to 9 s is the first with it");
        assert_eq!(result.note.as_deref(), Some("missed in 5 of 16 stretches"));
        assert!(result.name.ends_with(">= 0.9 for 5s"), "{}", result.name);
    }

    #[test]
    fn the_warm_up_counts_in_no_objective() {
        let run = MadeUp::new()
            .plan(|plan| plan.warm_up = Duration::from_millis(1_500))
            .seconds(2, Outcome::Status, 9_000)
            .seconds(10, OK, 10)
            .published(0, &[("pool_waiting", 50.0)])
            .published(1_900, &[("pool_waiting", 3.0)])
            .objective(at_least(share(ShareOf::Success), 1.0))
            .objective(at_most(metric("pool_waiting", MetricStatistic::Peak), 3.0));
        let run = run.finished();
        assert_eq!(run.verdict, Verdict::Pass, "{:?}", run.reasons);
        assert_eq!((run.totals.scheduled, run.windows.len()), (10, 12));
    }

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let depth = |worker: u32| format!("worker_queue_depth{{worker=\"{worker}\"}}");
        let run = MadeUp::new()
            .seconds(4, OK, 10)
            .published(0, &[(&depth(0), 0.0), (&depth(1), 0.0), ("search_total", 7.0)])
            .published(1_000, &[(&depth(0), 3.0), (&depth(1), 5.0)])
            .published(3_000, &[(&depth(0), 0.0), (&depth(1), 0.0), ("search_total", 19.0)]);
        let statistics = [
            ("worker_queue_depth", MetricStatistic::Peak, 8.0, ""),
            ("worker_queue_depth", MetricStatistic::Average, 4.0, ""),
            ("worker_queue_depth", MetricStatistic::Drained, 3.0, "s"),
            ("search_total", MetricStatistic::Increase, 12.0, ""),
        ];
        let measured = |run: MadeUp, (name, statistic, ..): (&str, _, f64, &str)| {
            run.objective(at_most(metric(name, statistic), 0.0))
        };
        let run = statistics.into_iter().fold(run, measured).finished();
        for (result, (name, _, expected, unit)) in run.objectives.iter().zip(statistics) {
            assert_eq!((result.observed, result.unit.as_str()), (Some(expected), unit), "{name}");
        }
    }

    #[test]
    fn an_objective_without_samples_fails_and_names_what_there_is() {
        let with_step = |window: &mut Window| {
            let step = window.steps.entry("search".to_owned()).or_default();
            step.ended.add(OK);
            step.service.record_micros(10_000);
        };
        let of_step =
            |step: &str, kind| Measure::Latency { statistic: P95, step: Some(step.to_owned()), kind };
        let cases = [
            (
                of_step("serch", LatencyKind::Service),
                "no step is called `serch`; the nearest name is `search`",
            ),
            (of_step("x", LatencyKind::Service), "no step is called `x`; there is `search`"),
            (of_step("search", LatencyKind::FirstEvent), "no request of `search` has a first event"),
            (
                metric("pool_wating", MetricStatistic::Peak),
                "the target published no `pool_wating`; the nearest name is `pool_waiting`",
            ),
            (metric("pool_waiting", MetricStatistic::Drained), "it was still 4 at the end"),
        ];
        for (measure, note) in cases {
            let run =
                MadeUp::new().window(1, &[(OK, 10)], with_step).published(500, &[("pool_waiting", 4.0)]);
            let result = result(&run.objective(at_most(measure, 100.0)));
            assert_eq!(
                (result.observed, result.verdict, result.note.as_deref()),
                (None, Verdict::Fail, Some(note))
            );
        }
    }

    #[test]
    fn an_objective_that_ended_the_run_is_missed_even_if_it_recovered() {
        let objective = at_least(share(ShareOf::Success), 0.5);
        let run = MadeUp::new().seconds(3, OK, 10).objective(objective.clone());
        let run = run.ended(EndReason::Aborted { objective: objective.name });
        assert_eq!((run.verdict, run.objectives[0].observed), (Verdict::Fail, Some(1.0)));
    }
}
