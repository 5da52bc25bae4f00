//! The study file as it is written. What a valid one means is a [`crate::study::Study`].

use std::time::Duration;

use loadlab_clock::Seed;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judge::{BandEdge, MeasureLine};
use crate::{
    field::{At, Either, Leaf, Names},
    parse::{Words, quantity::Name},
};

/// A loadlab study: runs, and the tables that are filled from them beside what a source documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Study")]
pub(crate) struct StudyFile {
    /// One line for people.
    pub(crate) title: Leaf<String>,
    /// The question that the study answers.
    pub(crate) question: Leaf<String>,
    /// The document beside which it is held: `stress-test report`.
    pub(crate) source: Option<Leaf<String>>,
    /// What is run, in this order.
    pub(crate) runs: At<Vec<At<StudyRunFile>>>,
    /// What is told.
    pub(crate) tables: At<Vec<At<TableFile>>>,
}

/// One run, or one for each of its seeds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StudyRun")]
pub(crate) struct StudyRunFile {
    /// Its name in the tables and for `--only`. Default: the scenario's name.
    pub(crate) name: Option<Leaf<String>>,
    /// For people. Default: the name.
    pub(crate) title: Option<Leaf<String>>,
    /// The scenario: a name from `loadlab list`, or a file.
    pub(crate) scenario: Leaf<String>,
    /// The reference target's profile. Default: the scenario's.
    pub(crate) profile: Option<Leaf<Name>>,
    /// Mitigations laid over the profile.
    pub(crate) with: Option<At<Vec<Leaf<Name>>>>,
    /// Values laid over the scenario, by path, as `--set` takes them.
    pub(crate) set: Option<At<Names<Leaf<String>>>>,
    /// Where its randomness comes from. Default: the scenario's seed.
    pub(crate) seed: Option<Leaf<Seed>>,
    /// Several: it is run once with each, and the tables show the median and the range.
    pub(crate) seeds: Option<At<Vec<Leaf<Seed>>>>,
}

/// A table: either `columns` and `rows`, or `matrix`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Table")]
pub(crate) struct TableFile {
    /// Its heading.
    pub(crate) title: Leaf<String>,
    /// What to know about it.
    pub(crate) note: Option<Leaf<String>>,
    /// What its rows are: `load`. Default: `scenario`; of a matrix `mitigation`.
    pub(crate) rows_are: Option<Leaf<String>>,
    /// Whether its numbers are drawn over its rows. Default: false.
    pub(crate) plot: Option<Leaf<bool>>,
    /// Headings of its columns.
    pub(crate) columns: Option<At<Vec<Leaf<String>>>>,
    /// Its rows.
    pub(crate) rows: Option<At<Vec<At<RowFile>>>>,
    /// Mitigations by runs.
    pub(crate) matrix: Option<At<MatrixFile>>,
}

/// A row.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Row")]
pub(crate) struct RowFile {
    /// Its heading.
    pub(crate) label: Leaf<String>,
    /// The run that its cells are of.
    pub(crate) run: Leaf<String>,
    /// A cell for each column: the name of an outcome that the scenario documents, or more.
    pub(crate) cells: At<Vec<Either<String, CellFile>>>,
    /// Why it does not come out as documented, where somebody knows.
    pub(crate) note: Option<Leaf<String>>,
}

/// A cell: one of `outcome`, `measure`, `finding`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cell")]
pub(crate) struct CellFile {
    /// An outcome that the scenario documents, by its name; measure and band are the scenario's.
    pub(crate) outcome: Option<Leaf<String>>,
    /// What is measured: `p95`.
    pub(crate) measure: Option<Leaf<MeasureLine>>,
    /// What the analysis of the failure found.
    pub(crate) finding: Option<Leaf<FindingWord>>,
    /// The run that it is of. Default: the row's.
    pub(crate) run: Option<Leaf<String>>,
    /// What the source says, as it is shown. Default: the band, or `expect`.
    pub(crate) documented: Option<Leaf<String>>,
    /// For a finding in words: what it must say to be as documented. Default: `documented`.
    pub(crate) expect: Option<Leaf<String>>,
    /// The least that is as documented: of a measure in its unit, of a time a duration.
    pub(crate) min: Option<Leaf<BandEdge>>,
    /// The most that is as documented.
    pub(crate) max: Option<Leaf<BandEdge>>,
    /// For a measure: only what ended from then on counts, since the run's start.
    pub(crate) from: Option<Leaf<Duration>>,
    /// For a measure: only what ended before then.
    pub(crate) to: Option<Leaf<Duration>>,
}

/// One measure of each run under each mitigation, beside the run without. The runs with mitigations
/// are made from the study's runs and need not be listed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Matrix")]
pub(crate) struct MatrixFile {
    /// What is measured: `loss`.
    pub(crate) measure: Leaf<MeasureLine>,
    /// Only what ended from then on counts, since the run's start.
    pub(crate) from: Option<Leaf<Duration>>,
    /// Only what ended before then.
    pub(crate) to: Option<Leaf<Duration>>,
    /// The runs without mitigations: the columns.
    pub(crate) runs: At<Vec<Leaf<String>>>,
    /// The mitigations: the rows.
    pub(crate) rows: At<Vec<At<MatrixRowFile>>>,
}

/// A mitigation, or several at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MatrixRow")]
pub(crate) struct MatrixRowFile {
    /// Its heading. Default: the mitigations' names.
    pub(crate) label: Option<Leaf<String>>,
    /// Another profile instead of the run's.
    pub(crate) profile: Option<Leaf<Name>>,
    /// Mitigations laid over the profile.
    pub(crate) with: Option<At<Vec<Leaf<Name>>>>,
    /// Values laid over the scenario, by path, as `--set` takes them.
    pub(crate) set: Option<At<Names<Leaf<String>>>>,
    /// Only these of the runs. Default: all.
    pub(crate) on: Option<At<Vec<Leaf<String>>>>,
}

/// What the analysis of a failure finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FindingWord {
    FailureMode,
    TimeToFailure,
    TimeToRecovery,
    FirstSaturated,
}

impl Words for FindingWord {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("failure_mode", Self::FailureMode),
        ("time_to_failure", Self::TimeToFailure),
        ("time_to_recovery", Self::TimeToRecovery),
        ("first_saturated", Self::FirstSaturated),
    ];
}
