//! The figures that are committed meet the claims that the documents make.

use std::{fs, path::Path};

use serde_json::Value;

/// The lines of one file of evidence, oldest first.
fn lines(job: &str) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("xtask is two folders down");
    let path = root.join("reports/evidence").join(format!("{job}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("one line of JSON")).collect()
}

fn last(job: &str) -> Value {
    lines(job).pop().expect("at least one run")
}

#[test]
fn the_harness_was_calibrated_on_fifty_thousand_samples_and_held() {
    let line = last("calibration");
    let cases = line["figures"]["cases"].as_object().expect("cases");
    for case in ["open_lognormal", "open_stall"] {
        assert!(cases[case]["samples"].as_u64() >= Some(50_000), "{case}: {}", cases[case]["samples"]);
    }
    for (name, case) in cases {
        for check in case["checks"].as_array().expect("checks") {
            assert_eq!(check["held"], true, "{name}: {check}");
        }
    }
}

#[test]
fn a_request_costs_at_most_a_third_of_gooses() {
    let line = last("bench-generator");
    assert_eq!(line["figures"]["floor"]["times_goose_per_cpu_second"], 3.0);
    assert_eq!(line["figures"]["floor"]["held"], true, "{line}");
}

#[test]
fn an_injected_delay_is_that_delay_over_ten_thousand_requests() {
    let line = last("proxy-latency");
    let cases = line["figures"]["cases"].as_object().expect("cases");
    assert!(cases["constant"]["samples"].as_u64() >= Some(10_000), "{line}");
    let limits: Vec<&Value> =
        cases["constant"]["checks"].as_array().expect("checks").iter().map(|check| &check["limit"]).collect();
    assert_eq!(limits, [1.0, 3.0], "milliseconds at the median and at p99");
    assert_eq!(line["figures"]["held"], true, "{line}");
}

#[test]
fn however_a_run_ends_all_is_clean_and_gone_in_time() {
    let line = last("safety");
    let promises = line["figures"]["promises"].as_object().expect("promises");
    let bounds: Vec<&Value> = promises.values().map(|promise| &promise["within_ms"]).collect();
    assert_eq!(bounds, [100.0, 3000.0, 1000.0, 3000.0], "milliseconds, of {:?}", promises.keys());
    assert_eq!(line["figures"]["held"], true, "{line}");
}

#[test]
fn a_connection_through_the_fault_proxy_costs_little_more_than_through_haproxy() {
    let line = last("bench-proxy");
    let floor = &line["figures"]["floor"];
    assert_eq!(floor["of_haproxys_requests_per_cpu_second"], 0.9);
    assert_eq!(floor["held"], true, "{line}");
}
