//! A filled study. It is written as `study.json`.

use serde::Serialize;

use super::State;

/// A filled study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyResult {
    /// The study's name.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The question that it answers.
    pub question: String,
    /// The document beside which it is held.
    pub source: Option<String>,
    /// Whether every cell could be filled.
    pub filled: bool,
    /// The tables.
    pub tables: Vec<TableResult>,
    /// Every run, each seed one.
    pub runs: Vec<StudyRunResult>,
}

/// A run of a study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyRunResult {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// Its scenario.
    pub scenario: String,
    /// What was laid over the scenario: `path=value`.
    pub overrides: Vec<String>,
    /// Its seed.
    pub seed: u64,
    /// What became of it.
    pub state: State,
    /// Why it says nothing about the target; empty if it does.
    pub why: String,
    /// Where its report is, from the study's folder.
    pub report: Option<String>,
}

/// A filled table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableResult {
    /// Its heading.
    pub title: String,
    /// What to know about it.
    pub note: Option<String>,
    /// What its rows are.
    pub rows_are: String,
    /// Whether its numbers are drawn over its rows.
    pub plot: bool,
    /// Whether every cell could be filled.
    pub filled: bool,
    /// What is in it.
    pub body: TableBody,
    /// Where its scenarios differ from the source.
    pub deviations: Vec<Deviations>,
}

/// Where a scenario differs from the source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deviations {
    /// Which.
    pub scenario: String,
    /// Each with its reason.
    pub texts: Vec<String>,
}

/// What is in a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableBody {
    /// Documented beside measured.
    Rows {
        /// Headings.
        columns: Vec<String>,
        /// Rows.
        rows: Vec<RowResult>,
    },
    /// One measure by mitigation and run.
    Matrix {
        /// What is measured, as written.
        measure: String,
        /// Its unit: `s`, `share`, `/s` or empty.
        unit: String,
        /// The runs without mitigations.
        columns: Vec<ColumnResult>,
        /// The mitigations.
        rows: Vec<MatrixRowResult>,
    },
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowResult {
    /// Its heading.
    pub label: String,
    /// One for each column.
    pub cells: Vec<CellResult>,
    /// Why it does not come out as documented, where somebody knows.
    pub note: Option<String>,
}

/// A cell: documented beside measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellResult {
    /// The run that it is of.
    pub run: String,
    /// What the source says, where it is not the band that says it.
    pub documented: Option<String>,
    /// Least and most that are as documented.
    pub band: (Option<f64>, Option<f64>),
    /// The unit of the numbers: `s`, `share`, `/s` or empty.
    pub unit: String,
    /// What was measured: of several runs the median, or what most of them show. Null if nothing was.
    pub measured: Option<Value>,
    /// What each run gave, of those that gave something.
    pub each: Vec<Value>,
    /// Whether what was measured is as documented. Null if there is nothing to compare.
    pub within: Option<bool>,
    /// Whether the cell could be filled: with a value, or with the reason why there is none to give.
    pub filled: bool,
    /// Why there is no value, or not one of each run.
    pub notes: Vec<String>,
}

/// A value of a cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// In the cell's unit.
    Number(f64),
    /// In words.
    Words(String),
}

/// A column of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnResult {
    /// The run without mitigations.
    pub run: String,
    /// For people.
    pub title: String,
    /// What it gave. Null if nothing.
    pub value: Option<f64>,
    /// Why it gave nothing.
    pub notes: Vec<String>,
}

/// A row of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixRowResult {
    /// The mitigation.
    pub label: String,
    /// One for each column; null where it was not tried.
    pub cells: Vec<Option<MatrixCell>>,
}

/// What a mitigation did to a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixCell {
    /// The run with it.
    pub run: String,
    /// What it gave. Null if nothing.
    pub value: Option<f64>,
    /// The same less what the run without it gave.
    pub difference: Option<f64>,
    /// Why it gave nothing.
    pub notes: Vec<String>,
}

impl TableBody {
    /// Whether every cell could be filled.
    pub fn filled(&self) -> bool {
        match self {
            Self::Rows { rows, .. } => rows.iter().flat_map(|row| &row.cells).all(|cell| cell.filled),
            Self::Matrix { columns, rows, .. } => {
                let mut cells = rows.iter().flat_map(|row| row.cells.iter().flatten());
                columns.iter().all(|column| column.value.is_some()) && cells.all(|cell| cell.value.is_some())
            }
        }
    }
}

impl StudyResult {
    /// The cells that are compared with something documented: how many are as documented, of how many.
    pub fn compared(&self) -> (usize, usize) {
        let within: Vec<bool> = self.tables.iter().flat_map(TableResult::compared).collect();
        (within.iter().filter(|within| **within).count(), within.len())
    }
}

impl TableResult {
    /// Of each compared cell whether it is as documented.
    pub fn compared(&self) -> impl Iterator<Item = bool> + '_ {
        let rows = match &self.body {
            TableBody::Rows { rows, .. } => rows.as_slice(),
            TableBody::Matrix { .. } => &[],
        };
        rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.within)
    }
}
