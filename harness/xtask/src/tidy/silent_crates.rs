//! Rule: nothing below the binary prints, exits, reads the environment or parses arguments.

use super::{Finding, Tree, source};

/// Crates that may: the binary, these tasks, the end-to-end tests and the reference target.
const LOUD: [&str; 4] = ["harness/loadlab/", "harness/xtask/", "target-service/", "tests/"];
/// What a library does not do, and what it does instead.
const FORBIDDEN: [(&str, &str); 7] = [
    ("println!", "return the text"),
    ("print!", "return the text"),
    ("dbg!", "return the text"),
    ("process::exit", "return an error"),
    ("env::var", "take a parameter"),
    ("env::args", "take a parameter"),
    ("clap::", "take a parameter"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let libraries = tree.with_extension("rs").filter(|(path, _)| !may_speak(path));
    libraries.flat_map(|(path, text)| in_file(path, text)).collect()
}

fn may_speak(path: &str) -> bool {
    LOUD.iter().any(|loud| path.starts_with(loud))
        || ["/main.rs", "/bin/", "/examples/"].iter().any(|binary| path.contains(binary))
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let code = source::code_only(source::production(path, text));
    let mut findings = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let used = FORBIDDEN.iter().find(|(name, _)| line.contains(name));
        findings.extend(used.map(|(name, instead)| {
            Finding::new(path, index + 1, format!("a library does not use `{name}`: {instead}"))
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_speaks_is_found_and_a_binary_is_not() {
        let text = "//! A.\nfn a() {\n    eprintln!(\"hello\");\n    std::process::exit(1);\n}\n";
        let tree = Tree::of(&[
            ("harness/loadlab-engine/src/a.rs", text),
            ("harness/loadlab/src/main.rs", text),
            ("harness/loadlab-engine/src/b.rs", "//! `println!` is not for us.\n"),
        ]);
        let places: Vec<(String, usize)> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let path = "harness/loadlab-engine/src/a.rs".to_owned();
        assert_eq!(places, [(path.clone(), 3), (path, 4)]);
    }
}
