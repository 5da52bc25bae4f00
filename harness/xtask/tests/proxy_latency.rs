//! The fault proxy delays by what it is asked for, as far as a few seconds on a busy machine can show.
//! `cargo xtask evidence proxy-latency` asks the same with tight bounds.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// Something else may take the machine for a few seconds. A proxy that is wrong by design is wrong
/// every time.
const ATTEMPTS: usize = 3;

fn measure(out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["proxy-latency", "--short", "--out"]).arg(out).output().expect("xtask runs")
}

#[test]
fn a_delay_comes_out_as_it_was_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("proxy-latency.jsonl");
    let (mut attempts, mut last) = (1, measure(&out));
    while !last.status.success() && attempts < ATTEMPTS {
        attempts += 1;
        last = measure(&out);
    }
    let said = String::from_utf8_lossy(&last.stdout);
    assert!(last.status.success(), "{said}\n{}", String::from_utf8_lossy(&last.stderr));
    let text = fs::read_to_string(&out).expect("figures were written");
    let line: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("one line of JSON");
    let cases = &line["figures"]["cases"];
    assert_eq!((&cases["constant"]["samples"], &cases["lognormal"]["samples"]), (&200.into(), &2_000.into()));
    assert!(line["commit"].is_string() && line["machine"]["cores"].is_u64());
}
