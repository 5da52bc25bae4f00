//! The measured part of a run file, from the journal alone: the same for a run that finished and for
//! one that was killed.
//!
//! ```text
//!   windows ──> one per second, gaps filled ──after the warm-up──> totals, latencies, steps
//!   scrapes ──> series          events ──> in order of time
//! ```

use std::collections::BTreeMap;

use loadlab_clock::{Offset, Speed};
use loadlab_scenario::plan::{Plan, TargetPlan};

use crate::{
    EndReason, Ending, FORMAT, GeneratorSample, GeneratorSummary, Histogram, Journal, JournalLine, Latencies,
    LatencySummary, Outcome, OutcomeCounts, RunEvent, RunFile, RunHistograms, Scrape, Series, StepResult,
    StepWindow, Totals, Verdict, Window, first_measured_second,
};

impl RunFile {
    /// What was measured. The judged part is empty, and the verdict inconclusive, until it is judged.
    ///
    /// Windows of one second are merged; seconds without a window had nothing due and nothing ended.
    pub fn from_journal(journal: &Journal) -> Self {
        let header = &journal.header;
        let (plan, speed) = (header.plan.clone(), header.plan.speed);
        let parts = Parts::of(&journal.lines);
        let windows = every_second(&parts.windows);
        let ending = journal.ending.clone().unwrap_or_else(|| parts.killed(&windows));
        let Summed { totals, histograms, latency_ms, steps } = Summed::of(&windows, &plan, ending.in_flight);
        Self {
            format: FORMAT,
            scenario: plan.name.clone(),
            profile: header.target.profile.clone().or_else(|| profile(&plan)),
            seed: plan.seed,
            speed,
            verdict: Verdict::Inconclusive,
            reasons: Vec::new(),
            totals,
            latency_ms,
            objectives: Vec::new(),
            documented: Vec::new(),
            steady: Vec::new(),
            health: Vec::new(),
            generator: GeneratorSummary::default(),
            remarks: Vec::new(),
            arms: None,
            failure: None,
            steps,
            ending,
            plan,
            environment: header.environment.clone(),
            target: header.target.clone(),
            generators: Vec::new(),
            events: parts.events,
            histograms,
            windows,
            generator_series: parts.generator,
            series: parts.series,
        }
    }
}

/// What follows from the windows alone: the same for the run of one generator and of several.
pub(crate) struct Summed {
    pub(crate) totals: Totals,
    pub(crate) histograms: RunHistograms,
    pub(crate) latency_ms: Latencies,
    pub(crate) steps: BTreeMap<String, StepResult>,
}

impl Summed {
    /// Of every second of a run, of which so many arrivals were under way at its end.
    pub(crate) fn of(windows: &[Window], plan: &Plan, in_flight: u64) -> Self {
        let first = windows.partition_point(|window| window.second < first_measured_second(plan));
        let (warm_up, measured) = windows.split_at(first);
        let histograms = histograms(measured);
        Self {
            totals: totals(warm_up.last(), measured, in_flight),
            latency_ms: latencies(&histograms, plan.speed),
            steps: steps(measured, plan.speed),
            histograms,
        }
    }
}

/// The journal's lines, sorted by kind.
struct Parts {
    windows: BTreeMap<u64, Window>,
    generator: Vec<GeneratorSample>,
    events: Vec<RunEvent>,
    series: Vec<Series>,
    /// The last instant that any line speaks of.
    last: Offset,
}

impl Parts {
    fn of(lines: &[JournalLine]) -> Self {
        let mut windows: BTreeMap<u64, Window> = BTreeMap::new();
        let mut generator = Vec::new();
        let mut events = Vec::new();
        let mut series = SeriesBuilder::default();
        let mut last = Offset::ZERO;
        for line in lines {
            match line {
                JournalLine::Window(window) => {
                    last = last.max(Offset::from_micros((window.second + 1) * 1_000_000));
                    windows
                        .entry(window.second)
                        .and_modify(|known| known.merge(window))
                        .or_insert_with(|| (**window).clone());
                }
                JournalLine::Generator(sample) => generator.push(*sample),
                JournalLine::Event(event) => {
                    last = last.max(event.at);
                    events.push(event.clone());
                }
                JournalLine::Scrape(scrape) => {
                    last = last.max(scrape.at);
                    series.add(scrape);
                }
                // The reader has set these apart; a second header would say the same.
                JournalLine::Header(_) | JournalLine::Ending(_) => {}
            }
        }
        events.sort_by_key(|event| event.at);
        generator.sort_by_key(|sample| sample.second);
        Self { windows, generator, events, series: series.finish(), last }
    }

    /// The ending of a run whose journal has none.
    fn killed(&self, windows: &[Window]) -> Ending {
        let in_flight = windows.last().map_or(0, |window| window.in_flight);
        Ending { at: self.last, reason: EndReason::Killed, in_flight }
    }
}

/// Collects the points of every series.
#[derive(Default)]
struct SeriesBuilder {
    points: BTreeMap<(String, String), Vec<(f64, f64)>>,
}

