//! The cascade as a graph: components from left to right by onset, arrows with their lags.
//!
//! Components that left their steady state within the resolution share a column, since their order is not
//! known. All text is that of the program: no escaping is needed.

use std::fmt::Write as _;

use loadlab_record::{CascadeEdge, Onset, RunFile};

use crate::figures;

/// Onsets this close share a column: windows and scrapes do not tell them apart.
const RESOLUTION_S: f64 = 1.0;
/// Size of a node.
const NODE: (f64, f64) = (138.0, 46.0);
/// Between columns, with room for a lag, and between rows.
const GAP: (f64, f64) = (92.0, 30.0);
/// Around the drawing.
const MARGIN: f64 = 10.0;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    column: usize,
    x: f64,
    y: f64,
}

/// The graph, if at least two components left their steady state.
pub(crate) fn graph(run: &RunFile) -> Option<String> {
    let cascade = &run.failure.as_deref()?.cascade;
    if cascade.onsets.len() < 2 {
        return None;
    }
    let columns = columns(&cascade.onsets);
    let rows = columns.iter().map(Vec::len).max()?;
    let width = columns.len() as f64 * (NODE.0 + GAP.0) - GAP.0 + 2.0 * MARGIN;
    let height = rows as f64 * (NODE.1 + GAP.1) - GAP.1 + 2.0 * MARGIN;
    let words: Vec<String> = cascade.onsets.iter().map(words).collect();
    let mut out = String::new();
    put(
        &mut out,
        format_args!(
            "<svg class=\"cascade\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" aria-label=\"In order: {}\">",
            words.join(", ")
        ),
    );
    out.push_str(
        "<defs><marker id=\"cascade-arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0 1L9 5L0 9z\"/></marker></defs>",
    );
    let place = |of: &Onset| place(&columns, rows, of);
    for edge in &cascade.edges {
        let find =
            |component| cascade.onsets.iter().find(|onset| onset.component == component).and_then(place);
        if let (Some(from), Some(to)) = (find(edge.from), find(edge.to)) {
            arrow(&mut out, from, to, edge);
        }
    }
    for onset in &cascade.onsets {
        if let Some(place) = place(onset) {
            node(&mut out, place, onset, cascade.edges.iter().any(|edge| edge.to == onset.component));
        }
    }
    out.push_str("</svg>");
    Some(out)
}

/// The onsets by columns, in order.
fn columns(onsets: &[Onset]) -> Vec<Vec<&Onset>> {
    let mut columns: Vec<Vec<&Onset>> = Vec::new();
    for onset in onsets {
        match columns.last_mut() {
            Some(last) if onset.at_s - last[0].at_s <= RESOLUTION_S => last.push(onset),
            _ => columns.push(vec![onset]),
        }
    }
    columns
}

fn place(columns: &[Vec<&Onset>], rows: usize, of: &Onset) -> Option<Place> {
    let column =
        columns.iter().position(|column| column.iter().any(|onset| onset.component == of.component))?;
    let row = columns[column].iter().position(|onset| onset.component == of.component)?;
    // A short column stands in the middle.
    let above = (rows - columns[column].len()) as f64 / 2.0;
    Some(Place {
        column,
        x: MARGIN + column as f64 * (NODE.0 + GAP.0),
        y: MARGIN + (row as f64 + above) * (NODE.1 + GAP.1),
    })
}

fn node(out: &mut String, place: Place, onset: &Onset, follows: bool) {
    let (x, y, (width, height)) = (place.x, place.y, NODE);
    let class = if follows { "node" } else { "node root" };
    let middle = x + width / 2.0;
    put(
        out,
        format_args!(
            "<g class=\"{class}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\
             <text x=\"{middle}\" y=\"{}\">{}</text><text class=\"at\" x=\"{middle}\" y=\"{}\">at {}</text></g>",
            y + 19.0,
            onset.component.trouble(),
            y + 36.0,
            figures::instant(onset.at_s)
        ),
    );
}

fn arrow(out: &mut String, from: Place, to: Place, edge: &CascadeEdge) {
    let (width, height) = NODE;
    if from.column == to.column {
        let (start, end) = if from.y < to.y { (from.y + height, to.y) } else { (from.y, to.y + height) };
        // Neighbours in a column are joined straight; others around those between them.
        let bend = if (to.y - from.y).abs() <= height + GAP.1 + 1.0 { 0.0 } else { width / 2.0 + 28.0 };
        let x = from.x + width / 2.0;
        put(
            out,
            format_args!(
                "<path class=\"edge\" d=\"M{x} {start}C{0} {start} {0} {end} {x} {end}\" \
                 marker-end=\"url(#cascade-arrow)\"/>",
                x + bend
            ),
        );
        return;
    }
    let (start, end) = ((from.x + width, from.y + height / 2.0), (to.x, to.y + height / 2.0));
    let reach = ((end.0 - start.0) / 2.0).max(30.0);
    put(
        out,
        format_args!(
            "<path class=\"edge\" d=\"M{} {}C{} {} {} {} {} {}\" marker-end=\"url(#cascade-arrow)\"/>\
             <text class=\"lag\" x=\"{}\" y=\"{}\">+{}</text>",
            start.0,
            start.1,
            start.0 + reach,
            start.1,
            end.0 - reach,
            end.1,
            end.0,
            end.1,
            end.0 - GAP.0 / 2.0,
            (end.1 + if (end.1 - start.1).abs() < 1.0 { -6.0 } else { 0.0 })
                + (start.1 - end.1).clamp(-14.0, 14.0),
            figures::seconds((edge.lag_s * 10.0).round() / 10.0)
        ),
    );
}

fn words(onset: &Onset) -> String {
    format!("{} at {}", onset.component.trouble(), figures::instant(onset.at_s))
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use loadlab_scenario::component::Component;

    use super::*;

    fn onset(component: Component, at_s: f64) -> Onset {
        Onset { component, at_s, before: 0.0, after: 1.0, unit: String::new() }
    }

    #[test]
    fn what_cannot_be_told_apart_shares_a_column() {
        let onsets =
            [onset(Component::Llm, 20.0), onset(Component::Pool, 20.6), onset(Component::Timeouts, 27.0)];
        let columns = columns(&onsets);
        assert_eq!(columns.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let places: Vec<Place> = onsets.iter().filter_map(|one| place(&columns, 2, one)).collect();
        assert!(
            places[0].y < places[2].y && places[2].y < places[1].y,
            "the lone one is in the middle: {places:?}"
        );
        assert!(places[0].x < places[2].x);
    }
}
