//! The drawing itself.

use std::fmt::Write as _;

use super::{Axis, Band, Bar, Chart, FAULT, Layer, Mark, Rule, Shape};

/// Side of the inner drawing: fine enough for whole numbers.
const INNER: f64 = 10_000.0;
/// Points of a line up to which each gets a dot.
const DOTTED_MAX: usize = 60;
/// Points, or bars, from which on thinner strokes are easier to read.
const DENSE_MIN: usize = 120;
/// A line of no length: its round cap is a dot, however the drawing is stretched.
const DOT: &str = "h0";

/// The whole chart as SVG.
pub(super) fn draw(chart: &Chart) -> String {
    let mut out = String::new();
    let id = chart.id;
    let height = chart.height.name();
    put(
        &mut out,
        format_args!(
            "<svg class=\"chart {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\"{}>\
             <title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>",
            readout(chart),
            escaped(&chart.title),
            escaped(&chart.words())
        ),
    );
    grid(&mut out, chart);
    data(&mut out, chart);
    for rule in &chart.rules {
        rule_line(&mut out, chart, rule);
    }
    for mark in &chart.marks {
        mark_line(&mut out, &chart.x, mark);
    }
    out.push_str("</svg>");
    out
}

/// What the page's script needs to read values off the drawing: the ranges of the axes as they are
/// shown. The y axis: lowest, highest, unit, names of states.
fn readout(chart: &Chart) -> String {
    let (low, high, unit) = chart.y.shown();
    let names: Vec<&str> = chart.y.names().collect();
    format!(
        " data-x=\"{}\" data-low=\"{low}\" data-high=\"{high}\" data-unit=\"{unit}\" data-names=\"{}\"",
        chart.x.high(),
        escaped(&names.join(","))
    )
}

/// Axis titles, tick labels and the lines across.
fn grid(out: &mut String, chart: &Chart) {
    put(out, format_args!("<text class=\"axis\" x=\"-44\" y=\"-27\">{}</text>", escaped(&chart.y.title)));
    put(
        out,
        format_args!(
            "<text class=\"axis x\" x=\"50%\" y=\"100%\" dy=\"35\">{}</text>",
            escaped(&chart.x.title)
        ),
    );
    for (value, label) in &chart.y.ticks {
        let y = percent(1.0 - chart.y.place(*value));
        put(
            out,
            format_args!(
                "<line class=\"grid\" x2=\"100%\" y1=\"{y}%\" y2=\"{y}%\"/>\
                 <text class=\"tick y\" x=\"-8\" y=\"{y}%\" dy=\"4\">{}</text>",
                escaped(label)
            ),
        );
    }
    for (value, label) in &chart.x.ticks {
        let x = percent(chart.x.place(*value));
        put(
            out,
            format_args!("<text class=\"tick x\" x=\"{x}%\" y=\"100%\" dy=\"19\">{}</text>", escaped(label)),
        );
    }
}

/// Bands and layers, in the stretched inner drawing.
fn data(out: &mut String, chart: &Chart) {
    out.push_str(
        "<svg class=\"data\" width=\"100%\" height=\"100%\" viewBox=\"0 0 10000 10000\" preserveAspectRatio=\"none\">",
    );
    for band in &chart.bands {
        band_rect(out, &chart.x, band);
    }
    for layer in &chart.layers {
        layer_paths(out, chart, layer);
    }
    out.push_str("</svg>");
    // A strip in full colour under the plot: tints alone are too weak for print.
    if !chart.bands.is_empty() {
        out.push_str(
            "<svg class=\"strip\" y=\"100%\" width=\"100%\" height=\"5\" viewBox=\"0 0 10000 5\" \
             preserveAspectRatio=\"none\">",
        );
        for band in chart.bands.iter().filter(|band| band.class != FAULT) {
            let (x, width) = extent(&chart.x, band.from, band.to);
            let class = band.class;
            put(out, format_args!("<rect class=\"{class}\" x=\"{x}\" width=\"{width}\" height=\"5\"/>"));
        }
        out.push_str("</svg>");
    }
}

