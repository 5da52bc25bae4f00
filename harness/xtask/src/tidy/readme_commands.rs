//! Rule: the README says the two commands that must always work, and continuous integration runs
//! the README's test command, letter for letter.

use super::{Finding, Tree};

const README: &str = "README.md";
const CI: &str = ".ci/run";
const RUN_COMMAND: &str = "cargo run --release -- run 100-concurrent";
const TEST_COMMAND: &str = "cargo test --release";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let says = [(README, RUN_COMMAND), (README, TEST_COMMAND), (CI, TEST_COMMAND)];
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
        let good = Tree::of(&[(README, &readme), (CI, &format!("#!/bin/sh\n{TEST_COMMAND}\n"))]);
        assert_eq!(check(&good), []);
        let other = Tree::of(&[(README, &readme), (CI, "cargo test --release --package one\n")]);
        assert_eq!(check(&other), [Finding::new(CI, 1, "no line is `cargo test --release`")]);
    }
}
