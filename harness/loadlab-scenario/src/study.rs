//! A study after parsing, defaulting and validation: the runs with their plans, and the tables that are
//! filled from them. Who fills them is `loadlab-analysis`.
//!
//! ```text
//!   study file --read--> file types --build--> Study { runs: [StudyRun { plans }], tables }
//!                            scenario, overrides ──plan_of──> Plan      (the caller's function)
//! ```
//!
//! Every run is planned when the study is read, so that nothing starts while any of them is wrong.

use std::time::Duration;

use loadlab_clock::{Seed, text::optional_duration};
use serde::Serialize;

use crate::{
    Diagnostics, Override, Plan, Source,
    build::{self, Builder},
    document::{Document, Place, Problem, Problems, Text},
    field::At,
    file::study::StudyFile,
    objective::Measure,
    read, yaml,
};

/// Runs, and the tables that are filled from them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Study {
    /// The file's stem.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The question that it answers.
    pub question: String,
    /// The document beside which it is held.
    pub source: Option<String>,
    /// What is run, in order: those that the file lists, then those that its matrices need.
    pub runs: Vec<StudyRun>,
    /// What is told.
    pub tables: Vec<Table>,
}

/// One run, or one for each of its seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyRun {
    /// Unique in the study.
    pub name: String,
    /// For people.
    pub title: String,
    /// The scenario, as the file names it.
    pub scenario: String,
    /// Laid over the scenario, in order.
    pub overrides: Vec<Override>,
    /// Where its randomness comes from; empty: the scenario's own seed.
    pub seeds: Vec<Seed>,
    /// What is carried out: a plan for each seed.
    #[serde(skip)]
    pub plans: Vec<Plan>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Its heading.
    pub title: String,
    /// What to know about it.
    pub note: Option<String>,
    /// What its rows are.
    pub rows_are: String,
    /// Whether its numbers are drawn over its rows.
    pub plot: bool,
    /// What is in it.
    pub body: Body,
}

/// What is in a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Documented beside measured.
    Rows {
        /// Headings.
        columns: Vec<String>,
        /// Each with as many cells as there are columns.
        rows: Vec<Row>,
    },
    /// One measure by mitigation and run.
    Matrix(Matrix),
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its heading.
    pub label: String,
    /// One for each column.
    pub cells: Vec<Cell>,
    /// Why it does not come out as documented, where somebody knows.
    pub note: Option<String>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// The run that it is of.
    pub run: String,
    /// What it shows.
    pub what: What,
    /// What the source says, where it is not the band that says it.
    pub documented: Option<String>,
}

/// What a cell shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An outcome that the run's scenario documents, by its name.
    Outcome(String),
    /// A measure, and the band in which it is as documented.
    Measure {
        /// What is measured.
        of: Observed,
        /// Least and most, in the measure's unit.
        band: (Option<f64>, Option<f64>),
    },
    /// A time that the analysis of the failure found.
    Time {
        /// Which.
        which: TimeFinding,
        /// Least and most, in seconds.
        band: (Option<f64>, Option<f64>),
    },
    /// What the analysis of the failure found, in words.
    Word {
        /// Which.
        which: WordFinding,
        /// What it must say to be as documented; `None`: it is compared with nothing.
        expect: Option<String>,
    },
}

/// A measure of a stretch of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observed {
    /// As written: `p95`.
    pub text: String,
    /// What is measured.
    pub measure: Measure,
    /// From when on; `None`: from the start.
    #[serde(with = "optional_duration")]
    pub from: Option<Duration>,
    /// Until when; `None`: to the end.
    #[serde(with = "optional_duration")]
    pub to: Option<Duration>,
}

/// A time that the analysis of a failure finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFinding {
    /// From the start of load or fault to the first failure.
    ToFailure,
    /// From the end of load or fault until all is well for good.
    ToRecovery,
}

/// What the analysis of a failure finds, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WordFinding {
    /// What kind of failure it was.
    FailureMode,
    /// The resource that was full first.
    FirstSaturated,
}

/// One measure by mitigation and run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// What is measured.
    pub of: Observed,
    /// The runs without mitigations.
    pub columns: Vec<String>,
    /// The mitigations.
    pub rows: Vec<MatrixRow>,
}

/// A mitigation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixRow {
    /// Its heading.
    pub label: String,
    /// The run with it, for each column; `None` where it is not tried.
    pub runs: Vec<Option<String>>,
}

impl StudyRun {
    /// What is laid over its scenario for one of its seeds.
    pub fn overrides(&self, seed: Option<Seed>) -> Vec<Override> {
        let seed = seed.map(|seed| Override { path: "seed".to_owned(), value: seed.to_string() });
        self.overrides.iter().cloned().chain(seed).collect()
    }
}

impl Study {
    /// The run of a name.
    pub fn run(&self, name: &str) -> Option<&StudyRun> {
        self.runs.iter().find(|run| run.name == name)
    }
}

/// The caller's way from a scenario's name and what is laid over it to a plan, or what is wrong with
/// it, one line each.
pub type PlanOf<'a> = dyn Fn(&str, &[Override]) -> Result<Plan, Vec<String>> + 'a;

/// The study that a file means, or all of its mistakes.
pub fn load_study(source: &Source<'_>, plan_of: &PlanOf<'_>) -> Result<Study, Diagnostics> {
    let problems = Problems::default();
    let study = study(source, plan_of, &problems);
    let problems = problems.into_vec();
    match study {
        Some(study) if problems.is_empty() => Ok(study),
        _ => Err(Diagnostics::new(problems)),
    }
}

fn study(source: &Source<'_>, plan_of: &PlanOf<'_>, problems: &Problems) -> Option<Study> {
    let text = Text::file(source.path, source.text.strip_prefix('\u{feff}').unwrap_or(source.text));
    let mut document = Document::new();
    let Some(root) = yaml::read(&text, 0..text.content.len(), &mut document, problems) else {
        if problems.is_empty() {
            problems.add(Problem::new(Place { text, range: 0..0 }, "the file is empty"));
        }
        return None;
    };
    document.root = root;
    let file: At<StudyFile> = read::read(&document, problems)?;
    let no_files = |_: &str| Err("a study reads no data".to_owned());
    let builder = Builder { document: &document, problems, read_file: &no_files, path: source.path };
    build::study::study(builder, file.value.as_ref()?, plan_of)
}
