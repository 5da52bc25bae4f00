//! The judgement of the committed run is what it was: a change of judgement is seen here, and the
//! fixture of the run file's format is judged by this crate.
//!
//! The fixtures were made once with `LOADLAB_MAKE_FIXTURES=1`, before version 1 was released. What kind of failure
//! it was is told since later, so that is left out.

use std::path::PathBuf;

use loadlab_analysis::judge;
use loadlab_record::{Journal, RunFile, synthetic::Synthetic};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../loadlab-record/tests/fixtures").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn judged(journal: &str) -> String {
    let mut run = RunFile::from_journal(&Journal::parse(journal).expect("it is a journal"));
    judge(&mut run);
    assert!(run.failure.take().is_some(), "it is told of every run");
    run.to_json()
}

#[test]
fn the_judgement_of_the_committed_run_is_what_it_was() {
    if std::env::var_os("LOADLAB_MAKE_FIXTURES").is_some() {
        let journal = Synthetic::burst(60).journal().to_text();
        std::fs::write(path("run-v1.json"), judged(&journal)).expect("the fixture can be written");
        std::fs::write(path("journal-v1.jsonl"), journal).expect("the fixture can be written");
    }
    assert_eq!(judged(&read("journal-v1.jsonl")), read("run-v1.json"));
}
