//! Objectives while the run goes on, so that one with `abort` can end it.
//!
//! The evaluation is the final one; what differs is when it may speak. An objective with a window is
//! final as soon as a stretch of that length is over. One about the whole run is provisional until the
//! end: it may be called missed only on so many samples that one more cannot turn it, and not at all
//! where time alone can still mend it (a peak that has to be reached).
//!
//! Memory is bounded: one sum of all windows, and the last windows and points that the longest stretch
//! needs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use loadlab_record::{Scrape, Window};
use loadlab_scenario::{
    objective::{Compare, Measure, MetricStatistic, Objective, Statistic},
    plan::Plan,
};

use crate::{
    Facts, Observation, Rules, View, evaluate,
    facts::{self, Fold, Point, Summed},
    holds, line,
    rules::active,
};

/// Samples below which a percentile, a mean or a share says nothing.
const SAMPLES_MIN: f64 = 20.0;
/// Seconds below which an average over time, or a throughput, says nothing.
const SECONDS_MIN: f64 = 10.0;

/// An objective that was missed for the first time.
#[derive(Debug, Clone, PartialEq)]
pub struct Missed {
    /// Its index in the plan.
    pub index: usize,
    /// Its line, as results name it.
    pub objective: String,
    /// What was observed, in its unit.
    pub observed: f64,
    /// The end of the second in which it was noticed, in scenario seconds.
    pub at_s: f64,
    /// The run is to end.
    pub abort: bool,
}

/// Objectives, evaluated as windows and scrapes come.
#[derive(Debug, Clone)]
pub struct Live {
    rules: Rules,
    objectives: Vec<Tracked>,
    /// Seconds of the longest stretch.
    keep: usize,
    recent: VecDeque<Window>,
    all: Sum,
    /// What counts for a throughput.
    loaded: Sum,
    metrics: BTreeMap<String, Metric>,
    roles: BTreeSet<String>,
    next_second: u64,
    end: f64,
}

/// An objective and whether it was missed.
#[derive(Debug, Clone)]
struct Tracked {
    objective: Objective,
    stretch: Option<usize>,
    missed: bool,
}

/// The sum of some windows.
#[derive(Debug, Clone, Default)]
struct Sum {
    window: Window,
    /// How many seconds were summed.
    seconds: usize,
    /// How many up to the last in which anything happened.
    active_seconds: usize,
}

impl Sum {
    fn add(&mut self, window: &Window) {
        self.window.merge(window);
        self.seconds += 1;
        if active(window) {
            self.active_seconds = self.seconds;
        }
    }
}

/// A metric that an objective is about.
#[derive(Debug, Clone)]
struct Metric {
    summed: Summed,
    /// All points but those of the newest instant, which another role may still change.
    fold: Fold,
    recent: VecDeque<Point>,
}

