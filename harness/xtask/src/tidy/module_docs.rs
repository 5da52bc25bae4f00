//! Rule: every module begins with `//!`, which says what it is for.

use super::{Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let silent = tree.with_extension("rs").filter(|(_, text)| !begins_with_docs(text));
    silent.map(|(path, _)| Finding::new(path, 1, "begin the module with `//!`: what it is for")).collect()
}

/// Whether the first line that says anything is a module comment with words in it.
fn begins_with_docs(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.and_then(|line| line.strip_prefix("//!")).is_some_and(|words| !words.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_its_comment_is_found() {
        let tree = Tree::of(&[
            ("a/src/said.rs", "//! Says what it is for.\nfn a() {}\n"),
            ("a/src/silent.rs", "use std::fmt;\n//! Too late.\n"),
            ("a/src/empty.rs", "//!\nfn a() {}\n"),
            ("a/notes.md", "no module"),
        ]);
        let paths: Vec<String> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["a/src/empty.rs", "a/src/silent.rs"]);
    }
}
