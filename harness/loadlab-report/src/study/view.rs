//! What is said about a study, in words: the same for every format.

use loadlab_analysis::study::{
    CellResult, Deviations, MatrixCell, RowResult, State, StudyResult, StudyRunResult, TableBody,
    TableResult, Value,
};
use serde::Serialize;

use super::plot;
use crate::{
    figures::{self, NOTHING},
    plots::PlotView,
};

/// A study in words.
#[derive(Debug, Serialize)]
pub(super) struct StudyView {
    pub(super) name: String,
    title: String,
    question: String,
    source: String,
    /// How it came out, in a sentence.
    pub(super) headline: String,
    tone: &'static str,
    pub(super) tables: Vec<TableView>,
    runs: Vec<RunView>,
}

/// A table in words.
#[derive(Debug, Serialize)]
pub(super) struct TableView {
    /// Its id on the page.
    id: String,
    pub(super) title: String,
    note: String,
    rows_are: String,
    /// How much of it is as documented.
    pub(super) summary: String,
    columns: Vec<String>,
    /// Rows of documented beside measured; empty for a matrix.
    rows: Vec<RowView>,
    /// A matrix, if it is one.
    matrix: Option<MatrixView>,
    plots: Vec<PlotView>,
    /// What is not as documented, or could not be filled, a line each.
    pub(super) differences: Vec<String>,
    deviations: Vec<Deviations>,
}

#[derive(Debug, Serialize)]
struct RowView {
    label: String,
    cells: Vec<CellView>,
}

#[derive(Debug, Serialize)]
struct CellView {
    column: String,
    documented: String,
    measured: String,
    /// Where several runs lie.
    range: String,
    /// `good`, `warn` or empty.
    tone: &'static str,
    /// `within`, `outside` or empty.
    within: &'static str,
    /// The run's report.
    href: String,
}

#[derive(Debug, Serialize)]
struct MatrixView {
    measure: String,
    columns: Vec<String>,
    /// What was measured without mitigations.
    baseline: Vec<MatrixCellView>,
    rows: Vec<MatrixRowView>,
}

#[derive(Debug, Serialize)]
struct MatrixRowView {
    label: String,
    cells: Vec<MatrixCellView>,
}

#[derive(Debug, Serialize)]
struct MatrixCellView {
    value: String,
    difference: String,
    href: String,
}

#[derive(Debug, Serialize)]
struct RunView {
    name: String,
    title: String,
    scenario: String,
    laid: String,
    seed: u64,
    state: &'static str,
    tone: &'static str,
    why: String,
    href: String,
}

impl StudyView {
    pub(super) fn of(study: &StudyResult) -> Self {
        let (within, compared) = study.compared();
        let rest = if study.filled { "" } else { "; some cells could not be filled" };
        let (headline, tone) = match (compared, study.filled) {
            (0, _) => (format!("nothing is compared with a document{rest}"), "warn"),
            (_, filled) => {
                let tone = if within == compared && filled { "good" } else { "warn" };
                (format!("{within} of {compared} measured values are as documented{rest}"), tone)
            }
        };
        let mut ids = plot::IDS.iter().copied();
        let table = |(n, one)| TableView::of(study, n, one, &mut ids);
        let tables = study.tables.iter().enumerate().map(table).collect();
        Self {
            name: study.name.clone(),
            title: study.title.clone(),
            question: study.question.clone(),
            source: study.source.clone().unwrap_or_default(),
            headline,
            tone,
            tables,
            runs: study.runs.iter().map(run).collect(),
        }
    }
}

fn run(run: &StudyRunResult) -> RunView {
    RunView {
        name: run.name.clone(),
        title: run.title.clone(),
        scenario: run.scenario.clone(),
        laid: run.overrides.join(", "),
        seed: run.seed,
        state: run.state.words(),
        tone: if run.state == State::Measured { "good" } else { "warn" },
        why: run.why.clone(),
        href: run.report.clone().unwrap_or_default(),
    }
}

/// Where the report of a run is; of several the first.
fn href(study: &StudyResult, run: &str) -> String {
    let mut reports = study.runs.iter().filter(|one| one.name == run).filter_map(|one| one.report.clone());
    reports.next().unwrap_or_default()
}

impl TableView {
    fn of(
        study: &StudyResult,
        number: usize,
        table: &TableResult,
        ids: &mut impl Iterator<Item = &'static str>,
    ) -> Self {
        let (columns, rows, matrix) = match &table.body {
            TableBody::Rows { columns, rows } => {
                let view = |row: &RowResult| RowView {
                    label: row.label.clone(),
                    cells: columns.iter().zip(&row.cells).map(|(name, one)| cell(study, name, one)).collect(),
                };
                (columns.clone(), rows.iter().map(view).collect(), None)
            }
            TableBody::Matrix { .. } => (Vec::new(), Vec::new(), Some(matrix(study, &table.body))),
        };
        Self {
            id: format!("table-{}", number + 1),
            title: table.title.clone(),
            note: table.note.clone().unwrap_or_default(),
            rows_are: table.rows_are.clone(),
            summary: summary(table),
            columns,
            rows,
            matrix,
            plots: if table.plot { plot::of(table, ids) } else { Vec::new() },
            differences: differences(table),
            deviations: table.deviations.clone(),
        }
    }
}

fn summary(table: &TableResult) -> String {
    let compared: Vec<bool> = table.compared().collect();
    let within = compared.iter().filter(|within| **within).count();
    let filled = if table.filled { "" } else { ", not all cells could be filled" };
    match (&table.body, compared.len()) {
        (TableBody::Matrix { measure, .. }, _) => {
            format!("{measure} with each mitigation, and the difference to the run without it{filled}")
        }
        (_, 0) => format!("nothing is compared with a document{filled}"),
        (_, all) => format!("{within} of {all} as documented{filled}"),
    }
}