impl Live {
    /// Nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        Self::of(Rules::of(plan), &plan.objectives)
    }

    /// The same, of lines that need not be the plan's objectives.
    pub(crate) fn of(rules: Rules, objectives: &[Objective]) -> Self {
        let tracked = |objective: &Objective| Tracked {
            objective: objective.clone(),
            stretch: rules.stretch(objective),
            missed: false,
        };
        let objectives: Vec<Tracked> = objectives.iter().map(tracked).collect();
        let names = objectives.iter().filter_map(|tracked| match &tracked.objective.measure {
            Measure::Metric { name, .. } => Some(name.clone()),
            _ => None,
        });
        let fold = Fold::new(rules.first_second as f64);
        let metric = |name: &str| Metric { summed: Summed::new(name), fold, recent: VecDeque::new() };
        Self {
            rules,
            keep: objectives.iter().filter_map(|tracked| tracked.stretch).max().unwrap_or(0),
            metrics: names.map(|name| (name.clone(), metric(&name))).collect(),
            objectives,
            recent: VecDeque::new(),
            all: Sum::default(),
            loaded: Sum::default(),
            roles: BTreeSet::new(),
            next_second: 0,
            end: 0.0,
        }
    }

    /// Takes what a role published. Scrapes come in order of time.
    pub fn scrape(&mut self, scrape: &Scrape) {
        let at = scrape.at.as_secs_f64();
        let finite = || scrape.values.iter().filter(|(_, value)| value.is_finite());
        if finite().next().is_none() {
            return;
        }
        self.end = self.end.max(at);
        let role_is_new = self.roles.insert(scrape.role.clone());
        let keep = self.keep as f64;
        for (wanted, metric) in &mut self.metrics {
            let mut changed = false;
            for (written, value) in finite() {
                let (name, labels) = written.split_once('{').unwrap_or((written, ""));
                if name == wanted {
                    let labels = labels.trim_end_matches('}');
                    metric.summed.apply(&scrape.role, labels, *value, role_is_new);
                    changed = true;
                }
            }
            if changed {
                metric.push(metric.summed.point(at), keep);
            }
        }
    }

    /// Takes a second that is over, and tells which objectives it shows to be missed. Windows come in
    /// order; a second that is skipped was idle, and one that comes again is ignored.
    pub fn window(&mut self, window: &Window) -> Vec<Missed> {
        let mut missed = Vec::new();
        while self.next_second < window.second {
            let idle = Window { second: self.next_second, ..Window::default() };
            missed.extend(self.second(&idle));
        }
        if self.next_second == window.second {
            missed.extend(self.second(window));
        }
        missed
    }

    /// What was observed so far of an objective about the whole run, or in the newest stretch of one
    /// with a window; `None` for an index that no objective has.
    pub fn observe(&mut self, index: usize) -> Option<Observation> {
        let tracked = self.objectives.get(index)?.clone();
        Some(match tracked.stretch {
            None => self.whole(&tracked.objective.measure),
            Some(length) => self.stretch(&tracked.objective.measure, length).unwrap_or_default(),
        })
    }

    fn second(&mut self, window: &Window) -> Vec<Missed> {
        self.next_second = window.second + 1;
        self.end = self.end.max(self.next_second as f64);
        if window.second < self.rules.first_second {
            return Vec::new();
        }
        self.all.add(window);
        if self.rules.loaded_until.is_none_or(|end| window.second < end) {
            self.loaded.add(window);
        }
        if self.keep > 0 {
            let mut kept = window.clone();
            kept.shrink();
            self.recent.push_back(kept);
            while self.recent.len() > self.keep {
                self.recent.pop_front();
            }
        }
        (0..self.objectives.len()).filter_map(|index| self.newly_missed(index)).collect()
    }

    fn newly_missed(&mut self, index: usize) -> Option<Missed> {
        if self.objectives[index].missed {
            return None;
        }
        let seen = self.observe(index)?;
        let value = seen.value?;
        let Tracked { objective, stretch, missed } = &mut self.objectives[index];
        let seconds = self.all.seconds as f64;
        let may_speak = stretch.is_some() || conclusive(objective, &seen, seconds, &self.rules);
        if !may_speak || holds(objective.compare, value, objective.bound) {
            return None;
        }
        *missed = true;
        Some(Missed {
            index,
            objective: line(objective),
            observed: value,
            at_s: self.next_second as f64,
            abort: objective.abort,
        })
    }

    fn whole(&self, measure: &Measure) -> Observation {
        let (sum, seconds) = match measure {
            Measure::Throughput(_) if self.rules.loaded_until.is_none() => {
                (&self.loaded, self.loaded.active_seconds)
            }
            Measure::Throughput(_) => (&self.loaded, self.loaded.seconds),
            _ => (&self.all, self.all.seconds),
        };
        let metric = self.metric(measure).and_then(|metric| metric.so_far(self.end));
        let windows = if sum.seconds > 0 { std::slice::from_ref(&sum.window) } else { &[] };
        evaluate(measure, &View { windows, seconds: seconds as f64, metric, rules: &self.rules })
    }

    /// The newest stretch; `None` while it is too short, or no longer counts.
    fn stretch(&mut self, measure: &Measure, length: usize) -> Option<Observation> {
        let newest = self.recent.back()?;
        if self.recent.len() < length || !self.rules.counts(measure, newest) {
            return None;
        }
        let (from, to) = ((self.next_second - length as u64) as f64, self.next_second as f64);
        let metric = self.metric(measure).and_then(|metric| metric.between(from, to));
        let skip = self.recent.len() - length;
        let windows = &self.recent.make_contiguous()[skip..];
        Some(evaluate(measure, &View { windows, seconds: length as f64, metric, rules: &self.rules }))
    }

    fn metric(&self, measure: &Measure) -> Option<&Metric> {
        match measure {
            Measure::Metric { name, .. } => self.metrics.get(name),
            _ => None,
        }
    }
}

