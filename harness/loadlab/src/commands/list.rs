//! `loadlab list`: the scenarios there are with the question of each, the studies, and what scenarios can
//! use by name: faults, profiles of the reference target, and mitigations.

use std::path::Path;

use loadlab_scenario::named_fault;
use serde::Serialize;
use target_service::profile::{Mitigation, Profile, ProfileError};

use crate::{
    cli::{ListArgs, OutputFormat},
    exit::Exit,
    output, scenarios,
    shelf::Found,
    studies,
};

#[derive(Debug, Serialize)]
struct Row {
    kind: Kind,
    name: String,
    title: String,
    question: String,
    path: String,
    /// Why it cannot be run; null if it can.
    problem: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Scenario,
    Study,
    Fault,
    Profile,
    Mitigation,
}

impl Kind {
    /// What stands above them.
    const fn heading(self) -> Option<&'static str> {
        match self {
            Self::Scenario => None,
            Self::Study => Some("Studies, for `loadlab study`:"),
            Self::Fault => Some("Faults, for `use` in a scenario:"),
            Self::Profile => Some("Profiles of the reference target, for `--profile`:"),
            Self::Mitigation => Some("Mitigations, for `--with`:"),
        }
    }
}

/// Prints the scenarios and the named faults.
pub(crate) fn execute(arguments: &ListArgs) -> Exit {
    let mut rows: Vec<Row> = scenarios::names().into_iter().map(row).collect();
    rows.extend(studies::names().into_iter().map(study_row));
    match scenarios::faults(Path::new("")) {
        Ok(faults) => rows.extend(faults.iter().filter_map(fault_row)),
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), None),
    }
    rows.extend(
        Profile::names().into_iter().map(|name| named_row(Kind::Profile, name, Profile::title(name))),
    );
    let title = |name| Mitigation::named(name).map(|mitigation| mitigation.title);
    rows.extend(Mitigation::names().into_iter().map(|name| named_row(Kind::Mitigation, name, title(name))));
    match arguments.format {
        OutputFormat::Json => output::json(&rows),
        OutputFormat::Text => {
            output::result(&table(&rows));
            Exit::Pass
        }
    }
}

fn row(name: String) -> Row {
    let found = scenarios::find(&name);
    let path = found.as_ref().map(|found| found.path.clone()).unwrap_or_default();
    match found.and_then(|found| scenarios::load(&found, &[])) {
        Ok(plan) => Row {
            kind: Kind::Scenario,
            name,
            title: plan.title,
            question: plan.question,
            path,
            problem: None,
        },
        Err(error) => {
            let problem = error.to_string().lines().next().map(str::to_owned);
            Row { kind: Kind::Scenario, name, title: String::new(), question: String::new(), path, problem }
        }
    }
}

fn study_row(name: String) -> Row {
    let found = studies::find(&name);
    let path = found.as_ref().map(|found| found.path.clone()).unwrap_or_default();
    let (title, question, problem) = match found.and_then(|found| studies::load(&found)) {
        Ok(study) => (study.title, study.question, None),
        Err(error) => (String::new(), String::new(), error.to_string().lines().next().map(str::to_owned)),
    };
    Row { kind: Kind::Study, name, title, question, path, problem }
}

fn fault_row(found: &Found) -> Option<Row> {
    let named = scenarios::named(found)?;
    let (name, path) = (named.name.to_owned(), found.path.clone());
    let (title, problem) = match named_fault(&named) {
        Ok(summary) => (summary.title, None),
        Err(error) => (String::new(), error.to_string().lines().next().map(str::to_owned)),
    };
    Some(Row { kind: Kind::Fault, name, title, question: String::new(), path, problem })
}

/// A profile or a mitigation; its path is where it is in the repository.
fn named_row(kind: Kind, name: &str, title: Result<String, ProfileError>) -> Row {
    let folder = if kind == Kind::Mitigation { "mitigations/" } else { "" };
    let path = format!("target-service/profiles/{folder}{name}.yaml");
    let (title, problem) = match title {
        Ok(title) => (title, None),
        Err(error) => (String::new(), Some(error.to_string())),
    };
    Row { kind, name: name.to_owned(), title, question: String::new(), path, problem }
}

fn table(rows: &[Row]) -> String {
    let widest = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let line = |row: &Row| match (&row.problem, row.kind) {
        (None, Kind::Scenario | Kind::Study) => format!("{:widest$}  {}", row.name, row.question),
        (None, _) => format!("{:widest$}  {}", row.name, row.title),
        (Some(problem), Kind::Scenario | Kind::Study) => {
            format!("{:widest$}  cannot be run: {problem}", row.name)
        }
        (Some(problem), _) => format!("{:widest$}  cannot be used: {problem}", row.name),
    };
    let mut lines = Vec::new();
    for kind in [Kind::Scenario, Kind::Study, Kind::Fault, Kind::Profile, Kind::Mitigation] {
        let mut of_kind = rows.iter().filter(|row| row.kind == kind).map(line).peekable();
        match kind.heading() {
            None if of_kind.peek().is_none() => lines.push("There are no scenarios here.".to_owned()),
            Some(heading) if of_kind.peek().is_some() => lines.extend([String::new(), heading.to_owned()]),
            _ => {}
        }
        lines.extend(of_kind);
    }
    lines.join("\n")
}
