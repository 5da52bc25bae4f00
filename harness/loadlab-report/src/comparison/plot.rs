//! The plots of a comparison: both distributions, and the difference at each decile.

use loadlab_analysis::compare::{Change, Comparison};

use crate::{
    chart::{Axis, Bar, Chart, Height, Layer},
    figures,
    plots::{Plot, PlotView, view},
};

/// Half of an interval's width, where two deciles are 1 apart.
const HALF: f64 = 0.26;

/// Those that there is something to show in.
pub(super) fn all(comparison: &Comparison) -> Vec<PlotView> {
    [distribution(comparison), shift(comparison)].into_iter().flatten().map(view).collect()
}

/// Which share of the arrivals took at most so long.
fn distribution(comparison: &Comparison) -> Option<Plot> {
    let curves = &comparison.response.curves;
    let seconds = || curves.before.iter().chain(&curves.after).map(|(seconds, _)| *seconds);
    seconds().next()?;
    let (low, high) = (seconds().fold(f64::INFINITY, f64::min), seconds().fold(0.0, f64::max));
    let layers = vec![
        Layer::curve("before", "s1 strong", curves.before.clone()),
        Layer::curve("after", "s3 strong", curves.after.clone()),
    ];
    let chart = Chart {
        id: "comparison-distribution",
        title: "Distribution of response times".to_owned(),
        x: Axis::log_seconds("response time", low, high),
        y: Axis::shares("took at most so long", 1.0),
        layers,
        bands: Vec::new(),
        rules: Vec::new(),
        marks: Vec::new(),
        height: Height::Full,
    };
    let note = "All arrivals of a side together, from due to the final outcome, on a logarithmic axis. The \
                curve that lies further to the left is the faster one.";
    Some(Plot { chart, note: note.to_owned() })
}

/// The shift function: who became faster or slower.
fn shift(comparison: &Comparison) -> Option<Plot> {
    let deciles: Vec<&Change> =
        comparison.response.deciles.iter().filter(|change| change.difference.is_some()).collect();
    if deciles.len() < 2 {
        return None;
    }
    let ends = |change: &&Change| {
        let (low, high) = change.interval.unwrap_or((0.0, 0.0));
        [low, high, change.difference.unwrap_or(0.0)]
    };
    let values: Vec<f64> = deciles.iter().flat_map(ends).chain([0.0]).collect();
    let range = (values.iter().copied().fold(0.0, f64::min), values.iter().copied().fold(0.0, f64::max));
    let names: Vec<&str> = deciles.iter().map(|change| change.measure.as_str()).collect();
    let spans = deciles.iter().enumerate().filter_map(|(at, change)| {
        let ((low, high), at) = (change.interval?, at as f64);
        Some(Bar { from: at - HALF, to: at + HALF, low, high })
    });
    let spans: Vec<Bar> = spans.collect();
    let points = deciles.iter().enumerate().map(|(at, change)| (at as f64, change.difference)).collect();
    let ends = [-0.5, deciles.len() as f64 - 0.5];
    let mut layers = vec![Layer::curve("no difference", "s5 dotted", ends.map(|end| (end, 0.0)).into())];
    if !spans.is_empty() {
        let confidence = figures::share(comparison.confidence);
        layers.push(Layer::spans(&format!("interval, {confidence} each"), "s1 soft", spans));
    }
    layers.push(Layer::line("after − before", "s1 strong", points));
    let chart = Chart {
        id: "comparison-shift",
        title: "Difference at each decile".to_owned(),
        x: Axis::categories("decile of the response time", &names),
        y: Axis::seconds_within("after − before", range),
        layers,
        bands: Vec::new(),
        rules: Vec::new(),
        marks: Vec::new(),
        height: Height::Full,
    };
    let note = "Below the dotted line, arrivals became faster, above it slower. A level line says that all \
                changed alike; one that bends at its right end, that only the slow ones did.";
    Some(Plot { chart, note: note.to_owned() })
}