impl Metric {
    /// Takes the newest sum, and forgets what no stretch of `keep` seconds can need any more.
    fn push(&mut self, point: Point, keep: f64) {
        match self.recent.back_mut() {
            Some(newest) if newest.at < point.at => {
                self.fold.push(*newest);
                self.recent.push_back(point);
            }
            Some(newest) => *newest = point,
            None => self.recent.push_back(point),
        }
        // A window is evaluated a little after its end, so one second more is kept.
        while self.recent.get(1).is_some_and(|second| second.at < point.at - keep - 1.0) {
            self.recent.pop_front();
        }
    }

    fn so_far(&self, to: f64) -> Option<Facts> {
        let mut fold = self.fold;
        self.recent.back().into_iter().for_each(|newest| fold.push(*newest));
        fold.until(to)
    }

    fn between(&self, from: f64, to: f64) -> Option<Facts> {
        let points: Vec<Point> = self.recent.iter().copied().collect();
        facts::between(&points, from, to)
    }
}

/// Whether a miss over the run so far would stay one, but for a turn of many samples.
fn conclusive(objective: &Objective, seen: &Observation, seconds: f64, rules: &Rules) -> bool {
    let upper = matches!(objective.compare, Compare::Less | Compare::LessOrEqual);
    let samples = seen.samples as f64;
    match &objective.measure {
        Measure::Latency { statistic: Statistic::Percentile(percentile), .. } => {
            samples >= SAMPLES_MIN.max(1.0 / (1.0 - percentile / 100.0))
        }
        Measure::Latency { statistic: Statistic::Mean, .. } => samples >= SAMPLES_MIN,
        Measure::Share { .. } => {
            let edge = objective.bound.min(1.0 - objective.bound);
            edge <= 0.0 || samples >= SAMPLES_MIN.max(1.0 / edge)
        }
        Measure::Throughput(_) => seconds >= SECONDS_MIN && rules.loaded_until.is_some(),
        Measure::Metric { statistic: MetricStatistic::Average, .. } => seconds >= SECONDS_MIN,
        Measure::Latency { statistic: Statistic::Max, .. } | Measure::Metric { .. } => upper,
    }
}

#[cfg(test)]
mod tests {
    use loadlab_record::{EndReason, JournalLine, Outcome, synthetic::Synthetic};
    use loadlab_scenario::objective::{ShareOf, Throughput};
    use proptest::prelude::*;

    use super::*;
    use crate::made_up::{MadeUp, at_least, at_most, in_every, metric, response, share};

    const OK: Outcome = Outcome::Ok;

    /// What is missed, fed in order of time.
    fn fed(live: &mut Live, run: &MadeUp) -> Vec<Missed> {
        let mut lines = run.journal(EndReason::Finished).lines;
        lines.sort_by_key(|line| match line {
            JournalLine::Scrape(scrape) => scrape.at.as_micros(),
            JournalLine::Window(window) => (window.second + 1) * 1_000_000,
            _ => 0,
        });
        let mut missed = Vec::new();
        for line in lines {
            match line {
                JournalLine::Scrape(scrape) => live.scrape(&scrape),
                JournalLine::Window(window) => missed.extend(live.window(&window)),
                _ => {}
            }
        }
        missed
    }

    fn missed(run: &MadeUp) -> Vec<(usize, f64)> {
        let mut live = Live::new(&run.finished().plan);
        fed(&mut live, run).into_iter().map(|missed| (missed.index, missed.at_s)).collect()
    }

