//! A number over the results that are stored, with its levels between changes.

use loadlab_analysis::trend::{Series, Trends};

use super::view::day;
use crate::{
    chart::{Axis, Chart, Height, Layer, Mark},
    plots::{Plot, PlotView, view},
};

/// Names of the drawings on the page; a folder with more series has tables for the others.
pub(super) const IDS: [&str; 12] = [
    "trend-a", "trend-b", "trend-c", "trend-d", "trend-e", "trend-f", "trend-g", "trend-h", "trend-i",
    "trend-j", "trend-k", "trend-l",
];
/// An axis begins at nothing if the least number is below this part of the largest: then nothing is lost by it.
const FROM_NOTHING: f64 = 0.5;
/// And otherwise with so much room below and above, as a part of what the numbers span.
const ROOM: f64 = 0.1;
/// But at least with this part of the largest, so that chance does not look like a change.
const ROOM_LEAST: f64 = 0.04;

/// None of a series without numbers.
pub(super) fn over_time(trends: &Trends, series: &Series, id: &'static str) -> Option<PlotView> {
    let values: Vec<f64> = series.results.iter().map(|result| result.value).collect();
    if values.is_empty() {
        return None;
    }
    let days: Vec<&str> = series.results.iter().map(|result| day(&result.started)).collect();
    let points = values.iter().enumerate().map(|(at, value)| (at as f64, *value)).collect();
    let levels = series.trend.segments.iter().map(|segment| (segment.from as f64, segment.mean)).collect();
    let marks = series.trend.changes.iter().zip(1..);
    let chart = Chart {
        id,
        title: format!("{} of {}", trends.measure, series.scenario),
        x: Axis::sequence("results, by their start", &days),
        y: axis(&trends.measure, &series.unit, &values),
        layers: vec![
            Layer::steps("mean between changes", "s1 strong", levels),
            Layer::dots("result", "s5", points),
        ],
        bands: Vec::new(),
        rules: Vec::new(),
        marks: marks.map(|(change, n)| Mark { at: change.index as f64, number: n.to_string() }).collect(),
        height: Height::Full,
    };
    let note = format!("On {}. A number marks the first result after a change.", series.target);
    Some(view(Plot { chart, note }))
}

fn axis(measure: &str, unit: &str, values: &[f64]) -> Axis {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let room = ((most - least) * ROOM).max(most * ROOM_LEAST);
    let near = (least >= most * FROM_NOTHING && most > 0.0).then(|| ((least - room).max(0.0), most + room));
    match (unit, near) {
        ("s", None) => Axis::seconds(measure, most),
        ("s", Some(range)) => Axis::seconds_within(measure, range),
        ("share", None) => Axis::shares(measure, most),
        ("share", Some(range)) => Axis::shares_within(measure, range),
        ("", None) => Axis::numbers(measure, most),
        ("", Some(range)) => Axis::numbers_within(measure, range),
        (unit, None) => Axis::numbers(&format!("{measure} ({unit})"), most),
        (unit, Some(range)) => Axis::numbers_within(&format!("{measure} ({unit})"), range),
    }
}
