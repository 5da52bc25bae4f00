//! `loadlab gate`: against queues of known capacity, equal ones and a smaller one, and against what cannot be
//! compared.

use std::time::Duration;

use loadlab_e2e::Queue;

use crate::lab::{Ended, Lab, loadlab};

const MEAN: Duration = Duration::from_millis(10);
const BOUND: Duration = Duration::from_millis(60);
/// Just below the knee of sixteen servers, 1,488 a second.
const CARRIED: &str = "1450";
/// The command of a queue of its own.
const QUEUE: &str = env!("CARGO_BIN_EXE_queue");

/// `loadlab gate`, three pairs and three more, of trials of 1 s. Those are a hundred service times and not the
/// five hundred that are due, so what is looked for is a drop of a fifth.
fn gate(lab: &Lab, scenario: &str, arguments: &[&str]) -> Ended {
    let file = lab.file("queue.yaml", scenario);
    let out = lab.path().join("gates");
    let fixed = ["gate", file.to_str().expect("UTF-8"), "--out", out.to_str().expect("UTF-8")];
    loadlab(&[&fixed[..], &["--trial", "1s", "--pairs", "3", "--delta", "20%"], arguments].concat())
}

fn queue(servers: usize) -> Queue {
    Queue::start(servers, MEAN, servers as u64).expect("a queue")
}

fn document(ended: &Ended) -> serde_json::Value {
    serde_json::from_str(&ended.stdout).expect("one JSON document")
}

#[test]
fn a_build_that_did_not_change_passes_and_is_compared_at_one_load_too() {
    let lab = Lab::new();
    let scenario = queue(1).scenario(1_500, BOUND);
    let command = format!("exec {QUEUE} 16 10");
    let arguments =
        ["--base", &command, "--head", &command, "--carried", CARRIED, "--beside", "2", "--format", "json"];
    let ended = gate(&lab, &scenario, &arguments);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let job = document(&ended);
    assert_eq!(job["result"]["verdict"], "pass");
    assert_eq!(job["result"]["factor"], "nothing: the same build twice");
    assert_eq!(sides(&job["trials"])[..4], ["base", "head", "head", "base"]);
    assert_eq!(sides(&job["beside"]), ["base", "head", "head", "base"]);
    let measures = job["result"]["beside"]["measures"].as_array().expect("measures");
    let names: Vec<&str> = measures.iter().filter_map(|one| one["measure"].as_str()).collect();
    assert_eq!(names, ["errors", "p50 of ask", "p95 of ask", "p99 of ask"]);
    let folder = std::fs::read_dir(lab.path().join("gates")).expect("a folder").flatten().next();
    let folder = folder.expect("one gate").path();
    for file in ["gate.json", "gate.html", "gate.md", "junit.xml", "base/001/run.json", "head/001/run.json"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
}

/// Whose the trials that count are; one that does not is repeated.
fn sides(trials: &serde_json::Value) -> Vec<&str> {
    let valid = |trial: &&serde_json::Value| trial["done"]["validity"] == "valid";
    let trials = trials.as_array().expect("trials").iter().filter(valid);
    trials.map(|trial| trial["done"]["side"].as_str().expect("a side")).collect()
}

#[test]
fn a_smaller_queue_is_a_regression_and_github_is_told() {
    let lab = Lab::new();
    let (base, head) = (queue(16), queue(12));
    let (base_url, head_url) = (base.url(), head.url());
    let arguments = ["--base", &base_url, "--head", &head_url, "--carried", CARRIED, "--github"];
    let ended = gate(&lab, &base.scenario(1_500, BOUND), &arguments);
    assert_eq!(ended.code, Some(4), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("head lost more than base"), "{}", ended.stdout);
    assert!(ended.stderr.contains("::error"), "{}", ended.stderr);
}

#[test]
fn a_command_that_ends_at_once_is_told_with_what_it_said() {
    let lab = Lab::new();
    let scenario = queue(1).scenario(1_500, BOUND);
    let base = format!("exec {QUEUE} 16 10");
    let arguments = ["--base", &base, "--head", "echo no licence; exit 3", "--carried", CARRIED];
    let ended = gate(&lab, &scenario, &arguments);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    for part in
        ["head: the target did not start", "no licence", "it has to serve at the port that is in $PORT"]
    {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
}

#[test]
fn a_target_that_never_recovers_is_named() {
    let lab = Lab::new();
    let (base, head) = (queue(16), queue(16));
    head.hang();
    let (base_url, head_url) = (base.url(), head.url());
    let scenario = base.scenario(1_500, BOUND).replace("timeout: 1s", "timeout: 200ms");
    let ended = gate(&lab, &scenario, &["--base", &base_url, "--head", &head_url, "--carried", CARRIED]);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("head: the target does not recover"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
}

/// 9,000 a second of 0.8 s each are 7,200 at once, and the generator has workers for four thousand.
#[test]
fn a_generator_that_cannot_offer_so_much_is_no_verdict() {
    let lab = Lab::new();
    let queue = Queue::start(200_000, Duration::from_millis(800), 1).expect("a queue");
    let scenario = queue.scenario(9_000, Duration::from_secs(9)).replace("timeout: 1s", "timeout: 20s");
    let url = queue.url();
    let arguments = ["--base", &url, "--head", &url, "--carried", "9000", "--trial", "1s"];
    let file = lab.file("queue.yaml", &scenario.replace("drain: 2s", "drain: 20s"));
    let out = lab.path().join("gates");
    let fixed =
        ["gate", file.to_str().expect("UTF-8"), "--out", out.to_str().expect("UTF-8"), "--pairs", "3"];
    let ended = loadlab(&[&fixed[..], &arguments].concat());
    assert_eq!(ended.code, Some(6), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("did not count, mostly because"), "{}", ended.stdout);
}

#[test]
fn what_differs_in_more_than_one_thing_is_not_compared() {
    let ended = loadlab(&["gate", "search-capacity", "--base", "baseline", "--head", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(8), "{}", ended.stderr);
    assert!(ended.stderr.contains("stack: base is a profile of the reference target"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: give both as profiles"), "{}", ended.stderr);
}

#[test]
fn a_wrong_gate_is_refused_before_anything_starts() {
    let refused = |arguments: &[&str], said: &str| {
        let ended = loadlab(&[&["gate", "search-capacity", "--base", "baseline"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{said} in {}", ended.stderr);
    };
    refused(&[], "--head <HEAD>");
    refused(&["--head", "baseline", "--pairs", "2"], "2 pairs are fewer than 3");
    refused(&["--head", "baseline", "--delta", "60%"], "delta 0.6 is not between 0.001 and 0.5");
    refused(&["--head", "baseline", "--budget", "6"], "what --budget buys is not known before the noise is");
    refused(&["--head", "baseline", "--noise", "/nowhere/noise.json"], "cannot be read");
    refused(&["--head", "baseline", "--head-set", "service.pool.most=16"], "service.pool.most");
}
