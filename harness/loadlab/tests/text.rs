//! The text that users see: help of every command, and what is said about a wrong command line.

use assert_cmd::Command;

/// Standard output, standard error and exit code of `loadlab ARGUMENTS`, as one text.
fn said(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadlab"));
    let output =
        command.args(arguments).env("NO_COLOR", "1").env("COLUMNS", "100").output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    format!(
        "{}{}exit code {}\n",
        text(output.stdout),
        text(output.stderr),
        output.status.code().expect("it ends by itself")
    )
}

#[test]
fn every_command_explains_itself() {
    insta::assert_snapshot!("help", said(&["--help"]));
    let commands = [
        "run",
        "study",
        "gate",
        "compare",
        "trend",
        "merge",
        "list",
        "show",
        "validate",
        "schema",
        "report",
        "up",
        "proxy",
        "doctor",
        "completions",
    ];
    for command in commands {
        insta::assert_snapshot!(format!("help-{command}"), said(&[command, "--help"]));
    }
    insta::assert_snapshot!("help-proxy-reset", said(&["proxy", "reset", "--help"]));
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    insta::assert_snapshot!("no-arguments", said(&[]));
    insta::assert_snapshot!("unknown-command", said(&["rnu", "100-concurrent"]));
    insta::assert_snapshot!("unknown-option", said(&["run", "100-concurrent", "--sped", "2"]));
    insta::assert_snapshot!(
        "profile-and-target",
        said(&["run", "x", "--profile", "a", "--target", "http://b"])
    );
}

#[test]
fn hidden_faces_say_what_they_are() {
    assert!(said(&["role"]).starts_with("loadlab role: name a role: redis, sql, llm, service, gateway"));
}

#[test]
fn schemas_are_json() {
    for of in ["scenario", "run"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_loadlab")).args(["schema", of]).output().expect("it starts");
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(schema["properties"].is_object(), "{of}: {schema}");
    }
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let text = said(&["completions", shell]);
        assert!(
            text.contains("validate") && text.contains("--dry-run") || shell == "fish",
            "{shell}: {text}"
        );
    }
}
