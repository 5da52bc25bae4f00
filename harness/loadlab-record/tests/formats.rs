//! Files of every format version that was ever released stay readable, and are written back as they
//! were. A fixture is never made anew: a change that breaks one needs a new version and a new fixture.

use std::path::PathBuf;

use loadlab_record::{Journal, RunFile};

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_run_file_of_version_1_is_read_and_written_back_to_the_byte() {
    let text = fixture("run-v1.json");
    let run = RunFile::from_json(&text).expect("version 1 is understood");
    assert_eq!((run.format, run.scenario.as_str(), run.totals.scheduled), (1, "100-concurrent", 60));
    assert!(run.totals.balances());
    assert_eq!(run.to_json(), text);
}

#[test]
fn a_journal_of_version_1_is_read_and_written_back_to_the_byte() {
    let text = fixture("journal-v1.jsonl");
    let journal = Journal::parse(&text).expect("version 1 is understood");
    assert_eq!(journal.to_text(), text);
}

#[test]
fn the_run_file_is_what_its_journal_says() {
    let run = RunFile::from_journal(&Journal::parse(&fixture("journal-v1.jsonl")).expect("version 1"));
    let mut judged = RunFile::from_json(&fixture("run-v1.json")).expect("version 1 is understood");
    assert!(!judged.objectives.is_empty() && !judged.health.is_empty(), "the fixture is judged");
    judged.verdict = run.verdict;
    judged.reasons.clear();
    judged.objectives.clear();
    judged.documented.clear();
    judged.health.clear();
    judged.generator = run.generator.clone();
    judged.remarks.clear();
    assert_eq!(run, judged);
}
