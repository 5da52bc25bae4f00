//! The harness tells the truth about a server of known latency, as far as a few seconds on a busy
//! machine can show. `cargo xtask calibrate` asks the same with tight bounds.

use std::{fs, process::Command};

use serde_json::Value;

#[test]
fn what_is_reported_is_what_the_server_did() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("calibration.jsonl");
    let run = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["calibrate", "--short", "--out"])
        .arg(&out)
        .output()
        .expect("xtask runs");
    let table = String::from_utf8_lossy(&run.stdout);
    let talk = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{table}\n{talk}");

    let line = fs::read_to_string(&out).expect("figures were written");
    let figures: Value = serde_json::from_str(&line).expect("one line of JSON");
    let cases = figures["figures"]["cases"].as_object().expect("cases");
    let names: Vec<&String> = cases.keys().collect();
    assert_eq!(names, ["open_lognormal", "open_stall", "closed_stall"]);
    assert_eq!(cases["open_stall"]["samples"], 800);
    assert!(figures["commit"].is_string() && figures["machine"]["cores"].is_u64());
}
