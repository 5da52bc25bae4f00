//! Every shipped scenario loads, and its plan is what it was.

use std::path::Path;

use loadlab_scenario::{Plan, Source, load};

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
