//! Rule: nothing committed says where on somebody's machine it was written.

use super::{Finding, Tree};

/// Directories of a machine. Written in two halves, so that this file does not break its own rule.
const EVERYWHERE: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
/// Fine in code that makes temporary files, not in a document or a report.
const DOCUMENTS_ONLY: &str = concat!("/tm", "p/");
/// What a document or a report is written in.
const DOCUMENT_ENDINGS: [&str; 5] = [".md", ".html", ".json", ".jsonl", ".yaml"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.texts().flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let document = DOCUMENT_ENDINGS.iter().any(|ending| path.ends_with(ending));
    let names = EVERYWHERE.into_iter().chain(document.then_some(DOCUMENTS_ONLY));
    let mut findings = Vec::new();
    for name in names {
        for (index, line) in text.lines().enumerate() {
            if begins_path(line, name) {
                findings.push(Finding::new(path, index + 1, format!("`{name}` is a path of one machine")));
            }
        }
    }
    findings
}

/// Whether `name` stands in `line` as the beginning of an absolute path, not inside another.
fn begins_path(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '/')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_are_found_and_relative_ones_are_not() {
        let (work, temporary) = (EVERYWHERE[0], DOCUMENTS_ONLY);
        let text = format!("fine: src{work}a\nhere: {work}a\n\"{temporary}b\"\n");
        let tree = Tree::of(&[("docs/a.md", &text), ("a/src/a.rs", &text)]);
        let places: Vec<(String, usize)> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let expected = [("a/src/a.rs", 2), ("docs/a.md", 2), ("docs/a.md", 3)];
        assert_eq!(places, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
