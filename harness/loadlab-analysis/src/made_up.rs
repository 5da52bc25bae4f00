//! A small vocabulary for tests: runs of which every second is written down.

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::Offset;
use loadlab_record::{
    EndReason, Ending, EventKind, GeneratorSample, Journal, JournalLine, Outcome, RunEvent, RunFile, Scrape,
    Window, synthetic::Synthetic,
};
use loadlab_scenario::{
    objective::{Compare, LatencyKind, Measure, MetricStatistic, Objective, ShareOf, Statistic},
    plan::Plan,
};

use crate::judge;

/// A run in the making: arrivals evenly over 60 s, no objectives, no documented outcomes.
pub(crate) struct MadeUp {
    journal: Journal,
    in_flight: u64,
}

impl MadeUp {
    pub(crate) fn new() -> Self {
        let mut journal = Synthetic::arrivals(1, Duration::from_secs(1)).journal();
        journal.header.plan.load = Synthetic::arrivals(1, Duration::from_secs(60)).load;
        journal.header.plan.objectives.clear();
        journal.header.plan.documented = None;
        journal.lines.clear();
        Self { journal, in_flight: 0 }
    }

    pub(crate) fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.journal.header.plan);
        self
    }

    pub(crate) fn objective(self, objective: Objective) -> Self {
        self.plan(|plan| plan.objectives.push(objective))
    }

    /// The next second: what was due in it, and what ended in it after so many milliseconds.
    pub(crate) fn second(self, scheduled: u64, ended: &[(Outcome, u64)]) -> Self {
        self.window(scheduled, ended, |_| {})
    }

    pub(crate) fn window(
        mut self,
        scheduled: u64,
        ended: &[(Outcome, u64)],
        more: impl FnOnce(&mut Window),
    ) -> Self {
        let second = self.windows().count() as u64;
        let mut window = Window { second, scheduled, ..Window::default() };
        for (outcome, ms) in ended {
            window.ended.add(*outcome);
            window.response.record_micros(ms * 1_000);
            if outcome.is_ok() {
                window.response_ok.record_micros(ms * 1_000);
            }
        }
        self.in_flight = self.in_flight + scheduled - ended.len() as u64;
        window.in_flight = self.in_flight;
        more(&mut window);
        window.shrink();
        self.journal.lines.push(JournalLine::Window(Box::new(window)));
        self
    }

    /// So many seconds, in each of which one arrival was due and ended after so many milliseconds.
    pub(crate) fn seconds(self, count: u64, outcome: Outcome, ms: u64) -> Self {
        (0..count).fold(self, |run, _| run.second(1, &[(outcome, ms)]))
    }

    /// What the first service published, in scenario milliseconds.
    pub(crate) fn published(mut self, at_ms: u64, values: &[(&str, f64)]) -> Self {
        let values: BTreeMap<String, f64> =
            values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let at = Offset::from_micros(at_ms * 1_000);
        self.journal.lines.push(JournalLine::Scrape(Scrape { at, role: "service-0".to_owned(), values }));
        self
    }

    pub(crate) fn event(mut self, what: EventKind) -> Self {
        let at = Offset::from_micros(self.windows().count() as u64 * 1_000_000);
        self.journal.lines.push(JournalLine::Event(RunEvent { at, what }));
        self
    }

    pub(crate) fn generator_cpu(mut self, second: u64, cpu: f64) -> Self {
        self.journal.lines.push(JournalLine::Generator(GeneratorSample {
            second,
            cpu,
            ..Default::default()
        }));
        self
    }

    pub(crate) fn journal(&self, reason: EndReason) -> Journal {
        let at = Offset::from_micros(self.windows().count() as u64 * 1_000_000);
        let ending = Some(Ending { at, reason, in_flight: self.in_flight });
        Journal { ending, ..self.journal.clone() }
    }

    /// The run that ended so, judged.
    pub(crate) fn ended(&self, reason: EndReason) -> RunFile {
        let mut run = RunFile::from_journal(&self.journal(reason));
        judge(&mut run);
        run
    }

    pub(crate) fn finished(&self) -> RunFile {
        self.ended(EndReason::Finished)
    }

    fn windows(&self) -> impl Iterator<Item = &JournalLine> {
        self.journal.lines.iter().filter(|line| matches!(line, JournalLine::Window(_)))
    }
}

pub(crate) fn response(statistic: Statistic) -> Measure {
    Measure::Latency { statistic, step: None, kind: LatencyKind::Response }
}

pub(crate) fn share(of: ShareOf) -> Measure {
    Measure::Share { of, step: None }
}

pub(crate) fn metric(name: &str, statistic: MetricStatistic) -> Measure {
    Measure::Metric { name: name.to_owned(), statistic }
}

pub(crate) fn at_most(measure: Measure, bound: f64) -> Objective {
    let name = format!("{measure:?} <= {bound}");
    Objective { name, measure, compare: Compare::LessOrEqual, bound, window: None, abort: false }
}

pub(crate) fn at_least(measure: Measure, bound: f64) -> Objective {
    let name = format!("{measure:?} >= {bound}");
    Objective { name, measure, compare: Compare::GreaterOrEqual, bound, window: None, abort: false }
}

pub(crate) fn in_every(seconds: u64, objective: Objective) -> Objective {
    Objective { window: Some(Duration::from_secs(seconds)), ..objective }
}
