//! A table's numbers over its rows, with the documented band shaded.

use loadlab_analysis::study::{CellResult, TableBody, TableResult, Value};

use crate::{
    chart::{Axis, Bar, Chart, Height, Layer},
    figures,
    plots::{Plot, PlotView, view},
};

/// Names of the drawings on the page; a study with more columns of numbers has tables for them.
pub(super) const IDS: [&str; 12] = [
    "study-a", "study-b", "study-c", "study-d", "study-e", "study-f", "study-g", "study-h", "study-i",
    "study-j", "study-k", "study-l",
];
/// Half of a band's width, where two rows are 1 apart.
const BAND_HALF: f64 = 0.36;

/// A plot for each column in which something was measured as a number.
pub(super) fn of(table: &TableResult, ids: &mut impl Iterator<Item = &'static str>) -> Vec<PlotView> {
    let TableBody::Rows { columns, rows } = &table.body else { return Vec::new() };
    let labels: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    let mut plots = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let cells: Vec<Option<&CellResult>> = rows.iter().map(|row| row.cells.get(index)).collect();
        if cells.iter().flatten().any(|cell| number(cell).is_some())
            && let Some(id) = ids.next()
        {
            plots.push(view(column_plot(id, (column, &table.rows_are), &labels, &cells)));
        }
    }
    plots
}

fn number(cell: &CellResult) -> Option<f64> {
    match cell.measured {
        Some(Value::Number(value)) => Some(value),
        _ => None,
    }
}

fn column_plot(
    id: &'static str,
    (column, rows_are): (&str, &str),
    labels: &[&str],
    cells: &[Option<&CellResult>],
) -> Plot {
    let unit = cells.iter().flatten().find(|cell| number(cell).is_some()).map_or("", |cell| &cell.unit);
    let edges = cells.iter().flatten().flat_map(|cell| [cell.band.0, cell.band.1]).flatten();
    let values = cells.iter().flatten().filter_map(|cell| number(cell));
    let highest = edges.chain(values).fold(0.0, f64::max);
    let y = match unit {
        "s" => Axis::seconds(column, highest),
        "share" => Axis::shares(column, highest),
        _ => Axis::numbers(column, highest),
    };
    let band = |(index, cell): (usize, Option<&CellResult>)| {
        let (low, high) = cell?.band;
        if low.is_none() && high.is_none() {
            return None;
        }
        let at = index as f64;
        let (low, high) = (low.unwrap_or(y.low()), high.unwrap_or(y.high()));
        Some(Bar { from: at - BAND_HALF, to: at + BAND_HALF, low, high })
    };
    let bands: Vec<Bar> = cells.iter().copied().enumerate().filter_map(band).collect();
    let points = cells.iter().enumerate().map(|(at, cell)| (at as f64, cell.and_then(number))).collect();
    let within = cells.iter().flatten().filter_map(|cell| cell.within).filter(|within| *within).count();
    let compared = cells.iter().flatten().filter(|cell| cell.within.is_some()).count();
    let mut layers = Vec::new();
    if !bands.is_empty() {
        layers.push(Layer::bars("documented", "s2 soft", bands));
    }
    layers.push(Layer::line("measured", "s1 strong", points));
    let chart = Chart {
        id,
        title: format!("{column} by {rows_are}"),
        x: Axis::categories(rows_are, labels),
        y,
        layers,
        bands: Vec::new(),
        rules: Vec::new(),
        marks: Vec::new(),
        height: Height::Full,
    };
    let note =
        format!("{} of {} as documented.", figures::count(within as u64), figures::count(compared as u64));
    Plot { chart, note }
}
