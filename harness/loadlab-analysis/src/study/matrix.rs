//! A matrix: one measure of each run under each mitigation, less what the run gave without it.

use loadlab_scenario::study::{Matrix, Study};

use super::{
    ColumnResult, MatrixCell, MatrixRowResult, Reading, State, TableBody,
    cells::{median, unmeasured},
};
use crate::unit;

/// The filled matrix.
pub(super) fn fill(study: &Study, matrix: &Matrix, readings: &[Reading]) -> TableBody {
    let columns: Vec<ColumnResult> = matrix
        .columns
        .iter()
        .map(|name| {
            let (value, notes) = value(matrix, name, readings);
            let title = study.run(name).map_or_else(|| name.clone(), |run| run.title.clone());
            ColumnResult { run: name.clone(), title, value, notes }
        })
        .collect();
    let rows = matrix.rows.iter().map(|row| {
        let cells = row.runs.iter().zip(&columns).map(|(run, column)| {
            let run = run.as_ref()?;
            let (value, notes) = value(matrix, run, readings);
            let difference = value.zip(column.value).map(|(with, without)| with - without);
            Some(MatrixCell { run: run.clone(), value, difference, notes })
        });
        MatrixRowResult { label: row.label.clone(), cells: cells.collect() }
    });
    let rows = rows.collect();
    TableBody::Matrix {
        measure: matrix.of.text.clone(),
        unit: unit(&matrix.of.measure).to_owned(),
        columns,
        rows,
    }
}

/// The median of a run's seeds, and why some have no value.
fn value(matrix: &Matrix, run: &str, readings: &[Reading]) -> (Option<f64>, Vec<String>) {
    let mine: Vec<&Reading> = readings.iter().filter(|reading| reading.run == run).collect();
    let measured = mine.iter().filter(|reading| reading.state == State::Measured);
    let taken = measured.map(|reading| {
        let found = reading.measures.iter().find(|(of, _)| *of == matrix.of);
        found.and_then(|(_, value)| *value)
    });
    let taken: Vec<Option<f64>> = taken.collect();
    let mut values: Vec<f64> = taken.iter().copied().flatten().collect();
    values.sort_by(f64::total_cmp);
    let mut notes = unmeasured(&mine);
    if values.len() < taken.len() {
        notes.push(format!("nothing to take `{}` of", matrix.of.text));
    }
    (median(&values), notes)
}
