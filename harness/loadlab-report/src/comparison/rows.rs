//! Changes and objectives as rows of text.

use loadlab_analysis::compare::{Change, Method, ObjectiveChange, ObjectiveSide, StepChange};
use loadlab_record::Verdict;
use serde::Serialize;

use crate::{
    facts::Tone,
    figures::{self, NOTHING},
};

/// Percentiles of a step that are told: of each step all would be a wall of numbers.
const OF_STEPS: [&str; 3] = ["p50", "p95", "p99"];

/// What floating point leaves of a difference of equal values is none: a nanosecond, a billionth.
const NOISE: f64 = 1e-9;

/// What the measures of a table are.
pub(super) const LATENCY: &str = "Percentile";
pub(super) const MEASURE: &str = "Measure";
pub(super) const STEP: &str = "Step";

/// Changes below each other.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    /// What its rows are.
    pub(crate) of: &'static str,
    pub(crate) rows: Vec<ChangeRow>,
    /// Whether there are intervals, or a reason for each that is missing.
    pub(crate) intervals: bool,
}

/// A change in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChangeRow {
    pub(crate) measure: String,
    pub(crate) before: String,
    pub(crate) after: String,
    /// With its sign; one of shares in percentage points.
    pub(crate) difference: String,
    /// The difference as a part of what was before.
    pub(crate) relative: String,
    /// Between what the true difference lies, or why that is not known.
    pub(crate) interval: String,
    /// `better` or `worse` if the interval leaves out 0, `not shown` if it does not, and nothing without one.
    pub(crate) standing: &'static str,
    pub(crate) tone: Option<Tone>,
}

/// An objective before and after.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ObjectiveRow {
    pub(crate) name: String,
    pub(crate) before: SideCell,
    pub(crate) after: SideCell,
}

/// An objective on one side.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SideCell {
    pub(crate) observed: String,
    /// Whether it holds: `holds`, `missed`, `holds in 2 of 4`.
    pub(crate) word: String,
    pub(crate) tone: Tone,
}

/// A table of changes.
pub(super) fn table(of: &'static str, changes: &[Change], method: Method) -> Table {
    let rows = changes.iter().map(|change| row(change, label(change))).collect();
    Table { of, rows, intervals: method != Method::None }
}

/// A table of the steps: percentiles and errors of each.
pub(super) fn steps(steps: &[StepChange], method: Method) -> Table {
    let of_step = |step: &'_ StepChange| {
        let told = step.response.percentiles.iter().filter(|one| OF_STEPS.contains(&one.measure.as_str()));
        told.chain([&step.errors]).map(|one| (step.step.clone(), one.clone())).collect::<Vec<_>>()
    };
    let changes: Vec<(String, Change)> = steps.iter().flat_map(of_step).collect();
    let named = |(step, change): &(String, Change)| row(change, format!("{step} {}", change.measure));
    Table { of: STEP, rows: changes.iter().map(named).collect(), intervals: method != Method::None }
}

/// The objectives.
pub(super) fn objectives(objectives: &[ObjectiveChange]) -> Vec<ObjectiveRow> {
    let row = |objective: &ObjectiveChange| ObjectiveRow {
        name: objective.name.clone(),
        before: cell(objective, &objective.before),
        after: cell(objective, &objective.after),
    };
    objectives.iter().map(row).collect()
}

fn cell(objective: &ObjectiveChange, side: &ObjectiveSide) -> SideCell {
    let runs = side.each.len();
    let (word, tone) = match side.verdict {
        Verdict::Pass => ("holds".to_owned(), Tone::Good),
        Verdict::Fail => ("missed".to_owned(), Tone::Bad),
        Verdict::Inconclusive => (format!("holds in {} of {runs}", side.passed), Tone::Warn),
    };
    SideCell { observed: figures::observed(side.observed, &[objective.bound], &objective.unit), word, tone }
}

