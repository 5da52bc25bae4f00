//! `loadlab breakpoint`: against a queue whose breaking point can be computed, and against services of which
//! there is nothing to find.

use std::time::Duration;

use loadlab_analysis::queueing;
use loadlab_e2e::Queue;

use crate::lab::{Ended, Lab, loadlab};

const MEAN: Duration = Duration::from_millis(10);
const BOUND: Duration = Duration::from_millis(60);

/// Sixteen servers, 10 ms each, 60 ms allowed: the knee is at 1,488 a second.
fn queue() -> (Queue, f64) {
    let queue = Queue::start(16, MEAN, 1).expect("a queue");
    (queue, queueing::knee(16, MEAN, BOUND, 0.01).expect("it carries something"))
}

fn search(lab: &Lab, queue: &Queue, arguments: &[&str]) -> Ended {
    let file = lab.file("queue.yaml", &queue.scenario(1_000, BOUND));
    let out = lab.path().join("searches");
    let fixed = ["breakpoint", file.to_str().expect("UTF-8"), "--out", out.to_str().expect("UTF-8")];
    loadlab(&[&fixed[..], arguments].concat())
}

fn found(ended: &Ended) -> serde_json::Value {
    let result: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON document");
    result["found"].clone()
}

/// A short search: the evidence has twenty whole ones. Few trials find it within a tenth.
#[test]
fn the_breaking_point_of_a_queue_is_found() {
    let lab = Lab::new();
    let (queue, knee) = queue();
    let arguments =
        ["--start", "900", "--trial", "2s", "--trials", "16", "--precision", "5%", "--format", "json"];
    let ended = search(&lab, &queue, &arguments);
    assert!(matches!(ended.code, Some(0 | 5)), "{:?}\n{}", ended.code, ended.stderr);
    let found = found(&ended);
    let estimate = found["estimate"].as_f64().expect("an estimate");
    assert!((estimate / knee - 1.0).abs() < 0.1, "{estimate}, {knee} computed\n{}", ended.stderr);
    assert!(found["at"].as_f64() < found["interval"][1].as_f64(), "{found}");
    let folder = std::fs::read_dir(lab.path().join("searches")).expect("a folder").flatten().next();
    let folder = folder.expect("one search").path();
    for file in ["search.json", "search.html", "search.md", "trials/001/run.json"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
}

#[test]
fn a_target_that_is_not_there_is_told_apart_from_one_that_never_recovers() {
    let lab = Lab::new();
    let (queue, _) = queue();
    queue.hang();
    let ended = search(&lab, &queue, &[]);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("the target does not recover"), "{}", ended.stderr);
    let scenario = queue.scenario(1_000, BOUND);
    drop(queue);
    let file = lab.file("gone.yaml", &scenario);
    let ended = loadlab(&["breakpoint", file.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot be reached"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: start the service first"), "{}", ended.stderr);
}

/// So many servers that nobody waits, each for 0.8 s: 9,000 a second are 7,200 at once, and the generator has
/// workers for four thousand.
#[test]
fn a_generator_that_cannot_offer_more_says_so() {
    let lab = Lab::new();
    let queue = Queue::start(200_000, Duration::from_millis(800), 1).expect("a queue");
    let scenario = queue.scenario(9_000, Duration::from_secs(9)).replace("timeout: 1s", "timeout: 20s");
    let file = lab.file("slow.yaml", &scenario.replace("drain: 2s", "drain: 20s"));
    let out = lab.path().join("searches");
    let ended = loadlab(&[
        "breakpoint",
        file.to_str().expect("UTF-8"),
        "--start=9000",
        "--trial=1s",
        "--out",
        out.to_str().expect("UTF-8"),
    ]);
    assert_eq!(ended.code, Some(6), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("generator"), "{}", ended.stdout);
}

#[test]
fn loads_that_make_no_search_are_refused_before_anything_starts() {
    let ended = loadlab(&["breakpoint", "100-concurrent", "--start=10", "--least=20"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("0 < least <= start <= most"), "{}", ended.stderr);
}