fn layer_paths(out: &mut String, chart: &Chart, layer: &Layer) {
    let (path, class) = (path_of(chart, layer), layer.class);
    let kind = match layer.shape {
        Shape::Bars(_) | Shape::Spans(_) => "bars",
        Shape::Dots(_) => "dots alone",
        Shape::Rings(_) => "dots alone ring",
        Shape::Line(_) | Shape::Curve(_) | Shape::Steps(_) | Shape::Outline(_) => "line",
    };
    let joined = !matches!(layer.shape, Shape::Dots(_) | Shape::Rings(_));
    let dense = if joined && layer.values().count() >= DENSE_MIN { " dense" } else { "" };
    put(out, format_args!("<path class=\"{kind} {class}{dense}\" d=\"{path}\"/>"));
    match &layer.shape {
        Shape::Line(points) if points.len() <= DOTTED_MAX => {
            let dots = dots_path(chart, points.iter().filter_map(|&(x, y)| Some((x, y?))));
            put(out, format_args!("<path class=\"dots {class}\" d=\"{dots}\"/>"));
        }
        // A ring is a dot with a smaller one in the colour of the ground on it.
        Shape::Rings(_) => put(out, format_args!("<path class=\"dots hole\" d=\"{path}\"/>")),
        _ => {}
    }
}

fn band_rect(out: &mut String, x_axis: &Axis, band: &Band) {
    let (x, width) = extent(x_axis, band.from, band.to);
    put(
        out,
        format_args!("<rect class=\"band {}\" x=\"{x}\" width=\"{width}\" height=\"10000\"/>", band.class),
    );
}

fn rule_line(out: &mut String, chart: &Chart, rule: &Rule) {
    let label = escaped(&rule.label);
    let class = rule.class;
    if rule.vertical {
        let x = percent(chart.x.place(rule.at));
        let side = if x > 50.0 { ("end", -5) } else { ("start", 5) };
        put(
            out,
            format_args!(
                "<line class=\"rule {class}\" x1=\"{x}%\" x2=\"{x}%\" y1=\"0\" y2=\"100%\"/>\
                 <text class=\"rule {class}\" x=\"{x}%\" y=\"12\" dx=\"{}\" text-anchor=\"{}\">{label}</text>",
                side.1, side.0
            ),
        );
        return;
    }
    let y = percent(1.0 - chart.y.place(rule.at));
    // Under the line where there is no room above it.
    let dy = if y < 8.0 { 13 } else { -4 };
    put(
        out,
        format_args!(
            "<line class=\"rule {class}\" x2=\"100%\" y1=\"{y}%\" y2=\"{y}%\"/>\
             <text class=\"rule {class}\" x=\"{}\" y=\"{y}%\" dy=\"{dy}\" text-anchor=\"{}\">{label}</text>",
            if class == "limit" { "4" } else { "100%" },
            if class == "limit" { "start" } else { "end" },
        ),
    );
}

fn mark_line(out: &mut String, x_axis: &Axis, mark: &Mark) {
    let x = percent(x_axis.place(mark.at));
    let width = 8 + 8 * mark.number.chars().count();
    // At the left edge it would cover the label of the highest tick.
    let left = if x < 4.0 { 0 } else { -(width as i64) / 2 };
    put(
        out,
        format_args!(
            "<svg class=\"mark\" x=\"{x}%\"><line y2=\"100%\"/>\
             <rect x=\"{left}\" y=\"-19\" width=\"{width}\" height=\"15\" rx=\"7.5\"/>\
             <text x=\"{}\" y=\"-8\">{}</text></svg>",
            left + width as i64 / 2,
            escaped(&mark.number)
        ),
    );
}

