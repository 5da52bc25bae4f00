//! What valid files mean: defaults, settings from the command line, sizes.

use std::time::Duration;

use loadlab_scenario::{
    Override, Plan, Source, load,
    plan::{Backoff, Check, JsonIs, Load, Pick, Process, TargetPlan},
    template::{Piece, Value},
};

const EVERYTHING: &str = include_str!("everything.yaml");
const SMALL: &str = "load: { burst: { users: 10 } }\njourneys: [{ name: a, steps: [{ get: / }] }]\n";

fn plan_with(text: &str, settings: &[(&str, &str)]) -> Plan {
    let overrides: Vec<Override> = settings
        .iter()
        .map(|(path, value)| Override { path: (*path).to_owned(), value: (*value).to_owned() })
        .collect();
    let read_file = |_: &str| Ok("text\r\nslow queries\r\n\"a, b\"\r\n".to_owned());
    load(&Source { path: "scenarios/some.yaml", text }, &overrides, &read_file)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn plan(text: &str) -> Plan {
    plan_with(text, &[])
}

#[test]
fn what_is_not_said_has_its_default() {
    let plan = plan(SMALL);
    assert_eq!(plan.name, "some");
    assert_eq!(plan.title, "some");
    assert!(
        matches!(&plan.target, TargetPlan::Profile { name, with, set } if name == "baseline" && with.is_empty() && set.is_empty())
    );
    assert_eq!((plan.seed.get(), plan.speed.get()), (1, 1.0));
    assert_eq!((plan.warm_up, plan.drain), (Duration::ZERO, Duration::from_secs(30)));
    assert_eq!((plan.client.connections, plan.client.reuse), (6, true));
    assert_eq!(plan.client.timeout, Duration::from_secs(30));
    assert_eq!(plan.client.retries.max, 0);
    assert_eq!(plan.health.degraded_latency, Duration::from_millis(200));
    assert_eq!(plan.health.failed_latency, Duration::from_secs(2));
    assert_eq!((plan.health.degraded_errors.get(), plan.health.failed_errors.get()), (0.001, 0.05));
    assert_eq!((plan.health.degraded_cpu.get(), plan.health.failed_cpu.get()), (0.5, 0.8));
    assert_eq!(plan.steps().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn the_whole_format_is_understood() {
    let plan = plan(EVERYTHING);
    let Load::Arrivals { stages, process } = &plan.load else { panic!("{:?}", plan.load) };
    let stages: Vec<(f64, f64, u64)> = stages
        .iter()
        .map(|stage| (stage.from.per_second(), stage.to.per_second(), stage.over.as_secs()))
        .collect();
    assert_eq!(stages, [(0.0, 50.0, 10), (50.0, 50.0, 30), (80.0, 0.0, 5)]);
    assert_eq!(*process, Process::Uniform);
    assert_eq!(plan.load.arrivals(), Some(250.0 + 1500.0 + 200.0));
    assert_eq!(plan.load.duration(), Duration::from_secs(45));
    assert_eq!(plan.load.rate_max().map(loadlab_scenario::quantity::Rate::per_second), Some(80.0));
    assert!(matches!(plan.client.retries.backoff, Backoff::Exponential { factor: 2.0, .. }));
    assert_eq!(plan.step_index("drop"), Some(5));
    assert_eq!(plan.response_bound(), Some(Duration::from_secs(7)));
    let steps: Vec<_> = plan.steps().collect();
    assert_eq!(steps[3].method, "PUT");
    assert_eq!(steps[3].body.as_ref().map(|body| body.content_type.as_str()), Some("text/markdown"));
    assert!(steps[3].headers.iter().all(|(name, _)| name != "content-type"), "it is the body's");
    assert!(steps[2].checks.contains(&Check::Contains("$${literal}".to_owned())), "checks are no templates");
    let equal = Check::Json { pointer: "/size".to_owned(), is: JsonIs::Equal(serde_json::json!(10)) };
    assert!(steps[2].checks.contains(&equal));
}

#[test]
fn bodies_are_json_and_forms_with_their_holes_escaped() {
    let plan = plan(EVERYTHING);
    let steps: Vec<_> = plan.steps().collect();
    let body = &steps[0].body.as_ref().expect("a body").text.pieces;
    let text: String = body
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(Value::Json(_)) => "<escaped>".to_owned(),
            Piece::Value(_) => "<raw>".to_owned(),
        })
        .collect();
    assert_eq!(text, r#"{"query":"<escaped>","stream":true,"size":10,"tags":["a","<escaped>"],"raw":<raw>}"#);
    let form = &steps[4].body.as_ref().expect("a body").text.pieces;
    let holes = form.iter().filter(|piece| matches!(piece, Piece::Value(Value::Url(_)))).count();
    assert_eq!(holes, 2);
}

#[test]
fn feeds_are_rows_and_generated_ones_follow_the_seed() {
    let one = plan(EVERYTHING);
    assert_eq!(one.feeds["queries"].rows, [["slow queries"], ["a, b"]]);
    assert_eq!(one.feeds["queries"].pick, Pick::Zipf { s: 1.1 });
    assert_eq!(one.feeds["pages"].columns, ["path", "size"]);
    assert_eq!(one.feeds["made"].rows.len(), 5);
    assert_eq!(one.feeds["made"], plan(EVERYTHING).feeds["made"]);
    assert_ne!(one.feeds["made"], plan_with(EVERYTHING, &[("seed", "8")]).feeds["made"]);
    for row in &one.feeds["made"].rows {
        let id: u32 = row[0].parse().expect("a whole number");
        assert!((1..=9).contains(&id));
        assert!((2..=4).contains(&row[1].split(' ').count()));
        assert_eq!(row[2].len(), 36);
    }
}

#[test]
fn settings_from_the_command_line_replace_what_the_file_says() {
    let settings = [
        ("seed", "9"),
        ("load", "{ burst: { users: 5 } }"),
        ("load.burst.within", "2s"),
        ("journeys.page.weight", "4"),
        ("journeys.0.steps.items.fan_out.max", "2"),
        ("objectives.0", "p95 < 5s"),
        ("client.retries", "none"),
        ("warm_up", "0"),
        ("users.count", "3"),
        ("faults.slow.at", "1s"),
        ("faults.then.after", "1s"),
        ("title", "{ is no map when quoted }"),
    ];
    let plan = plan_with(EVERYTHING, &settings[..11]);
    assert_eq!(plan.seed.get(), 9);
    assert_eq!(plan.load, Load::Burst { users: 5, within: Duration::from_secs(2) });
    assert_eq!(plan.journeys[1].weight, 4);
    assert_eq!(
        plan.steps().nth(1).and_then(|step| step.fan_out.as_ref()).map(|fan_out| fan_out.max),
        Some(2)
    );
    assert_eq!(plan.response_bound(), Some(Duration::from_secs(5)));
    assert_eq!(plan.client.retries.max, 0);
    assert_eq!(plan_with(SMALL, &[("title", "a: b, no map")]).title, "a: b, no map");
}

#[test]
fn a_profile_replaces_a_url_and_a_url_a_profile() {
    let base = |plan: &Plan| match &plan.target {
        TargetPlan::Url { base, .. } => base.clone(),
        TargetPlan::Profile { name, set, .. } => format!("{name} {set:?}"),
    };
    let url = format!("target: {{ url: \"http://localhost:1/x/\", metrics: /m }}\n{SMALL}");
    assert_eq!(base(&plan(&url)), "http://localhost:1/x");
    assert_eq!(base(&plan_with(&url, &[("target.profile", "mitigated")])), "mitigated {}");
    let short = format!("target: http://[::1]:80\n{SMALL}");
    assert_eq!(base(&plan(&short)), "http://[::1]:80");
    assert_eq!(base(&plan_with(&short, &[("target.profile", "mitigated")])), "mitigated {}");
    let profile = format!("target: {{ profile: baseline, set: {{ a.b: 1 }} }}\n{SMALL}");
    assert_eq!(base(&plan_with(&profile, &[("target", "https://h")])), "https://h");
    assert_eq!(base(&plan_with(&profile, &[("target.profile", "other")])), r#"other {"a.b": "1"}"#);
    assert_eq!(base(&plan_with(&profile, &[("target.set.a.b", "2")])), r#"baseline {"a.b": "2"}"#);
    assert_eq!(base(&plan_with(SMALL, &[("target.set.pool.max", "40")])), r#"baseline {"pool.max": "40"}"#);
}

#[test]
fn an_alias_is_the_same_value_twice_and_a_setting_changes_one_of_them() {
    let text =
        "load: { burst: { users: 1 } }\njourneys:\n  - { name: a, steps: &s [{ name: x, get: /x }] }\n";
    assert_eq!(plan(text).journeys.len(), 1);
    let text = "client: { timeout: &t 3s, connect_timeout: *t }\n".to_owned() + SMALL;
    let plan = plan_with(&text, &[("client.timeout", "9s")]);
    assert_eq!(plan.client.connect_timeout, Duration::from_secs(3));
    assert_eq!(plan.client.timeout, Duration::from_secs(9));
}

#[test]
fn identities_follow_the_load() {
    let count = |load: &str| plan(&SMALL.replace("{ burst: { users: 10 } }", load)).users.count;
    assert_eq!(count("{ burst: { users: 10 } }"), 10);
    assert_eq!(count("{ users: { count: 7, for: 1m } }"), 7);
    assert_eq!(count("{ arrivals: { rate: 1/s, for: 1m } }"), 60);
    assert_eq!(count("{ arrivals: { rate: 100/s, for: 1m } }"), 1000);
}

#[test]
fn needs_grow_with_users_fan_out_and_connections_that_are_not_kept() {
    let needs = |text: &str| plan(text).needs();
    assert_eq!(needs(SMALL).ports, 10);
    assert_eq!(needs(SMALL).descriptors, 10 + 128);
    let fan_out = "load: { burst: { users: 10 } }\njourneys:\n  - name: a\n    steps:\n      \
                   - { name: x, get: /, extract: { ids: { json: /ids } } }\n      \
                   - { name: y, get: \"/${item}\", fan_out: { over: ids } }\n";
    assert_eq!(needs(fan_out).ports, 60, "six connections each");
    let closing = format!("client: {{ reuse: false }}\n{SMALL}");
    assert_eq!(needs(&closing).ports, 20, "ten open, ten waiting");
    // One arrival after another for a time-out and that of its connection, 50/s × 35 s, by chance four
    // times √1750 more, and no more than come at all.
    let open = |load: &str| needs(&SMALL.replace("{ burst: { users: 10 } }", load)).ports;
    assert_eq!(open("{ arrivals: { rate: 50/s, for: 10m, process: uniform } }"), 1750);
    assert_eq!(open("{ arrivals: { rate: 50/s, for: 10m } }"), 1918);
    assert_eq!(open("{ arrivals: { rate: 50/s, for: 2s } }"), 100);
    // Every attempt may take as long.
    let retrying = "client: { timeout: 7s, connect_timeout: 1s, retries: { max: 3 } }\n";
    let load = "{ arrivals: { rate: 5/s, for: 10m, process: uniform } }";
    let text = format!("{retrying}{}", SMALL.replace("{ burst: { users: 10 } }", load));
    assert_eq!(plan(&text).users_at_once(), 5 * 4 * 8);
}

#[test]
fn a_load_is_said_in_words() {
    let said = |load: &str| plan(&SMALL.replace("{ burst: { users: 10 } }", load)).load.to_string();
    assert_eq!(said("{ burst: { users: 10, within: 2s } }"), "10 users within 2s");
    assert_eq!(said("{ users: { count: 7, for: 1m, think: 2s } }"), "7 users for 1m, think time 2s");
    assert_eq!(
        said("{ arrivals: { stages: [{ to: 50/s, over: 10s }, { rate: 50/s, for: 1m }] } }"),
        "0 to 50 arrivals/s over 10s, then 50 arrivals/s for 1m (poisson)"
    );
}

#[test]
fn a_plan_survives_being_stored() {
    let plan = plan(EVERYTHING);
    let json = serde_json::to_string(&plan).expect("a plan can be written");
    let back: Plan = serde_json::from_str(&json).expect("and read");
    assert_eq!(back, plan);
}

#[test]
fn conditions_have_their_defaults() {
    let plan = plan(&format!(
        "{SMALL}steady_state: {{ conditions: [p95 < 2s] }}\nabort_if: [errors > 50%, p95 > 9s for 3s]\n"
    ));
    let steady = plan.steady_state.expect("it is there");
    assert_eq!((steady.tolerate, steady.recover_within), (false, None));
    assert_eq!((steady.window.as_secs(), steady.min_samples), (5, 20));
    let shown: Vec<String> = plan.abort_if.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["errors > 50% for 5s", "p95 > 9s for 3s"]);
    assert!(plan.max_blast.is_empty());
}

#[test]
fn a_plan_of_before_there_were_conditions_reads_and_writes_as_it_was() {
    let plan = plan(SMALL);
    let json = serde_json::to_string(&plan).expect("a plan can be written");
    for key in ["steady_state", "abort_if", "max_blast", "ramp", "when"] {
        assert!(!json.contains(&format!("\"{key}\"")), "{key}");
    }
    assert_eq!(serde_json::from_str::<Plan>(&json).expect("it can be read"), plan);
}

#[test]
fn a_fault_may_grow_wait_and_draw_on_its_own() {
    let plan = plan(EVERYTHING);
    let [slow, then, or] = plan.faults.as_slice() else { panic!("{:?}", plan.faults) };
    assert_eq!((slow.ramp, slow.seed.map(loadlab_clock::Seed::get)), (Some(Duration::from_secs(5)), Some(7)));
    let when = then.when.as_ref().expect("it waits");
    assert_eq!((when.to_string().as_str(), when.min_samples), ("errors(save) > 10% for 4s", 10));
    assert_eq!((then.at, or.at), (Duration::from_secs(25), Duration::ZERO));
    assert_eq!(then.beginnings(Duration::from_secs(60)).count(), 0, "nobody knows when");
}
