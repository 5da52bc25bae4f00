//! YAML text to a validated plan.
//!
//! ```text
//!   text --yaml--> Document <--overrides-- `--set path=value`
//!                     |    <--named-- faults that a scenario uses by name
//!                     +--read--> file types --build--> Plan
//!                     |             |
//!                     |             +--schema--> JSON schema
//!                     v
//!                 Problems --diagnostic--> `file:LINE:COLUMN: …`, caret, accepted forms
//! ```
//!
//! Every mistake is reported at once: each stage adds what it finds to the same list and goes on.
//! There is one description of the format, the file types; the schema is made of them.
//!
//! Pure: files that a scenario names are read by the caller's function.

pub mod arms;
mod build;
pub mod component;
pub mod condition;
mod diagnostic;
mod document;
pub mod fault;
mod field;
mod file;
mod named;
mod nearest;
pub mod objective;
mod overrides;
pub mod parse;
pub mod plan;
pub mod quantity;
mod ramp;
mod read;
mod schema;
mod size;
pub mod study;
pub mod template;
mod think;
mod trial;
mod yaml;

use document::{Document, Place, Problem, Problems, Text};

pub use diagnostic::{Diagnostic, Diagnostics};
pub use named::{NamedFault, NamedSummary, named_fault};
pub use nearest::nearest;
pub use overrides::Override;
pub use plan::Plan;
pub use schema::{schema, study_schema};
pub use size::Needs;
pub use study::{Study, load_study};
pub use trial::{LoadAxis, TrialError, TrialTimes};

/// A scenario's text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its path as it is shown in messages. The plan is named after it.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// The plan that a scenario means, with `overrides` laid over it, or all of its mistakes.
///
/// `read_file` gives the text of a file, by the path that the scenario has (relative to the scenario),
/// or the reason why it cannot be read.
pub fn load(
    source: &Source<'_>,
    overrides: &[Override],
    read_file: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Plan, Diagnostics> {
    load_with(source, overrides, read_file, &[])
}

/// As [`load`], where the scenario may use the faults of `named`.
pub fn load_with(
    source: &Source<'_>,
    overrides: &[Override],
    read_file: &dyn Fn(&str) -> Result<String, String>,
    named: &[NamedFault<'_>],
) -> Result<Plan, Diagnostics> {
    let problems = Problems::default();
    let plan = plan(source, overrides, read_file, named, &problems);
    let problems = problems.into_vec();
    match plan {
        Some(plan) if problems.is_empty() => Ok(plan),
        _ => Err(Diagnostics::new(problems)),
    }
}

fn plan(
    source: &Source<'_>,
    overrides: &[Override],
    read_file: &dyn Fn(&str) -> Result<String, String>,
    named: &[NamedFault<'_>],
    problems: &Problems,
) -> Option<Plan> {
    // A byte order mark is no part of the text.
    let text = Text::file(source.path, source.text.strip_prefix('\u{feff}').unwrap_or(source.text));
    let mut document = Document::new();
    let root = yaml::read(&text, 0..text.content.len(), &mut document, problems);
    let Some(root) = root else {
        if problems.is_empty() {
            problems.add(Problem::new(Place { text, range: 0..0 }, "the file is empty"));
        }
        return None;
    };
    document.root = root;
    overrides::apply(overrides, &mut document, problems);
    named::resolve(named, &mut document, problems);
    let file: field::At<file::ScenarioFile> = read::read(&document, problems)?;
    let builder = build::Builder { document: &document, problems, read_file, path: source.path };
    build::plan(builder, file.value.as_ref()?)
}
