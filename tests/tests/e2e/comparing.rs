//! `loadlab compare`, `loadlab trend` and `loadlab merge`: on runs of the reference target, on made-up ones, and on
//! those of two generators.

use std::path::{Path, PathBuf};

use loadlab_analysis::judge;
use loadlab_clock::Seed;
use loadlab_record::{RunFile, synthetic::Synthetic};
use serde_json::Value;

use crate::{
    foreign_target::foreign_server,
    lab::{Ended, Lab, loadlab},
};

/// The folders of a lab's runs, by their names.
fn run_folders(lab: &Lab) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(lab.path().join("runs")).expect("there are runs").flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn run_json(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("run.json")).expect("run.json is there");
    serde_json::from_str(&text).expect("JSON")
}

/// A burst of 100 on so many sessions.
fn made_up(seed: u64, sessions: usize) -> RunFile {
    let mut run = Synthetic { seed: Seed::new(seed), sessions, ..Synthetic::burst(100) }.run();
    judge(&mut run);
    run
}

/// Stores a run as `loadlab run` does, and gives its folder.
fn store(lab: &Lab, name: &str, run: &RunFile) -> String {
    let folder = lab.path().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("run.json"), run.to_json()).expect("a run file");
    folder.display().to_string()
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("one JSON document: {}", ended.stderr))
}

/// Sixteen users, of whom some wait where there are four sessions.
#[test]
fn two_runs_with_another_pool_are_compared_and_the_setting_is_named() {
    let lab = Lab::new();
    let short = ["100-concurrent", "--set", "load.burst.users=16", "--speed", "2"];
    let few = ["--set", "target.set.service.pool.max=4", "--set", "target.set.service.pool.min=4"];
    for ended in [lab.run(&[&short[..], &few].concat()), lab.run(&short)] {
        // A machine that compiles meanwhile may make the generator late, and then nothing is compared.
        if ended.code == Some(6) {
            return loadlab_e2e::not_run("two runs are compared", "the generator was the limit");
        }
        assert!(matches!(ended.code, Some(0 | 3)), "{:?}{}{}", ended.code, ended.stdout, ended.stderr);
    }
    let folders: Vec<String> = run_folders(&lab).iter().map(|folder| folder.display().to_string()).collect();
    let page = lab.path().join("comparison.html");
    let out = page.display().to_string();
    let ended = loadlab(&["compare", &folders[0], &folders[1], "--format", "json", "--out", &out]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let found = json(&ended);
    assert_eq!(found["factor"]["kind"], "settings");
    let pool = "service.pool.max=4";
    let sides = [&found["factor"]["before"], &found["factor"]["after"]];
    assert!(sides.iter().any(|side| side.as_str().is_some_and(|side| side.contains(pool))), "{sides:?}");
    assert_eq!(found["method"], "none");
    let arrivals = |side: &str| found[side]["arrivals"].as_u64();
    assert_eq!((arrivals("before"), arrivals("after")), (Some(16), Some(16)));
    let written = std::fs::read_to_string(page).expect("a page");
    assert!(written.contains("Difference at each decile") && written.contains(pool), "{written}");

    let text = loadlab(&["compare", &folders[0], &format!("{}/run.json", folders[1])]);
    assert_eq!(text.code, Some(0), "{}", text.stderr);
    assert!(text.stdout.contains("Before and after: settings"), "{}", text.stdout);
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 100), "{}", text.stdout);
}

#[test]
fn repeated_runs_are_folders_of_runs_and_give_intervals() {
    let lab = Lab::new();
    for seed in 1..=3 {
        store(&lab, &format!("before/{seed}"), &made_up(seed, 20));
        store(&lab, &format!("after/{seed}"), &made_up(seed, 40));
    }
    let side = |name: &str| lab.path().join(name).display().to_string();
    let ended = loadlab(&["compare", &side("before"), &side("after")]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("A difference is shown: p50 fell by "), "{}", ended.stdout);
    assert!(ended.stdout.contains("3 runs before, 3 runs after"), "{}", ended.stdout);
    let markdown = loadlab(&["compare", &side("before"), &side("after"), "--format", "markdown"]);
    assert!(markdown.stdout.starts_with("# Before and after: settings\n"), "{}", markdown.stdout);
}

#[test]
fn runs_that_cannot_be_compared_are_refused_with_what_differs() {
    let lab = Lab::new();
    let one = store(&lab, "one", &made_up(1, 20));
    let mut run = made_up(1, 20);
    (run.scenario, run.plan.client.timeout) = ("another".to_owned(), std::time::Duration::from_secs(10));
    let other = store(&lab, "other", &run);
    let ended = loadlab(&["compare", &one, &other]);
    assert_eq!(ended.code, Some(8), "{}{}", ended.stdout, ended.stderr);
    for told in [
        "the runs cannot be compared: 2 things differ that must not",
        "scenario: 100-concurrent before, another after",
        "client.timeout: 30s before, 10s after",
        "hint: run both with the same scenario",
    ] {
        assert!(ended.stderr.contains(told), "{told}\n{}", ended.stderr);
    }
    assert!(ended.stdout.is_empty());
    let missing = loadlab(&["compare", &one, &lab.path().join("nowhere").display().to_string()]);
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
}

/// Nights of January, stored in folders: a burst on so many sessions each.
fn nights(lab: &Lab, sessions: &[usize]) -> String {
    for (day, sessions) in (1..).zip(sessions) {
        let mut run = made_up(day, *sessions);
        run.environment.started = format!("2026-01-{day:02}T03:00:00Z");
        store(lab, &format!("nightly/{day:02}"), &run);
    }
    lab.path().join("nightly").display().to_string()
}

