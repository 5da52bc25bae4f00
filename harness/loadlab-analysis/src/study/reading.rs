//! What a study needs of one run.

use loadlab_record::{DocumentedResult, EndReason, RunFile, Verdict};
use loadlab_scenario::study::{Body, Observed, Study, What};
use serde::Serialize;

use super::{Findings, findings};
use crate::objectives::Measured;

/// What a study needs of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The run's name in the study.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Its scenario's name.
    pub scenario: String,
    /// Whether it says something about the target.
    pub state: State,
    /// Why it does not; empty if it does.
    pub why: String,
    /// Where its report is, from the study's folder.
    pub report: Option<String>,
    /// What its scenario documents, compared.
    pub documented: Vec<DocumentedResult>,
    /// Where its scenario differs from the source.
    pub deviations: Vec<String>,
    /// What the analysis of the failure found.
    pub findings: Findings,
    /// The study's measures of it, by the study's order.
    pub measures: Vec<(Observed, Option<f64>)>,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It says something about the target.
    Measured,
    /// It cannot be told (exit code 5).
    Inconclusive,
    /// The generator, not the target, was the limit (exit code 6).
    GeneratorLimited,
    /// The target did not start, or was lost (exit code 7).
    TargetLost,
    /// A signal ended it, or it was killed.
    Interrupted,
    /// It was not run.
    NotRun,
}

impl State {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Inconclusive => "inconclusive (exit 5)",
            Self::GeneratorLimited => "the generator was the limit (exit 6)",
            Self::TargetLost => "the target did not start, or was lost (exit 7)",
            Self::Interrupted => "interrupted",
            Self::NotRun => "not run",
        }
    }
}

impl Reading {
    /// A run of which nothing was measured.
    pub fn without(run: &str, seed: u64, scenario: &str, state: State, why: &str) -> Self {
        Self {
            run: run.to_owned(),
            seed,
            scenario: scenario.to_owned(),
            state,
            why: why.to_owned(),
            report: None,
            documented: Vec::new(),
            deviations: Vec::new(),
            findings: Findings::default(),
            measures: Vec::new(),
        }
    }
}

/// What became of a judged run, in the order in which `loadlab run` chooses its exit code.
pub fn state(run: &RunFile) -> State {
    match &run.ending.reason {
        EndReason::Signal(_) | EndReason::Killed => State::Interrupted,
        EndReason::TargetLost { .. } => State::TargetLost,
        _ if run.generator.limited => State::GeneratorLimited,
        _ if run.verdict == Verdict::Inconclusive => State::Inconclusive,
        _ => State::Measured,
    }
}

/// What the study needs of `run`, which is its run `name`. `report` is where its page is.
pub fn read(study: &Study, name: &str, run: &RunFile, report: Option<String>) -> Reading {
    let state = state(run);
    let mut reading = Reading::without(name, run.seed.get(), &run.scenario, state, &why(run, state));
    reading.report = report;
    reading.deviations =
        run.plan.documented.as_ref().map_or_else(Vec::new, |documented| documented.deviations.clone());
    if state == State::Measured {
        reading.documented.clone_from(&run.documented);
        reading.findings = findings(run);
        let measured = Measured::of(run);
        let wanted = wanted(study, name);
        reading.measures = wanted.into_iter().map(|of| (of.clone(), observe(&measured, of))).collect();
    }
    reading
}

/// Why a run says nothing, in a line.
fn why(run: &RunFile, state: State) -> String {
    match (state, &run.ending.reason) {
        (State::Measured, _) => String::new(),
        (State::TargetLost, EndReason::TargetLost { how }) => how.clone(),
        (State::GeneratorLimited, _) => run.generator.reasons.join("; "),
        _ => run.reasons.join("; "),
    }
}

/// The measures that the study's tables take of a run.
fn wanted<'s>(study: &'s Study, name: &str) -> Vec<&'s Observed> {
    let of_table = |body: &'s Body| match body {
        Body::Rows { rows, .. } => {
            let cells = rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.run == name);
            let measures = cells.filter_map(|cell| match &cell.what {
                What::Measure { of, .. } => Some(of),
                _ => None,
            });
            measures.collect::<Vec<_>>()
        }
        Body::Matrix(matrix) => {
            let tried = matrix.rows.iter().flat_map(|row| row.runs.iter().flatten());
            let is_in = matrix.columns.iter().chain(tried).any(|run| run == name);
            is_in.then_some(&matrix.of).into_iter().collect()
        }
    };
    study.tables.iter().flat_map(|table| of_table(&table.body)).collect()
}

fn observe(measured: &Measured<'_>, of: &Observed) -> Option<f64> {
    match (of.from, of.to) {
        (None, None) => measured.whole(&of.measure).value,
        (from, to) => measured.between(&of.measure, from.unwrap_or_default(), to).value,
    }
}