impl SeriesBuilder {
    fn add(&mut self, scrape: &Scrape) {
        let finite = scrape.values.iter().filter(|(_, value)| value.is_finite());
        for (name, value) in finite {
            let points = self.points.entry((scrape.role.clone(), name.clone())).or_default();
            points.push((scrape.at.as_secs_f64(), *value));
        }
    }

    /// The series by role and name, their points in order of time.
    fn finish(self) -> Vec<Series> {
        let series = self.points.into_iter().map(|((role, written), mut points)| {
            points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            let (name, labels) = match written.split_once('{') {
                Some((name, labels)) => (name.to_owned(), labels.trim_end_matches('}').to_owned()),
                None => (written, String::new()),
            };
            Series { role, name, labels, points }
        });
        series.collect()
    }
}

/// The windows of every second up to the last. A second that is missing carries on what was in
/// flight.
fn every_second(known: &BTreeMap<u64, Window>) -> Vec<Window> {
    let Some((last, _)) = known.last_key_value() else { return Vec::new() };
    let mut windows: Vec<Window> = Vec::new();
    for second in 0..=*last {
        let before = windows.last().map_or((0, 0), |window| (window.in_flight, window.users));
        let idle = || Window { second, in_flight: before.0, users: before.1, ..Window::default() };
        let mut window = known.get(&second).cloned().unwrap_or_else(idle);
        window.shrink();
        windows.push(window);
    }
    windows
}

/// The profile of the reference target, if the plan asks for it.
fn profile(plan: &Plan) -> Option<String> {
    match &plan.target {
        TargetPlan::Profile { name, .. } => Some(name.clone()),
        TargetPlan::Url { .. } => None,
    }
}

/// The counts after the warm-up, of which `warm_up` is the last window.
fn totals(warm_up: Option<&Window>, measured: &[Window], in_flight: u64) -> Totals {
    let carried_in = warm_up.map_or(0, |window| window.in_flight);
    let mut totals = Totals {
        scheduled: carried_in,
        carried_in,
        in_flight,
        outcomes: OutcomeCounts::default(),
        ..Totals::default()
    };
    for window in measured {
        totals.scheduled += window.scheduled;
        totals.retried += window.retried;
        totals.gave_up += window.gave_up;
        totals.outcomes.merge(&window.ended);
        totals.requests += window.steps.values().map(|step| step.ended.total()).sum::<u64>();
    }
    totals.completed = totals.outcomes.get(Outcome::Ok);
    totals.undispatched = totals.outcomes.get(Outcome::Undispatched);
    totals.failed = totals.outcomes.not_ok() - totals.undispatched;
    totals.abandoned = totals.outcomes.get(Outcome::Abandoned);
    totals
}

/// The latencies of all windows together.
fn histograms(measured: &[Window]) -> RunHistograms {
    let sum = |of: fn(&Window) -> &Histogram| {
        let mut sum = Histogram::sum(measured.iter().map(of));
        sum.shrink();
        sum
    };
    RunHistograms {
        response: sum(|window| &window.response),
        response_ok: sum(|window| &window.response_ok),
        service: sum(|window| &window.service),
        dispatch_lag: sum(|window| &window.dispatch_lag),
    }
}

fn latencies(histograms: &RunHistograms, speed: Speed) -> Latencies {
    Latencies {
        response: histograms.response.summary(speed),
        response_ok: histograms.response_ok.summary(speed),
        service: histograms.service.summary(speed),
        dispatch_lag_real: histograms.dispatch_lag.summary(Speed::REAL),
    }
}

/// The requests of every step.
fn steps(measured: &[Window], speed: Speed) -> BTreeMap<String, StepResult> {
    let mut totals: BTreeMap<&String, StepWindow> = BTreeMap::new();
    for (name, step) in measured.iter().flat_map(|window| &window.steps) {
        totals.entry(name).or_default().merge(step);
    }
    let result = |total: StepWindow| StepResult { latency_ms: summaries(&total, speed), total };
    totals.into_iter().map(|(name, total)| (name.clone(), result(total))).collect()
}

