//! Where everything that happens goes: to the journal first, then to the live objectives and to the
//! moving line.

use std::{collections::BTreeMap, sync::Arc};

use loadlab_analysis::{Alarm, Live, LossLimit, Missed, Watch};
use loadlab_clock::Offset;
use loadlab_record::{
    EndReason, Ending, EventKind, Histogram, JournalLine, Outcome, RunEvent, Scrape, Window,
};
use loadlab_report::{Pool, ProgressState};
use loadlab_scenario::Plan;
use loadlab_stack::{ScrapeOutcome, Scraped};

use super::progress::Progress;
use crate::run_folder::{FolderError, JournalWriter};

/// Seconds over which the moving line's percentile is taken: one second has too few answers.
const RECENT_SECONDS: usize = 10;
/// The metric of a breaker's state: 0 closed, 1 half-open, 2 open.
const BREAKER: &str = "breaker_state";

/// What is to be done about what was seen.
#[derive(Debug)]
pub(crate) enum Act {
    /// The run is to end, for this reason.
    End(EndReason),
    /// A fault that waited is to begin.
    Begin(String),
    /// What is on is to be healed, and nothing else is to begin.
    StopFaults,
}

/// The journal, and what is derived from it while the run goes on.
#[derive(Debug)]
pub(crate) struct Recording {
    plan: Arc<Plan>,
    journal: JournalWriter,
    live: Live,
    watch: Watch,
    /// What may be lost before the rest is not worth its time.
    limit: Option<LossLimit>,
    progress: Progress,
    state: ProgressState,
    /// The newest windows' response times, newest last.
    recent: Vec<Histogram>,
    /// The newest value of every series that the moving line shows, by role and series.
    newest: BTreeMap<(String, String), f64>,
    at: Offset,
}

impl Recording {
    /// Begins to record.
    pub(crate) fn new(plan: Arc<Plan>, journal: JournalWriter, progress: Progress) -> Self {
        let (live, watch) = (Live::new(&plan), Watch::new(&plan));
        let state = ProgressState::default();
        Self {
            plan,
            journal,
            live,
            watch,
            limit: None,
            progress,
            state,
            recent: Vec::new(),
            newest: BTreeMap::new(),
            at: Offset::ZERO,
        }
    }

    /// The same, of a run that ends when it has lost more than this.
    pub(crate) fn limited(self, limit: Option<LossLimit>) -> Self {
        Self { limit, ..self }
    }

    /// Says what is done before the load.
    pub(crate) fn preparing(&self, text: &str) {
        self.progress.preparing(text);
    }

    /// Arrivals that are under way, as far as is known.
    pub(crate) fn in_flight(&self) -> u64 {
        self.state.in_flight
    }

