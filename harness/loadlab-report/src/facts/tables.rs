//! Latencies and steps as rows of text, and the few numbers to see first.

use loadlab_record::{LatencySummary, Outcome, RunFile, StepResult};
use serde::Serialize;

use super::setting::Fact;
use crate::figures;

/// Headings of the columns of a [`LatencyRow`].
pub(crate) const PERCENTILES: [&str; 6] = ["p50", "p90", "p95", "p99", "p99.9", "max"];

/// Kinds of latency of a step that are worth a line of their own beside the whole run's, with what
/// they are called.
const STEP_KINDS: [(&str, &str); 3] = [
    ("first_event", "first event"),
    ("event_gap", "gap between events"),
    ("client_wait", "wait for a connection"),
];

/// All kinds of latency of a step, with what they are called.
const ALL_KINDS: [(&str, &str); 6] = [
    ("response", "response"),
    ("service", "service"),
    ("first_byte", "first byte"),
    ("first_event", "first event"),
    ("event_gap", "gap between events"),
    ("client_wait", "wait for a connection"),
];

/// One latency.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LatencyRow {
    /// Which.
    pub(crate) name: String,
    /// What it is measured from and to.
    pub(crate) meaning: &'static str,
    /// In the order of [`PERCENTILES`].
    pub(crate) values: Vec<String>,
    /// How many were counted.
    pub(crate) count: String,
}

/// The requests of one step.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StepRow {
    /// Its name.
    pub(crate) name: String,
    /// Requests that ended.
    pub(crate) requests: String,
    /// The share of them that ended well.
    pub(crate) ok: String,
    /// Extra attempts among them.
    pub(crate) retried: String,
    /// Bytes read.
    pub(crate) bytes: String,
    /// Events of streams; empty for a step without.
    pub(crate) events: String,
    /// How they ended, in words.
    pub(crate) outcomes: Vec<super::OutcomeRow>,
    /// Statuses with their counts: `200 × 54`.
    pub(crate) statuses: Vec<String>,
    /// Its latencies.
    pub(crate) latencies: Vec<LatencyRow>,
}

/// Latencies of the whole run, and those of steps that add to them.
pub(crate) fn latencies(run: &RunFile) -> Vec<LatencyRow> {
    let whole = &run.latency_ms;
    let mut rows = vec![
        row("response", "from due to the final outcome, all arrivals", &whole.response),
        row("response, ended well", "the same, of those that ended well", &whole.response_ok),
        row("service", "from sent to done, single requests", &whole.service),
    ];
    for (name, step) in &run.steps {
        for (kind, called) in STEP_KINDS {
            // A wait for a connection that is nothing for everyone is no news.
            let told = step.latency_ms.get(kind).filter(|summary| {
                summary.count > 0 && (kind != "client_wait" || summary.max.is_some_and(|max| max >= 1.0))
            });
            if let Some(summary) = told {
                rows.push(row(&format!("{name}: {called}"), meaning(kind), summary));
            }
        }
    }
    rows
}

/// Each step with its requests.
pub(crate) fn steps(run: &RunFile) -> Vec<StepRow> {
    run.steps.iter().map(|(name, step)| step_row(name, step)).collect()
}

fn step_row(name: &str, step: &StepResult) -> StepRow {
    let total = &step.total;
    let requests = total.ended.total();
    let latencies = ALL_KINDS
        .into_iter()
        .filter_map(|(kind, called)| Some(row(called, meaning(kind), step.latency_ms.get(kind)?)))
        .collect();
    StepRow {
        name: name.to_owned(),
        requests: figures::count(requests),
        ok: figures::part(total.ended.get(Outcome::Ok), requests),
        retried: figures::count(total.retried),
        bytes: figures::bytes(total.bytes),
        events: if total.events == 0 { String::new() } else { figures::count(total.events) },
        outcomes: super::outcomes::of_counts(&total.ended, requests),
        statuses: total
            .statuses
            .iter()
            .map(|(status, count)| format!("{status} × {}", figures::count(*count)))
            .collect(),
        latencies,
    }
}

/// The few numbers to see first.
pub(crate) fn tiles(run: &RunFile) -> Vec<Fact> {
    let totals = &run.totals;
    let latency = &run.latency_ms;
    let mut tiles = vec![
        Fact::new("ended well", figures::part(totals.completed, totals.scheduled)).with(format!(
            "{} of {}",
            figures::count(totals.completed),
            figures::count(totals.scheduled)
        )),
        Fact::new("response p95", figures::millis(latency.response.p95))
            .with(format!("median {}", figures::millis(latency.response.p50))),
        Fact::new("gave up at least once", figures::part(totals.gave_up, totals.scheduled))
            .with(format!("{} gave up for good", figures::count(totals.abandoned))),
        Fact::new("extra attempts", figures::part(totals.retried, totals.scheduled))
            .with(format!("{} retries", figures::count(totals.retried))),
    ];
    if totals.scheduled == 0 {
        tiles.clear();
    }
    tiles
}

fn row(name: &str, meaning: &'static str, summary: &LatencySummary) -> LatencyRow {
    let values = [summary.p50, summary.p90, summary.p95, summary.p99, summary.p999, summary.max];
    LatencyRow {
        name: name.to_owned(),
        meaning,
        values: values.into_iter().map(figures::millis).collect(),
        count: figures::count(summary.count),
    }
}

fn meaning(kind: &str) -> &'static str {
    match kind {
        "response" => "from due to done",
        "service" => "from sent to done",
        "first_byte" => "from sent to the first byte of the answer",
        "first_event" => "from sent to the first event of the stream",
        "event_gap" => "between two events of a stream",
        "client_wait" => "for one of the client's own connections",
        _ => "",
    }
}
