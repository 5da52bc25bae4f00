//! What all plots over time share: the time axis, the health states behind it, and the marks.

use loadlab_record::{EventKind, HealthState, RunFile};
use serde::Serialize;

use crate::{
    chart::{Axis, Band, Chart, FAULT, Height, Layer, Mark, Rule},
    facts, figures,
};

/// Marks closer than this share of the run are drawn as one.
const MARKS_APART: f64 = 0.045;

/// What all plots over time share.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Length of the run in scenario seconds.
    pub(crate) length_s: f64,
    /// What the numbers of the marks mean.
    pub(crate) mark_rows: Vec<MarkRow>,
    bands: Vec<Band>,
    marks: Vec<Mark>,
}

/// What a number in the plots means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MarkRow {
    /// The number.
    pub(crate) number: usize,
    /// When.
    pub(crate) at: String,
    /// What happened.
    pub(crate) what: String,
}

impl Frame {
    /// The frame of a run.
    pub(crate) fn of(run: &RunFile) -> Self {
        let length_s = facts::length_s(run);
        let band = |span: &loadlab_record::HealthSpan| Band {
            from: span.from_s,
            to: span.to_s,
            class: class(span.state),
        };
        let faults = loadlab_analysis::fault_spans(run);
        let faults = faults.into_iter().map(|span| Band { from: span.from_s, to: span.to_s, class: FAULT });
        let rows = facts::event_rows(run).into_iter().zip(&run.events);
        let marked: Vec<_> = rows.filter(|(_, event)| is_marked(&event.what)).collect();
        let times: Vec<f64> = marked.iter().map(|(_, event)| event.at.as_secs_f64()).collect();
        let mark_rows = marked.into_iter().enumerate().map(|(n, (row, _))| MarkRow {
            number: n + 1,
            at: row.at,
            what: row.what,
        });
        Self {
            length_s,
            mark_rows: mark_rows.collect(),
            bands: run.health.iter().map(band).chain(faults).collect(),
            marks: marks(&times, length_s),
        }
    }

    /// A chart over time in this frame.
    pub(crate) fn chart(&self, id: &'static str, title: &str, y: Axis, layers: Vec<Layer>) -> Chart {
        Chart {
            id,
            title: title.to_owned(),
            x: Axis::run_time(self.length_s),
            y,
            layers,
            bands: self.bands.clone(),
            rules: Vec::new(),
            marks: self.marks.clone(),
            height: Height::Full,
        }
    }
}

/// A horizontal line, if there is room for it on an axis that shows `highest` anyway.
pub(crate) fn rule_within(
    at: f64,
    highest: f64,
    label: impl Into<String>,
    class: &'static str,
) -> Option<Rule> {
    let near = at.is_finite() && at > 0.0 && at <= highest * 2.5;
    near.then(|| Rule { at, label: label.into(), class, vertical: false })
}

/// When the highest value of a line was, in words.
pub(crate) fn peak_words(layer: &Layer, text: fn(f64) -> String) -> Option<String> {
    let (at, most) = layer.values().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.total_cmp(&a.0)))?;
    Some(format!("{} at {}", text(most), figures::instant(at)))
}

const fn class(state: HealthState) -> &'static str {
    match state {
        HealthState::Healthy => "healthy",
        HealthState::Degraded => "degraded",
        HealthState::Failed => "failed",
    }
}

/// Whether an event is marked in the plots. What probes said of a fault stands in the faults' table.
const fn is_marked(what: &EventKind) -> bool {
    !matches!(what, EventKind::FaultAsked { .. } | EventKind::FaultSeen { .. } | EventKind::FaultGone { .. })
}

/// Events as numbered marks, those close together as one.
fn marks(times: &[f64], length_s: f64) -> Vec<Mark> {
    let mut groups: Vec<(f64, usize, usize)> = Vec::new();
    for (index, &at) in times.iter().enumerate() {
        let number = index + 1;
        match groups.last_mut() {
            Some(group) if at - group.0 < length_s * MARKS_APART => group.2 = number,
            _ => groups.push((at, number, number)),
        }
    }
    let mark = |(at, first, last): (f64, usize, usize)| Mark {
        at,
        number: if first == last { first.to_string() } else { format!("{first}–{last}") },
    };
    groups.into_iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_would_cover_each_other_are_one() {
        let numbers: Vec<String> =
            marks(&[0.0, 0.1, 50.0, 99.0, 99.5], 100.0).into_iter().map(|mark| mark.number).collect();
        assert_eq!(numbers, ["1–2", "3", "4–5"]);
    }

    #[test]
    fn a_bound_far_above_the_data_does_not_flatten_it() {
        assert!(rule_within(7.0, 10.0, "p95 < 7s", "objective").is_some());
        assert!(rule_within(7.0, 0.2, "p95 < 7s", "objective").is_none());
    }
}
