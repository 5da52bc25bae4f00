//! Rule: the pure crates do no I/O, read no clock and spawn nothing. Their tests may.

use super::{Finding, Tree, crate_arrows::PURE, source};

/// Parts of the standard library that a pure crate does not touch.
const STD_MODULES: [&str; 5] = ["env", "fs", "net", "process", "thread"];
/// Names that read a clock, wherever they were imported from.
const CLOCKS: [&str; 3] = ["Instant::now", "SystemTime", "RunClock"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs").flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let pure = PURE.iter().any(|member| path.contains(&format!("{member}/src/")));
    if !pure {
        return Vec::new();
    }
    let code = source::code_only(source::production(path, text));
    let clocks = CLOCKS.iter().flat_map(|name| code.match_indices(name));
    let found = clocks.map(|(at, name)| (at, name.to_owned())).chain(std_modules(&code));
    let line = |at: usize| code[..at].matches('\n').count() + 1;
    found
        .map(|(at, name)| Finding::new(path, line(at), format!("a pure crate does not use `{name}`")))
        .collect()
}

/// Where the code names one of [`STD_MODULES`], alone or in a group: `std::{fmt, fs}`.
fn std_modules(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, path) in code.match_indices("std::") {
        let rest = &code[at + path.len()..];
        let names = rest.strip_prefix('{').map_or_else(|| vec![rest], group_members);
        for name in names {
            let name: String = name.trim_start().chars().take_while(char::is_ascii_lowercase).collect();
            if STD_MODULES.contains(&name.as_str()) {
                found.push((at, format!("std::{name}")));
            }
        }
    }
    found
}

/// The members of a group, after its opening brace.
fn group_members(rest: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (1, 0, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                members.push(&rest[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if depth == 0 {
            members.push(&rest[start..at]);
            break;
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let mut lines: Vec<usize> =
            check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn io_and_clocks_are_found_in_a_pure_crate_only() {
        let text = "use std::{\n    collections::{BTreeMap, BTreeSet},\n    fs,\n};\n\
                    fn f() {\n    std::thread::yield_now();\n    Instant::now();\n}\n";
        assert_eq!(lines("harness/loadlab-record/src/a.rs", text), [1, 6, 7]);
        assert!(lines("harness/loadlab-engine/src/a.rs", text).is_empty());
    }

    #[test]
    fn tests_comments_and_other_names_are_left_alone() {
        let text = "// std::fs is not for us\nuse std::{fmt, iter::{self}};\nuse other::fs;\n\
                    #[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert!(lines("harness/loadlab-report/src/a.rs", text).is_empty());
        assert!(lines("harness/loadlab-report/tests/a.rs", "use std::fs;\n").is_empty());
    }
}
