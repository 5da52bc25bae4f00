//! JUnit XML: one test case for the breaking point, and one for each measure and each bound.
//!
//! What could not be told about the breaking point is an error: the gate did not do what it is for, its exit
//! code is not 0, and somebody should look. A measure that could not be told is skipped: the verdict does not
//! rest on it, and a pass stays green, but it is not said to hold.

use std::{fmt::Write as _, time::Duration};

use loadlab_analysis::gate::{BoundResult, Decision, GateJob, MeasureResult};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::{verdict, words};

/// The report for CI.
pub fn junit(job: &GateJob) -> String {
    let mut suite = TestSuite::new(format!("gate of {}", job.scenario));
    let result = &job.result;
    suite.add_test_case(case(job, "breaking point", of_decision(&result.decision)));
    for measure in &result.beside.measures {
        suite.add_test_case(case(job, &measure.measure, of_measure(measure)));
    }
    for bound in &result.beside.bounds {
        suite.add_test_case(case(job, &format!("bound on {}", bound.cost.name()), of_bound(bound)));
    }
    let length = Duration::try_from_secs_f64(job.took_s).unwrap_or_default();
    suite.set_time(length);
    for (name, value) in properties(job) {
        suite.add_property(Property::new(name, value));
    }
    suite.set_system_out(output(job));
    let mut report = Report::new("loadlab");
    report.set_time(length);
    report.add_test_suite(suite);
    report.to_string().expect("XML is written to memory")
}

fn case(job: &GateJob, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(job.scenario.as_str());
    // They share their trials; the job's time is the suite's.
    case.set_time(Duration::ZERO);
    case
}

fn of_decision(decision: &Decision) -> TestCaseStatus {
    let sentence = decision.sentence();
    match decision {
        Decision::Pass { .. } => TestCaseStatus::success(),
        Decision::Regression { .. } => told(NonSuccessKind::Failure, "regression", &sentence),
        Decision::Inconclusive { .. } if words::is_unfinished(decision) => {
            told(NonSuccessKind::Error, "unfinished", &sentence)
        }
        Decision::Inconclusive { .. } => told(NonSuccessKind::Error, "inconclusive", &sentence),
    }
}

fn of_measure(measure: &MeasureResult) -> TestCaseStatus {
    if measure.worse {
        return told(NonSuccessKind::Failure, "worse", &measure.sentence);
    }
    if measure.weak {
        let mut status = TestCaseStatus::skipped();
        status.set_message(measure.sentence.as_str());
        return status;
    }
    TestCaseStatus::success()
}

fn of_bound(bound: &BoundResult) -> TestCaseStatus {
    if bound.holds {
        TestCaseStatus::success()
    } else {
        told(NonSuccessKind::Failure, "bound missed", &bound.sentence)
    }
}

fn told(kind: NonSuccessKind, what: &str, why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(what);
    status.set_message(why);
    status.set_description(why);
    status
}

fn properties(job: &GateJob) -> Vec<(&'static str, String)> {
    let (word, _) = verdict::word(&job.result);
    vec![
        ("verdict", word.to_lowercase()),
        ("base", job.base.clone()),
        ("head", job.head.clone()),
        ("factor", job.result.factor.clone()),
        ("seed", job.seed.to_string()),
        ("speed", job.speed.to_string()),
        ("started", job.environment.started.clone()),
        ("loadlab", job.environment.loadlab.clone()),
    ]
}

/// What is worth reading beside the cases.
fn output(job: &GateJob) -> String {
    let told = verdict::verdict(job);
    let mut text = format!("{}: {}.\n", told.word, told.headline);
    for note in &told.notes {
        writeln!(text, "{note}").expect("a string takes all text");
    }
    text
}
