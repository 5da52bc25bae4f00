//! Bad input is refused before anything starts, with the place and what is accepted.

use crate::lab::{Lab, loadlab};

#[test]
fn an_unknown_scenario_names_those_there_are() {
    let lab = Lab::new();
    let ended = lab.run(&["100-concurent"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("100-concurrent"), "{}", ended.stderr);
    assert_eq!(lab.run_folder(), None);
}

#[test]
fn a_typo_in_a_scenario_is_shown_where_it_is() {
    let lab = Lab::new();
    let file = lab.file(
        "typo.yaml",
        "title: typo\nquestion: what?\ntarget: { profile: baseline }\nload: { burst: { usres: 10 } }\n\
         journeys: [{ name: j, steps: [{ name: s, get: / }] }]\n",
    );
    let ended = lab.run(&[&file.display().to_string()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("typo.yaml:4:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("users"), "it suggests the right name: {}", ended.stderr);
    assert_eq!(lab.run_folder(), None);
}

#[test]
fn an_unknown_profile_and_a_bad_setting_are_refused() {
    let lab = Lab::new();
    let profile = lab.run(&["100-concurrent", "--profile", "basline"]);
    assert_eq!(profile.code, Some(2));
    assert!(profile.stderr.contains("baseline"), "{}", profile.stderr);
    let setting = lab.run(&["100-concurrent", "--set", "target.set.service.pool.mx=40"]);
    assert_eq!(setting.code, Some(2));
    assert!(setting.stderr.contains("max"), "{}", setting.stderr);
    let nothing = lab.run(&["100-concurrent", "--set", "users"]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("PATH=VALUE"), "{}", nothing.stderr);
}

#[test]
fn a_folder_that_is_no_run_is_refused() {
    let lab = Lab::new();
    let ended = loadlab(&["report", &lab.path().display().to_string()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("neither run.json nor journal.jsonl"), "{}", ended.stderr);
}

#[test]
fn what_the_machine_cannot_carry_is_refused_beforehand() {
    let lab = Lab::new();
    let ended = lab.run(&["100-concurrent", "--set", "load.burst.users=200000"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("descriptors") || ended.stderr.contains("ports"), "{}", ended.stderr);
}