fn row(change: &Change, measure: String) -> ChangeRow {
    let unit = change.unit.as_str();
    let side = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), |value| text(value, unit));
    let (standing, tone) = standing(change);
    ChangeRow {
        measure,
        before: side(change.before),
        after: side(change.after),
        difference: change.difference.map_or_else(|| NOTHING.to_owned(), |by| signed(by, unit)),
        relative: change.relative.map_or_else(|| NOTHING.to_owned(), relative),
        interval: match change.interval {
            Some((low, high)) => format!("{} to {}", signed(low, unit), signed(high, unit)),
            None => change.note.clone(),
        },
        standing,
        tone,
    }
}

fn standing(change: &Change) -> (&'static str, Option<Tone>) {
    let rose = change.difference.is_some_and(|by| by > 0.0);
    // Throughput and goodput are wanted; latency, loss and cost are not.
    let wanted = change.unit == "/s";
    match change.interval {
        None => ("", None),
        Some(_) if !change.is_shown() => ("not shown", None),
        Some(_) if rose == wanted => ("better", Some(Tone::Good)),
        Some(_) => ("worse", Some(Tone::Bad)),
    }
}

/// What a change is of; of a cost with what it is counted for.
fn label(change: &Change) -> String {
    match change.unit.split_once(" per ") {
        Some((_, per)) => format!("{} per {per}", change.measure),
        None => change.measure.clone(),
    }
}

/// A value in the unit of a change. What it is counted for stands in the label.
fn text(value: f64, unit: &str) -> String {
    match unit.split_once(" per ").map_or(unit, |(unit, _)| unit) {
        "bytes" => figures::bytes(value.round() as u64),
        "s" => figures::measured(value),
        unit => figures::quantity(value, unit),
    }
}

/// A difference with its sign; one of shares in percentage points.
fn signed(value: f64, unit: &str) -> String {
    let value = if value.abs() < NOISE { 0.0 } else { value };
    let size = text(value.abs(), unit);
    let size = if unit == "share" { size.replace(" %", " points") } else { size };
    figures::signed(value, &size)
}

/// A difference as a part of what was before: `−49.3 %`.
pub(crate) fn relative(value: f64) -> String {
    let value = if value.abs() < NOISE { 0.0 } else { value };
    figures::signed(value, &figures::share(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(unit: &str, before: f64, after: f64, half: Option<f64>) -> Change {
        let by = after - before;
        Change {
            measure: "it".to_owned(),
            unit: unit.to_owned(),
            before: Some(before),
            after: Some(after),
            difference: Some(by),
            relative: (before != 0.0).then(|| by / before),
            interval: half.map(|half| (by - half, by + half)),
            each_before: vec![Some(before)],
            each_after: vec![Some(after)],
            note: if half.is_some() { String::new() } else { "nothing was repeated".to_owned() },
        }
    }

    #[test]
    fn a_change_has_a_sign_its_unit_and_an_interval() {
        let told = |change: &Change| {
            let row = row(change, label(change));
            [row.measure, row.before, row.after, row.difference, row.relative, row.interval]
        };
        assert_eq!(
            told(&change("s", 2.0, 1.5, Some(0.25))),
            ["it", "2.00 s", "1.50 s", "−500 ms", "−25 %", "−750 ms to −250 ms"]
        );
        assert_eq!(
            told(&change("share", 0.0, 0.02, None)),
            ["it", "0 %", "2 %", "+2 points", NOTHING, "nothing was repeated"]
        );
        assert_eq!(
            told(&change("bytes per 1000 requests", 2048.0, 4096.0, None))[..4],
            ["it per 1000 requests", "2 KiB", "4 KiB", "+2 KiB"]
        );
    }

    #[test]
    fn more_throughput_is_better_and_more_of_anything_else_is_worse() {
        let standing = |unit: &str, by: f64, half: Option<f64>| {
            row(&change(unit, 10.0, 10.0 + by, half), String::new()).standing
        };
        assert_eq!([standing("/s", 1.0, Some(0.5)), standing("s", 1.0, Some(0.5))], ["better", "worse"]);
        assert_eq!([standing("/s", -1.0, Some(0.5)), standing("s", -1.0, Some(0.5))], ["worse", "better"]);
        assert_eq!([standing("s", 1.0, Some(2.0)), standing("s", 1.0, None)], ["not shown", ""]);
    }
}
