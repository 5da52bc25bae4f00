//! JUnit and JSON.

use loadlab_record::Verdict;
use loadlab_report::{json, junit};
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

use crate::fixtures;

#[test]
fn junit_of_the_burst() {
    insta::assert_snapshot!(junit(&fixtures::burst()));
}

#[test]
fn junit_of_a_run_that_was_killed_at_once() {
    insta::assert_snapshot!(junit(&fixtures::killed_at_once()));
}

#[test]
fn junit_has_a_case_for_each_objective_and_condition_and_fails_for_nothing_else() {
    for (name, run) in fixtures::all() {
        let text = junit(&run);
        let report =
            Report::deserialize_from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let verdicts = run.objectives.iter().map(|result| result.verdict);
        let verdicts: Vec<Verdict> = verdicts.chain(run.steady.iter().map(|result| result.verdict)).collect();
        let missed = verdicts.iter().filter(|verdict| **verdict == Verdict::Fail).count();
        assert_eq!((report.tests, report.failures), (verdicts.len(), missed), "{name}");
    }
}

#[test]
fn an_objective_that_cannot_be_told_is_an_error_of_the_test_and_no_failure() {
    let mut run = fixtures::burst();
    run.objectives[0].verdict = Verdict::Inconclusive;
    let report = Report::deserialize_from_str(&junit(&run)).expect("JUnit");
    let TestCaseStatus::NonSuccess { kind, message, .. } = &report.test_suites[0].test_cases[0].status else {
        panic!("it did not succeed");
    };
    assert_eq!(*kind, NonSuccessKind::Error);
    assert!(message.as_ref().is_some_and(|message| message.as_str().contains("bound 7 s")), "{message:?}");
}

#[test]
fn junit_tells_the_documented_outcomes_beside_the_cases() {
    let run = fixtures::burst();
    let report = Report::deserialize_from_str(&junit(&run)).expect("JUnit");
    let out = report.test_suites[0].system_out.as_ref().expect("output").as_str().to_owned();
    let reproduced = run.documented.iter().filter(|result| result.reproduced).count();
    assert!(out.contains(&format!("{reproduced} of {} reproduced", run.documented.len())), "{out}");
}

#[test]
fn json_is_the_run_file() {
    let run = fixtures::burst();
    assert_eq!(loadlab_record::RunFile::from_json(&json(&run)), Ok(run));
}

#[test]
fn junit_of_a_fault_that_was_not_tolerated() {
    insta::assert_snapshot!(junit(&fixtures::faulted()));
}
