//! Claims about filled studies, on made-up runs.

use loadlab_record::{EndReason, RunFile, synthetic::Synthetic};
use loadlab_scenario::{
    Source, Study, load_study,
    study::{Body, Cell, TimeFinding, What, WordFinding},
};

use super::{Found, Reading, State, StudyResult, TableBody, Value, fill, read, state};
use crate::judge;

fn judged(users: u32) -> RunFile {
    let mut run = Synthetic::burst(users).run();
    judge(&mut run);
    run
}

/// A study of one run, whose plan is the made-up burst's.
fn study(tables: &str) -> Study {
    let text = format!("title: t\nquestion: q\nruns: [{{ scenario: burst }}]\ntables:\n{tables}");
    let plan_of = |_: &str, _: &[loadlab_scenario::Override]| Ok(judged(10).plan);
    load_study(&Source { path: "a.yaml", text: &text }, &plan_of)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn rows(cells: &str) -> Study {
    study(&format!(
        "  - {{ title: a, columns: [a], rows: [{{ label: l, run: burst, cells: [{cells}] }}] }}\n"
    ))
}

fn first(result: &StudyResult) -> &super::CellResult {
    let TableBody::Rows { rows, .. } = &result.tables[0].body else { panic!("rows") };
    &rows[0].cells[0]
}

#[test]
fn a_measure_is_told_beside_its_band_and_ends_of_the_band_are_in_it() {
    let run = judged(10);
    let study = rows("{ measure: success, min: 100%, max: 100% }");
    let result = fill(&study, &[read(&study, "burst", &run, None)]);
    let cell = first(&result);
    assert_eq!(cell.measured, Some(Value::Number(1.0)));
    assert_eq!((cell.within, cell.filled, cell.unit.as_str()), (Some(true), true, "share"));
    assert!(result.filled && cell.notes.is_empty());
    assert_eq!(result.compared(), (1, 1));
}

#[test]
fn the_documented_band_changes_what_is_compared_and_nothing_that_is_measured() {
    let run = judged(10);
    let measured = |cell: &str| {
        let study = rows(cell);
        let result = fill(&study, &[read(&study, "burst", &run, None)]);
        (first(&result).measured.clone(), first(&result).within)
    };
    let (sane, absurd) = (measured("{ measure: p95, max: 10s }"), measured("{ measure: p95, min: 1h }"));
    assert_eq!(sane.0, absurd.0);
    assert_eq!((sane.1, absurd.1), (Some(true), Some(false)));
}

#[test]
fn of_several_runs_the_median_is_compared_and_each_is_told() {
    let study = rows("{ measure: p95, max: 8s }");
    let runs: Vec<Reading> = [10, 40, 100]
        .into_iter()
        .enumerate()
        .map(|(seed, users)| Reading { seed: seed as u64, ..read(&study, "burst", &judged(users), None) })
        .collect();
    let result = fill(&study, &runs);
    let cell = first(&result);
    assert_eq!(cell.each.len(), 3);
    assert_eq!(cell.measured.as_ref(), Some(&cell.each[1]));
    assert!(cell.each[0] != cell.each[1] && cell.each[1] != cell.each[2], "{:?}", cell.each);
}

#[test]
fn a_run_that_says_nothing_about_the_target_gives_no_value_and_the_reason() {
    let study = rows("{ measure: p95, max: 10s }");
    let mut run = judged(10);
    run.generator.limited = true;
    run.generator.reasons = vec!["it was late".to_owned()];
    let mut lost = judged(10);
    lost.ending.reason = EndReason::TargetLost { how: "the gateway died".to_owned() };
    for (run, of, note) in [
        (run, State::GeneratorLimited, "the generator was the limit (exit 6): it was late"),
        (lost, State::TargetLost, "the target did not start, or was lost (exit 7): the gateway died"),
    ] {
        assert_eq!(state(&run), of);
        let result = fill(&study, &[read(&study, "burst", &run, None)]);
        let cell = first(&result);
        assert_eq!((&cell.measured, cell.within, cell.filled), (&None, None, false));
        assert_eq!(cell.notes, [note]);
        assert!(!result.filled);
    }
    let cell = fill(&study, &[]);
    assert_eq!(first(&cell).notes, ["not run"]);
}

#[test]
fn one_seed_that_says_nothing_leaves_the_others() {
    let study = rows("{ measure: p95, max: 10s }");
    let good = read(&study, "burst", &judged(10), None);
    let bad = Reading::without("burst", 7, "burst", State::TargetLost, "no port");
    let result = fill(&study, &[good, bad]);
    let cell = first(&result);
    assert!(cell.filled && cell.within == Some(true));
    assert_eq!(cell.notes, ["seed 7: the target did not start, or was lost (exit 7): no port"]);
}

/// A table with one finding, and what was found.
fn finding(what: What, found: super::Findings) -> StudyResult {
    let mut study = rows("{ measure: p95 }");
    let Body::Rows { rows, .. } = &mut study.tables[0].body else { panic!("rows") };
    rows[0].cells[0] = Cell { run: "burst".to_owned(), what, documented: None };
    let reading = Reading { findings: found, ..read(&study, "burst", &judged(10), None) };
    fill(&study, &[reading])
}

#[test]
fn a_failure_goes_by_its_mode_and_by_its_severity() {
    let what = |expect: &str| What::Word { which: WordFinding::FailureMode, expect: Some(expect.to_owned()) };
    let names = vec!["cascading failure".to_owned(), "gradual collapse".to_owned()];
    let found = super::Findings { failure_mode: Some(Found::This(names)), ..super::Findings::default() };
    for (expect, within) in [("Gradual collapse", true), ("cascading failure", true), ("none", false)] {
        let result = finding(what(expect), found.clone());
        assert_eq!(first(&result).within, Some(within), "{expect}");
        let shown = Value::Words("cascading failure, gradual collapse".to_owned());
        assert_eq!(first(&result).measured, Some(shown));
    }
}

#[test]
fn what_nobody_looked_for_is_not_filled_and_what_there_is_none_of_is() {
    let time = || What::Time { which: TimeFinding::ToFailure, band: (Some(5.0), Some(7.0)) };
    let unknown = finding(time(), super::Findings::default());
    assert_eq!((first(&unknown).filled, first(&unknown).within), (false, None));
    assert_eq!(first(&unknown).notes, ["not determined"]);
    let none = Some(Found::Nothing("it never failed".to_owned()));
    let none = finding(time(), super::Findings { time_to_failure: none, ..super::Findings::default() });
    assert_eq!((first(&none).filled, first(&none).within), (true, Some(false)));
    assert_eq!(first(&none).notes, ["it never failed"]);
}

#[test]
fn a_matrix_tells_the_difference_to_the_run_without() {
    let study = study(
        "  - title: a\n    matrix:\n      measure: p95\n      runs: [burst]\n      rows:\n\
         \x20       - { label: fewer, set: { load.burst.users: 10 } }\n        - { label: gone, set: { seed: 2 } }\n",
    );
    let without = read(&study, "burst", &judged(100), None);
    let with = read(&study, "burst+fewer", &judged(10), None);
    let result = fill(&study, &[without, with]);
    let TableBody::Matrix { columns, rows, unit, .. } = &result.tables[0].body else { panic!("a matrix") };
    let cell = rows[0].cells[0].as_ref().expect("it was tried");
    let (before, after) = (columns[0].value.expect("a value"), cell.value.expect("a value"));
    assert_eq!(unit, "s");
    assert!(after < before / 2.0, "{after} of {before}");
    assert_eq!(cell.difference, Some(after - before));
    let gone = rows[1].cells[0].as_ref().expect("it is asked for");
    assert_eq!((gone.value, gone.difference), (None, None));
    assert_eq!(gone.notes, ["not run"]);
    assert!(!result.filled);
}
