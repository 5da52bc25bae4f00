//! What else was asked: measures at a fixed load with their margins, and costs with their bounds.

use loadlab_analysis::gate::{BoundResult, Cost, GateJob, MeasureResult};
use serde::Serialize;

use super::words;
use crate::{
    facts::Tone,
    figures::{self, NOTHING},
};

/// A measure in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MeasureRow {
    pub(crate) name: String,
    pub(crate) base: String,
    pub(crate) head: String,
    pub(crate) change: String,
    pub(crate) margin: String,
    /// How often such a change is chance, adjusted for there being several measures.
    pub(crate) p: String,
    /// From which change on it would have been found.
    finds: String,
    pub(crate) verdict: &'static str,
    pub(crate) tone: Tone,
    pub(crate) sentence: String,
}

/// A bound in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BoundRow {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) at_most: String,
    pub(crate) verdict: &'static str,
    pub(crate) tone: Tone,
    pub(crate) sentence: String,
}

/// All measures, in their order.
pub(super) fn measures(job: &GateJob) -> Vec<MeasureRow> {
    job.result.beside.measures.iter().map(measure).collect()
}

/// All bounds, in their order.
pub(super) fn bounds(job: &GateJob) -> Vec<BoundRow> {
    job.result.beside.bounds.iter().map(bound).collect()
}

fn measure(result: &MeasureResult) -> MeasureRow {
    let (verdict, tone) = match (result.worse, result.weak, result.p) {
        (true, ..) => ("worse", Tone::Bad),
        (false, _, None) => ("not compared", Tone::Warn),
        (false, true, _) => ("too few trials", Tone::Warn),
        (false, false, _) => ("not worse", Tone::Good),
    };
    let value =
        |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), |value| quantity(result, value));
    let change = |change: Option<f64>| {
        change.map_or_else(|| NOTHING.to_owned(), |change| words::change(result.scale, change))
    };
    MeasureRow {
        name: result.measure.clone(),
        base: value(result.base),
        head: value(result.head),
        change: change(result.change),
        margin: change(Some(result.margin)),
        p: result.p_adjusted.map_or_else(|| NOTHING.to_owned(), words::probability),
        finds: change(result.finds),
        verdict,
        tone,
        sentence: result.sentence.clone(),
    }
}

/// Memory is a measure without a unit; its name tells what it is.
fn quantity(result: &MeasureResult, value: f64) -> String {
    if result.measure == Cost::PeakMemory.name() {
        bytes(value)
    } else {
        figures::quantity(value, &result.unit)
    }
}

fn bound(result: &BoundResult) -> BoundRow {
    let (verdict, tone) = match (result.holds, result.value) {
        (true, _) => ("holds", Tone::Good),
        (false, Some(_)) => ("missed", Tone::Bad),
        (false, None) => ("not measured", Tone::Bad),
    };
    BoundRow {
        name: result.cost.name(),
        value: result.value.map_or_else(|| NOTHING.to_owned(), |value| cost(result.cost, value)),
        at_most: cost(result.cost, result.at_most),
        verdict,
        tone,
        sentence: words::capital(&result.sentence),
    }
}

/// What is needed for 1,000 requests.
pub(super) fn cost(cost: Cost, value: f64) -> String {
    match cost {
        Cost::CpuSeconds => figures::seconds(value),
        Cost::PeakMemory => bytes(value),
    }
}

fn bytes(value: f64) -> String {
    figures::bytes(value.max(0.0).round() as u64)
}
