//! A short case of each claim whose evidence takes many runs (`cargo xtask evidence`): forty users at once on
//! twenty sessions, so that every session serves two of them.

use crate::lab::{Ended, Lab, loadlab};

/// Forty searches at the same moment.
const FORTY: [&str; 3] = ["100-concurrent", "--set", "load.burst.users=40"];

/// What a run measured of its response time, and what its arrivals waited for most.
struct Measured {
    p95_s: f64,
    loss: f64,
    most_waited_for: Option<String>,
}

fn measure(more: &[&str]) -> Measured {
    let lab = Lab::new();
    let ended = lab.run(&[&FORTY, more].concat());
    assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    let run = lab.run_json();
    let observed = |name: &str| {
        let objectives = run["objectives"].as_array().expect("objectives");
        let one = objectives.iter().find(|one| one["name"].as_str().is_some_and(|it| it.starts_with(name)));
        one.and_then(|one| one["observed"].as_f64()).unwrap_or_else(|| panic!("nothing observed of {name}"))
    };
    let bottlenecks = run["failure"]["bottlenecks"].as_array().into_iter().flatten();
    let waited = |one: &serde_json::Value| one["waited_s"].as_f64().unwrap_or(0.0);
    let most = bottlenecks.into_iter().max_by(|a, b| waited(a).total_cmp(&waited(b)));
    Measured {
        p95_s: observed("p95"),
        loss: 1.0 - observed("success"),
        most_waited_for: most.and_then(|one| one["resource"].as_str()).map(str::to_owned),
    }
}

#[test]
fn half_the_sessions_cost_half_as_much_again_and_half_the_backlog_costs_nothing() {
    let asked = |settings: &[&str]| {
        let mut arguments = vec!["--speed", "4"];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
        measure(&arguments)
    };
    let whole = asked(&[]);
    // Not what was full first: everything is, within the time between two scrapes.
    assert_eq!(whole.most_waited_for.as_deref(), Some("the session pool"));
    let half = asked(&["target.set.service.pool.min=10", "target.set.service.pool.max=10"]);
    assert!(half.p95_s > whole.p95_s * 1.3, "{} s, with all sessions {} s", half.p95_s, whole.p95_s);
    assert!(half.loss >= whole.loss, "{}, with all sessions {}", half.loss, whole.loss);
    let other = asked(&["target.set.service.workers.backlog=500"]);
    assert!((other.p95_s / whole.p95_s - 1.0).abs() < 0.2, "{} s, before {} s", other.p95_s, whole.p95_s);
}

#[test]
fn a_faster_run_measures_the_same() {
    let slow = measure(&["--speed", "2"]);
    let fast = measure(&["--speed", "10"]);
    assert!((fast.p95_s / slow.p95_s - 1.0).abs() < 0.2, "{} s, at speed 2 {} s", fast.p95_s, slow.p95_s);
}

#[test]
fn the_composed_mitigations_carry_what_the_baseline_does_not() {
    let burst = ["--speed", "4", "--set", "load.burst.users=80"];
    let baseline = measure(&burst);
    let mitigated = measure(&[&burst[..], &["--profile", "mitigated"]].concat());
    assert!(baseline.p95_s > 7.0, "{} s", baseline.p95_s);
    assert!(mitigated.p95_s < 7.0, "{} s", mitigated.p95_s);
}

/// The reference target against itself, in three short pairs near its breaking point.
fn gate(head: &[&str]) -> Ended {
    let lab = Lab::new();
    let out = lab.path().join("gates");
    let fixed = ["gate", "search-capacity", "--base", "baseline", "--head", "baseline", "--speed", "15"];
    let effort = ["--carried", "8", "--trial", "40s", "--pairs", "3", "--beside", "0"];
    let mut arguments = [&fixed[..], &effort, &["--out", out.to_str().expect("UTF-8")]].concat();
    arguments.extend(head.iter().flat_map(|setting| ["--head-set", *setting]));
    loadlab(&arguments)
}

/// So few and short trials may leave open what did not change, but they never call it worse.
#[test]
fn the_gate_finds_a_fifth_fewer_sessions_and_nothing_in_the_same_build_or_a_smaller_backlog() {
    let fewer = gate(&["service.pool.min=16", "service.pool.max=16"]);
    assert_eq!(fewer.code, Some(4), "{}\n{}", fewer.stdout, fewer.stderr);
    for settings in [&[][..], &["service.workers.backlog=800"]] {
        let ended = gate(settings);
        assert!(matches!(ended.code, Some(0 | 5)), "{settings:?}: {}\n{}", ended.stdout, ended.stderr);
    }
}
