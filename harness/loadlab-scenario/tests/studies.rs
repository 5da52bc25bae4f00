//! Studies: what a valid one means, and what is said about a bad one.
//!
//! `BLESS=1 cargo test -p loadlab-scenario --test studies` writes the texts of `tests/bad-studies` anew;
//! look at the difference before committing it.

mod told;

use std::time::Duration;

use loadlab_scenario::{
    Diagnostics, Override, Plan, Source, Study, load, load_study,
    study::{Body, TimeFinding, What, WordFinding},
};

/// The one scenario of these studies.
const BURST: &str = "\
load: { burst: { users: 10 } }
journeys: [{ name: j, steps: [{ name: search, get: / }] }]
documented:
  source: a report
  section: its first
  outcomes:
    - { name: response time p95, expect: p95, min: 5s, max: 7s }
    - { name: lost, expect: loss, max: 10% }
";

fn plan_of(scenario: &str, overrides: &[Override]) -> Result<Plan, Vec<String>> {
    if scenario != "burst" {
        return Err(vec![format!("there is no scenario `{scenario}`; there is burst")]);
    }
    let loaded = load(&Source { path: "burst.yaml", text: BURST }, overrides, &|_| Err(String::new()));
    loaded.map_err(|diagnostics| diagnostics.0.into_iter().map(|one| one.message).collect())
}

fn study(text: &str) -> Result<Study, Diagnostics> {
    load_study(&Source { path: "studies/a.yaml", text }, &plan_of)
}

#[test]
fn every_bad_study_is_told_what_is_wrong() {
    assert_eq!(told::files("bad-studies", "yaml").len(), 7);
    told::as_told("bad-studies", |name, text| {
        load_study(&Source { path: name, text }, &plan_of).map(|_| ()).expect_err(name)
    });
}

#[test]
fn a_run_has_a_plan_for_each_of_its_seeds_and_what_is_laid_over_it() {
    let study = study(
        "title: t\nquestion: q\nruns:\n  - { name: many, scenario: burst, set: { load.burst.users: 50 }, seeds: [3, 4] }\n\
         tables: [{ title: a, columns: [p95], rows: [{ label: l, run: many, cells: [response time p95] }] }]\n",
    );
    let study = study.unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert_eq!(study.name, "a");
    let run = study.run("many").expect("the run");
    let seeds: Vec<u64> = run.plans.iter().map(|plan| plan.seed.get()).collect();
    assert_eq!(seeds, [3, 4]);
    assert!(run.plans.iter().all(|plan| plan.load.users_max() == Some(50)));
}

#[test]
fn cells_are_outcomes_measures_and_findings() {
    let study = study(
        "title: t\nquestion: q\nruns: [{ scenario: burst }]\ntables:\n  - title: a\n    columns: [a, b, c, d]\n    rows:\n\
         \x20     - label: l\n        run: burst\n        cells:\n          - lost\n\
         \x20         - { measure: p99, max: 9s, from: 1m }\n\
         \x20         - { finding: time_to_failure, min: 5s, max: 7s }\n\
         \x20         - { finding: failure_mode, documented: collapse, expect: sudden collapse }\n",
    );
    let study = study.unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let Body::Rows { rows, .. } = &study.tables[0].body else { panic!("the table has rows") };
    let cells = &rows[0].cells;
    assert_eq!(cells[0].what, What::Outcome("lost".to_owned()));
    let What::Measure { of, band } = &cells[1].what else { panic!("a measure") };
    assert_eq!((of.from, of.to, *band), (Some(Duration::from_secs(60)), None, (None, Some(9.0))));
    assert_eq!(cells[2].what, What::Time { which: TimeFinding::ToFailure, band: (Some(5.0), Some(7.0)) });
    let expect = Some("sudden collapse".to_owned());
    assert_eq!(cells[3].what, What::Word { which: WordFinding::FailureMode, expect });
    assert_eq!(cells[3].documented.as_deref(), Some("collapse"));
}

#[test]
fn a_matrix_brings_its_runs_and_two_that_are_equal_share_them() {
    let matrix = |measure: &str| {
        format!(
            "  - title: {measure}\n    matrix:\n      measure: {measure}\n      runs: [burst, many]\n      rows:\n\
             \x20       - {{ label: Half the users, set: {{ load.burst.users: 5 }}, on: [burst] }}\n\
             \x20       - {{ label: another seed, set: {{ seed: 9 }} }}\n"
        )
    };
    let text = format!(
        "title: t\nquestion: q\nruns: [{{ scenario: burst }}, {{ name: many, scenario: burst, seed: 2 }}]\n\
         tables:\n{}{}",
        matrix("loss"),
        matrix("p95")
    );
    let study = study(&text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let names: Vec<&str> = study.runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["burst", "many", "burst+half-the-users", "burst+another-seed", "many+another-seed"]);
    let Body::Matrix(matrix) = &study.tables[1].body else { panic!("a matrix") };
    assert_eq!(matrix.rows[0].runs, [Some("burst+half-the-users".to_owned()), None]);
    assert_eq!(study.runs[2].plans[0].load.users_max(), Some(5));
}

/// What a mitigation is belongs to the target: here it is a value of the scenario like any other.
#[test]
fn mitigations_are_laid_over_the_target() {
    let text = "title: t\nquestion: q\nruns: [{ scenario: burst, profile: a, with: [pool-40, two-queries] }]\n\
                tables: [{ title: a, columns: [p95], rows: [{ label: l, run: burst, cells: [lost] }] }]\n";
    let seen = std::cell::RefCell::new(Vec::new());
    let plan_of = |scenario: &str, overrides: &[Override]| {
        seen.borrow_mut().extend(overrides.iter().map(|one| format!("{}={}", one.path, one.value)));
        plan_of(scenario, &[])
    };
    load_study(&Source { path: "a.yaml", text }, &plan_of)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert_eq!(seen.into_inner(), ["target.profile=a", "target.with=[pool-40, two-queries]"]);
}

#[test]
fn every_field_of_the_schema_says_what_it_is() {
    let schema = loadlab_scenario::study_schema();
    let mut count = 0;
    let roots =
        std::iter::once(&schema).chain(schema["$defs"].as_object().into_iter().flat_map(|all| all.values()));
    for definition in roots {
        for (name, field) in definition["properties"].as_object().into_iter().flatten() {
            assert!(field.get("description").is_some(), "{name}");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}