    #[test]
    fn a_share_is_called_missed_when_one_sample_more_cannot_turn_it() {
        let run = |bound| {
            MadeUp::new()
                .seconds(150, Outcome::Status, 10)
                .objective(at_least(share(ShareOf::Success), bound))
        };
        assert_eq!(missed(&run(0.5)), [(0, 20.0)], "20 samples at least");
        assert_eq!(missed(&run(0.99)), [(0, 100.0)], "one in a hundred is allowed to fail");
        assert_eq!(missed(&run(1.0)), [(0, 1.0)], "none is");
    }

    #[test]
    fn a_stretch_is_final_as_soon_as_it_is_over() {
        let run = MadeUp::new()
            .seconds(8, OK, 10)
            .seconds(1, Outcome::Status, 10)
            .seconds(11, OK, 10)
            .objective(in_every(5, at_least(share(ShareOf::Success), 0.9)));
        assert_eq!(missed(&run), [(0, 9.0)], "once, and where the final record says");
    }

    #[test]
    fn what_time_can_still_mend_is_not_missed_yet() {
        let run = MadeUp::new()
            .seconds(40, OK, 10)
            .published(0, &[("pool_waiting", 0.0)])
            .published(30_500, &[("pool_waiting", 9.0)])
            .objective(at_least(metric("pool_waiting", MetricStatistic::Peak), 9.0))
            .objective(at_most(metric("pool_waiting", MetricStatistic::Peak), 8.0));
        assert_eq!(missed(&run), [(1, 31.0)], "the peak is reached in the end; the limit is broken then");
    }

    #[test]
    fn the_objective_tells_whether_the_run_is_to_end() {
        let objective = Objective { abort: true, ..at_most(response(Statistic::Max), 1.0) };
        let run = MadeUp::new().seconds(3, OK, 500).seconds(1, OK, 2_000).objective(objective.clone());
        let mut live = Live::new(&run.finished().plan);
        let missed = fed(&mut live, &run);
        let [missed] = missed.as_slice() else { panic!("one is missed: {missed:?}") };
        assert_eq!((missed.at_s.to_bits(), missed.abort), (4.0_f64.to_bits(), true));
        assert_eq!(missed.objective, objective.name);
        assert!((missed.observed - 2.0).abs() < 0.002);
    }

    #[test]
    fn memory_is_bounded_by_the_longest_stretch() {
        let run = MadeUp::new()
            .objective(in_every(5, at_least(share(ShareOf::Success), 0.9)))
            .objective(in_every(3, at_most(metric("pool_waiting", MetricStatistic::Peak), 8.0)))
            .seconds(300, OK, 10);
        let run =
            (0..1_200).fold(run, |run, at| run.published(at * 250, &[("pool_waiting", (at % 7) as f64)]));
        let mut live = Live::new(&run.finished().plan);
        fed(&mut live, &run);
        assert_eq!(live.recent.len(), 5);
        let points = live.metrics["pool_waiting"].recent.len();
        assert!(points <= 27, "6 s of four a second, and those at both ends: {points}");
    }

    #[test]
    fn a_burst_is_seen_to_miss_its_p95_before_it_is_over() {
        let synthetic = Synthetic::burst(100);
        let journal = synthetic.journal();
        let mut live = Live::new(&journal.header.plan);
        let windows = journal.lines.iter().filter_map(|line| match line {
            JournalLine::Window(window) => Some(window),
            _ => None,
        });
        let missed: Vec<Missed> = windows.flat_map(|window| live.window(window)).collect();
        assert_eq!(missed[0].objective, "p95 < 7s");
        assert!((7.0..12.0).contains(&missed[0].at_s), "{missed:?}");
    }

