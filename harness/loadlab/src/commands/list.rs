//! `loadlab list`: the scenarios there are, and the question of each.

use serde::Serialize;

use crate::{
    cli::{ListArgs, OutputFormat},
    exit::Exit,
    output, scenarios,
};

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    title: String,
    question: String,
    path: String,
    /// Why it cannot be run; null if it can.
    problem: Option<String>,
}

/// Prints the scenarios.
pub(crate) fn execute(arguments: &ListArgs) -> Exit {
    let rows: Vec<Row> = scenarios::names().into_iter().map(row).collect();
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
        Ok(plan) => Row { name, title: plan.title, question: plan.question, path, problem: None },
        Err(error) => {
            let problem = error.to_string().lines().next().map(str::to_owned);
            Row { name, title: String::new(), question: String::new(), path, problem }
        }
    }
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "There are no scenarios here.".to_owned();
    }
    let widest = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let line = |row: &Row| match &row.problem {
        None => format!("{:widest$}  {}", row.name, row.question),
        Some(problem) => format!("{:widest$}  cannot be run: {problem}", row.name),
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
