//! The rules of this repository that no other tool checks.
//!
//! ```text
//!   directory --Tree::read--> Tree (texts) --every rule--> findings, each at file:line
//! ```
//!
//! A rule is one file with one function over a [`Tree`] and its tests; [`RULES`] is the only place
//! that names them. Rules look at text only: they build nothing and need no git.

mod adr_numbers;
mod crate_arrows;
mod links;
mod machine_paths;
mod module_docs;
mod module_names;
mod pure_sources;
mod readme_commands;
mod scenario_table;
mod silent_crates;
mod sizes;
mod source;
mod tree;

use std::fmt;

pub(crate) use tree::Tree;

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, relative to the root of the repository.
    path: String,
    /// Its line, counted from 1.
    line: usize,
    /// What is wrong, and what to do.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A rule: its name, and what it finds.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

/// Every rule.
pub(crate) const RULES: [Rule; 11] = [
    ("module-docs", module_docs::check),
    ("module-names", module_names::check),
    ("sizes", sizes::check),
    ("crate-arrows", crate_arrows::check),
    ("pure-sources", pure_sources::check),
    ("silent-crates", silent_crates::check),
    ("scenario-table", scenario_table::check),
    ("links", links::check),
    ("machine-paths", machine_paths::check),
    ("adr-numbers", adr_numbers::check),
    ("readme-commands", readme_commands::check),
];

/// Everything that all rules find, with the name of the rule, in the order of the rules.
pub(crate) fn check(tree: &Tree) -> Vec<(&'static str, Finding)> {
    let mut findings = Vec::new();
    for (name, rule) in RULES {
        let mut found = rule(tree);
        found.sort();
        findings.extend(found.into_iter().map(|finding| (name, finding)));
    }
    findings
}

/// Findings as lines for people.
pub(crate) fn listing(findings: &[(&'static str, Finding)]) -> String {
    let line = |(rule, finding): &(&str, Finding)| format!("{finding} [{rule}]");
    let lines: Vec<String> = findings.iter().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_tidy() {
        let tree = Tree::read(&crate::repository::root()).expect("the repository can be read");
        let findings = check(&tree);
        assert!(findings.is_empty(), "\n{}", listing(&findings));
    }

    #[test]
    fn a_finding_names_file_and_line() {
        let finding = Finding::new("docs/STYLE.md", 7, "too long");
        assert_eq!(listing(&[("sizes", finding)]), "docs/STYLE.md:7: too long [sizes]");
    }
}
