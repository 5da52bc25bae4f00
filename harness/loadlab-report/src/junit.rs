//! JUnit XML: one test case per objective and per condition of the steady state. Documented outcomes are told in the suite's output and
//! never fail it.

use std::{fmt::Write as _, time::Duration};

use loadlab_record::{RunFile, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::facts::{Facts, ObjectiveRow, SteadyCell, SteadyRow};

/// The report for CI.
pub fn junit(run: &RunFile) -> String {
    let facts = Facts::of(run);
    let mut suite = TestSuite::new(facts.scenario.as_str());
    for (row, result) in facts.objectives.iter().zip(&run.objectives) {
        suite.add_test_case(case(&facts, row, result.verdict));
    }
    for row in &facts.steady {
        suite.add_test_case(steady_case(&facts, row));
    }
    let length = run.speed.real(run.ending.at.as_duration());
    suite.time = Some(length);
    for (name, value) in properties(run, &facts) {
        suite.add_property(Property::new(name, value));
    }
    suite.set_system_out(output(&facts));
    let mut report = Report::new("loadlab");
    report.set_time(length);
    report.add_test_suite(suite);
    report.to_string().expect("XML is written to memory")
}

fn status(verdict: Verdict) -> TestCaseStatus {
    match verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        // Neither passed nor failed: JUnit calls a test that could not be carried out an error.
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
    }
}

/// What it does to the verdict; what is only a finding succeeds.
fn steady_case(facts: &Facts, row: &SteadyRow) -> TestCase {
    let mut status = status(row.verdict);
    if row.verdict != Verdict::Pass {
        status.set_message(row.note.as_str());
        status.set_type("steady state");
    }
    let mut case = TestCase::new(format!("steady state: {}", row.name), status);
    case.set_classname(facts.scenario.as_str());
    case.set_time(Duration::ZERO);
    case
}

fn case(facts: &Facts, row: &ObjectiveRow, verdict: Verdict) -> TestCase {
    let message = format!("observed {}, bound {}", row.observed, row.bound);
    let mut status = status(verdict);
    if verdict != Verdict::Pass {
        status.set_message(message.as_str());
        status.set_type(row.verdict);
        let why = [message.as_str(), row.note.as_str()].join("\n");
        status.set_description(why.trim_end());
    }
    let mut case = TestCase::new(row.name.as_str(), status);
    case.set_classname(facts.scenario.as_str());
    // An objective takes no time; the run's is the suite's.
    case.set_time(Duration::ZERO);
    case
}

fn properties(run: &RunFile, facts: &Facts) -> Vec<(&'static str, String)> {
    let mut properties = vec![
        ("verdict", facts.verdict.to_lowercase()),
        ("seed", run.seed.to_string()),
        ("speed", run.speed.to_string()),
        ("started", run.environment.started.clone()),
        ("loadlab", run.environment.loadlab.clone()),
    ];
    if let Some(profile) = &run.profile {
        properties.push(("profile", profile.clone()));
    }
    if let Some(documented) = &facts.documented {
        properties.push(("reproduced", format!("{} of {}", documented.reproduced, documented.rows.len())));
    }
    properties
}

/// What is worth reading beside the cases.
fn output(facts: &Facts) -> String {
    let mut text = format!("{}: {}\n{}\n", facts.verdict, facts.headline, facts.ending);
    for line in facts.reasons.iter().chain(&facts.remarks) {
        line_of(&mut text, line);
    }
    for row in &facts.steady {
        let period = |name: &str, cell: &SteadyCell| format!("{name} {} {}", cell.observed, cell.word);
        let periods =
            [period("before", &row.before), period("during", &row.during), period("after", &row.after)];
        let periods = periods.map(|text| text.trim_end().to_owned()).join(", ");
        line_of(
            &mut text,
            &format!("steady state: {}: {periods}, recovered after: {}", row.name, row.recovered),
        );
    }
    if let Some(documented) = &facts.documented {
        line_of(
            &mut text,
            &format!(
                "documented ({}, {}): {} of {} reproduced",
                documented.source,
                documented.section,
                documented.reproduced,
                documented.rows.len()
            ),
        );
        for row in &documented.rows {
            let word = if row.reproduced { "reproduced" } else { "not reproduced" };
            line_of(&mut text, &format!("  {}: {}, band {}: {word}", row.name, row.observed, row.band));
        }
    }
    text
}

fn line_of(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes all text");
}