#[test]
fn a_trend_that_became_worse_just_now_is_a_regression() {
    let lab = Lab::new();
    let folder = nights(&lab, &[[20; 15].as_slice(), &[14; 5]].concat());
    let ended = loadlab(&["trend", &folder]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    for told in
        ["REGRESSION  p95", "p95 rose from ", "on 2026-01-16, 5 results ago", "20 results from 2026-01-01"]
    {
        assert!(ended.stdout.contains(told), "{told}\n{}", ended.stdout);
    }
    // It is worse, but not since the last four nights.
    assert_eq!(loadlab(&["trend", &folder, "--recent", "4"]).code, Some(0));
    let found = json(&loadlab(&["trend", &folder, "--measure", "loss", "--format", "json"]));
    assert_eq!(found["series"][0]["trend"]["changes"][0]["index"], 15, "{found}");
}

#[test]
fn a_trend_without_a_change_passes_and_says_what_is_left_out() {
    let lab = Lab::new();
    let folder = nights(&lab, &[20; 12]);
    let mut elsewhere = made_up(40, 20);
    elsewhere.environment.cores = 8;
    elsewhere.environment.started = "2026-01-05T04:00:00Z".to_owned();
    store(&lab, "nightly/elsewhere", &elsewhere);
    std::fs::create_dir(lab.path().join("nightly/torn")).expect("a folder");
    lab.file("nightly/torn/run.json", "{");
    let ended = loadlab(&["trend", &folder, "--format", "markdown"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for told in [
        "# NO REGRESSION: p95",
        "elsewhere: it is unlike the newest: cores 8, not 2",
        "## Not read",
        "- torn: ",
    ] {
        assert!(ended.stdout.contains(told), "{told}\n{}", ended.stdout);
    }
    let none = loadlab(&["trend", &folder, "--measure", "breaking-point"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
    assert!(none.stderr.contains("there is no search below"), "{}", none.stderr);
}

#[test]
fn breaking_points_are_followed_from_search_to_search() {
    let lab = Lab::new();
    for day in 1..=16_u64 {
        let estimate = if day <= 11 { 1_480.0 } else { 1_300.0 } + (day * 7 % 5) as f64;
        let document = serde_json::json!({
            "scenario": "capacity", "axis": "arrivals_per_second", "method": "mlr", "seed": 1, "speed": 1.0,
            "objectives": ["p99 < 60ms"], "rules": { "allowed_loss": 0.01 }, "found": { "estimate": estimate },
            "environment": { "started": format!("2026-01-{day:02}T03:00:00Z"), "cores": 2 },
            "target": { "base": "http://here" },
        });
        let folder = format!("searches/{day:02}");
        std::fs::create_dir_all(lab.path().join(&folder).join("trials/001")).expect("a folder");
        lab.file(&format!("{folder}/search.json"), &document.to_string());
        lab.file(&format!("{folder}/trials/001/run.json"), "{}");
    }
    let folder = lab.path().join("searches").display().to_string();
    let ended = loadlab(&["trend", &folder, "--measure", "breaking-point"]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("breaking-point fell from 1,48"), "{}", ended.stdout);
}

/// Two generators of fifty arrivals a second each, at the same time.
#[test]
fn the_runs_of_two_generators_are_merged_and_judged_again() {
    let (lab, server) = (Lab::new(), foreign_server());
    let scenario = lab.file(
        "half.yaml",
        "title: half of it\nquestion: does it hold?\ntarget: http://127.0.0.1:1\ndrain: 1s\n\
         load: { arrivals: { rate: 50/s, for: 2s } }\n\
         journeys: [{ name: j, steps: [{ name: search, post: /search, json: {}, stream: true }] }]\n\
         objectives: [success >= 99%]\n",
    );
    let (scenario, target) = (scenario.display().to_string(), format!("http://{server}"));
    let generators = ["1", "2"].map(|seed| lab.start(&[&scenario, "--target", &target, "--seed", seed]));
    for generator in generators {
        let ended = Ended::from(generator.wait_with_output().expect("it ends"));
        assert!(matches!(ended.code, Some(0 | 6)), "{}{}", ended.stdout, ended.stderr);
    }
    let runs = run_folders(&lab);
    let names: Vec<String> = runs.iter().map(|run| run.display().to_string()).collect();
    let out = lab.path().join("merged");
    let arguments = ["merge", &names[0], &names[1], "--out", &out.display().to_string()];
    let ended = loadlab(&arguments);
    assert!(matches!(ended.code, Some(0 | 6)), "{}{}", ended.stdout, ended.stderr);
    let merged = run_json(&out);
    let totals = |run: &Value, name: &str| run["totals"][name].as_u64().expect("a count");
    for name in ["scheduled", "completed", "requests"] {
        let parts: u64 = runs.iter().map(|run| totals(&run_json(run), name)).sum();
        assert_eq!(totals(&merged, name), parts, "{name}");
    }
    assert_eq!(totals(&merged, "scheduled"), totals(&merged, "completed"));
    assert_eq!(merged["generators"].as_array().map(Vec::len), Some(2));
    assert_eq!(merged["objectives"][0]["verdict"], "pass", "it was judged again");
    for report in ["report.html", "report.md", "junit.xml"] {
        assert!(out.join(report).is_file(), "{report} is written");
    }

    let again = loadlab(&arguments);
    assert_eq!(again.code, Some(2), "a run is not written over: {}", again.stderr);
    let twice =
        loadlab(&["merge", &names[0], &names[0], "--out", &lab.path().join("twice").display().to_string()]);
    assert_eq!(twice.code, Some(8), "{}", twice.stderr);
    assert!(twice.stderr.contains("one run given twice"), "{}", twice.stderr);
    assert!(!lab.path().join("twice").exists());
}