/// The latencies of a step that have samples, by kind.
fn summaries(step: &StepWindow, speed: Speed) -> BTreeMap<String, LatencySummary> {
    let kinds: [(&str, &Histogram); 6] = [
        ("response", &step.response),
        ("service", &step.service),
        ("first_byte", &step.first_byte),
        ("first_event", &step.first_event),
        ("event_gap", &step.event_gap),
        ("client_wait", &step.client_wait),
    ];
    let some = kinds.into_iter().filter(|(_, histogram)| !histogram.is_empty());
    some.map(|(kind, histogram)| (kind.to_owned(), histogram.summary(speed))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::synthetic::{Synthetic, killed};

    #[test]
    fn a_finished_run_has_every_arrival_accounted_for() {
        let run = Synthetic::burst(100).run();
        let totals = run.totals;
        assert!(totals.balances() && totals.in_flight == 0, "{totals:?}");
        assert_eq!(totals.scheduled, totals.completed + totals.failed);
        assert_eq!(totals.requests, 100 + totals.retried, "one step, no fan-out");
        assert_eq!(run.latency_ms.response.count, 100);
        assert_eq!(run.latency_ms.response_ok.count, totals.completed);
        assert_eq!(run.steps["search"].total.ended.total(), totals.requests);
        assert_eq!(run.steps["search"].latency_ms["service"].count, totals.requests);
        assert!(!run.steps["search"].latency_ms.contains_key("client_wait"), "nobody waited");
        assert_eq!(run.verdict, Verdict::Inconclusive, "it is not judged yet");
        assert_eq!(run.profile.as_deref(), Some("baseline"));
    }

    #[test]
    fn a_killed_run_is_measured_up_to_its_last_line() {
        let whole = Synthetic::burst(100).journal();
        let run = RunFile::from_journal(&killed(&whole, 6));
        assert_eq!((run.ending.reason.clone(), run.ending.at.as_secs_f64()), (EndReason::Killed, 6.0));
        assert_eq!(run.windows.len(), 6);
        assert_eq!(run.totals.scheduled, 100);
        assert!(run.totals.in_flight > 40 && run.totals.balances(), "{:?}", run.totals);
        let whole = RunFile::from_journal(&whole);
        assert_eq!(run.windows, whole.windows[..6], "what was written before is the same");
        assert_eq!(
            RunFile::from_journal(&killed(&Synthetic::burst(1).journal(), 0)).totals,
            Totals::default()
        );
    }

    #[test]
    fn the_warm_up_is_kept_in_the_windows_and_left_out_of_the_totals() {
        let warm_up = Duration::from_millis(4_500);
        let synthetic = Synthetic { warm_up, ..Synthetic::arrivals(5, Duration::from_secs(20)) };
        let run = synthetic.run();
        assert_eq!(run.windows.iter().map(|window| window.scheduled).sum::<u64>(), 100);
        assert_eq!(run.totals.scheduled - run.totals.carried_in, 75, "from 5 s on");
        assert_eq!(run.totals.carried_in, run.windows[4].in_flight);
        assert!(run.totals.carried_in > 5 && run.totals.balances(), "{:?}", run.totals);
        assert_eq!(run.measured().first().map(|window| window.second), Some(5));
        assert_eq!(run.latency_ms.response.count, run.totals.outcomes.total());
    }

    #[test]
    fn seconds_without_a_window_carry_on_what_is_in_flight() {
        let mut journal = Synthetic::burst(100).journal();
        let second = |line: &JournalLine| match line {
            JournalLine::Window(window) => Some(window.second),
            _ => None,
        };
        let twice: Vec<_> = journal.lines.iter().filter(|line| second(line) == Some(5)).cloned().collect();
        journal.lines.retain(|line| second(line) != Some(0) && second(line) != Some(1));
        journal.lines.extend(twice);
        let run = RunFile::from_journal(&journal);
        assert_eq!(
            run.windows.iter().map(|window| window.second).collect::<Vec<_>>(),
            (0..15).collect::<Vec<_>>()
        );
        assert_eq!((run.windows[1].in_flight, run.windows[1].scheduled), (0, 0));
        let whole = Synthetic::burst(100).run();
        let ended = |run: &RunFile| run.windows[5].ended.total();
        assert_eq!(ended(&run), 2 * ended(&whole), "two windows of one second are merged");
    }

    #[test]
    fn latencies_are_in_scenario_time_whatever_the_speed() {
        let speed = Speed::try_new(20.0).expect("a speed");
        let (slow, fast) = (Synthetic::burst(30).run(), Synthetic { speed, ..Synthetic::burst(30) }.run());
        let p95 = |run: &RunFile| run.latency_ms.response.p95.expect("arrivals ended");
        assert!((p95(&fast) / p95(&slow) - 1.0).abs() < 0.002, "{} and {}", p95(&fast), p95(&slow));
        let lag = |run: &RunFile| run.latency_ms.dispatch_lag_real.p95.expect("arrivals were dispatched");
        assert_eq!(lag(&slow).to_bits(), lag(&fast).to_bits(), "the generator's lateness stays real");
        assert_ne!(slow.histograms.response, fast.histograms.response);
    }

    #[test]
    fn series_hold_the_points_of_one_role_and_label_set_in_order() {
        let mut journal = Synthetic::burst(1).journal();
        journal.lines.clear();
        let scrape = |at_ms: u64, values: &[(&str, f64)]| {
            let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            JournalLine::Scrape(Scrape {
                at: Offset::from_micros(at_ms * 1_000),
                role: "llm".to_owned(),
                values,
            })
        };
        journal.lines.push(scrape(500, &[("up", 2.0)]));
        journal.lines.push(scrape(250, &[("up", 1.0), ("calls{op=\"a\"}", 3.0), ("bad", f64::NAN)]));
        let series = RunFile::from_journal(&journal).series;
        let named: Vec<_> =
            series.iter().map(|s| (s.name.as_str(), s.labels.as_str(), s.points.clone())).collect();
        assert_eq!(
            named,
            [("calls", "op=\"a\"", vec![(0.25, 3.0)]), ("up", "", vec![(0.25, 1.0), (0.5, 2.0)])]
        );
    }
}
