//! Cells: what a run gave, beside what is documented.

use loadlab_scenario::{
    objective::Compare,
    study::{Cell, Row, TimeFinding, What, WordFinding},
};

use super::{CellResult, Found, Reading, RowResult, State, Value};
use crate::{holds, unit};

/// Least and most that are as documented.
type Band = (Option<f64>, Option<f64>);

/// A row.
pub(super) fn row(row: &Row, readings: &[Reading]) -> RowResult {
    let cells = row.cells.iter().map(|one| cell(one, readings)).collect();
    RowResult { label: row.label.clone(), cells, note: row.note.clone() }
}

/// What one run says about a cell.
enum Said {
    Number(f64),
    /// The names that it goes by, the first for people.
    Words(Vec<String>),
    /// It was looked for, and there is none.
    Nothing(String),
    /// Nobody looked.
    Unknown(String),
}

fn cell(cell: &Cell, readings: &[Reading]) -> CellResult {
    let mine: Vec<&Reading> = readings.iter().filter(|reading| reading.run == cell.run).collect();
    let measured: Vec<&Reading> =
        mine.iter().copied().filter(|reading| reading.state == State::Measured).collect();
    let (band, unit) = band(&cell.what, &measured);
    let said: Vec<Said> = measured.iter().map(|reading| said(&cell.what, reading)).collect();
    let mut result = CellResult {
        run: cell.run.clone(),
        documented: cell.documented.clone().or_else(|| expected(&cell.what)),
        band,
        unit,
        measured: None,
        each: Vec::new(),
        within: None,
        filled: false,
        notes: unmeasured(&mine),
    };
    numbers(&mut result, &said);
    words(&mut result, &said, &cell.what);
    nothing(&mut result, &said);
    result
}

/// What a finding in words must say.
fn expected(what: &What) -> Option<String> {
    if let What::Word { expect, .. } = what { expect.clone() } else { None }
}

/// Why runs gave nothing.
pub(super) fn unmeasured(mine: &[&Reading]) -> Vec<String> {
    if mine.is_empty() {
        return vec![State::NotRun.words().to_owned()];
    }
    let note = |reading: &&Reading| {
        let seed = if mine.len() > 1 { format!("seed {}: ", reading.seed) } else { String::new() };
        let why = if reading.why.is_empty() { String::new() } else { format!(": {}", reading.why) };
        format!("{seed}{}{why}", reading.state.words())
    };
    mine.iter().filter(|reading| reading.state != State::Measured).map(note).collect()
}

/// What is documented as a band, and its unit.
fn band(what: &What, measured: &[&Reading]) -> (Band, String) {
    match what {
        What::Outcome(name) => {
            let results = measured.iter().flat_map(|reading| &reading.documented);
            let found = results.into_iter().find(|result| result.name == *name);
            found.map_or_else(Default::default, |result| (result.band, result.unit.clone()))
        }
        What::Measure { of, band } => (*band, unit(&of.measure).to_owned()),
        What::Time { band, .. } => (*band, "s".to_owned()),
        What::Word { .. } => Default::default(),
    }
}

fn said(what: &What, reading: &Reading) -> Said {
    let number = |value: Option<f64>| value.map_or_else(|| Said::Nothing(String::new()), Said::Number);
    let unknown = || Said::Unknown("not determined".to_owned());
    match what {
        What::Outcome(name) => {
            let found = reading.documented.iter().find(|result| result.name == *name);
            // The run file was written from a plan that had it.
            found.map_or_else(unknown, |result| observed(result.observed, &result.measure))
        }
        What::Measure { of, .. } => {
            let found = reading.measures.iter().find(|(known, _)| known == of);
            observed(found.and_then(|(_, value)| *value), &of.text)
        }
        What::Time { which, .. } => {
            let found = match which {
                TimeFinding::ToFailure => &reading.findings.time_to_failure,
                TimeFinding::ToRecovery => &reading.findings.time_to_recovery,
            };
            match found {
                None => unknown(),
                Some(Found::This(seconds)) => number(Some(*seconds)),
                Some(Found::Nothing(why)) => Said::Nothing(why.clone()),
            }
        }
        What::Word { which, .. } => {
            let found = match which {
                WordFinding::FailureMode => &reading.findings.failure_mode,
                WordFinding::FirstSaturated => &reading.findings.first_saturated,
            };
            match found {
                None => unknown(),
                Some(Found::This(words)) => Said::Words(words.clone()),
                Some(Found::Nothing(why)) => Said::Nothing(why.clone()),
            }
        }
    }
}

/// A measure, or that the run has nothing to take it of.
fn observed(value: Option<f64>, text: &str) -> Said {
    value.map_or_else(|| Said::Unknown(format!("nothing to take `{text}` of")), Said::Number)
}

fn numbers(result: &mut CellResult, said: &[Said]) {
    let mut values: Vec<f64> = said
        .iter()
        .filter_map(|one| if let Said::Number(value) = one { Some(*value) } else { None })
        .collect();
    values.sort_by(f64::total_cmp);
    let Some(median) = median(&values) else { return };
    result.each = values.into_iter().map(Value::Number).collect();
    result.measured = Some(Value::Number(median));
    result.within = within(result.band, median);
    result.filled = true;
}

/// The middle of sorted values; the mean of the two in the middle.
pub(crate) fn median(sorted: &[f64]) -> Option<f64> {
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

/// Whether a value lies in a band, ends included; `None` if there is no band.
fn within((min, max): Band, value: f64) -> Option<bool> {
    (min.is_some() || max.is_some()).then(|| {
        min.is_none_or(|min| holds(Compare::GreaterOrEqual, value, min))
            && max.is_none_or(|max| holds(Compare::LessOrEqual, value, max))
    })
}

fn words(result: &mut CellResult, said: &[Said], what: &What) {
    let all: Vec<&Vec<String>> =
        said.iter().filter_map(|one| if let Said::Words(words) = one { Some(words) } else { None }).collect();
    // What most runs show; of several the first.
    let often = |words: &Vec<String>| all.iter().filter(|other| **other == words).count();
    let Some(most) = all.iter().rev().max_by_key(|words| often(words)) else { return };
    let shown = |words: &Vec<String>| Value::Words(words.join(", "));
    result.each = all.iter().map(|words| shown(words)).collect();
    result.measured = Some(shown(most));
    result.filled = true;
    if let What::Word { expect: Some(expect), .. } = what {
        let expect = expect.to_lowercase();
        result.within = Some(most.iter().any(|name| name.to_lowercase() == expect));
    }
}

/// Why some runs gave no value. A reason is an answer: what never failed has no time to failure.
fn nothing(result: &mut CellResult, said: &[Said]) {
    for one in said {
        let note = match one {
            Said::Nothing(why) => {
                result.filled = true;
                why
            }
            Said::Unknown(why) => why,
            Said::Number(_) | Said::Words(_) => continue,
        };
        if !note.is_empty() && !result.notes.contains(note) {
            result.notes.push(note.clone());
        }
    }
    let banded = result.band.0.is_some() || result.band.1.is_some();
    if result.filled && result.measured.is_none() && banded {
        result.within = Some(false);
    }
}
