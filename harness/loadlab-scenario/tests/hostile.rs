//! No text makes the reader panic, hang or talk without end.

use std::{fmt::Write as _, time::Instant};

use loadlab_scenario::{Diagnostics, Override, Plan, Source, load};
use proptest::prelude::*;

/// Generous: the reader takes milliseconds, and machines are shared.
const SECONDS_MAX: u64 = 20;

fn read(text: &str, overrides: &[Override]) -> Result<Plan, Diagnostics> {
    let began = Instant::now();
    let loaded = load(&Source { path: "x.yaml", text }, overrides, &|_| Ok("text\na\nb c\n".to_owned()));
    assert!(began.elapsed().as_secs() < SECONDS_MAX, "it takes too long");
    if let Err(diagnostics) = &loaded {
        assert!(!diagnostics.0.is_empty(), "no plan, and no reason");
        assert!(diagnostics.0.len() <= 100);
        let said = diagnostics.to_string();
        assert!(said.len() < 200_000, "{} bytes are said", said.len());
        for one in &diagnostics.0 {
            let end = one.excerpt_start + one.excerpt_length;
            assert!(end <= one.excerpt.chars().count().max(one.excerpt_start) + 1, "{one:?}");
        }
    }
    loaded
}

/// A valid file that uses most of the format.
const VALID: &str = include_str!("everything.yaml");

#[test]
fn the_file_that_is_mutated_is_valid() {
    read(VALID, &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [65, 200, 300, 100_000] {
        read(&"[".repeat(depth), &[]).expect_err("unclosed");
        read(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)), &[]).expect_err("too deep");
        read(&format!("journeys: {}1{}", "{a: ".repeat(depth), "}".repeat(depth)), &[])
            .expect_err("too deep");
        let blocks: Vec<String> =
            (0..depth.min(400)).map(|level| format!("{}a:", " ".repeat(level))).collect();
        read(&blocks.join("\n"), &[]).expect_err("too deep");
        read(&"- ".repeat(depth), &[]).expect_err("too deep");
    }
}

#[test]
fn deep_nesting_through_aliases_is_refused() {
    let mut text = "a0: &a0 [1]\n".to_owned();
    for level in 1..200 {
        let before = level - 1;
        writeln!(text, "a{level}: &a{level} [*a{before}]").expect("a string takes everything");
    }
    text += "load: { burst: { users: 1 } }\njourneys: [{ name: j, steps: [{ post: /, json: *a199 }] }]\n";
    let said = read(&text, &[]).expect_err("too deep").to_string();
    assert!(said.contains("nested more than 64 levels deep"), "{said}");
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text =
        "load: { burst: { users: 1 } }\nx0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..20 {
        let all = vec![format!("*x{}", level - 1); 9].join(", ");
        writeln!(text, "x{level}: &x{level} [{all}]").expect("a string takes everything");
    }
    text += "journeys: [{ name: j, steps: [{ post: /, json: *x19 }] }]\n";
    let said = read(&text, &[]).expect_err("a bomb").to_string();
    assert!(said.contains("aliases amount to more than 100000 values"), "{said}");
}

#[test]
fn many_aliases_of_something_large_are_refused() {
    let rows = vec!["1"; 5_000].join(", ");
    let uses = vec!["*a"; 100_000].join(", ");
    let text = format!(
        "load: {{ burst: {{ users: 1 }} }}\njourneys: [{{ name: j, steps: [{{ post: /, json: [&a [{rows}], {uses}] }}] }}]\n"
    );
    let said = read(&text, &[]).expect_err("too many");
    assert_eq!(said.0.len(), 1, "it is told once");
}

#[test]
fn a_mistake_that_an_alias_repeats_is_told_once() {
    let uses = vec!["*s"; 500].join(", ");
    let text = format!(
        "load: {{ burst: {{ users: 1 }} }}\njourneys:\n  - name: j\n    steps: [&s {{ name: a, get: x }}, {uses}]\n"
    );
    let said = read(&text, &[]).expect_err("a path without a slash").to_string();
    assert_eq!(said.matches("does not begin with `/`").count(), 1, "{said}");
}

#[test]
fn long_texts_are_refused_or_read() {
    assert!(read(&"x".repeat(2_000_000), &[]).expect_err("too long").to_string().contains("2000000 bytes"));
    read(&"? ".repeat(50_000), &[]).expect_err("no scenario");
    read(&"a: 1\n".repeat(100_000), &[]).expect_err("no scenario");
    read(&"{".repeat(900_000), &[]).expect_err("no scenario");
    read(&format!("title: \"{}", "\\x41".repeat(100_000)), &[]).expect_err("no scenario");
    read(&format!("title: {}\n", "${".repeat(100_000)), &[]).expect_err("no scenario");
    let many: Vec<String> = (0..20_000).map(|n| format!("  - {{ nme: j{n} }}")).collect();
    let many = many.join("\n");
    read(&format!("load: {{ burst: {{ users: 1 }} }}\njourneys:\n{many}"), &[]).expect_err("no scenario");
}

/// Cuts, doubles, or replaces lines and characters of a text.
fn mutated(text: &str, changes: &[(u8, usize, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (kind, at, with) in changes {
        let at = at % (chars.len() + 1);
        let end = (at + 1 + with.len()).min(chars.len());
        match kind {
            0 => drop(chars.splice(at..at, with.chars())),
            1 => drop(chars.splice(at..end, with.chars())),
            2 => drop(chars.drain(at..end)),
            _ => {
                let copied: Vec<char> = chars[at..end].to_vec();
                drop(chars.splice(at..at, copied));
            }
        }
    }
    chars.into_iter().collect()
}

fn snippets() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "{", "}", "[", "]", ":", "- ", "&a ", "*a", "!t ", "? ", "|\n", ">\n", "\"", "'", "${", "${user}",
        "\n", "\t", "  ", "null", "~", "99%", "-1", "1e400", "5s", "p95 < 7s", "---\n", "#", "é", "\u{2028}",
        "\r\n", "<<: *a",
    ]);
    prop_oneof![known.prop_map(str::to_owned), ".{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn random_text(text in "(?s).{0,400}") {
        let _ = read(&text, &[]);
    }

    #[test]
    fn random_yaml(words in prop::collection::vec(snippets(), 0..60)) {
        let _ = read(&words.concat(), &[]);
    }

    #[test]
    fn valid_files_with_slips(changes in prop::collection::vec((0_u8..4, any::<usize>(), snippets()), 1..8)) {
        let _ = read(&mutated(VALID, &changes), &[]);
    }

    #[test]
    fn valid_files_with_values_exchanged(at in any::<usize>(), with in snippets()) {
        let lines: Vec<&str> = VALID.lines().collect();
        let at = at % lines.len();
        let changed: Vec<String> = lines.iter().enumerate().map(|(index, line)| match line.find(": ") {
            Some(colon) if index == at => format!("{}: {with}", &line[..colon]),
            _ => (*line).to_owned(),
        }).collect();
        let _ = read(&changed.join("\n"), &[]);
    }

    #[test]
    fn any_override(path in "[a-z.0-9_]{0,30}|load.arrivals.rate|journeys.0.steps.0.json.a|target.profile|target", value in ".{0,30}|\\{.{0,10}\\}|\\[.{0,10}\\]") {
        let _ = read(VALID, &[Override { path, value }]);
    }
}
