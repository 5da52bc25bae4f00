//! `loadlab validate`: every mistake of every file, at once.

use serde::Serialize;

use crate::{
    cli::{OutputFormat, ValidateArgs},
    exit::Exit,
    output,
    scenarios::{self, PlanError},
};

#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    valid: bool,
    /// The mistakes, with their places.
    diagnostics: serde_json::Value,
}

/// Checks the files.
pub(crate) fn execute(arguments: &ValidateArgs) -> Exit {
    let mut checked = Vec::new();
    for file in &arguments.files {
        let result = scenarios::find(file).and_then(|found| scenarios::load(&found, &[]));
        if arguments.format == OutputFormat::Text {
            match &result {
                Ok(plan) => output::result(&format!("{file}: valid: {}", plan.title)),
                Err(error) => output::result(&error.to_string()),
            }
        }
        checked.push(Checked {
            file: file.clone(),
            valid: result.is_ok(),
            diagnostics: diagnostics(result.err()),
        });
    }
    if arguments.format == OutputFormat::Json {
        output::json(&checked);
    }
    if checked.iter().all(|file| file.valid) { Exit::Pass } else { Exit::Invalid }
}

fn diagnostics(error: Option<PlanError>) -> serde_json::Value {
    match error {
        None => serde_json::Value::Array(Vec::new()),
        Some(PlanError::Invalid(diagnostics)) => serde_json::to_value(&diagnostics.0).unwrap_or_default(),
        Some(other) => serde_json::json!([{ "message": other.to_string() }]),
    }
}