fn cell(study: &StudyResult, column: &str, cell: &CellResult) -> CellView {
    CellView {
        column: column.to_owned(),
        documented: documented(cell),
        measured: measured(cell),
        range: range(cell),
        tone: match cell.within {
            Some(true) => "good",
            Some(false) => "warn",
            None => "",
        },
        within: match cell.within {
            Some(true) => "within",
            Some(false) => "outside",
            None => "",
        },
        href: href(study, &cell.run),
    }
}

fn documented(cell: &CellResult) -> String {
    match (&cell.documented, cell.band) {
        (Some(text), _) => text.clone(),
        (None, (None, None)) => NOTHING.to_owned(),
        (None, band) => figures::band(band, &cell.unit),
    }
}

fn measured(cell: &CellResult) -> String {
    match &cell.measured {
        Some(value) => text(value, cell),
        None if cell.filled => "none".to_owned(),
        None => "not determined".to_owned(),
    }
}

fn text(value: &Value, cell: &CellResult) -> String {
    match value {
        Value::Number(value) => {
            let limits: Vec<f64> = [cell.band.0, cell.band.1].into_iter().flatten().collect();
            figures::observed(Some(*value), &limits, &cell.unit)
        }
        Value::Words(words) => words.clone(),
    }
}

/// Least and most of several runs.
fn range(cell: &CellResult) -> String {
    match cell.each.as_slice() {
        [first, .., last] if matches!(first, Value::Number(_)) => {
            format!("{} to {}, {} runs", text(first, cell), text(last, cell), cell.each.len())
        }
        [_, _, ..] => {
            let same = cell.each.iter().filter(|one| Some(*one) == cell.measured.as_ref()).count();
            format!("{same} of {} runs", cell.each.len())
        }
        _ => String::new(),
    }
}

/// What is not as documented, and what could not be filled.
fn differences(table: &TableResult) -> Vec<String> {
    match &table.body {
        TableBody::Rows { columns, rows } => {
            rows.iter().flat_map(|row| row_differences(columns, row)).collect()
        }
        TableBody::Matrix { columns, rows, .. } => {
            let without = columns.iter().flat_map(|one| noted(&one.title, &one.notes));
            let with = rows.iter().flat_map(|row| {
                let cells = row.cells.iter().zip(columns);
                cells
                    .filter_map(|(cell, column)| Some((cell.as_ref()?, column)))
                    .flat_map(|(cell, column)| {
                        noted(&format!("{}, {}", row.label, column.title), &cell.notes)
                    })
                    .collect::<Vec<_>>()
            });
            without.chain(with).collect()
        }
    }
}

fn noted(what: &str, notes: &[String]) -> Vec<String> {
    notes.iter().map(|note| format!("{what}: {note}.")).collect()
}

fn row_differences(columns: &[String], row: &RowResult) -> Vec<String> {
    let mut lines = Vec::new();
    for (column, cell) in columns.iter().zip(&row.cells) {
        let what = format!("{}, {column}", row.label);
        if cell.within == Some(false) {
            let notes: Vec<String> = cell.notes.iter().map(|note| format!(" ({note})")).collect();
            let notes = notes.concat();
            lines.push(format!(
                "{what}: {} measured, {} documented{notes}.",
                measured(cell),
                documented(cell)
            ));
        } else {
            lines.extend(noted(&what, &cell.notes));
        }
    }
    if let (Some(note), false) = (&row.note, lines.is_empty()) {
        lines.push(format!("{}: {note}", row.label));
    }
    lines
}

fn matrix(study: &StudyResult, body: &TableBody) -> MatrixView {
    let TableBody::Matrix { measure, unit, columns, rows } = body else {
        unreachable!("the caller has a matrix")
    };
    let value = |value: Option<f64>| match value {
        Some(value) => figures::observed(Some(value), &[], unit),
        None => "not determined".to_owned(),
    };
    let baseline = columns.iter().map(|column| MatrixCellView {
        value: value(column.value),
        difference: String::new(),
        href: href(study, &column.run),
    });
    let one = |cell: &Option<MatrixCell>| match cell {
        None => MatrixCellView { value: NOTHING.to_owned(), difference: String::new(), href: String::new() },
        Some(cell) => MatrixCellView {
            value: value(cell.value),
            difference: cell.difference.map(|by| difference(by, unit)).unwrap_or_default(),
            href: href(study, &cell.run),
        },
    };
    let row = |row: &loadlab_analysis::study::MatrixRowResult| MatrixRowView {
        label: row.label.clone(),
        cells: row.cells.iter().map(one).collect(),
    };
    MatrixView {
        measure: measure.clone(),
        columns: columns.iter().map(|column| column.title.clone()).collect(),
        baseline: baseline.collect(),
        rows: rows.iter().map(row).collect(),
    }
}

/// A difference with its sign; of shares in points.
fn difference(by: f64, unit: &str) -> String {
    let sign = if by < 0.0 { "−" } else { "+" };
    let size = by.abs();
    match unit {
        "share" => format!("{sign}{:.1} points", size * 100.0),
        unit => format!("{sign}{}", figures::quantity(size, unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn differences_have_a_sign_and_shares_are_in_points() {
        assert_eq!(difference(-0.334, "share"), "−33.4 points");
        assert_eq!(difference(1.4, "s"), "+1.4 s");
        assert_eq!(difference(0.0, "s"), "+0 s");
    }
}
