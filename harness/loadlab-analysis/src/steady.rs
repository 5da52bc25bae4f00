//! The steady state on the final record: each condition before, during and after the faults.
//!
//! ```text
//!   warm-up │ before │ during │ between two faults │ during │ after      │ drain
//!           └ must hold        └ not looked at               └ recovered?
//! ```
//!
//! Periods are whole seconds; one in which a fault was on for a part is *during*. *Recovered*: from a
//! stretch on, all stretches up to the end of the load hold. A stretch in which nothing ended although
//! somebody waited does not; one in which nobody came is left out.

use std::ops::Range;

use loadlab_clock::text::format_duration;
use loadlab_record::{EndReason, PeriodResult, RunFile, SteadyResult, Verdict, Window};
use loadlab_scenario::{
    condition::SteadyState,
    objective::{Measure, Objective},
};

use crate::{
    Facts, Metrics, Observation, Rules, View,
    conditions::{counts_samples, held},
    evaluate,
    facts::{self, Point},
    fault_spans,
    rules::active,
    unit,
    words::{count, seconds_text, value_text},
};

/// Every condition of the plan's steady state, judged; none if the plan has none.
pub(crate) fn results(run: &RunFile) -> Vec<SteadyResult> {
    let Some(steady) = &run.plan.steady_state else { return Vec::new() };
    let record = Record { run, rules: Rules::of(&run.plan), metrics: Metrics::of(run), steady };
    let periods = Periods::of(run, &record.rules);
    steady.conditions.iter().map(|that| record.judge(that, &periods)).collect()
}

/// What of them makes the run say nothing. A run that was ended early has no time after the faults,
/// and says what it says by what ended it.
pub(crate) fn doubts(run: &RunFile, results: &[SteadyResult]) -> Vec<String> {
    let aborted = matches!(run.ending.reason, EndReason::Aborted { .. } | EndReason::AbortedIf { .. });
    let finished = run.ending.reason == EndReason::Finished;
    let doubtful = |result: &SteadyResult| finished || (aborted && result.before.holds != Some(true));
    notes(results.iter().filter(|result| doubtful(result)), Verdict::Inconclusive)
}

/// What of them the plan does not allow.
pub(crate) fn missed(results: &[SteadyResult]) -> Vec<String> {
    notes(results.iter(), Verdict::Fail)
}

fn notes<'a>(results: impl Iterator<Item = &'a SteadyResult>, verdict: Verdict) -> Vec<String> {
    results.filter(|result| result.verdict == verdict).filter_map(|result| result.note.clone()).collect()
}

/// Seconds of the run, by what was on.
#[derive(Debug, PartialEq)]
struct Periods {
    before: Range<u64>,
    during: Vec<Range<u64>>,
    after: Range<u64>,
    /// When the last fault was healed.
    healed_s: f64,
}

impl Periods {
    fn of(run: &RunFile, rules: &Rules) -> Self {
        let first = rules.first_second;
        let recorded = run.windows.last().map_or(0, |window| window.second + 1);
        // A burst's load is over with what comes of it.
        let served = || run.windows.iter().rfind(|window| active(window)).map_or(0, |last| last.second + 1);
        let end = rules.loaded_until.unwrap_or_else(served).min(recorded).max(first);
        let spans = fault_spans(run);
        let second = |at: f64| (at.max(0.0) as u64).clamp(first, recorded.max(first));
        let mut during: Vec<Range<u64>> = Vec::new();
        for span in &spans {
            let next = second(span.from_s)..second(span.to_s.ceil());
            match during.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => during.push(next),
            }
        }
        let healed_s = spans.iter().map(|span| span.to_s).fold(0.0, f64::max);
        let begun = during.first().map_or(end, |range| range.start);
        let healed = if spans.is_empty() { end } else { second(healed_s.ceil()) };
        Self { before: first..begun.min(end), during, after: healed.min(end)..end, healed_s }
    }
}

/// The final record, and what is normal in it.
struct Record<'a> {
    run: &'a RunFile,
    rules: Rules,
    metrics: Metrics<'a>,
    steady: &'a SteadyState,
}

