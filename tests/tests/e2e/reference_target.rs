//! The main job: `loadlab run 100-concurrent` on the reference target.

use crate::lab::{Lab, loadlab};

/// Twelve users instead of a hundred, sped up: the whole path in a few seconds.
const SHORT: [&str; 5] = ["100-concurrent", "--set", "load.burst.users=12", "--speed", "2"];

#[test]
fn a_run_ends_with_a_verdict_and_a_report() {
    let lab = Lab::new();
    let ended = lab.run(&SHORT);
    // Twelve searches find twenty sessions: nobody waits, everybody is answered.
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert_eq!(run["format"], 1);
    assert_eq!(run["profile"], "baseline");
    assert_eq!(run["totals"]["scheduled"], 12);
    assert_eq!(run["totals"]["completed"], 12);
    assert_eq!(run["ending"]["reason"], "finished");
    let folder = lab.run_folder().expect("a run folder");
    for report in ["report.html", "report.md", "junit.xml", "journal.jsonl"] {
        assert!(folder.join(report).is_file(), "{report} is written");
    }
    assert!(ended.stdout.contains("report.html"), "the summary says where the report is: {}", ended.stdout);
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 100), "{}", ended.stdout);
}

#[test]
fn the_reports_are_a_function_of_the_run_file() {
    let lab = Lab::new();
    assert_eq!(lab.run(&SHORT).code, Some(0));
    let folder = lab.run_folder().expect("a run folder");
    let files = ["report.html", "report.md", "junit.xml"];
    let written: Vec<Vec<u8>> =
        files.iter().map(|file| std::fs::read(folder.join(file)).expect("written")).collect();
    for file in files {
        std::fs::remove_file(folder.join(file)).expect("removed");
    }
    let again = loadlab(&["report", &folder.display().to_string()]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    for (file, bytes) in files.iter().zip(written) {
        assert_eq!(
            std::fs::read(folder.join(file)).expect("written again"),
            bytes,
            "{file} is the same, byte for byte"
        );
    }
}

#[test]
fn json_output_is_one_document_and_nothing_else() {
    let lab = Lab::new();
    let ended =
        lab.run(&["100-concurrent", "--set", "load.burst.users=3", "--speed", "2", "--format", "json"]);
    let run: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON document");
    assert_eq!(run["totals"]["scheduled"], 3);
}

#[test]
fn a_dry_run_starts_nothing_and_leaves_nothing() {
    let lab = Lab::new();
    let ended = lab.run(&["100-concurrent", "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("100"), "{}", ended.stdout);
    assert_eq!(lab.run_folder(), None);
}

#[test]
fn another_speed_is_refused_where_the_kernel_does_the_work() {
    let lab = Lab::new();
    let cases = [
        ("backlog-overflow", "a reset that is passed on (gateway.on_reset)"),
        ("streaming-memory", "what slow readers (client.reader) leave in buffers"),
        ("half-open-connections", "the fault `silent-database` (timeout)"),
        ("memory-limit", "(memory_limit)"),
    ];
    for (scenario, mechanism) in cases {
        let ended = lab.run(&[scenario, "--speed", "5"]);
        assert_eq!(ended.code, Some(2), "{scenario}: {}", ended.stderr);
        assert!(ended.stderr.contains(mechanism), "{}", ended.stderr);
        assert!(ended.stderr.contains("only --speed 1 is accepted"), "{}", ended.stderr);
        assert_eq!(lab.run_folder(), None, "nothing was started");
    }
}
