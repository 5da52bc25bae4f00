//! Rule: whatever YAML is shipped has a row in the table of its directory's README.

use super::{Finding, Tree};

/// Where files are shipped, and the README that lists them.
const SHIPPED: [(&str, &str); 5] = [
    ("scenarios", "scenarios/README.md"),
    ("scenarios/capacity", "scenarios/README.md"),
    ("scenarios/studies", "scenarios/README.md"),
    ("chaos/faults", "chaos/README.md"),
    ("chaos/exercises", "chaos/README.md"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    SHIPPED.iter().flat_map(|(directory, readme)| in_directory(tree, directory, readme)).collect()
}

fn in_directory(tree: &Tree, directory: &str, readme: &str) -> Vec<Finding> {
    let table = tree.text(readme).unwrap_or_default();
    let base = readme.trim_end_matches("README.md");
    let listed = |path: &str| {
        let link = format!("]({})", path.trim_start_matches(base));
        table.lines().any(|line| line.starts_with('|') && line.contains(&link))
    };
    let missing = tree.listed(directory, "yaml").into_iter().filter(|path| !listed(path));
    missing.map(|path| Finding::new(path, 1, format!("it has no row in the table of {readme}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_row_is_found() {
        let table = "| file |\n|---|\n| [a](a.yaml) |\n| [d](studies/d.yaml) |\n\n[b](b.yaml)\n";
        let tree = Tree::of(&[
            ("scenarios/README.md", table),
            ("scenarios/a.yaml", ""),
            ("scenarios/b.yaml", ""),
            ("scenarios/studies/d.yaml", ""),
            ("chaos/faults/e.yaml", ""),
        ]);
        let paths: Vec<String> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["scenarios/b.yaml", "chaos/faults/e.yaml"]);
    }
}
