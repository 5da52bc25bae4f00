//! The workflow files under `docs/ci` say what the program understands.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;

/// The files, each with what reads it.
const FILES: [&str; 2] = ["github.yml", "gitlab.yml"];

fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/ci").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every text in a document.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The commands of loadlab in a document, each in one line: name of the command, and its arguments.
fn commands(document: &Value) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    texts(document, &mut found);
    let lines: Vec<String> = found
        .iter()
        .flat_map(|text| text.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let loadlab = lines.iter().filter_map(|line| line.trim().strip_prefix("loadlab "));
    let words = loadlab.map(|rest| {
        // What stands in quotes is somebody's own command, and what follows `||` is the shell's.
        let own = rest.split(" || ").next().unwrap_or(rest);
        let outside: String = own.split('\'').step_by(2).collect::<Vec<_>>().join(" COMMAND ");
        let mut words = outside.split_whitespace().map(str::to_owned);
        (words.next().unwrap_or_default(), words.collect())
    });
    words.collect()
}

fn help(command: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_loadlab")).args([command, "--help"]).output().expect("it starts");
    assert!(output.status.success(), "there is no `loadlab {command}`");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn they_are_yaml_and_run_a_gate() {
    for name in FILES {
        let commands = commands(&parsed(name));
        let names: Vec<&str> = commands.iter().map(|(command, _)| command.as_str()).collect();
        assert_eq!(names, ["gate"], "{name}");
    }
}

#[test]
fn they_name_only_flags_that_there_are() {
    for name in FILES {
        for (command, arguments) in commands(&parsed(name)) {
            let help = help(&command);
            let flags: Vec<&String> = arguments.iter().filter(|word| word.starts_with("--")).collect();
            assert!(flags.len() >= 3, "{name}: {flags:?}");
            for flag in flags {
                let is_told = help.lines().any(|line| line.split_whitespace().any(|word| word == flag));
                assert!(is_told, "{name}: `loadlab {command}` has no {flag}\n{help}");
            }
        }
    }
}

#[test]
fn what_github_needs_of_a_job_is_there() {
    let document = parsed("github.yml");
    let steps = document["jobs"]["gate"]["steps"].as_array().expect("steps");
    let uses: Vec<&str> = steps.iter().filter_map(|step| step["uses"].as_str()).collect();
    for action in ["actions/checkout@", "actions/upload-artifact@", "mikepenz/action-junit-report@"] {
        assert!(uses.iter().any(|used| used.starts_with(action)), "{action}: {uses:?}");
    }
    let kept = steps.iter().find(|step| step["with"]["path"] == "gates").expect("the folder is kept");
    assert_eq!(kept["if"], "always()");
}

#[test]
fn what_gitlab_needs_of_a_job_is_there() {
    let job = &parsed("gitlab.yml")["gate"];
    assert_eq!(job["artifacts"]["when"], "always");
    assert_eq!(job["artifacts"]["reports"]["junit"], "gates/*/junit.xml");
    assert_eq!(job["artifacts"]["paths"][0], "gates");
    assert_eq!(job["allow_failure"]["exit_codes"], serde_json::json!([5, 6]));
}
