//! Faults by name: what a scenario that uses one means, and what is said of mistakes on either side.

use std::time::Duration;

use loadlab_scenario::{
    Diagnostics, NamedFault, Plan, Source,
    fault::{Disturbance, Fault},
    load_with, named_fault,
};

const SLOW: &str = "title: Slow\nramp: 1s\nlatency:\n  add: 100ms\n  jitter: 10ms\n";
const STOP: &str = "kill: {}\n";

const FAULTS: [NamedFault<'_>; 2] = [
    NamedFault { name: "slow", source: Source { path: "chaos/faults/slow.yaml", text: SLOW } },
    NamedFault { name: "stop", source: Source { path: "chaos/faults/stop.yaml", text: STOP } },
];

fn loaded(faults: &str) -> Result<Plan, Diagnostics> {
    let text = format!(
        "load: {{ arrivals: {{ rate: 1/s, for: 60s }} }}\njourneys: [{{ name: a, steps: [{{ get: / }}] }}]\n\
         faults:\n{faults}"
    );
    load_with(&Source { path: "s.yaml", text: &text }, &[], &|_| Err(String::new()), &FAULTS)
}

fn fault(faults: &str) -> Fault {
    loaded(faults).unwrap_or_else(|diagnostics| panic!("{diagnostics}")).faults.remove(0)
}

fn attribute(fault: &Fault, name: &str) -> Option<f64> {
    match &fault.what {
        Disturbance::Toxic { toxic, .. } => toxic.attribute(name),
        other => panic!("{other:?}"),
    }
}

/// The first lines of all that is said.
fn said(faults: &str) -> Vec<String> {
    let diagnostics = loaded(faults).map(|_| ()).expect_err(faults);
    diagnostics
        .0
        .iter()
        .map(|one| format!("{}:{}: {}", one.path, one.line.unwrap_or(0), one.message))
        .collect()
}

#[test]
fn a_named_fault_is_bound_where_it_is_used() {
    let fault = fault("  - { use: slow, edge: service-0/sql, at: 20s, for: 10s }\n");
    assert_eq!((fault.name.as_str(), fault.what.place()), ("slow", "service-0/sql".to_owned()));
    assert_eq!((fault.at.as_secs(), fault.lasts.as_secs()), (20, 10));
    assert_eq!(fault.ramp, Some(Duration::from_secs(1)));
    assert_eq!((attribute(&fault, "latency"), attribute(&fault, "jitter")), (Some(100.0), Some(10.0)));
}

#[test]
fn what_the_scenario_says_is_what_holds() {
    let with = fault("  - { use: slow, name: x, edge: a/b, for: 10s, ramp: 2s, with: { add: 50ms } }\n");
    assert_eq!((with.name.as_str(), with.ramp), ("x", Some(Duration::from_secs(2))));
    assert_eq!((attribute(&with, "latency"), attribute(&with, "jitter")), (Some(50.0), Some(10.0)));
    let kind = fault("  - { use: slow, for: 10s, latency: { edge: a/b, add: 50ms } }\n");
    assert_eq!((attribute(&kind, "latency"), attribute(&kind, "jitter")), (Some(50.0), Some(10.0)));
    let role = fault("  - { use: stop, role: service-0, for: 10s }\n");
    assert_eq!(role.what.place(), "service-0");
}

#[test]
fn a_mistake_is_told_in_the_file_in_which_it_was_made() {
    assert_eq!(said("  - { use: slaw, for: 1s }\n"), ["s.yaml:4: there is no named fault `slaw`"]);
    assert_eq!(said("  - { use: slow, for: 1s }\n"), ["s.yaml:4: `latency` needs `edge`"]);
    assert_eq!(said("  - { use: slow, edge: a, for: 1s }\n"), ["s.yaml:4: `a` is no edge"]);
    assert_eq!(said("  - { use: slow, edge: a/b, for: 1s, with: 5 }\n"), ["s.yaml:4: `with` cannot be `5`"]);
    assert_eq!(said("  - { use: [slow], for: 1s }\n"), ["s.yaml:4: `use` cannot be a list"]);
    let twice = "  - { use: slow, edge: a/b, for: 1s }\n  - { use: slow, edge: a/c, for: 1s }\n";
    assert_eq!(said(twice), ["s.yaml:5: two faults are named `slow`"]);
    let role = said("  - { use: slow, edge: a/b, role: c, for: 1s }\n");
    assert_eq!(role, ["s.yaml:4: unknown field `role`"]);
}

#[test]
fn a_named_fault_says_one_thing_and_not_when() {
    let said = |text: &str| -> Vec<String> {
        let named = NamedFault { name: "x", source: Source { path: "x.yaml", text } };
        let diagnostics = named_fault(&named).map(|_| ()).expect_err(text);
        diagnostics.0.iter().map(|one| one.message.clone()).collect()
    };
    assert_eq!(said(""), ["the file is empty"]);
    assert_eq!(said("title: x\n"), ["the named fault does not say what it does"]);
    assert_eq!(said("down: {}\nkill: {}\n"), ["a named fault does one thing"]);
    assert_eq!(said("down: 5\n"), ["the kind of a named fault is a map"]);
    assert_eq!(said("- down\n"), ["a named fault is a map"]);
    let when = said("down: {}\nat: 5s\n");
    assert_eq!(when, ["`at` is the scenario's to say, where the fault is used"]);
    let summary = named_fault(&FAULTS[0]).expect("it is well-formed");
    assert_eq!((summary.title.as_str(), summary.kind.as_str()), ("Slow", "latency"));
}
