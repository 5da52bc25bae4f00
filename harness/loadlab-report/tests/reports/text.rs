//! The terminal and Markdown.

use loadlab_report::{Format, TerminalOptions, markdown, terminal};
use unicode_width::UnicodeWidthStr;

use crate::fixtures;

const WIDE: TerminalOptions = TerminalOptions { width: 100, color: false };
const NARROW: TerminalOptions = TerminalOptions { width: 60, color: false };

#[test]
fn terminal_at_100_columns() {
    insta::assert_snapshot!(terminal(&fixtures::burst(), &WIDE));
}

#[test]
fn terminal_at_60_columns() {
    insta::assert_snapshot!(terminal(&fixtures::burst(), &NARROW));
}

#[test]
fn terminal_in_colour() {
    let text = terminal(&fixtures::burst(), &TerminalOptions { color: true, ..WIDE });
    assert_eq!(without_colour(&text), terminal(&fixtures::burst(), &WIDE), "colour adds nothing but colour");
    insta::assert_snapshot!(text.replace('\u{1b}', "ESC"));
}

#[test]
fn terminal_of_a_run_that_was_killed_at_once() {
    insta::assert_snapshot!(terminal(&fixtures::killed_at_once(), &WIDE));
}

#[test]
fn terminal_of_a_foreign_target() {
    insta::assert_snapshot!(terminal(&fixtures::foreign(), &WIDE));
}

/// The lines of one section.
fn section(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from).expect("the section is there");
    text[start..].split(to).next().unwrap_or_default().trim_end().to_owned()
}

#[test]
fn terminal_of_a_split_run() {
    insta::assert_snapshot!(section(&terminal(&fixtures::split(), &WIDE), "Arms\n", "\n\nDocumented"));
}

#[test]
fn markdown_of_a_split_run() {
    insta::assert_snapshot!(section(&markdown(&fixtures::split()), "## Arms\n", "\n## "));
}

#[test]
fn a_run_that_was_not_split_says_nothing_of_arms() {
    assert!(
        !markdown(&fixtures::calm()).contains("Arms") && !terminal(&fixtures::calm(), &WIDE).contains("Arms")
    );
}

#[test]
fn terminal_of_a_run_with_faults() {
    insta::assert_snapshot!(terminal(&fixtures::faulted(), &WIDE));
}

#[test]
fn markdown_of_a_run_with_faults() {
    let text = markdown(&fixtures::faulted());
    let (_, steady) = text.split_once("## Steady state").expect("a section");
    insta::assert_snapshot!(steady.split("## ").next().unwrap_or(steady));
}

#[test]
fn markdown_of_the_burst() {
    insta::assert_snapshot!(markdown(&fixtures::burst()));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (name, run) in fixtures::all() {
        for width in [48, 60, 80, 100, 300] {
            let text = terminal(&run, &TerminalOptions { width, color: false });
            let most = usize::from(width.min(100));
            for line in text.lines() {
                assert!(line.width() <= most, "{name} at {width}: {} columns: {line}", line.width());
            }
        }
    }
}

#[test]
fn a_terminal_is_not_sent_what_a_user_wrote_as_control_characters() {
    let mut run = fixtures::burst();
    run.scenario = "a\u{1b}[2Jb\u{7}".to_owned();
    run.plan.question = "c\u{1b}]0;d".to_owned();
    let text = terminal(&run, &WIDE);
    assert!(text.lines().next().is_some_and(|line| line.contains("a[2Jb")), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'));
}

#[test]
fn markdown_keeps_its_tables_whatever_users_write() {
    let text = markdown(&fixtures::hostile());
    let mut columns = None;
    for line in text.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(*columns.get_or_insert(bars), bars, "{line}");
    }
    let outside_fences: String = text.split("```").step_by(2).collect();
    assert!(!outside_fences.replace("\\<", "").contains("<script"));
    assert!(outside_fences.contains("\\<script>"));
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    for format in Format::ALL {
        assert_eq!(
            format.render(&fixtures::burst(), &WIDE),
            format.render(&fixtures::burst(), &WIDE),
            "{format}"
        );
    }
}

#[test]
fn what_was_read_back_from_the_run_file_gives_the_same_bytes() {
    for (name, run) in fixtures::all() {
        let read = loadlab_record::RunFile::from_json(&run.to_json()).expect("a run file");
        for format in Format::ALL {
            assert_eq!(format.render(&run, &WIDE), format.render(&read, &WIDE), "{name} as {format}");
        }
    }
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or("", |(_, rest)| rest))
}
