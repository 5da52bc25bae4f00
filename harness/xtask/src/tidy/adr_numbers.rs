//! Rule: decision records are numbered 0001, 0002, … without gaps, and all are in the index.

use super::{Finding, Tree};

const DIRECTORY: &str = "docs/adr";
const INDEX: &str = "docs/adr/README.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let records = tree.listed(DIRECTORY, "md").into_iter().filter(|path| *path != INDEX);
    let index = tree.text(INDEX).unwrap_or_default();
    let mut findings = Vec::new();
    for (position, path) in records.enumerate() {
        let name = path.trim_start_matches("docs/adr/");
        let expected = format!("{:04}-", position + 1);
        if !name.starts_with(&expected) {
            findings.push(Finding::new(path, 1, format!("the next record is numbered {expected}")));
        }
        if !index.contains(&format!("]({name})")) {
            findings.push(Finding::new(path, 1, format!("it is not in the index, {INDEX}")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_doubles_and_unlisted_records_are_found() {
        let tree = Tree::of(&[
            ("docs/adr/README.md", "[1](0001-a.md) [2](0002-b.md) [4](0004-d.md)"),
            ("docs/adr/0001-a.md", ""),
            ("docs/adr/0002-b.md", ""),
            ("docs/adr/0002-c.md", ""),
            ("docs/adr/0004-d.md", ""),
        ]);
        let found: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/adr/0002-c.md:1: the next record is numbered 0003-",
                "docs/adr/0002-c.md:1: it is not in the index, docs/adr/README.md",
            ]
        );
    }
}
