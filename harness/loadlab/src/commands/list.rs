//! `loadlab list`: the scenarios there are with the question of each, the studies, and the faults that
//! scenarios can use by name.

use std::path::Path;

use loadlab_scenario::named_fault;
use serde::Serialize;

use crate::{
    cli::{ListArgs, OutputFormat},
    exit::Exit,
    output, scenarios, studies,
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
}

/// Prints the scenarios and the named faults.
pub(crate) fn execute(arguments: &ListArgs) -> Exit {
    let mut rows: Vec<Row> = scenarios::names().into_iter().map(row).collect();
    rows.extend(studies::names().into_iter().map(study_row));
    match scenarios::faults(Path::new("")) {
        Ok(faults) => rows.extend(faults.iter().filter_map(fault_row)),
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), None),
    }
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

fn fault_row(found: &scenarios::Found) -> Option<Row> {
    let named = scenarios::named(found)?;
    let (name, path) = (named.name.to_owned(), found.path.clone());
    let (title, problem) = match named_fault(&named) {
        Ok(summary) => (summary.title, None),
        Err(error) => (String::new(), error.to_string().lines().next().map(str::to_owned)),
    };
    Some(Row { kind: Kind::Fault, name, title, question: String::new(), path, problem })
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "There are no scenarios here.".to_owned();
    }
    let widest = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let line = |row: &Row| match (&row.problem, row.kind) {
        (None, Kind::Scenario | Kind::Study) => format!("{:widest$}  {}", row.name, row.question),
        (None, Kind::Fault) => format!("{:widest$}  {}", row.name, row.title),
        (Some(problem), Kind::Scenario | Kind::Study) => {
            format!("{:widest$}  cannot be run: {problem}", row.name)
        }
        (Some(problem), Kind::Fault) => format!("{:widest$}  cannot be used: {problem}", row.name),
    };
    let lines = |kind| rows.iter().filter(move |row| row.kind == kind).map(line).collect::<Vec<_>>();
    let headed = |heading: &str, lines: Vec<String>| {
        let heading = if lines.is_empty() { Vec::new() } else { vec![String::new(), heading.to_owned()] };
        [heading, lines].concat()
    };
    let studies = headed("Studies, for `loadlab study`:", lines(Kind::Study));
    let faults = headed("Faults, for `use` in a scenario:", lines(Kind::Fault));
    [lines(Kind::Scenario), studies, faults].concat().join("\n")
}
