//! How arrivals and requests ended, with shares.

use loadlab_record::{OutcomeCounts, RunFile};
use serde::Serialize;

use crate::figures;

/// Arrivals (or requests) that ended in one way.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OutcomeRow {
    /// The outcome's name in files.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) description: &'static str,
    /// How many.
    pub(crate) count: String,
    /// As a share of the arrivals that were due.
    pub(crate) share: String,
    /// The share from 0 to 100, for a bar.
    pub(crate) percent: f64,
    /// Whether it is the good one.
    pub(crate) ok: bool,
}

/// Something counted beside the outcomes: extra attempts, those who gave up.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RequestRow {
    /// What is counted.
    pub(crate) name: &'static str,
    /// How many.
    pub(crate) count: String,
    /// As a share of the arrivals that were due; empty where that means nothing.
    pub(crate) share: String,
}

/// Arrivals by outcome; outcomes that did not happen left out, and those still under way added.
pub(crate) fn rows(run: &RunFile) -> Vec<OutcomeRow> {
    let mut rows = of_counts(&run.totals.outcomes, run.totals.scheduled);
    if run.totals.in_flight > 0 {
        rows.push(row(
            "in_flight",
            "under way at the end",
            run.totals.in_flight,
            run.totals.scheduled,
            false,
        ));
    }
    rows
}

/// What is counted beside the outcomes.
pub(crate) fn beside(run: &RunFile) -> Vec<RequestRow> {
    let totals = &run.totals;
    let row = |name, count, of| RequestRow {
        name,
        count: figures::count(count),
        share: if of && totals.scheduled > 0 {
            figures::part(count, totals.scheduled)
        } else {
            String::new()
        },
    };
    vec![
        row("gave up at least once", totals.gave_up, true),
        row("extra attempts (retries)", totals.retried, true),
        row("requests in all", totals.requests, false),
    ]
}

/// Counts by outcome as rows; shares are of `whole`.
pub(crate) fn of_counts(counts: &OutcomeCounts, whole: u64) -> Vec<OutcomeRow> {
    let rows = counts
        .iter()
        .map(|(outcome, count)| row(outcome.name(), outcome.description(), count, whole, outcome.is_ok()));
    rows.collect()
}

fn row(name: &'static str, description: &'static str, count: u64, whole: u64, ok: bool) -> OutcomeRow {
    let percent = if whole == 0 { 0.0 } else { (count as f64 / whole as f64 * 1000.0).round() / 10.0 };
    OutcomeRow {
        name,
        description,
        count: figures::count(count),
        share: figures::part(count, whole),
        percent: percent.min(100.0),
        ok,
    }
}