    /// Takes a line of the engine. Gives what is to be done about it, most urgent first.
    pub(crate) fn take(&mut self, line: JournalLine) -> Result<Vec<Act>, FolderError> {
        self.journal.append(&line)?;
        match line {
            JournalLine::Window(window) => self.window(&window),
            JournalLine::Event(event) => {
                self.show_event(&event);
                let alarm = self.watch.event(&event);
                alarm.into_iter().map(|alarm| self.alarm(alarm)).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Records something that happened to a fault. Gives what is to be done about it.
    pub(crate) fn fault(&mut self, event: RunEvent) -> Result<Vec<Act>, FolderError> {
        self.take(JournalLine::Event(event))
    }

    /// Records something that happened.
    pub(crate) fn event(&mut self, event: RunEvent) -> Result<(), FolderError> {
        self.take(JournalLine::Event(event)).map(drop)
    }

    /// Records something that a reader of the report should know.
    pub(crate) fn note(&mut self, at: Offset, text: &str) -> Result<(), FolderError> {
        self.event(RunEvent { at, what: EventKind::Note(text.to_owned()) })
    }

    /// Records that the run was asked to end.
    pub(crate) fn stopping(&mut self, reason: &str) -> Result<(), FolderError> {
        self.event(RunEvent { at: self.at, what: EventKind::Stopping { reason: reason.to_owned() } })
    }

    /// Takes what a process published. A scrape that failed is a gap in the curves.
    pub(crate) fn published(&mut self, scraped: Scraped) -> Result<(), FolderError> {
        let ScrapeOutcome::Changed(values) = scraped.outcome else { return Ok(()) };
        self.at = self.at.max(scraped.at);
        let scrape = Scrape { at: scraped.at, role: scraped.role, values };
        self.live.scrape(&scrape);
        self.watch.scrape(&scrape);
        let moves = self.breaker_moves(&scrape);
        for (series, value) in &scrape.values {
            self.newest.insert((scrape.role.clone(), series.clone()), *value);
        }
        self.journal.append(&JournalLine::Scrape(scrape))?;
        moves.into_iter().try_for_each(|event| self.event(event))
    }

    /// Ends the journal and takes the moving line away.
    pub(crate) fn end(&mut self, ending: Ending) -> Result<(), FolderError> {
        self.progress.end();
        self.journal.append(&JournalLine::Ending(ending))
    }

    fn window(&mut self, window: &Window) -> Result<Vec<Act>, FolderError> {
        self.at = self.at.max(Offset::from_micros((window.second + 1) * 1_000_000));
        self.update_state(window);
        self.progress.show(&self.state);
        let mut acts = Vec::new();
        for miss in self.live.window(window) {
            let reason = EndReason::Aborted { objective: miss.objective.clone() };
            acts.extend(miss.abort.then_some(Act::End(reason)));
            self.miss(miss)?;
        }
        for alarm in self.watch.window(window) {
            acts.push(self.alarm(alarm)?);
        }
        if self.limit.as_mut().is_some_and(|limit| limit.window(window)) {
            let condition = "more is lost than the whole trial may lose".to_owned();
            acts.push(Act::End(EndReason::AbortedIf { condition }));
        }
        Ok(acts)
    }

    /// Records what was seen, and says what is to be done.
    fn alarm(&mut self, alarm: Alarm) -> Result<Act, FolderError> {
        let (what, act) = match alarm {
            Alarm::End { condition, observed } => {
                let reason = format!("`abort_if`: `{condition}` holds with {observed}");
                (EventKind::Stopping { reason }, Act::End(EndReason::AbortedIf { condition }))
            }
            Alarm::Begin { fault, condition, observed } => {
                let note =
                    format!("`{condition}`, for which the fault {fault} waited, holds with {observed}");
                (EventKind::Note(note), Act::Begin(fault))
            }
            Alarm::StopFaults { reason } => (EventKind::FaultsStopped { reason }, Act::StopFaults),
        };
        self.event(RunEvent { at: self.at, what })?;
        Ok(act)
    }

    fn miss(&mut self, miss: Missed) -> Result<(), FolderError> {
        let at = Offset::from_micros((miss.at_s * 1e6) as u64);
        let what = EventKind::ObjectiveMissed { objective: miss.objective, observed: miss.observed };
        self.event(RunEvent { at, what })
    }

    fn update_state(&mut self, window: &Window) {
        self.recent.push(window.response.clone());
        if self.recent.len() > RECENT_SECONDS {
            self.recent.remove(0);
        }
        let mut response = Histogram::new();
        for histogram in &self.recent {
            response.merge(histogram);
        }
        let (pool, breaker) = (self.pool(), self.breaker());
        let state = &mut self.state;
        state.at_s = (window.second + 1) as f64;
        state.users = (!self.plan.load.is_open()).then_some(window.users);
        state.in_flight = window.in_flight;
        state.scheduled += window.scheduled;
        state.ended_ok += window.ended.get(Outcome::Ok);
        state.failed += window.ended.not_ok();
        state.rate = window.ended.total() as f64;
        state.p95_s = response.percentile(95.0, self.plan.speed).map(|p95| p95.as_secs_f64());
        state.pool = pool;
        state.breaker = breaker;
    }

    /// The session pools of all instances together, where the target publishes them.
    fn pool(&self) -> Option<Pool> {
        let max = self.sum("pool_sessions_max")?;
        let count = |name| self.sum(name).unwrap_or(0.0) as u64;
        Some(Pool { busy: count("pool_sessions_busy"), max: max as u64, waiting: count("pool_waiting") })
    }

    /// The state of the breaker that is furthest from closed, where the target publishes one.
    fn breaker(&self) -> Option<String> {
        let states = self.newest.iter().filter(|((_, series), _)| name_of(series) == BREAKER);
        let worst = states.map(|(_, state)| *state).max_by(f64::total_cmp)?;
        Some(breaker_state(worst).to_owned())
    }

    fn sum(&self, name: &str) -> Option<f64> {
        let values = self.newest.iter().filter(|((_, series), _)| name_of(series) == name);
        values.map(|(_, value)| *value).reduce(|sum, value| sum + value)
    }

    /// A breaker that is in another state than at the last scrape.
    fn breaker_moves(&self, scrape: &Scrape) -> Vec<RunEvent> {
        let breakers = scrape.values.iter().filter(|(series, _)| name_of(series) == BREAKER);
        let moved = breakers.filter_map(|(series, value)| {
            // The first scrape tells the state at the start; that is no move.
            let before = *self.newest.get(&(scrape.role.clone(), series.clone()))?;
            let what = EventKind::Breaker {
                name: label(series, "breaker").unwrap_or(&scrape.role).to_owned(),
                from: breaker_state(before).to_owned(),
                to: breaker_state(*value).to_owned(),
            };
            (breaker_state(before) != breaker_state(*value)).then_some(RunEvent { at: scrape.at, what })
        });
        moved.collect()
    }

    fn show_event(&mut self, event: &RunEvent) {
        let text = match &event.what {
            EventKind::Phase(phase) => {
                self.state.phase.clone_from(phase);
                return;
            }
            EventKind::Breaker { name, from, to } => format!("breaker {name}: {from} to {to}"),
            EventKind::ProcessDied { role, how } => format!("{role} died: {how}"),
            EventKind::ProcessBack { role } => format!("{role} is back"),
            // What is asked for begins, and what was met or is gone stands in the reports.
            EventKind::FaultAsked { .. } | EventKind::FaultSeen { .. } | EventKind::FaultGone { .. } => {
                return;
            }
            EventKind::FaultBegan { name, .. } => format!("fault began: {name}"),
            EventKind::FaultEnded { name, .. } => format!("fault ended: {name}"),
            EventKind::FaultFailed { name, reason } => format!("fault failed: {name}: {reason}"),
            EventKind::FaultsStopped { reason } => format!("faults stopped: {reason}"),
            EventKind::ObjectiveMissed { objective, .. } => format!("missed: {objective}"),
            EventKind::Stopping { reason } => format!("stopping: {reason}"),
            EventKind::Note(note) => note.clone(),
        };
        self.progress.note(&format!("{:>6}  {text}", event.at.to_string()));
    }
}

/// A series without its labels.
fn name_of(series: &str) -> &str {
    series.split_once('{').map_or(series, |(name, _)| name)
}

/// The value of a label of a series.
fn label<'a>(series: &'a str, name: &str) -> Option<&'a str> {
    let (_, labels) = series.split_once('{')?;
    let (_, rest) = labels.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn breaker_state(value: f64) -> &'static str {
    match value as i64 {
        0 => "closed",
        1 => "half_open",
        _ => "open",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_its_name_and_its_labels() {
        let series = "breaker_state{breaker=\"embeddings\",instance=\"0\"}";
        assert_eq!(name_of(series), "breaker_state");
        assert_eq!(label(series, "breaker"), Some("embeddings"));
        assert_eq!(label(series, "instance"), Some("0"));
        assert_eq!(label(series, "other"), None);
        assert_eq!(label("pool_waiting", "breaker"), None);
    }
}
