//! Split users: an A/A run shows no difference, an A/B run shows the one that there is.

use serde_json::Value;

use crate::{
    foreign_faults::scenario,
    foreign_target::foreign_server,
    lab::{Ended, Lab},
};

/// Thirty scenario seconds of an exercise, twice as fast as in life, with more arrivals: intervals need
/// many. The LLM is quick, so that what the database does is most of an answer.
fn short(lab: &Lab, exercise: &str, more: &[&str]) -> Ended {
    let short = [
        exercise,
        "--speed",
        "2",
        "--set",
        "load.arrivals.for=30s",
        "--set",
        "load.arrivals.rate=8/s",
        "--set",
        "target.set.llm.embeddings.latency='{ constant: 100ms }'",
        "--set",
        "target.set.llm.generation.latency='{ constant: 100ms }'",
    ];
    lab.run(&[&short, more].concat())
}

fn difference<'a>(run: &'a Value, measure: &str) -> &'a Value {
    let differences = run["arms"]["differences"].as_array().expect("the arms are compared");
    differences.iter().find(|difference| difference["measure"] == measure).expect("it is compared")
}

/// What is shown with 95 % is shown of equal arms once in twenty times. Three runs in a row are no such chance.
#[test]
fn an_aa_run_shows_no_difference() {
    let aa = |seed: &str| {
        let lab = Lab::new();
        let ended = short(&lab, "arms-aa", &["--seed", seed]);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        let run = lab.run_json();
        (ended, run)
    };
    let equal = ["1", "2", "3"].into_iter().map(aa).find(|(_, run)| run["arms"]["different"] == false);
    let (ended, run) = equal.expect("of three runs one shows no difference");
    let arms = &run["arms"];
    assert_eq!((&arms["control"]["users"], &arms["experiment"]["users"]), (&20.into(), &20.into()));
    let arrivals = |arm: &str| arms[arm]["arrivals"].as_u64().expect("a count");
    assert_eq!(Some(arrivals("control") + arrivals("experiment")), run["totals"]["completed"].as_u64());
    assert!(ended.stdout.contains("No difference is shown"), "{}", ended.stdout);
    // Each arm has an instance of its own, with a pool of its own.
    let of_role = |role: &str| {
        let series = run["series"].as_array().expect("series");
        series.iter().any(|series| series["role"] == role && series["name"] == "pool_sessions_open")
    };
    assert!(of_role("service-0") && of_role("service-1"));
}

#[test]
fn a_slow_database_of_one_arm_is_a_difference_of_that_size() {
    let lab = Lab::new();
    let ended = short(&lab, "one-instance-slow", &["--set", "faults.0.for=30s"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert_eq!(run["arms"]["different"], true, "{}", run["arms"]);
    let p50 = difference(&run, "p50");
    // Three to five queries, each 100 ms later; half of the arrivals have four or more.
    let by = p50["difference"].as_f64().expect("a difference");
    assert!((0.25..0.75).contains(&by), "{p50}");
    assert!(p50["interval"][0].as_f64() > Some(0.1), "{p50}");
    assert_eq!(difference(&run, "errors")["difference"], 0.0);
    assert!(ended.stdout.contains("A difference is shown: in the experiment"), "{}", ended.stdout);
    let page = std::fs::read_to_string(lab.run_folder().expect("a folder").join("report.html"));
    assert!(page.expect("a page").contains("id=\"plot-arms\""), "both arms are drawn");
}

#[test]
fn the_experiment_may_have_settings_of_its_own() {
    let lab = Lab::new();
    let settings = "arms.set.service.search.queries_min=5";
    let queries = "target.set.sql.read='{ constant: 200ms }'";
    let more = ["--set", settings, "--set", queries, "--set", "load.arrivals.for=10s"];
    let ended = short(&lab, "arms-aa", &more);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert_eq!(run["plan"]["arms"]["set"]["service.search.queries_min"], "5");
    // Five queries instead of three to five: half of the answers of control have one less or two.
    assert!(difference(&run, "p50")["difference"].as_f64() > Some(0.1), "{}", run["arms"]);
}

#[test]
fn a_fault_on_both_arms_and_a_setting_of_neither_are_refused_before_anything_starts() {
    let lab = Lab::new();
    let ended = short(&lab, "one-instance-slow", &["--set", "faults.0.latency.edge=load/gateway-0"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("acts at load/gateway-0, which is not the experiment's alone"),
        "{}",
        ended.stderr
    );
    let ended = short(&lab, "arms-aa", &["--set", "arms.set.service.pol.max=5"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no setting `service.pol.max`"), "{}", ended.stderr);
    assert_eq!(lab.run_folder(), None);
}

#[test]
fn the_experiments_own_edge_to_somebody_elses_service_is_slower_by_what_is_added() {
    let (lab, address) = (Lab::new(), foreign_server());
    let split = "users: { count: 40 }\narms: { experiment: 50% }\n\
        faults: [{ name: slow, at: 0s, for: 10s, latency: { edge: load-experiment/target, add: 80ms } }]";
    let text = scenario(split).replace("for: 4s", "for: 10s");
    let file = lab.file("split.yaml", &text).display().to_string();
    let ended = lab.run(&[&file, "--target", &format!("http://{address}")]);
    assert!(matches!(ended.code, Some(0 | 6)), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    let p50 = difference(&run, "p50");
    let by = p50["difference"].as_f64().expect("a difference");
    assert!((0.07..0.12).contains(&by) && p50["interval"][0].as_f64() > Some(0.0), "{p50}");
}
