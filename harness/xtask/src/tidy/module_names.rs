//! Rule: no module has a name that says nothing.

use super::{Finding, Tree, source};

/// Names under which anything could hide.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs").flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let by_file = path.trim_end_matches(".rs").split('/').find(|part| EMPTY_NAMES.contains(part));
    let mut findings: Vec<Finding> = by_file.map(|name| finding(path, 1, name)).into_iter().collect();
    for (index, line) in source::code_only(text).lines().enumerate() {
        let mut words = line.split_whitespace().skip_while(|word| *word != "mod").skip(1);
        let declared = words.next().map(|word| word.trim_end_matches([';', '{']));
        if let Some(name) = declared.filter(|name| EMPTY_NAMES.contains(name)) {
            findings.push(finding(path, index + 1, name));
        }
    }
    findings
}

fn finding(path: &str, line: usize, name: &str) -> Finding {
    Finding::new(path, line, format!("name the module after what it holds, not `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_found_in_paths_and_declarations() {
        let tree = Tree::of(&[
            ("a/src/util.rs", "//! Things.\n"),
            ("a/src/common/mod.rs", "//! Things.\n"),
            ("a/src/lib.rs", "//! All.\nmod pool;\npub(crate) mod misc;\n// mod helper;\n"),
        ]);
        let places: Vec<(String, usize)> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let expected = [("a/src/common/mod.rs", 1), ("a/src/lib.rs", 3), ("a/src/util.rs", 1)];
        assert_eq!(places, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
