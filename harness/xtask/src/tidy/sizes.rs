//! Rule: files and functions stay small enough to be read at once.

use super::{Finding, Tree, source};

/// Most production lines of a file, from the style guide. Readable codebases of this kind have 200
/// to 400 at their ninetieth percentile.
const FILE_LINES_MAX: usize = 500;
/// Most lines with code of a function's body, from the style guide; clippy has the same bound.
const FUNCTION_LINES_MAX: usize = 70;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs").flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let production = source::production(path, text);
    let lines = production.lines().count();
    let mut findings = Vec::new();
    if lines > FILE_LINES_MAX {
        let message = format!("{lines} production lines, over {FILE_LINES_MAX}: split the module");
        findings.push(Finding::new(path, FILE_LINES_MAX + 1, message));
    }
    for function in source::functions(&source::code_only(production)) {
        let (name, lines) = (&function.name, function.code_lines);
        if lines > FUNCTION_LINES_MAX {
            let message = format!("`{name}` has {lines} lines, over {FUNCTION_LINES_MAX}: split it");
            findings.push(Finding::new(path, function.line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found_and_its_tests_are_not_counted() {
        let (line, tests) = ("// a\n", "#[cfg(test)]\nmod tests {\n");
        let short = format!("{}{tests}{}", line.repeat(500), line.repeat(900));
        let long = line.repeat(501);
        let tree = Tree::of(&[("a/src/short.rs", &short), ("a/src/long.rs", &long)]);
        let message = "501 production lines, over 500: split the module";
        assert_eq!(check(&tree), [Finding::new("a/src/long.rs", 501, message)]);
    }

    #[test]
    fn a_long_function_is_found_at_its_first_line() {
        let body = |lines: usize| format!("\nfn work() {{\n{}}}\n", "    step();\n".repeat(lines));
        let tree = Tree::of(&[("a/src/short.rs", &body(70)), ("a/src/long.rs", &body(71))]);
        let message = "`work` has 71 lines, over 70: split it";
        assert_eq!(check(&tree), [Finding::new("a/src/long.rs", 2, message)]);
    }
}
