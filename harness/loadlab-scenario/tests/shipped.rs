//! Every shipped scenario loads, and its plan is what it was.

use std::path::Path;

use loadlab_scenario::{NamedFault, Plan, Source, fault::Disturbance, load, load_with, named_fault};

/// The repository's root.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A shipped file's plan, with its feeds cut to three rows: they are long, and their own files.
fn plan(path: &Path) -> Plan {
    let text = std::fs::read_to_string(path).expect("the scenario can be read");
    let folder = path.parent().expect("a file has a folder");
    let read_file =
        |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    let shown = path.strip_prefix(root().canonicalize().expect("the root is there")).unwrap_or(path);
    let source = Source { path: &shown.display().to_string(), text: &text };
    let mut plan = load(&source, &[], &read_file).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    for feed in plan.feeds.values_mut() {
        feed.rows.truncate(3);
    }
    plan
}

#[test]
fn every_shipped_scenario_has_its_plan() {
    insta::glob!("../../../scenarios", "*.yaml", |path| {
        insta::assert_snapshot!(serde_json::to_string_pretty(&plan(path)).expect("a plan can be written"));
    });
}

#[test]
fn the_first_scenario_is_a_burst_of_a_hundred() {
    let path = root().join("scenarios/100-concurrent.yaml").canonicalize().expect("it is shipped");
    let plan = plan(&path);
    assert_eq!(plan.name, "100-concurrent");
    assert_eq!(plan.load.users_max(), Some(100));
    assert_eq!(plan.users.count, 100);
    assert_eq!(plan.load.arrivals(), Some(100.0));
    assert!(plan.load.is_open());
    assert_eq!(plan.response_bound(), Some(std::time::Duration::from_secs(7)));
    assert_eq!(plan.steps().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["search"]);
    assert_eq!(plan.load.to_string(), "100 users at once");
}

/// What of an exercise is its own: what it breaks, and what must hold.
#[test]
fn every_exercise_breaks_and_holds_what_it_did() {
    insta::glob!("../../../chaos/exercises", "*.yaml", |path| {
        let plan = plan(path);
        let own = serde_json::json!({
            "faults": plan.faults,
            "steady_state": plan.steady_state,
            "abort_if": plan.abort_if,
            "max_blast": plan.max_blast,
            "objectives": plan.objectives,
        });
        insta::assert_snapshot!(serde_json::to_string_pretty(&own).expect("a plan can be written"));
    });
}

#[test]
fn every_shipped_fault_can_be_used() {
    let folder = root().join("chaos/faults");
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten().map(|entry| entry.path());
    let mut count = 0;
    for file in files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let text = std::fs::read_to_string(&file).expect("the fault can be read");
        let named = NamedFault { name: &name, source: Source { path: &name, text: &text } };
        let summary = named_fault(&named).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        assert!(!summary.title.is_empty(), "{name} has no title");
        // What is killed or paused is a process; everything else is done to an edge.
        let place = |place: &str| {
            let scenario = format!(
                "load: {{ arrivals: {{ rate: 1/s, for: 60s }} }}\n\
                 journeys: [{{ name: a, steps: [{{ get: / }}] }}]\n\
                 faults: [{{ use: {name}, at: 10s, for: 10s, {place} }}]\n"
            );
            let source = Source { path: "s.yaml", text: &scenario };
            load_with(&source, &[], &|_| Err(String::new()), &[named])
        };
        let plan = place("edge: service-0/sql").or_else(|_| place("role: service-0"));
        let plan = plan.unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        assert_eq!(plan.faults[0].name, name);
        if let Disturbance::Toxic { toxic, .. } = &plan.faults[0].what {
            assert!(!toxic.attributes.is_empty(), "{name} says how much");
        }
        count += 1;
    }
    assert!(count >= 6, "{count} faults are shipped");
}