/// What came of the time after the faults.
struct After {
    period: PeriodResult,
    recovered_s: Option<f64>,
}

impl Record<'_> {
    fn judge(&self, that: &Objective, periods: &Periods) -> SteadyResult {
        let points = match &that.measure {
            Measure::Metric { name, .. } => self.metrics.points(name, |_| true),
            _ => Vec::new(),
        };
        let before = self.period(that, std::slice::from_ref(&periods.before), &points);
        let faults = !periods.during.is_empty();
        let during = faults.then(|| self.period(that, &periods.during, &points));
        let after = faults.then(|| self.after(that, periods, &points));
        let (verdict, note) = self.verdict(that, &before, during.as_ref(), after.as_ref());
        SteadyResult {
            name: that.name.clone(),
            bound: that.bound,
            unit: unit(&that.measure).to_owned(),
            before,
            during,
            recovered_after_s: after.as_ref().and_then(|after| after.recovered_s),
            after: after.map(|after| after.period),
            verdict,
            note,
        }
    }

    /// A condition in seconds that need not follow each other.
    fn period(&self, that: &Objective, ranges: &[Range<u64>], points: &[Point]) -> PeriodResult {
        let (seconds, seen) = self.observe(that, ranges, points);
        let holds = held(that, &seen, self.steady.min_samples).filter(|_| seconds > 0);
        PeriodResult { seconds, samples: seen.samples, observed: seen.value, holds }
    }

    fn observe(&self, that: &Objective, ranges: &[Range<u64>], points: &[Point]) -> (u64, Observation) {
        let counted = |window: &&Window| self.rules.counts(&that.measure, window);
        let windows = ranges.iter().flat_map(|range| self.windows(range));
        let windows: Vec<Window> = windows.filter(counted).cloned().collect();
        let seconds = windows.len() as u64;
        let metric = ranges.iter().filter_map(|range| {
            let (from, to) = (range.start as f64, range.end as f64);
            facts::between(points, from, to).map(|facts| (to - from, facts)).filter(|_| from < to)
        });
        let metric = metric.reduce(joined).map(|(_, facts)| facts);
        let view = View { windows: &windows, seconds: seconds as f64, metric, rules: &self.rules };
        (seconds, evaluate(&that.measure, &view))
    }

    fn windows(&self, range: &Range<u64>) -> &[Window] {
        let windows = &self.run.windows;
        let at = |second: u64| windows.partition_point(|window| window.second < second);
        &windows[at(range.start)..at(range.end).max(at(range.start))]
    }

    fn after(&self, that: &Objective, periods: &Periods, points: &[Point]) -> After {
        let range = periods.after.clone();
        let whole = self.period(that, std::slice::from_ref(&range), points);
        if whole.holds.is_none() {
            return After { period: whole, recovered_s: None };
        }
        let Some(start) = self.recovered(that, &range, points) else {
            return After { period: PeriodResult { holds: Some(false), ..whole }, recovered_s: None };
        };
        let (seconds, seen) = self.observe(that, std::slice::from_ref(&(start..range.end)), points);
        let period = PeriodResult { seconds, samples: seen.samples, observed: seen.value, holds: Some(true) };
        let recovered_s = if start == range.start { 0.0 } else { start as f64 - periods.healed_s };
        After { period, recovered_s: Some(recovered_s) }
    }

    /// The second from which on all stretches hold.
    fn recovered(&self, that: &Objective, range: &Range<u64>, points: &[Point]) -> Option<u64> {
        let length = self.steady.window.as_secs_f64().ceil().max(1.0) as u64;
        let last = range.end.saturating_sub(length).max(range.start);
        let mut since = None;
        for start in range.start..=last {
            let stretch = start..(start + length).min(range.end);
            match self.stretch_holds(that, stretch, points) {
                Some(true) => since = since.or(Some(start)),
                Some(false) => since = None,
                None => {}
            }
        }
        since
    }

    fn stretch_holds(&self, that: &Objective, stretch: Range<u64>, points: &[Point]) -> Option<bool> {
        let (_, seen) = self.observe(that, std::slice::from_ref(&stretch), points);
        let waiting =
            self.windows(&stretch).iter().any(|window| window.scheduled > 0 || window.in_flight > 0);
        let nothing_ended = counts_samples(&that.measure) && waiting;
        held(that, &seen, 1).or(nothing_ended.then_some(false))
    }

    fn verdict(
        &self,
        that: &Objective,
        before: &PeriodResult,
        during: Option<&PeriodResult>,
        after: Option<&After>,
    ) -> (Verdict, Option<String>) {
        match before.holds {
            Some(true) => {}
            Some(false) => return (Verdict::Inconclusive, Some(not_normal(that, before))),
            None => {
                return (Verdict::Inconclusive, Some(self.unknown(that, before, "before the first fault")));
            }
        }
        let mut found = Vec::new();
        if let Some(during) = during.filter(|_| self.steady.tolerate) {
            found.extend(match during.holds {
                Some(true) => None,
                Some(false) => Some((Verdict::Fail, self.not_tolerated(that, during))),
                None => Some((Verdict::Inconclusive, self.unknown(that, during, "during the faults"))),
            });
        }
        if let (Some(limit), Some(after)) = (self.steady.recover_within, after) {
            let recovered = after.recovered_s;
            if after.period.holds.is_none() {
                let unknown = self.unknown(that, &after.period, "after the faults");
                found.push((Verdict::Inconclusive, unknown));
            } else if recovered.is_none_or(|after_s| after_s > limit.as_secs_f64()) {
                let allowed = format_duration(limit);
                let text = match recovered {
                    Some(late) => format!(
                        "`{}` held again {} after the faults, where {allowed} is allowed",
                        that.name,
                        seconds_text(late)
                    ),
                    None => format!(
                        "`{}` did not hold again up to the end of the load: {} after the faults, where {allowed} \
                         is allowed for recovery",
                        that.name,
                        self.value(that, &after.period)
                    ),
                };
                found.push((Verdict::Fail, text));
            }
        }
        // What fails is known, whatever else is not.
        let failed = found.iter().any(|(verdict, _)| *verdict == Verdict::Fail);
        let wanted = if failed { Verdict::Fail } else { Verdict::Inconclusive };
        let notes: Vec<String> =
            found.into_iter().filter(|(verdict, _)| *verdict == wanted).map(|(_, note)| note).collect();
        if notes.is_empty() { (Verdict::Pass, None) } else { (wanted, Some(notes.join("; "))) }
    }

    fn not_tolerated(&self, that: &Objective, during: &PeriodResult) -> String {
        format!("`{}` did not hold during the faults: {} observed", that.name, self.value(that, during))
    }

    /// Too little to tell, and how much is needed.
    fn unknown(&self, that: &Objective, period: &PeriodResult, when: &str) -> String {
        let seen = match (&that.measure, period.seconds) {
            (_, 0) => "there was no second to look at".to_owned(),
            (Measure::Metric { name, .. }, _) => format!("the target published no `{name}`"),
            (Measure::Throughput(_), _) => "nothing was observed".to_owned(),
            _ => format!(
                "{} in {}, and {} are needed",
                count(period.samples as f64, "sample", "samples"),
                seconds_text(period.seconds as f64),
                self.steady.min_samples
            ),
        };
        format!("it is not known whether `{}` held {when}: {seen}; give it more time or more load", that.name)
    }

    #[expect(clippy::unused_self, reason = "it reads as the other sentences do")]
    fn value(&self, that: &Objective, period: &PeriodResult) -> String {
        period.observed.map_or_else(|| "nothing".to_owned(), |value| value_text(value, unit(&that.measure)))
    }
}

