//! The steady state, and what ends a run: against a service that behaves as it is told.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::lab::{Ended, Lab, loadlab};

/// Answers the first requests well and all others with 500, each after so many milliseconds.
fn server(good: u64, after_ms: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let served = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let served = Arc::clone(&served);
            thread::spawn(move || serve(&stream, &served, good, after_ms));
        }
    });
    address
}

fn serve(stream: &TcpStream, served: &AtomicU64, good: u64, after_ms: u64) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if !reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        if reader.read_exact(&mut vec![0; length]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(after_ms));
        let status = if served.fetch_add(1, Ordering::Relaxed) < good { "200 OK" } else { "500 Oops" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Twenty arrivals a second for twelve seconds, and what the test adds.
fn run(lab: &Lab, server: SocketAddr, more: &str) -> Ended {
    let text = format!(
        "target: http://{server}\nload: {{ arrivals: {{ rate: 20/s, for: 12s, process: uniform }} }}\n\
         drain: 2s\njourneys: [{{ name: j, steps: [{{ name: ask, get: / }}] }}]\n{more}"
    );
    let file = lab.file("conditions.yaml", &text);
    lab.run(&[&file.display().to_string()])
}

#[test]
fn a_condition_ends_the_run_early_and_fails_it() {
    let lab = Lab::new();
    // The objective says how late the generator may be: a share of it, and not the 5 ms without any.
    let more = "abort_if: [{ that: errors > 50%, window: 2s }]\nobjectives: [p95 < 1s]\n";
    let ended = run(&lab, server(60, 0), more);
    // On a machine that compiles meanwhile the generator may be late and say so with 6.
    assert!(matches!(ended.code, Some(3 | 6)), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert!(ended.code == Some(6) || run["verdict"] == "fail", "{}", run["verdict"]);
    assert_eq!(run["ending"]["reason"]["aborted_if"]["condition"], "errors > 50% for 2s");
    // The sixty-first fails, three seconds in; two seconds of failures are needed at the most.
    let at = run["ending"]["at"].as_u64().expect("a time");
    assert!((4_000_000..9_000_000).contains(&at), "it ended at {at} us");
    let reasons = run["reasons"].to_string();
    assert!(reasons.contains("`abort_if` ended the run"), "{reasons}");
    assert!(ended.stdout.contains("when `errors > 50% for 2s` held"), "{}", ended.stdout);
    let text = run["events"].to_string();
    assert!(text.contains("`abort_if`: `errors > 50% for 2s` holds with"), "{text}");
}

#[test]
fn a_near_miss_ends_nothing() {
    let lab = Lab::new();
    let ended = run(&lab, server(1_000, 0), "abort_if: [errors > 0% for 2s]\nobjectives: [success >= 99%]\n");
    // On a machine that compiles meanwhile the generator may be late and say so with 6.
    assert!(matches!(ended.code, Some(0 | 6)), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(lab.run_json()["ending"]["reason"], "finished");
}

#[test]
fn a_service_that_is_not_well_makes_the_run_inconclusive_and_says_what_to_do() {
    let lab = Lab::new();
    let steady = "steady_state: { conditions: [p95 < 20ms, success >= 99%] }\nobjectives: [success >= 99%]\n";
    let ended = run(&lab, server(1_000, 60), steady);
    assert!(matches!(ended.code, Some(5 | 6)), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert_eq!(run["verdict"], "inconclusive");
    assert_eq!(
        (&run["steady"][0]["before"]["holds"], &run["steady"][1]["before"]["holds"]),
        (&false.into(), &true.into())
    );
    let reasons = run["reasons"].to_string();
    assert!(
        reasons.contains("the steady state did not hold before the first fault: `p95 < 20ms`"),
        "{reasons}"
    );
    assert!(reasons.contains("lower the load, lengthen `warm_up`"), "{reasons}");
    assert!(ended.stdout.contains("Steady state"), "{}", ended.stdout);
    let folder = lab.run_folder().expect("a folder");
    let page = std::fs::read_to_string(folder.join("report.html")).expect("a page");
    assert!(page.contains("id=\"steady-state\""));
}

#[test]
fn a_dry_run_shows_what_would_happen() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path().join("chaos/faults")).expect("a folder");
    lab.file("chaos/faults/mine.yaml", "title: Mine\nlatency: { add: 40ms }\n");
    let text = "load: { arrivals: { rate: 1/s, for: 60s } }\njourneys: [{ name: j, steps: [{ name: ask, get: / }] }]\n\
                faults:\n  - { use: mine, edge: service-0/sql, at: 20s, for: 10s, ramp: 4s }\n\
                \x20 - { use: unreachable, edge: service-0/redis, when: errors > 5%, after: 30s, for: 5s }\n\
                steady_state: { conditions: [p95 < 7s], recover_within: 10s }\n\
                abort_if: [errors > 50% for 4s]\nmax_blast: { loss: 30%, at_once: 1 }\n";
    let file = lab.file("dry.yaml", text);
    let ended = loadlab(&["run", &file.display().to_string(), "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for line in [
        "20s to 30s: mine (latency at service-0/sql, growing for 4s)",
        "once errors > 5% for 5s (not before 30s), for 5s: unreachable (down at service-0/redis)",
        "p95 < 7s: must hold before the faults, again within 10s",
        "errors > 50% for 4s (from 20 samples on)",
        "30% of the arrivals lost while faults are on, 1 at the same time",
    ] {
        assert!(ended.stdout.contains(line), "{line}:\n{}", ended.stdout);
    }
}

#[test]
fn more_instances_than_allowed_are_refused_before_anything_starts() {
    let lab = Lab::new();
    let ended = lab.run(&["instance-killed", "--set", "max_blast.instances=50%"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("act on 1 of 1 instances of `service`"), "{}", ended.stderr);
    assert_eq!(lab.run_folder(), None);
}

#[test]
fn named_faults_are_listed() {
    let ended = loadlab(&["list"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("Faults, for `use` in a scenario:"), "{}", ended.stdout);
    assert!(ended.stdout.contains("slow-answers"), "{}", ended.stdout);
}
