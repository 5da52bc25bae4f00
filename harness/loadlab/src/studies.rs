//! The studies there are, and the plans of their runs.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use loadlab_scenario::{Diagnostics, Override, Plan, Source, Study, load_study};

use crate::{
    conductor::{self, external::External, reach::Reach},
    scenarios::{self, PlanError},
    shelf::{self, Found, Shipped, Unreadable, is_yaml},
};

/// Where studies are, below a folder of scenarios.
const FOLDER: &str = "studies";

/// Shipped studies, so that an installed binary needs no checkout.
const SHIPPED: &[Shipped] = &[(
    "scenarios/studies/stress-report.yaml",
    include_str!("../../../scenarios/studies/stress-report.yaml"),
)];

/// Longest time that nobody waits for on purpose, for a run of a study to begin and end: the stack comes
/// up, what is under way drains, the reports are written.
pub const AROUND_A_RUN_S: f64 = 6.0;

/// Why there is no study.
#[derive(Debug)]
pub enum StudyError {
    /// No study of this name.
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The file is there and cannot be read.
    Unreadable(Unreadable),
    /// The file has mistakes.
    Invalid(Diagnostics),
}

impl fmt::Display for StudyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, known } => f.write_str(&shelf::unknown("study", name, known)),
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::Invalid(diagnostics) => write!(f, "{diagnostics}"),
        }
    }
}

impl std::error::Error for StudyError {}

/// The study that `name` means: a file that exists, or a name.
pub fn find(name: &str) -> Result<Found, StudyError> {
    let found = shelf::find(name, folders(), SHIPPED).map_err(StudyError::Unreadable)?;
    found.ok_or_else(|| StudyError::Unknown { name: name.to_owned(), known: names() })
}

/// The names that [`find`] knows, sorted.
pub fn names() -> Vec<String> {
    shelf::names(folders(), SHIPPED)
}

fn folders() -> impl Iterator<Item = PathBuf> {
    scenarios::folders().map(|folder| folder.join(FOLDER))
}

/// The study of a file, every run planned and fit for this machine.
pub fn load(found: &Found) -> Result<Study, StudyError> {
    let folder = Path::new(&found.path).parent().unwrap_or(Path::new(""));
    let source = Source { path: &found.path, text: &found.text };
    load_study(&source, &|scenario, overrides| plan(folder, scenario, overrides)).map_err(StudyError::Invalid)
}

/// The plan of a run, or what is wrong with it, a line each. A scenario that is named by its file is
/// beside the study.
fn plan(folder: &Path, scenario: &str, overrides: &[Override]) -> Result<Plan, Vec<String>> {
    let beside = folder.join(scenario);
    let name = if scenario.contains('/') || is_yaml(&beside) {
        beside.display().to_string()
    } else {
        scenario.to_owned()
    };
    let plan =
        scenarios::find(&name).and_then(|found| scenarios::load(&found, overrides)).map_err(reasons)?;
    // Profile, mitigations and speed are known to nobody before this.
    conductor::check(&plan, &External::default(), &Reach::default())
        .map_err(|error| vec![error.to_string()])?;
    Ok(plan)
}

fn reasons(error: PlanError) -> Vec<String> {
    let PlanError::Invalid(diagnostics) = error else { return vec![error.to_string()] };
    let line = |one: &loadlab_scenario::Diagnostic| {
        let place = match (one.line, one.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", one.path),
            _ => one.path.clone(),
        };
        let accepted = one.accepted.as_ref().map(|forms| format!(" (accepted: {forms})")).unwrap_or_default();
        let meant =
            one.suggestion.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        format!("{place}: {}{accepted}{meant}", one.message)
    };
    diagnostics.0.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_study_of_the_repository_is_shipped_and_every_shipped_one_can_be_run() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        for entry in std::fs::read_dir(root.join("scenarios/studies")).expect("the folder is there").flatten()
        {
            let path = format!("scenarios/studies/{}", entry.file_name().to_string_lossy());
            assert!(SHIPPED.iter().any(|(shipped, _)| *shipped == path), "{path} is not shipped");
        }
        for (path, text) in SHIPPED {
            let study = load(&Found::from((*path, *text))).unwrap_or_else(|error| panic!("{error}"));
            assert!(!study.tables.is_empty(), "{path}");
        }
    }

    #[test]
    fn an_unknown_name_says_what_there_is_and_a_misspelt_one_what_was_meant() {
        let said = |name| find(name).expect_err("no such study").to_string();
        assert_eq!(
            said("strss-report"),
            "there is no study `strss-report`\n  hint: the nearest name is `stress-report`; `loadlab list` has all"
        );
        assert_eq!(said("banana"), "there is no study `banana`; there is stress-report");
    }
}
