//! The distribution of latencies over the whole run.

use loadlab_clock::Speed;
use loadlab_record::{Histogram, RunFile};
use loadlab_scenario::objective::{LatencyKind, Measure};

use super::{Missing, Plot, frame::Frame};
use crate::{
    chart::{Axis, Bar, Chart, Height, Layer, Rule},
    figures,
};

/// Bars per decade: coarse with few counts, so that the form shows and not the noise.
const BARS_PER_DECADE: [(u64, f64); 3] = [(300, 8.0), (10_000, 16.0), (u64::MAX, 32.0)];

/// Response against service time, on a logarithmic axis.
pub(super) fn latency(run: &RunFile, _: &Frame) -> Result<Plot, Missing> {
    let histograms = &run.histograms;
    let (response, service) = (&histograms.response, &histograms.service);
    let range = |histogram: &Histogram| {
        let least = histogram.percentile(0.0, run.speed)?.as_secs_f64();
        Some((least, histogram.max(run.speed)?.as_secs_f64()))
    };
    let ranges: Vec<(f64, f64)> = [response, service].into_iter().filter_map(range).collect();
    if ranges.is_empty() {
        return Err(Missing::Nothing("The latency distribution is left out: nothing was measured."));
    }
    let low = ranges.iter().map(|range| range.0).fold(f64::INFINITY, f64::min);
    let high = ranges.iter().map(|range| range.1).fold(0.0, f64::max);
    let x = Axis::log_seconds("latency", low, high);
    let layers = vec![
        Layer::bars("response, from due", "s3 soft", bars(response, run.speed, &x)),
        Layer::outline("service, from sent", "s1 strong", bars(service, run.speed, &x)),
    ];
    let highest = layers.iter().map(Layer::highest).fold(0.0, f64::max);
    let rules = objective(run).filter(|rule| rule.at >= x.low() && rule.at <= x.high());
    let chart = Chart {
        id: "distribution",
        title: "Distribution of latencies".to_owned(),
        y: Axis::shares("share of all", highest),
        x,
        layers,
        bands: Vec::new(),
        rules: rules.into_iter().collect(),
        marks: Vec::new(),
        height: Height::Full,
    };
    Ok(Plot { chart, note: note(run) })
}

/// What the response time has that the service time has not is waiting before the request was sent,
/// and the attempts before the last.
fn note(run: &RunFile) -> String {
    let medians = (run.latency_ms.response.p50, run.latency_ms.service.p50);
    let medians = match medians {
        (Some(response), Some(service)) => format!(
            " Medians: {} and {}.",
            figures::measured(response / 1e3),
            figures::measured(service / 1e3)
        ),
        _ => String::new(),
    };
    format!("Arrivals by response time, single requests by service time.{medians}")
}

/// The first plain objective on the response time, as a vertical line.
fn objective(run: &RunFile) -> Option<Rule> {
    let plain = run.plan.objectives.iter().find(|objective| {
        matches!(&objective.measure, Measure::Latency { step: None, kind: LatencyKind::Response, .. })
    })?;
    Some(Rule { at: plain.bound, label: plain.name.clone(), class: "objective", vertical: true })
}

fn bars(histogram: &Histogram, speed: Speed, x: &Axis) -> Vec<Bar> {
    let count = histogram.count();
    let per_decade =
        BARS_PER_DECADE.into_iter().find(|(most, _)| count <= *most).map_or(32.0, |entry| entry.1);
    let decades = (x.high() / x.low()).log10();
    let number = ((decades * per_decade).ceil() as usize).max(1);
    let mut counts = vec![0_u64; number];
    for (value, count) in histogram.buckets(speed) {
        let place = (x.place(value.as_secs_f64()) * number as f64) as usize;
        counts[place.min(number - 1)] += count;
    }
    let edge = |index: usize| x.low() * 10_f64.powf(decades * index as f64 / number as f64);
    let bar = |(index, bucket): (usize, u64)| Bar {
        from: edge(index),
        to: edge(index + 1),
        low: 0.0,
        high: bucket as f64 / count.max(1) as f64,
    };
    counts.into_iter().enumerate().filter(|(_, bucket)| *bucket > 0).map(bar).collect()
}