fn not_normal(that: &Objective, before: &PeriodResult) -> String {
    let observed = before.observed.map_or_else(String::new, |value| value_text(value, unit(&that.measure)));
    format!(
        "the steady state did not hold before the first fault: `{}`, but {observed} was observed in {}; a fault \
         shows nothing on a service that is not well: lower the load, lengthen `warm_up`, or correct the condition",
        that.name,
        seconds_text(before.seconds as f64)
    )
}

/// What a metric did in two times, the first of which was so many seconds long.
fn joined((first_s, first): (f64, Facts), (next_s, next): (f64, Facts)) -> (f64, Facts) {
    let both_s = first_s + next_s;
    let facts = Facts {
        peak: first.peak.max(next.peak),
        last: next.last,
        increase: first.increase + next.increase,
        average: (first.average * first_s + next.average * next_s) / both_s,
        drained: next.drained,
    };
    (both_s, facts)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_record::{EventKind, Outcome, Touched};
    use loadlab_scenario::objective::{MetricStatistic, ShareOf, Statistic, Throughput};

    use super::*;
    use crate::{
        OutcomeClass,
        made_up::{MadeUp, at_least, at_most, metric, response, share},
        outcome_class,
    };

    const OK: Outcome = Outcome::Ok;
    const BAD: Outcome = Outcome::Status;

    /// p95 of at most a second.
    fn quick() -> Objective {
        at_most(response(Statistic::Percentile(95.0)), 1.0)
    }

    fn good() -> Objective {
        at_least(share(ShareOf::Success), 0.99)
    }

    fn steady(conditions: Vec<Objective>) -> SteadyState {
        let window = Duration::from_secs(3);
        SteadyState { conditions, tolerate: false, recover_within: None, window, min_samples: 20 }
    }

    fn run_with(steady: SteadyState) -> MadeUp {
        MadeUp::new().plan(|plan| plan.steady_state = Some(steady))
    }

    /// So many seconds with five arrivals each.
    fn five(run: MadeUp, seconds: u64, outcome: Outcome, ms: u64) -> MadeUp {
        (0..seconds).fold(run, |run, _| run.second(5, &[(outcome, ms); 5]))
    }

    fn began(run: MadeUp) -> MadeUp {
        let (kind, place) = ("latency".to_owned(), "a/b".to_owned());
        run.event(EventKind::FaultBegan { name: "f".to_owned(), kind, place })
    }

    fn healed(run: MadeUp) -> MadeUp {
        let touched = Touched { connections: 1, ..Touched::default() };
        run.event(EventKind::FaultEnded { name: "f".to_owned(), touched: Some(touched) })
    }

    /// Ten seconds before, ten during, and `late` seconds of after's twenty until it is well again.
    fn taken(steady: SteadyState, during: (Outcome, u64), late: u64) -> MadeUp {
        let run = five(run_with(steady), 10, OK, 100);
        let run = healed(five(began(run), 10, during.0, during.1));
        five(five(run, late, BAD, 5_000), 20 - late, OK, 100)
    }

    fn only(run: &RunFile) -> &SteadyResult {
        assert_eq!(run.steady.len(), 1);
        &run.steady[0]
    }

    #[test]
    fn a_fault_that_is_taken_well_holds_in_all_three_periods() {
        let run = taken(steady(vec![quick()]), (OK, 900), 0).finished();
        let result = only(&run);
        let periods = [Some(&result.before), result.during.as_ref(), result.after.as_ref()];
        let seen: Vec<(u64, u64, Option<bool>)> = periods
            .into_iter()
            .flatten()
            .map(|period| (period.seconds, period.samples, period.holds))
            .collect();
        assert_eq!(seen, [(10, 50, Some(true)), (10, 50, Some(true)), (20, 100, Some(true))]);
        assert_eq!((result.recovered_after_s, run.verdict), (Some(0.0), Verdict::Pass));
        let during = result.during.as_ref().and_then(|during| during.observed).expect("it was observed");
        assert!((during - 0.9).abs() < 0.001, "{during}");
    }

    #[test]
    fn what_is_not_tolerated_is_a_finding_unless_the_plan_forbids_it() {
        let run = |tolerate| {
            let steady = SteadyState { tolerate, ..steady(vec![quick()]) };
            taken(steady, (OK, 1_100), 0).finished()
        };
        let (free, bound) = (run(false), run(true));
        assert_eq!(only(&free).during.as_ref().and_then(|during| during.holds), Some(false));
        assert_eq!((free.verdict, free.reasons.len()), (Verdict::Pass, 0));
        assert_eq!(bound.verdict, Verdict::Fail);
        assert!(
            bound.reasons[0].ends_with("did not hold during the faults: 1.1 s observed"),
            "{:?}",
            bound.reasons
        );
    }

    #[test]
    fn recovery_is_the_first_stretch_from_which_on_all_hold() {
        for (late, seconds) in [(1, 1.0), (7, 7.0), (17, 17.0)] {
            let run = taken(steady(vec![good()]), (BAD, 100), late).finished();
            let result = only(&run);
            assert_eq!(result.recovered_after_s, Some(seconds), "bad for {late} s");
            assert_eq!(result.after.as_ref().and_then(|after| after.observed), Some(1.0), "since then");
        }
    }

    #[test]
    fn one_bad_second_near_the_end_takes_the_recovery_back() {
        let base = || healed(five(began(five(run_with(steady(vec![good()])), 10, OK, 100)), 10, BAD, 100));
        let relapse = five(five(five(base(), 10, OK, 100), 1, BAD, 100), 9, OK, 100).finished();
        assert_eq!(only(&relapse).recovered_after_s, Some(11.0));
        let late = five(five(five(base(), 18, OK, 100), 1, BAD, 100), 1, OK, 100).finished();
        assert_eq!(only(&late).recovered_after_s, None, "no stretch after it is whole");
        assert_eq!(only(&late).after.as_ref().and_then(|after| after.holds), Some(false));
    }

    #[test]
    fn recovery_has_a_limit_if_the_plan_sets_one() {
        let run = |late, limit| {
            let recover_within = Some(Duration::from_secs(limit));
            taken(SteadyState { recover_within, ..steady(vec![good()]) }, (BAD, 100), late).finished()
        };
        assert_eq!(run(5, 5).verdict, Verdict::Pass, "exactly in time");
        let late = run(6, 5);
        assert_eq!(late.verdict, Verdict::Fail);
        assert!(
            late.reasons[0].ends_with("held again 6 s after the faults, where 5s is allowed"),
            "{:?}",
            late.reasons
        );
        let never = run(19, 5);
        assert!(
            never.reasons[0].contains("did not hold again up to the end of the load"),
            "{:?}",
            never.reasons
        );
    }

    #[test]
    fn seconds_in_which_everybody_waits_are_no_recovery() {
        let run = five(began(five(run_with(steady(vec![quick()])), 10, OK, 100)), 10, OK, 100);
        let run = five(healed(run), 5, OK, 100);
        let run = (0..15).fold(run, |run, _| run.second(5, &[])).finished();
        assert_eq!(only(&run).recovered_after_s, None);
        let quiet = five(began(five(run_with(steady(vec![quick()])), 10, OK, 100)), 10, OK, 100);
        let quiet = (0..15).fold(five(healed(quiet), 5, OK, 100), |run, _| run.second(0, &[])).finished();
        assert_eq!(only(&quiet).recovered_after_s, Some(0.0), "nobody came, so nobody suffered");
    }

    #[test]
    fn a_steady_state_that_never_was_makes_the_run_inconclusive() {
        let run = five(began(five(run_with(steady(vec![quick()])), 10, OK, 1_200)), 10, OK, 1_200);
        let run = five(healed(run), 20, OK, 100).finished();
        assert_eq!((run.verdict, outcome_class(&run)), (Verdict::Inconclusive, OutcomeClass::Inconclusive));
        let reason = &run.reasons[0];
        assert!(
            reason.contains("but 1.2 s was observed in 10 s") && reason.contains("lower the load"),
            "{reason}"
        );
    }

    #[test]
    fn too_few_samples_are_called_that_and_not_guessed_from() {
        let few = began(run_with(steady(vec![quick()])).seconds(19, OK, 100));
        let run = five(healed(five(few, 10, OK, 100)), 20, OK, 100).finished();
        assert_eq!((only(&run).before.holds, run.verdict), (None, Verdict::Inconclusive));
        assert!(run.reasons[0].contains("19 samples in 19 s, and 20 are needed"), "{:?}", run.reasons);
        let enough = began(run_with(steady(vec![quick()])).seconds(20, OK, 100));
        let run = five(healed(five(enough, 10, OK, 100)), 20, OK, 100).finished();
        assert_eq!((only(&run).before.holds, run.verdict), (Some(true), Verdict::Pass));
        let strict = SteadyState { tolerate: true, ..steady(vec![quick()]) };
        let short = five(began(five(run_with(strict), 10, OK, 100)), 3, OK, 100);
        let run = five(healed(short), 20, OK, 100).finished();
        assert_eq!(run.verdict, Verdict::Inconclusive, "15 samples during the faults, and it matters");
    }

    #[test]
    fn the_time_between_two_faults_is_in_no_period() {
        let run = healed(five(began(five(run_with(steady(vec![good()])), 10, OK, 100)), 5, OK, 100));
        let run = healed(five(began(five(run, 5, BAD, 100)), 5, OK, 100));
        let run = five(run, 10, OK, 100).finished();
        let result = only(&run);
        assert_eq!(
            result.during.as_ref().map(|during| (during.seconds, during.holds)),
            Some((10, Some(true)))
        );
        assert_eq!(result.recovered_after_s, Some(0.0));
    }

    #[test]
    fn without_faults_the_whole_load_is_before_them() {
        let run = five(run_with(steady(vec![good()])), 30, OK, 100).finished();
        let result = only(&run);
        assert_eq!((result.before.seconds, result.before.holds), (30, Some(true)));
        assert_eq!((&result.during, &result.after, run.verdict), (&None, &None, Verdict::Pass));
    }

    #[test]
    fn metrics_and_throughput_need_no_number_of_samples() {
        let conditions = vec![
            at_most(metric("pool_waiting", MetricStatistic::Peak), 3.0),
            at_most(metric("pool_waiting", MetricStatistic::Average), 3.0),
            at_least(Measure::Throughput(Throughput::Completed), 4.0),
            at_most(metric("nothing", MetricStatistic::Peak), 3.0),
        ];
        let run = taken(steady(conditions), (OK, 100), 0)
            .published(0, &[("pool_waiting", 1.0)])
            .published(12_000, &[("pool_waiting", 9.0)])
            .published(17_000, &[("pool_waiting", 1.0)])
            .finished();
        let seen: Vec<_> = run
            .steady
            .iter()
            .map(|result| {
                let during = result.during.as_ref().expect("there was a fault");
                (result.before.observed, during.observed, during.holds)
            })
            .collect();
        assert_eq!(seen[0], (Some(1.0), Some(9.0), Some(false)));
        assert_eq!(seen[1], (Some(1.0), Some(5.0), Some(false)));
        assert_eq!(seen[2], (Some(5.0), Some(5.0), Some(true)));
        assert_eq!(seen[3], (None, None, None));
        assert!(run.reasons[0].contains("the target published no `nothing`"), "{:?}", run.reasons);
    }

    #[test]
    fn a_run_that_a_condition_ended_has_failed_whatever_came_after() {
        let strict = SteadyState {
            tolerate: true,
            recover_within: Some(Duration::from_secs(1)),
            ..steady(vec![good()])
        };
        let run = healed(five(began(five(run_with(strict), 10, OK, 100)), 2, BAD, 100));
        let condition = "errors > 50% for 2s".to_owned();
        let run = run.ended(EndReason::AbortedIf { condition });
        assert_eq!(run.verdict, Verdict::Fail);
        assert!(
            run.reasons.iter().any(|reason| reason.contains("when `errors > 50% for 2s` held")),
            "{:?}",
            run.reasons
        );
    }

    #[test]
    fn the_warm_up_is_in_no_period_and_a_drain_in_none_after() {
        let run = five(run_with(steady(vec![good()])), 5, BAD, 100).plan(|plan| {
            plan.warm_up = Duration::from_secs(5);
            plan.load = loadlab_record::synthetic::Synthetic::arrivals(5, Duration::from_secs(40)).load;
        });
        let run = healed(five(began(five(run, 10, OK, 100)), 10, OK, 100));
        let run = five(five(run, 15, OK, 100), 10, BAD, 100).finished();
        let result = only(&run);
        assert_eq!((result.before.seconds, result.before.holds), (10, Some(true)));
        assert_eq!(result.after.as_ref().map(|after| (after.seconds, after.holds)), Some((15, Some(true))));
    }
}