    /// Every kind of measure, about the whole run and with a window.
    fn objectives() -> Vec<Objective> {
        let measures = [
            response(Statistic::Percentile(95.0)),
            response(Statistic::Mean),
            response(Statistic::Max),
            share(ShareOf::Success),
            share(ShareOf::Loss),
            share(ShareOf::Retries),
            Measure::Throughput(Throughput::Completed),
            Measure::Throughput(Throughput::Good),
            metric("pool_waiting", MetricStatistic::Peak),
            metric("pool_waiting", MetricStatistic::Average),
            metric("pool_waiting", MetricStatistic::Increase),
            metric("pool_waiting", MetricStatistic::Drained),
            metric("search_total", MetricStatistic::Increase),
        ];
        let whole = measures.into_iter().map(|measure| at_most(measure, 0.4));
        whole.flat_map(|objective| [objective.clone(), in_every(4, objective)]).collect()
    }

    type Seconds = Vec<Vec<(usize, u64)>>;

    fn seconds() -> impl Strategy<Value = Seconds> {
        let ended = proptest::collection::vec((0_usize..9, 1_u64..3_000), 0..4);
        proptest::collection::vec(ended, 4..25)
    }

    fn scrapes() -> impl Strategy<Value = Vec<(u64, u8, u8)>> {
        proptest::collection::vec((1_u64..1_500, 0_u8..4, 0_u8..9), 0..30)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_live_evaluation_and_the_final_one_agree(seconds in seconds(), scrapes in scrapes(), warm_up in 0_u64..3) {
            let run = MadeUp::new().plan(|plan| {
                plan.warm_up = std::time::Duration::from_secs(warm_up);
                plan.load = Synthetic::arrivals(1, std::time::Duration::from_secs(20)).load;
            });
            let run = objectives().into_iter().fold(run, MadeUp::objective);
            let run = seconds.iter().fold(run, |run, ended| {
                let ended: Vec<_> = ended.iter().map(|(outcome, ms)| (Outcome::ALL[*outcome], *ms)).collect();
                run.second(ended.len() as u64, &ended)
            });
            let end = seconds.len() as u64 * 1_000;
            let (run, _) = scrapes.iter().fold((run, 0), |(run, before), (gap, waiting, searches)| {
                let at = (before + gap).min(end);
                let values = [("pool_waiting", f64::from(*waiting)), ("search_total{a=\"b\"}", f64::from(*searches))];
                (run.published(at, &values), at)
            });
            let finished = run.finished();
            let mut live = Live::new(&finished.plan);
            let missed = fed(&mut live, &run);
            for (index, objective) in finished.plan.objectives.iter().enumerate() {
                let result = &finished.objectives[index];
                if objective.window.is_none() {
                    let seen = live.observe(index).expect("it is an objective").value;
                    prop_assert_eq!(seen, result.observed, "{}", result.name);
                } else if seconds.len() as u64 >= 4 + warm_up {
                    let seen = missed.iter().find(|missed| missed.index == index).map(|missed| missed.at_s);
                    prop_assert_eq!(seen, result.first_missed_s, "{}", result.name);
                }
            }
        }

        #[test]
        fn an_objective_is_monotone_in_its_threshold(seconds in seconds(), a in 0.0_f64..3.0, b in 0.0_f64..3.0) {
            let (low, high) = (a.min(b), a.max(b));
            let run = seconds.iter().fold(MadeUp::new(), |run, ended| {
                let ended: Vec<_> = ended.iter().map(|(outcome, ms)| (Outcome::ALL[*outcome], *ms)).collect();
                run.second(ended.len() as u64, &ended)
            });
            let measures: Vec<Measure> = objectives().into_iter().map(|objective| objective.measure).collect();
            let add = |run: MadeUp, objective: Objective| run.objective(objective.clone()).objective(in_every(3, objective));
            let run = measures.iter().fold(run, |run, measure| {
                let run = add(add(run, at_most(measure.clone(), low)), at_most(measure.clone(), high));
                add(add(run, at_least(measure.clone(), high)), at_least(measure.clone(), low))
            });
            let results = run.finished().objectives;
            for group in results.chunks(4) {
                let (strict, lax) = (&group[..2], &group[2..]);
                for (strict, lax) in strict.iter().zip(lax) {
                    let holds = |result: &loadlab_record::ObjectiveResult| result.verdict == loadlab_record::Verdict::Pass;
                    prop_assert!(!holds(strict) || holds(lax), "{} holds, {} does not", strict.name, lax.name);
                }
            }
        }
    }
}
