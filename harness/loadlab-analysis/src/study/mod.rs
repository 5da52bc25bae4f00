//! A study's tables, filled from its runs.
//!
//! ```text
//!   RunFile ──read──> Reading: what the tables need of one run
//!   Study + readings ──fill──> StudyResult: documented beside measured, within the band or not
//! ```
//!
//! A *reading* is small where a run file is large, so that a study of a hundred runs fits the memory. A
//! run that says nothing about the target (it could not be told, the generator was the limit, the
//! target was lost) gives no value, and the table says why.

mod cells;
mod findings;
mod matrix;
mod reading;
mod result;
#[cfg(test)]
mod tests;

use loadlab_scenario::study::{Body, Study, Table};

pub(crate) use cells::median;
pub use findings::{Findings, Found, findings};
pub use reading::{Reading, State, read, state};
pub use result::{
    CellResult, ColumnResult, Deviations, MatrixCell, MatrixRowResult, RowResult, StudyResult,
    StudyRunResult, TableBody, TableResult, Value,
};

/// The study's tables. Readings of runs that the study does not have are ignored.
pub fn fill(study: &Study, readings: &[Reading]) -> StudyResult {
    let tables: Vec<TableResult> = study.tables.iter().map(|one| table(study, one, readings)).collect();
    let filled = tables.iter().all(|table| table.filled);
    StudyResult {
        name: study.name.clone(),
        title: study.title.clone(),
        question: study.question.clone(),
        source: study.source.clone(),
        filled,
        tables,
        runs: runs(study, readings),
    }
}

fn table(study: &Study, table: &Table, readings: &[Reading]) -> TableResult {
    let (body, used) = match &table.body {
        Body::Rows { columns, rows } => {
            let rows: Vec<RowResult> = rows.iter().map(|one| cells::row(one, readings)).collect();
            let used = rows.iter().flat_map(|row| &row.cells).map(|cell| cell.run.clone()).collect();
            (TableBody::Rows { columns: columns.clone(), rows }, used)
        }
        Body::Matrix(matrix) => (matrix::fill(study, matrix, readings), Vec::new()),
    };
    TableResult {
        title: table.title.clone(),
        note: table.note.clone(),
        rows_are: table.rows_are.clone(),
        plot: table.plot,
        filled: body.filled(),
        deviations: deviations(&used, readings),
        body,
    }
}

/// What the scenarios of these runs say about their differences from the source, each scenario once.
fn deviations(used: &[String], readings: &[Reading]) -> Vec<Deviations> {
    let mut all: Vec<Deviations> = Vec::new();
    for run in used {
        let Some(reading) = readings.iter().find(|reading| reading.run == *run) else { continue };
        let told = all.iter().any(|known| known.scenario == reading.scenario);
        if !told && !reading.deviations.is_empty() {
            all.push(Deviations { scenario: reading.scenario.clone(), texts: reading.deviations.clone() });
        }
    }
    all
}

fn runs(study: &Study, readings: &[Reading]) -> Vec<StudyRunResult> {
    let of_run = |run: &loadlab_scenario::study::StudyRun| {
        let one = |plan: &loadlab_scenario::Plan| {
            let reading = readings.iter().find(|one| one.run == run.name && one.seed == plan.seed.get());
            StudyRunResult {
                name: run.name.clone(),
                title: run.title.clone(),
                scenario: run.scenario.clone(),
                overrides: run.overrides.iter().map(|one| format!("{}={}", one.path, one.value)).collect(),
                seed: plan.seed.get(),
                state: reading.map_or(State::NotRun, |reading| reading.state),
                why: reading.map_or_else(String::new, |reading| reading.why.clone()),
                report: reading.and_then(|reading| reading.report.clone()),
            }
        };
        run.plans.iter().map(one).collect::<Vec<_>>()
    };
    study.runs.iter().flat_map(of_run).collect()
}
