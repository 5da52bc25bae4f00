//! A study runs what is not there yet, and fills its tables.

use std::path::Path;

use crate::{
    foreign_target::foreign_server,
    lab::{Lab, loadlab},
};

/// A scenario of one second against a service at `base`.
fn scenario(base: &str, rate: u32) -> String {
    format!(
        "title: a second\nquestion: does it hold?\ntarget: {base}\ndrain: 1s\n\
         load: {{ arrivals: {{ rate: {rate}/s, for: 1s, process: uniform }} }}\n\
         journeys: [{{ name: j, steps: [{{ name: search, post: /search, json: {{}}, stream: true }}] }}]\n\
         objectives: [success >= 99%]\n\
         documented:\n  source: a report\n  section: its first\n  outcomes:\n\
         \x20   - {{ name: all succeed, expect: success, min: 100% }}\n\
         \x20   - {{ name: slow, expect: p95, min: 1h }}\n"
    )
}

/// Two runs of a second, side by side with what is documented.
const STUDY: &str = "\
title: Two seconds
question: Does it hold?
runs: [{ scenario: ./calm.yaml }, { name: busy, scenario: ./busy.yaml }]
tables:
  - title: seconds
    columns: [success, p95]
    rows:
      - { label: calm, run: calm, cells: [all succeed, slow] }
      - { label: busy, run: busy, cells: [all succeed, slow] }
";

fn runs(out: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(out.join("runs"))
        .expect("there are runs")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    names.sort();
    names
}

#[test]
fn a_study_fills_its_tables_and_the_second_time_runs_nothing() {
    let (lab, server) = (Lab::new(), foreign_server());
    let base = format!("http://{server}");
    lab.file("calm.yaml", &scenario(&base, 10));
    lab.file("busy.yaml", &scenario(&base, 20));
    let study = lab.file("seconds.yaml", STUDY).display().to_string();
    let out = lab.path().join("out");
    let arguments = ["study", &study, "--out", &out.display().to_string()];

    let dry = loadlab(&["study", &study, "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}{}", dry.stdout, dry.stderr);
    assert!(dry.stdout.contains("2 runs, about 0:1"), "{}", dry.stdout);

    let first = loadlab(&[&arguments[..], &["--format", "json"]].concat());
    let result: serde_json::Value = serde_json::from_str(&first.stdout).expect("JSON and nothing else");
    // A machine that compiles meanwhile may make the generator late, which the study says.
    if result["filled"] == false {
        assert_eq!(first.code, Some(5), "{}", first.stderr);
        return loadlab_e2e::not_run("a study is resumed", "the generator was the limit");
    }
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let cells = &result["tables"][0]["body"]["rows"]["rows"][1]["cells"];
    assert_eq!((&cells[0]["measured"], &cells[0]["within"]), (&1.0.into(), &true.into()));
    assert_eq!(cells[1]["within"], false);
    assert!(first.stderr.contains("run 2 of 2: busy"), "{}", first.stderr);
    let kept = runs(&out);
    assert_eq!(kept.len(), 2);
    let page = std::fs::read_to_string(out.join("study.html")).expect("a page");
    for run in &kept {
        let report = format!("runs/{}/report.html", run.to_string_lossy());
        assert!(out.join(&report).is_file(), "{report}");
        assert!(page.contains(&report.replace('/', "&#x2f;")), "{report}");
    }

    let second = loadlab(&arguments);
    assert_eq!(second.code, Some(0), "{}{}", second.stdout, second.stderr);
    assert_eq!(runs(&out), kept);
    assert!(second.stderr.contains("run 1 of 2: calm: there already"), "{}", second.stderr);
    assert!(second.stdout.contains("2 of 4 measured values are as documented"), "{}", second.stdout);
    assert_eq!(std::fs::read_to_string(out.join("study.html")).expect("a page"), page);

    // Another plan is another run.
    lab.file("calm.yaml", &scenario(&base, 11));
    let third = loadlab(&[&arguments[..], &["--only", "calm"]].concat());
    assert!(third.stderr.contains("run 1 of 1: calm ("), "{}", third.stderr);
    assert_eq!(runs(&out).len(), 3);
}

#[test]
fn a_target_that_is_not_there_is_told_in_the_table() {
    let lab = Lab::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let base = format!("http://{}", free.expect("a free port"));
    lab.file("calm.yaml", &scenario(&base, 10));
    lab.file("busy.yaml", &scenario(&base, 20));
    let study = lab.file("seconds.yaml", STUDY).display().to_string();
    let ended = loadlab(&["study", &study, "--out", &lab.path().join("out").display().to_string()]);
    assert_eq!(ended.code, Some(5), "{}{}", ended.stdout, ended.stderr);
    let told = "busy, p95: the target did not start, or was lost (exit 7): the target http://";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[test]
fn nothing_is_started_while_a_run_of_the_study_is_wrong() {
    let lab = Lab::new();
    lab.file("calm.yaml", &scenario("http://127.0.0.1:1", 10));
    lab.file("busy.yaml", "load: { arrivals: { rate: 5/s, for: soon } }\n");
    let study = lab.file("seconds.yaml", STUDY).display().to_string();
    let out = lab.path().join("out");
    let ended = loadlab(&["study", &study, "--out", &out.display().to_string()]);
    assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("seconds.yaml:3:59: the run `busy`: "), "{}", ended.stderr);
    assert!(!out.exists());
}
