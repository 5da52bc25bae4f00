//! Rule: crates depend on each other in one direction, and the pure ones on nothing that does I/O.
//!
//! ```text
//!   clock <- scenario <- record <- analysis <- report <- loadlab
//!                            ^-- engine, chaos <- stack --^
//!   clock <- target-service <- loadlab
//! ```

use super::{Finding, Tree};

/// Each member, and the members it may depend on. `None`: on all.
const ARROWS: [(&str, Option<&[&str]>); 14] = [
    ("loadlab-clock", Some(&[])),
    ("loadlab-scenario", Some(&["loadlab-clock"])),
    ("loadlab-record", Some(&["loadlab-clock", "loadlab-scenario"])),
    ("loadlab-analysis", Some(&["loadlab-clock", "loadlab-scenario", "loadlab-record"])),
    ("loadlab-report", Some(&["loadlab-clock", "loadlab-scenario", "loadlab-record", "loadlab-analysis"])),
    ("loadlab-engine", Some(&["loadlab-clock", "loadlab-scenario", "loadlab-record"])),
    ("loadlab-chaos", Some(&["loadlab-clock", "loadlab-scenario", "loadlab-record", "loadlab-e2e"])),
    (
        "loadlab-stack",
        Some(&["loadlab-clock", "loadlab-scenario", "loadlab-record", "loadlab-chaos", "loadlab-e2e"]),
    ),
    ("target-service", Some(&["loadlab-clock", "loadlab-e2e"])),
    ("loadlab", None),
    ("loadlab-e2e", Some(&["loadlab-clock", "loadlab-record", "loadlab-analysis"])),
    ("xtask", None),
    // Outside of the workspace.
    ("loadlab-fuzz", Some(&["loadlab-chaos"])),
    ("toxiproxy-rust-check", Some(&[])),
];

/// The crates that do no I/O, read no clock and spawn nothing.
pub(super) const PURE: [&str; 4] =
    ["loadlab-scenario", "loadlab-record", "loadlab-analysis", "loadlab-report"];

/// What a pure crate has no use for.
const IMPURE: [&str; 12] = [
    "axum",
    "ctrlc",
    "flume",
    "goose",
    "hyper",
    "hyper-util",
    "redis",
    "reqwest",
    "rustix",
    "sysinfo",
    "tokio",
    "tokio-util",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.with_extension("toml").filter(|(path, _)| path.ends_with("/Cargo.toml"));
    manifests.flat_map(|(path, text)| in_manifest(path, text)).collect()
}

fn in_manifest(path: &str, text: &str) -> Vec<Finding> {
    let Some(package) = package_name(text) else {
        return vec![Finding::new(path, 1, "the manifest has no package name")];
    };
    let Some((_, allowed)) = ARROWS.iter().find(|(member, _)| *member == package) else {
        let message = format!("`{package}` has no place in the table of crate arrows: give it one");
        return vec![Finding::new(path, 1, message)];
    };
    let mut findings = Vec::new();
    for (line, dependency) in dependencies(text) {
        // A crate may test with a feature of itself.
        let is_member = dependency != package && ARROWS.iter().any(|(member, _)| *member == dependency);
        if is_member && allowed.is_some_and(|allowed| !allowed.contains(&dependency.as_str())) {
            findings.push(Finding::new(path, line, format!("`{package}` must not know `{dependency}`")));
        }
        if PURE.contains(&package.as_str()) && IMPURE.contains(&dependency.as_str()) {
            let message = format!("`{package}` is pure and must not depend on `{dependency}`");
            findings.push(Finding::new(path, line, message));
        }
    }
    findings
}

/// The `name` of `[package]`.
fn package_name(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| line.trim() != "[package]").skip(1);
    let line = lines.find(|line| line.trim_start().starts_with("name"))?;
    Some(line.split('"').nth(1)?.to_owned())
}

/// Line and crate name of every dependency, whatever its section. The manifests here have one
/// dependency a line, as `name.workspace = true`, `name = …` or `[dependencies.name]`.
fn dependencies(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            let named = section.rsplit_once("dependencies.").map(|(_, name)| name.to_owned());
            found.extend(named.map(|name| (index + 1, name)));
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let key = line.split(['.', '=', ' ']).next().unwrap_or_default().trim_matches('"');
            let renamed = line.split("package = \"").nth(1).and_then(|rest| rest.split('"').next());
            found.push((index + 1, renamed.unwrap_or(key).to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(package: &str, dependencies: &str) -> Vec<(usize, String)> {
        let text = format!("[package]\nname = \"{package}\"\n{dependencies}");
        let tree = Tree::of(&[("x/Cargo.toml", &text)]);
        check(&tree).into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn an_arrow_against_the_direction_is_found() {
        let found = findings("loadlab-engine", "[dependencies]\nloadlab-stack.workspace = true\n");
        assert_eq!(found, [(4, "`loadlab-engine` must not know `loadlab-stack`".to_owned())]);
        let fine = "[dependencies]\nloadlab-record.workspace = true\ntokio.workspace = true\n";
        assert_eq!(findings("loadlab-engine", fine), []);
    }

    #[test]
    fn a_pure_crate_does_not_even_test_with_a_runtime() {
        let found = findings("loadlab-report", "[dev-dependencies]\nserde = \"1\"\ntokio = \"1\"\n");
        assert_eq!(found, [(5, "`loadlab-report` is pure and must not depend on `tokio`".to_owned())]);
    }

    #[test]
    fn a_dependency_cannot_hide_in_a_section_or_behind_another_name() {
        let section = findings("loadlab-record", "[dependencies.hyper]\nversion = \"1\"\n");
        let renamed =
            findings("loadlab-record", "[dependencies]\nh = { package = \"hyper\", version = \"1\" }\n");
        assert_eq!((section.len(), renamed.len()), (1, 1));
    }

    #[test]
    fn a_new_crate_needs_a_place_in_the_table() {
        assert!(findings("loadlab-new", "")[0].1.contains("no place in the table"));
    }
}