/// The path of a layer in the inner drawing.
fn path_of(chart: &Chart, layer: &Layer) -> String {
    match &layer.shape {
        Shape::Line(points) => line_path(chart, points),
        Shape::Curve(points) => curve_path(chart, points),
        Shape::Dots(points) | Shape::Rings(points) => dots_path(chart, points.iter().copied()),
        Shape::Steps(points) => steps_path(chart, points),
        Shape::Bars(bars) | Shape::Spans(bars) => bars_path(chart, bars),
        Shape::Outline(bars) => outline_path(chart, bars),
    }
}

fn line_path(chart: &Chart, points: &[(f64, Option<f64>)]) -> String {
    let mut path = String::new();
    let mut before = None;
    for (index, &(x, y)) in points.iter().enumerate() {
        if let Some(y) = y {
            let (x, y) = (across(&chart.x, x), down(&chart.y, y));
            put(&mut path, format_args!("{}{x} {y}", if before.is_some() { 'L' } else { 'M' }));
            let alone = before.is_none() && points.get(index + 1).is_none_or(|next| next.1.is_none());
            if alone {
                path.push_str(DOT);
            }
        }
        before = y;
    }
    path
}

fn curve_path(chart: &Chart, points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        let to = if index == 0 { 'M' } else { 'L' };
        put(&mut path, format_args!("{to}{} {}", across(&chart.x, x), down(&chart.y, y)));
    }
    path
}

/// A dot for every point.
fn dots_path(chart: &Chart, points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        put(&mut path, format_args!("M{} {}{DOT}", across(&chart.x, x), down(&chart.y, y)));
    }
    path
}

fn steps_path(chart: &Chart, points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let mut level = None;
    for &(x, y) in points {
        let (x, y) = (across(&chart.x, x), down(&chart.y, y));
        match level {
            None => put(&mut path, format_args!("M{x} {y}")),
            Some(before) if before == y => continue,
            Some(_) => put(&mut path, format_args!("H{x}V{y}")),
        }
        level = Some(y);
    }
    if level.is_some() {
        put(&mut path, format_args!("H{INNER}"));
    }
    path
}

fn bars_path(chart: &Chart, bars: &[Bar]) -> String {
    let mut path = String::new();
    for bar in bars.iter().filter(|bar| bar.high > bar.low) {
        let (left, right) = (across(&chart.x, bar.from), across(&chart.x, bar.to));
        let (top, bottom) = (down(&chart.y, bar.high), down(&chart.y, bar.low));
        put(&mut path, format_args!("M{left} {bottom}V{top}H{right}V{bottom}z"));
    }
    path
}

fn outline_path(chart: &Chart, bars: &[Bar]) -> String {
    let mut path = String::new();
    let ground = down(&chart.y, chart.y.low());
    let mut end = None;
    for bar in bars {
        let (left, right) = (across(&chart.x, bar.from), across(&chart.x, bar.to));
        match end {
            Some(end) if end == left => {}
            Some(_) => put(&mut path, format_args!("V{ground}H{left}")),
            None => put(&mut path, format_args!("M{left} {ground}")),
        }
        put(&mut path, format_args!("V{}H{right}", down(&chart.y, bar.high)));
        end = Some(right);
    }
    if end.is_some() {
        put(&mut path, format_args!("V{ground}"));
    }
    path
}

/// Left edge and width of a stretch of the x axis.
fn extent(axis: &Axis, from: f64, to: f64) -> (i64, i64) {
    let (left, right) = (across(axis, from), across(axis, to));
    (left, right - left)
}

fn across(axis: &Axis, value: f64) -> i64 {
    (axis.place(value) * INNER).round() as i64
}

fn down(axis: &Axis, value: f64) -> i64 {
    ((1.0 - axis.place(value)) * INNER).round() as i64
}

fn percent(place: f64) -> f64 {
    (place * 10_000.0).round() / 100.0
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes all text");
}

/// Text for an element or an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
