//! Rule: the README says the two commands that must always work, and continuous integration runs
//! the README's test command, letter for letter. `cargo run` finds `loadlab` without being told.

use super::{Finding, Tree};

const README: &str = "README.md";
const CI: &str = ".ci/run";
const RUN_COMMAND: &str = "cargo run --release -- run 100-concurrent";
const TEST_COMMAND: &str = "cargo test --release";
const BINARY: &str = "harness/loadlab/Cargo.toml";
const DEFAULT_RUN: &str = "default-run = \"loadlab\"";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let says = [(README, RUN_COMMAND), (README, TEST_COMMAND), (CI, TEST_COMMAND), (BINARY, DEFAULT_RUN)];
    let missing = says.into_iter().filter(|(path, command)| !has_line(tree, path, command));
    missing.map(|(path, command)| Finding::new(path, 1, format!("no line is `{command}`"))).collect()
}

fn has_line(tree: &Tree, path: &str, command: &str) -> bool {
    tree.text(path).is_some_and(|text| text.lines().any(|line| line.trim() == command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_commands_stand_alone_on_a_line() {
        let readme = format!("```\n{RUN_COMMAND}\n{TEST_COMMAND}\n```\n");
        let binary = format!("[package]\n{DEFAULT_RUN}\n");
        let ci = format!("#!/bin/sh\n{TEST_COMMAND}\n");
        let good = Tree::of(&[(README, &readme), (CI, &ci), (BINARY, &binary)]);
        assert_eq!(check(&good), []);
        let ci = "cargo test --release --package one\n";
        let other = Tree::of(&[(README, &readme), (CI, ci), (BINARY, &binary)]);
        assert_eq!(check(&other), [Finding::new(CI, 1, "no line is `cargo test --release`")]);
    }
}
