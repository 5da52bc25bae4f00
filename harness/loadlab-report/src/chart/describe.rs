//! A chart in words, for those who cannot see it.

use super::{Chart, Layer, Shape};

/// What every layer does: its range, where its peak lies, and its end.
pub(super) fn words(chart: &Chart) -> String {
    let mut sentences = vec![format!("{} over {}.", chart.y.title, chart.x.title)];
    sentences.extend(chart.layers.iter().map(|layer| layer_words(chart, layer)));
    sentences.extend(chart.rules.iter().map(|rule| {
        let unit = if rule.vertical { chart.x.unit } else { chart.y.unit };
        format!("A line marks {} ({}).", unit.text(rule.at), rule.label)
    }));
    sentences.join(" ")
}

fn layer_words(chart: &Chart, layer: &Layer) -> String {
    let highest = layer.values().max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((at, most)) = highest else { return format!("{}: no values.", layer.label) };
    let lowest = layer.values().map(|(_, value)| value).fold(f64::INFINITY, f64::min);
    let last = layer.values().last().map_or(0.0, |(_, value)| value);
    let text = |value: f64| chart.y.unit.text(value);
    match layer.shape {
        Shape::Bars(_) | Shape::Outline(_) => {
            format!("{}: at most {} at {}.", layer.label, text(most), chart.x.unit.text(at))
        }
        Shape::Spans(_) => {
            format!("{}: between {} and {}.", layer.label, text(lowest), text(most))
        }
        Shape::Dots(_) | Shape::Rings(_) => format!(
            "{}: {} from {} to {}.",
            layer.label,
            points(layer.values().count()),
            text(lowest),
            text(most)
        ),
        _ if (most - lowest).abs() < f64::EPSILON => format!("{}: {} throughout.", layer.label, text(most)),
        _ => format!(
            "{}: from {} to {}, highest at {}, {} at the end.",
            layer.label,
            text(lowest),
            text(most),
            chart.x.unit.text(at),
            text(last)
        ),
    }
}

fn points(count: usize) -> String {
    if count == 1 { "1 point".to_owned() } else { format!("{count} points") }
}
