//! Faults beside the load: begun, healed, counted and shown; and refused where they have no place.

use serde_json::Value;

use crate::lab::{Ended, Lab};

/// Twelve scenario seconds of an exercise, twice as fast as in life.
fn short(lab: &Lab, exercise: &str, more: &[&str]) -> Ended {
    let short = [
        exercise,
        "--speed",
        "2",
        "--set",
        "load.arrivals.for=12s",
        "--set",
        "faults.0.at=3s",
        "--set",
        "faults.0.for=4s",
        // The first search takes two of the three seconds before the fault.
        "--set",
        "steady_state.min_samples=1",
    ];
    lab.run(&[&short, more].concat())
}

/// The events of a kind, with their times in microseconds of scenario time.
fn events<'a>(run: &'a Value, kind: &str) -> Vec<(u64, &'a Value)> {
    let events = run["events"].as_array().expect("a list of events");
    let of_kind = events.iter().filter(|event| !event["what"][kind].is_null());
    of_kind.map(|event| (event["at"].as_u64().expect("a time"), &event["what"][kind])).collect()
}

#[test]
fn a_fault_is_on_when_it_should_be_and_touches_what_it_should() {
    let lab = Lab::new();
    let ended = short(&lab, "database-slow", &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    let (began, fault) = events(&run, "fault_began")[0];
    let (healed, end) = events(&run, "fault_ended")[0];
    assert_eq!((&fault["kind"], &fault["place"]), (&Value::from("latency"), &Value::from("service-0/sql")));
    // Both times are of the schedule, so one that begins late does not end later.
    assert!((3_000_000..5_000_000).contains(&began), "it began at {began} us");
    assert!((7_000_000..9_000_000).contains(&healed), "it was healed at {healed} us");
    assert!(end["touched"]["bytes"].as_u64() > Some(0), "{end}");
    assert!(ended.stdout.contains("slow-database"), "the summary names it: {}", ended.stdout);
    let page = std::fs::read_to_string(lab.run_folder().expect("a folder").join("report.html"));
    assert!(page.expect("a page").contains("class=\"band fault\""), "the plots are shaded");
}

#[test]
fn a_killed_instance_is_started_again_and_serves() {
    let lab = Lab::new();
    let ended = short(&lab, "instance-killed", &[]);
    let run = lab.run_json();
    let (died, how) = events(&run, "process_died")[0];
    assert_eq!((&how["role"], &how["how"]), (&Value::from("service-0"), &Value::from("SIGKILL")));
    let (back, _) = events(&run, "process_back")[0];
    assert!(back > died, "{}", ended.stderr);
    // Three arrivals a second for twelve seconds; most came while it was there.
    assert!(run["totals"]["failed"].as_u64() > Some(0), "{}", ended.stdout);
    assert!(run["totals"]["completed"].as_u64() >= Some(12), "{}", ended.stdout);
    assert_eq!(events(&run, "fault_failed"), []);
}

#[test]
fn a_paused_instance_goes_on_and_loses_nobody() {
    let lab = Lab::new();
    let ended = short(&lab, "instance-paused", &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert_eq!(run["totals"]["failed"], 0);
    // Whoever came while it stood still waited for it.
    assert!(
        run["latency_ms"]["response"]["max"].as_f64() > Some(3_000.0),
        "{}",
        run["latency_ms"]["response"]
    );
}

#[test]
fn a_fault_without_a_place_is_refused_before_anything_starts() {
    let lab = Lab::new();
    let ended = short(&lab, "database-slow", &["--set", "faults.0.latency.edge=service-0/mysql"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("there is no edge `service-0/mysql`; there is load/gateway-0"),
        "{}",
        ended.stderr
    );
    assert_eq!(lab.run_folder(), None);
}
