//! The page, the text and the document of a study, from made-up runs.

use loadlab_analysis::{
    judge,
    study::{Findings, Found, Reading, State, StudyResult, fill, read},
};
use loadlab_record::{RunFile, synthetic::Synthetic};
use loadlab_report::{study_html, study_json, study_markdown, study_text};
use loadlab_scenario::{Source, Study, load_study};

use crate::fixtures::HOSTILE;

const STUDY: &str = "\
title: Bursts of three sizes
question: How many searches at once does the pool carry?
source: made-up report
runs:
  - { name: few, title: 10 at once, scenario: burst }
  - { name: some, title: 40 at once, scenario: burst, seeds: [1, 2, 3] }
  - { name: many, title: 100 at once, scenario: burst }
  - { name: lost, title: never up, scenario: burst }
tables:
  - title: By load
    note: Each is one burst.
    rows_are: load
    plot: true
    columns: [p95, lost, failure mode]
    rows:
      - label: 10 users
        run: few
        cells: [{ measure: p95, max: 5s }, { measure: loss, max: 1% }, { finding: failure_mode, documented: none }]
      - label: 40 users
        run: some
        cells: [{ measure: p95, min: 4s, max: 8s }, { measure: loss, max: 5% }, { finding: failure_mode, documented: none }]
      - label: 100 users
        run: many
        cells: [response time p95, { measure: loss, min: 80% }, { finding: failure_mode, documented: slow degradation }]
        note: Users are patient here.
      - label: never up
        run: lost
        cells: [{ measure: p95, max: 5s }, { measure: loss }, { finding: failure_mode }]
  - title: With mitigations
    matrix:
      measure: loss
      runs: [some, many]
      rows:
        - { label: fewer users, set: { seed: 8 } }
        - { label: nothing, set: { seed: 9 }, on: [many] }
";

fn judged(users: u32) -> RunFile {
    let mut run = Synthetic::burst(users).run();
    judge(&mut run);
    run
}

fn study(text: &str) -> Study {
    let plan_of = |_: &str, overrides: &[loadlab_scenario::Override]| {
        let mut plan = judged(10).plan;
        if let Some(seed) = overrides.iter().rev().find(|one| one.path == "seed") {
            plan.seed = loadlab_clock::Seed::new(seed.value.parse().expect("a number"));
        }
        Ok(plan)
    };
    load_study(&Source { path: "bursts.yaml", text }, &plan_of)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn filled() -> StudyResult {
    let study = study(STUDY);
    let reading = |name: &str, seed: u64, users: u32, mode: &str| {
        let report = Some(format!("runs/{name}-{seed}/report.html"));
        let mode = Some(Found::This(vec![mode.to_owned()]));
        let findings = Findings { failure_mode: mode, ..Findings::default() };
        Reading { seed, findings, ..read(&study, name, &judged(users), report) }
    };
    let lost = Reading::without("lost", 1, "burst", State::TargetLost, "no port was free");
    fill(
        &study,
        &[
            reading("few", 1, 10, "none"),
            reading("some", 1, 38, "none"),
            reading("some", 2, 40, "slow degradation"),
            reading("some", 3, 42, "none"),
            reading("many", 1, 100, "sudden collapse"),
            lost,
            reading("some+fewer-users", 8, 10, "none"),
            reading("many+fewer-users", 8, 40, "none"),
        ],
    )
}

#[test]
fn markdown_of_a_study() {
    insta::assert_snapshot!(study_markdown(&filled()));
}

#[test]
fn terminal_of_a_study() {
    insta::assert_snapshot!(study_text(&filled()));
}

#[test]
fn the_page_tells_documented_beside_measured_and_links_the_runs() {
    let page = study_html(&filled());
    for told in [
        "<h1>Bursts of three sizes</h1>",
        "data-label=\"p95, documented\"",
        "href=\"runs&#x2f;many-1&#x2f;report.html\"",
        "<th colspan=\"2\">failure mode</th>",
        "100 users, failure mode: sudden collapse measured, slow degradation documented.",
        "never up, p95: the target did not start, or was lost (exit 7): no port was free.",
        "100 users: Users are patient here.",
        "points</span>",
    ] {
        assert!(page.contains(told), "{told}");
    }
    // p95 and loss are numbers, the mode is not.
    assert_eq!(page.matches("<svg class=\"chart").count(), 2);
    for loads in [" src=", "<link", "@import", "url(http", "<iframe", "<img", "<script"] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn the_document_is_the_result() {
    let result = filled();
    let value: serde_json::Value = serde_json::from_str(&study_json(&result)).expect("JSON");
    assert_eq!(value["name"], "bursts");
    assert_eq!(value["filled"], false);
    let cell = &value["tables"][0]["body"]["rows"]["rows"][1]["cells"][0];
    assert_eq!(cell["band"], serde_json::json!([4.0, 8.0]));
    assert_eq!(cell["each"].as_array().map(Vec::len), Some(3));
    assert_eq!(value["runs"][4]["name"], "many");
    assert_eq!(value["runs"][5]["state"], "target_lost");
}

#[test]
fn text_of_a_study_stays_text() {
    let quoted = serde_json::to_string(HOSTILE).expect("text");
    let text = STUDY.replace("Bursts of three sizes", &quoted).replace("\"10 users\"", &quoted);
    let study = study(&text.replace("label: 10 users", &format!("label: {quoted}")));
    let page = study_html(&fill(&study, &[]));
    assert!(!page.contains("<script") && !page.contains("54439"), "markup of a user");
    assert!(page.matches("&lt;script&gt;").count() >= 3);
}
