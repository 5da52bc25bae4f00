//! The run as rows of text: what a plot shows, for those who cannot see it, and the events.

use loadlab_analysis::{Metrics, held_at};
use loadlab_record::{EventKind, HealthState, Outcome, RunFile, Touched};
use serde::Serialize;

use crate::{figures, series};

/// Rows of the timeline at most.
const ROWS_MAX: usize = 24;

/// A stretch of the run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TimelineRow {
    /// From when to when.
    pub(crate) time: String,
    /// Arrivals that were due.
    pub(crate) due: String,
    /// Arrivals that ended well.
    pub(crate) ok: String,
    /// Arrivals that did not.
    pub(crate) failed: String,
    /// Median response.
    pub(crate) p50: String,
    /// 95th percentile of the response.
    pub(crate) p95: String,
    /// Arrivals under way at its end.
    pub(crate) in_flight: String,
    /// Pool sessions busy, most in it; empty without a pool.
    pub(crate) pool_busy: String,
    /// Requests waiting for a session, most in it; empty without a pool.
    pub(crate) pool_waiting: String,
    /// The worst health state in it.
    pub(crate) state: &'static str,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventRow {
    /// When.
    pub(crate) at: String,
    /// What.
    pub(crate) what: String,
}

/// The run in at most [`ROWS_MAX`] rows.
pub(crate) fn rows(run: &RunFile) -> Vec<TimelineRow> {
    let has_pool = series::is_published(run, "pool_sessions_busy");
    let metrics = Metrics::of(run);
    let busy = metrics.sum("pool_sessions_busy");
    let waiting = metrics.sum("pool_waiting");
    let row = |stretch: series::Stretch| {
        let (from, to) = (stretch.from_s, stretch.end_s());
        let window = &stretch.merged;
        let peak = |points: &[(f64, f64)]| {
            if has_pool { figures::plain(peak(points, from, to)) } else { String::new() }
        };
        TimelineRow {
            time: span(from, to),
            due: figures::count(window.scheduled),
            ok: figures::count(window.ended.get(Outcome::Ok)),
            failed: figures::count(window.ended.not_ok()),
            p50: percentile(run, &stretch, 50.0),
            p95: percentile(run, &stretch, 95.0),
            in_flight: figures::count(window.in_flight),
            pool_busy: peak(&busy),
            pool_waiting: peak(&waiting),
            state: worst_state(run, from, to).map_or("", super::state_name),
        }
    };
    series::stretches_at_most(run, ROWS_MAX).into_iter().map(row).collect()
}

/// A fault, from its beginning to its end.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FaultRow {
    /// Its name.
    pub(crate) name: String,
    /// What it did.
    pub(crate) kind: String,
    /// Where.
    pub(crate) place: String,
    /// From when to when.
    pub(crate) time: String,
    /// What probes through its place said: how long after it was asked for it was met, and how long
    /// after it was healed they came back as before.
    pub(crate) probed: String,
    /// What it touched.
    pub(crate) touched: String,
}

/// What was broken on purpose.
pub(crate) fn faults(run: &RunFile) -> Vec<FaultRow> {
    let row = |span: loadlab_analysis::FaultSpan| FaultRow {
        probed: probed(&span),
        name: span.name,
        kind: span.kind,
        place: span.place,
        time: format!("{} to {}", figures::instant(span.from_s), figures::instant(span.to_s)),
        touched: span.touched.as_ref().map_or_else(|| figures::NOTHING.to_owned(), touched_words),
    };
    loadlab_analysis::fault_spans(run).into_iter().map(row).collect()
}

/// What happened, in words.
pub(crate) fn events(run: &RunFile) -> Vec<EventRow> {
    let row = |event: &loadlab_record::RunEvent| EventRow {
        at: figures::instant(event.at.as_secs_f64()),
        what: words(&event.what),
    };
    run.events.iter().map(row).collect()
}

/// An event in words.
fn words(what: &EventKind) -> String {
    match what {
        EventKind::Phase(name) => format!("phase: {name}"),
        EventKind::Breaker { name, from, to } => {
            format!("breaker {name}: {} to {}", from.replace('_', "-"), to.replace('_', "-"))
        }
        EventKind::ProcessDied { role, how } => format!("process {role} died: {how}"),
        EventKind::ProcessBack { role } => format!("process {role} is back"),
        EventKind::FaultAsked { name } => format!("fault asked for: {name}"),
        EventKind::FaultBegan { name, kind, place } => format!("fault began: {name} ({kind} at {place})"),
        EventKind::FaultSeen { name } => format!("a probe met the fault: {name}"),
        EventKind::FaultEnded { name, touched: Some(touched) } => {
            format!("fault ended: {name} (touched {})", touched_words(touched))
        }
        EventKind::FaultEnded { name, touched: None } => format!("fault ended: {name}"),
        EventKind::FaultGone { name } => format!("probes come back as before the fault: {name}"),
        EventKind::FaultFailed { name, reason } => format!("fault failed: {name}: {reason}"),
        EventKind::FaultsStopped { reason } => format!("faults stopped: {reason}"),
        EventKind::ObjectiveMissed { objective, .. } => format!("objective missed: {objective}"),
        EventKind::Stopping { reason } => format!("stopping: {reason}"),
        EventKind::Note(text) => text.clone(),
    }
}

/// What probes said of a fault, in words.
fn probed(span: &loadlab_analysis::FaultSpan) -> String {
    let after = |from: f64, at: Option<f64>| at.map(|at| figures::measured((at - from).max(0.0)));
    let met = after(span.asked_s.unwrap_or(span.from_s), span.seen_s).map(|took| format!("met after {took}"));
    let gone = after(span.to_s, span.gone_s).map(|took| format!("gone after {took}"));
    let parts: Vec<String> = met.into_iter().chain(gone).collect();
    if parts.is_empty() { figures::NOTHING.to_owned() } else { parts.join(", ") }
}

/// What a fault touched, in words.
fn touched_words(touched: &Touched) -> String {
    let parts = [
        (touched.connections, "connection", "connections"),
        (touched.requests, "request", "requests"),
        (touched.bytes, "byte", "bytes"),
        (touched.processes, "process", "processes"),
        (touched.keys, "key", "keys"),
    ];
    let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, one, many)| {
            format!("{} {}", figures::count(count), if count == 1 { one } else { many })
        })
        .collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

fn span(from_s: f64, to_s: f64) -> String {
    if to_s >= 600.0 {
        format!("{}–{}", figures::clock(from_s), figures::clock(to_s))
    } else {
        format!("{from_s:.0}–{to_s:.0} s")
    }
}

fn percentile(run: &RunFile, stretch: &series::Stretch, percentile: f64) -> String {
    let value = stretch.merged.response.percentile(percentile, run.speed);
    value.map_or_else(|| figures::NOTHING.to_owned(), |value| figures::measured(value.as_secs_f64()))
}

fn peak(points: &[(f64, f64)], from_s: f64, to_s: f64) -> f64 {
    let within = points.iter().filter(|point| point.0 > from_s && point.0 <= to_s).map(|point| point.1);
    within.fold(held_at(points, from_s).unwrap_or(0.0), f64::max)
}

fn worst_state(run: &RunFile, from_s: f64, to_s: f64) -> Option<HealthState> {
    let within = run.health.iter().filter(|span| span.from_s < to_s && span.to_s > from_s);
    within.map(|span| span.state).max()
}
