//! Bad scenario files and what is said about them: `tests/bad/NAME.yaml` and `tests/bad/NAME.txt`.
//!
//! `BLESS=1 cargo test --release -p loadlab-scenario --test bad` writes the texts anew; look at the
//! difference before committing it. A line `# --set path=value` in a file is an override.

mod told;

use std::{fs, path::Path};

use loadlab_scenario::{Diagnostics, Override, Source, load};

const FOLDER: &str = "bad";

fn overrides(text: &str) -> Vec<Override> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# --set ")?.split_once('='));
    lines.map(|(path, value)| Override { path: path.to_owned(), value: value.to_owned() }).collect()
}

fn mistakes(name: &str, text: &str) -> Diagnostics {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(FOLDER);
    let read_file =
        |file: &str| fs::read_to_string(folder.join(file)).map_err(|_| "there is no such file".to_owned());
    let loaded = load(&Source { path: name, text }, &overrides(text), &read_file);
    loaded.map(|_| ()).expect_err(name)
}

#[test]
fn every_bad_file_is_told_what_is_wrong() {
    told::as_told(FOLDER, mistakes);
}

#[test]
fn there_are_more_than_twenty_and_no_text_without_its_file() {
    assert!(told::files(FOLDER, "yaml").len() > 20);
    for text in told::files(FOLDER, "txt") {
        assert!(text.with_extension("yaml").is_file(), "{}", text.display());
    }
}

/// `^` in a comment marks the columns of the line above where a mistake is told; nothing else is told.
#[test]
fn lines_and_columns_are_exact() {
    let text = "\
title: exact
load:
  burst: { users: abc, within: 5 }
#                 ^^^          ^
journeys:
  - name: größe 1
#         ^^^^^^^
    steps:
      - { name: a, gte: /x, headers: { \"x y\": 1 } }
#                  ^^^                  ^^^
      - { name: b, get: \"/ä?q=${user}${usr}\" }
#                                      ^^^
objectives:
  - p95 < 99%
#         ^^^
  - p99(c.respnse) < 2s
#         ^^^^^^^
";
    let loaded = load(&Source { path: "exact.yaml", text }, &[], &|_| Err(String::new()));
    let told: Vec<(usize, usize, usize)> = loaded
        .expect_err("the file is wrong")
        .0
        .iter()
        .map(|one| (one.line.unwrap_or(0), one.column.unwrap_or(0), one.excerpt_length))
        .collect();
    let mut marked = Vec::new();
    for (line_above, marks) in text.lines().enumerate().filter(|(_, line)| line.starts_with('#')) {
        let mut column = 1;
        for run in marks.split_inclusive([' ', '#']) {
            let length = run.matches('^').count();
            if length > 0 {
                marked.push((line_above, column, length));
            }
            column += run.chars().count();
        }
    }
    assert_eq!(told, marked);
}

#[test]
fn diagnostics_are_data_too() {
    let text = "load: { burst: { user: 1 } }\njourneys: [{ name: a, steps: [{ get: / }] }]\n";
    let loaded = load(&Source { path: "a.yaml", text }, &[], &|_| Err(String::new()));
    let json = serde_json::to_value(loaded.expect_err("the file is wrong")).expect("it can be written");
    assert_eq!(
        json,
        serde_json::json!([{
            "path": "a.yaml",
            "line": 1,
            "column": 18,
            "message": "unknown field `user`",
            "excerpt": "load: { burst: { user: 1 } }",
            "excerpt_start": 17,
            "excerpt_length": 4,
            "accepted": "`users`, `within`",
            "suggestion": "users"
        }])
    );
}
