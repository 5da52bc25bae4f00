//! What is said of worlds whose failure is known.

use loadlab_record::{AftermathState, FailureMode, FailureResult, RunFile, Severity};
use loadlab_scenario::{
    component::Component,
    objective::{Expectation, Objective},
    plan::{Documented, DocumentedOutcome, TargetPlan},
};

use super::synthetic::{World, cases};
use crate::judge;

fn told(run: &RunFile) -> &FailureResult {
    run.failure.as_deref().expect("something was due")
}

fn between(from: f64, to: f64, value: f64) -> Vec<(f64, f64)> {
    vec![(0.0, 1.0), (from, value), (to, 1.0)]
}

fn slow_llm() -> World {
    World {
        slow_llm: between(30.0, 60.0, 5.0),
        fault: Some((30.0, 60.0, "latency")),
        patience_s: 28.0,
        ..World::ordinary()
    }
}

#[test]
fn every_made_up_failure_is_told_by_its_name() {
    let all = cases::all();
    assert!(all.len() >= 30, "{}", all.len());
    let mut wrong = Vec::new();
    for (index, (name, expected, world)) in all.into_iter().enumerate() {
        let seed = index as u64 % 3 + 1;
        let run = World { seed, ..world }.run();
        let failure = told(&run);
        if failure.mode != expected {
            let evidence: Vec<String> =
                failure.evidence.iter().map(|one| format!("{} = {:?}", one.name, one.value)).collect();
            wrong.push(format!(
                "{name} (seed {seed}): {} and not {}: {}; near: {:?}",
                failure.mode.name(),
                expected.name(),
                evidence.join(", "),
                failure.near_misses,
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_mode_has_a_near_miss_that_says_what_spoke_against_it() {
    let mut near: Vec<FailureMode> = Vec::new();
    for (_, expected, world) in cases::all() {
        for miss in &told(&world.run()).near_misses {
            assert!(!miss.why.is_empty());
            if miss.mode != expected {
                near.push(miss.mode);
            }
        }
    }
    let has_none = [FailureMode::None, FailureMode::SlowDegradation];
    for mode in FailureMode::ALL.into_iter().filter(|mode| !has_none.contains(mode)) {
        assert!(near.contains(&mode), "{} has no near miss", mode.name());
    }
}

/// Names, profile and documented bands say what is expected. What is told must not come from there.
#[test]
fn neither_names_nor_documented_bands_are_read() {
    for (name, _, world) in cases::all().into_iter().step_by(8) {
        let run = world.run();
        let mut renamed = run.clone();
        renamed.scenario = "cold-cache".to_owned();
        renamed.plan.name = "sudden-collapse".to_owned();
        renamed.plan.title = "cascading failure".to_owned();
        renamed.plan.question = String::new();
        renamed.profile = None;
        renamed.target.profile = Some("cache-thrash".to_owned());
        renamed.target.settings = None;
        renamed.plan.target = TargetPlan::Url { base: "http://127.0.0.1:1".to_owned(), metrics: None };
        renamed.plan.documented = Some(Documented {
            source: "another".to_owned(),
            section: "absurd".to_owned(),
            outcomes: vec![DocumentedOutcome {
                name: "absurd".to_owned(),
                expect: Expectation {
                    text: "p95".to_owned(),
                    measure: loadlab_record::synthetic::p95(),
                    min: Some(1e6),
                    max: None,
                },
                from: None,
                to: None,
            }],
            chain: Vec::new(),
            deviations: Vec::new(),
        });
        judge(&mut renamed);
        assert_eq!(told(&run), told(&renamed), "{name}");
    }
}

#[test]
fn a_metric_that_is_not_published_is_unknown_and_decides_nothing() {
    let world = World { publishes: false, ..slow_llm() };
    let run = world.run();
    let failure = told(&run);
    assert!(failure.bottlenecks.is_empty() && failure.dampeners.is_empty());
    assert_ne!(failure.mode, FailureMode::ResourceStarvation);
    let of = |name: &str| failure.loops.iter().find(|one| one.name == name).expect(name);
    assert_eq!((of("cache stampede").gain, of("connection exhaustion").gain), (None, None));
    assert!(of("retry storm").gain.is_some(), "the client sees its own retries");
    assert!(
        failure.cascade.unknown.iter().any(|text| text.starts_with("pool")),
        "{:?}",
        failure.cascade.unknown
    );
}

#[test]
fn severity_follows_the_share_that_failed() {
    let of = |share: f64| {
        let errors = vec![(0.0, 0.0), (20.0, share)];
        told(&World { llm_errors: errors, length_s: 120, ..World::ordinary() }.run()).severity
    };
    let found = [0.0, 0.06, 0.3, 0.9].map(of);
    let expected = [Severity::None, Severity::Degraded, Severity::GradualCollapse, Severity::CompleteFailure];
    assert_eq!(found, expected);
}

#[test]
fn times_are_counted_from_the_fault_and_from_its_end() {
    let run =
        World { down: Some((30.0, 55.0)), fault: Some((30.0, 55.0, "kill")), ..World::ordinary() }.run();
    let times = &told(&run).times;
    assert!((times.allowed_loss - 0.01).abs() < 1e-9, "success >= 99 %");
    let failed = times.to_failure.value.expect("all connections were reset");
    assert!((1.0..=2.0).contains(&failed), "{failed}");
    let back = times.to_recovery.value.expect("it is up again");
    assert!((0.0..=5.0).contains(&back), "{back}");
}

/// An answer that comes after 20 s, where 7 s is promised, failed after 7 s.
#[test]
fn an_arrival_fails_when_it_becomes_late_and_not_when_it_ends() {
    let run = slow_llm().run();
    let failed = told(&run).times.to_failure.value.expect("answers were late");
    assert!((7.0..=10.0).contains(&failed), "{failed}: the first answer of the slow LLM took ten seconds");
}

#[test]
fn what_never_failed_has_no_times_and_says_so() {
    let run = World::ordinary().run();
    let times = &told(&run).times;
    for measured in [&times.to_failure, &times.to_recovery] {
        assert_eq!(measured.value, None);
        assert!(!measured.note.is_empty());
    }
}

/// Ten patient users whose searches are in time, and whose hundred details are not.
#[test]
fn a_step_that_is_slower_than_its_own_objective_is_a_failure() {
    let (_, _, world) =
        cases::all().into_iter().find(|(name, ..)| name.starts_with("ten users")).expect("a world");
    let told_with = |objective: &str| {
        let mut run = World { patience_s: 600.0, ..world.clone() }.run();
        run.plan.objectives = vec![Objective::parse(objective).expect("an objective")];
        judge(&mut run);
        told(&run).clone()
    };
    assert_eq!(told_with("p95(details) < 1s").mode, FailureMode::QueryAmplification);
    let kept = told_with("p95(details) < 1h");
    assert_eq!(kept.mode, FailureMode::None);
    assert!(kept.near_misses.iter().any(|miss| miss.mode == FailureMode::QueryAmplification));
}

#[test]
fn the_resource_that_was_waited_for_leads_and_obeys_littles_law() {
    let run = slow_llm().run();
    let first = &told(&run).bottlenecks[0];
    assert_eq!((first.resource.as_str(), first.capacity), ("the session pool", Some(20.0)));
    assert!(first.first && first.utilisation_peak == Some(1.0), "{first:?}");
    let little = first.little.expect("gauge and histogram are published");
    assert!((0.8..=1.25).contains(&little.ratio), "{little:?}");
}

#[test]
fn the_cascade_runs_from_the_cause_to_the_users() {
    let run = World { patience_s: 10.0, retries: 1, ..slow_llm() }.run();
    let cascade = &told(&run).cascade;
    let at = |component| cascade.onsets.iter().find(|one| one.component == component).map(|one| one.at_s);
    let chain =
        [Component::Llm, Component::Pool, Component::Queue, Component::Timeouts, Component::Retries].map(at);
    assert!(chain.iter().all(Option::is_some), "{:?}", cascade.onsets);
    assert!(
        chain.windows(2).all(|pair| pair[0] <= pair[1].map(|second| second + 1.0)),
        "{:?}",
        cascade.onsets
    );
    assert!(at(Component::Llm).is_some_and(|at| (30.0..=36.0).contains(&at)), "{:?}", cascade.onsets);
    assert_eq!(at(Component::Memory), None, "memory stayed as it was");
    let edge = |from, to| cascade.edges.iter().any(|edge| edge.from == from && edge.to == to);
    assert!(edge(Component::Llm, Component::Pool) && edge(Component::Timeouts, Component::Retries));
    assert!(cascade.edges.iter().all(|edge| edge.lag_s >= 0.0));
}

#[test]
fn nothing_leaves_its_steady_state_on_an_ordinary_day() {
    let fault = Some((30.0, 60.0, "settings"));
    let run = World { fault, ..World::ordinary() }.run();
    let onsets = &told(&run).cascade.onsets;
    assert!(onsets.len() <= 1, "of twelve components, chance moves one at most: {onsets:?}");
}

#[test]
fn a_documented_chain_is_compared_and_decides_nothing() {
    let mut run = World { patience_s: 10.0, retries: 1, ..slow_llm() }.run();
    let before = told(&run).clone();
    let chain = |chain: &[Component]| Documented {
        source: "report".to_owned(),
        section: "scenario".to_owned(),
        outcomes: Vec::new(),
        chain: chain.to_vec(),
        deviations: Vec::new(),
    };
    run.plan.documented =
        Some(chain(&[Component::Llm, Component::Pool, Component::Timeouts, Component::Retries]));
    judge(&mut run);
    let right = told(&run).cascade.documented.clone().expect("it was compared");
    assert!(right.reproduced, "{right:?}");
    run.plan.documented = Some(chain(&[Component::Retries, Component::Llm, Component::Memory]));
    judge(&mut run);
    let wrong = told(&run).cascade.documented.clone().expect("it was compared");
    assert_eq!(wrong.missing, [Component::Memory]);
    assert_eq!(wrong.turned, [(Component::Retries, Component::Llm)]);
    let mut after = told(&run).clone();
    after.cascade.documented = None;
    assert_eq!(after, before);
}

#[test]
fn the_gain_of_a_retry_storm_is_offered_over_wanted() {
    let calm = World { retries: 1, ..World::ordinary() }.run();
    let storm = World {
        down: Some((30.0, 60.0)),
        retries: 2,
        fault: Some((30.0, 60.0, "kill")),
        ..World::ordinary()
    };
    let storm = storm.run();
    let gain = |run: &RunFile| told(run).loops[0].gain.expect("arrivals were due");
    assert!((gain(&calm) - 1.0).abs() < 0.05, "{}", gain(&calm));
    assert!((2.6..=3.4).contains(&gain(&storm)), "three attempts for each want: {}", gain(&storm));
}

#[test]
fn a_breaker_that_acted_is_a_dampener() {
    let errors = vec![(0.0, 0.0), (30.0, 0.9), (60.0, 0.0)];
    let world = World {
        llm_errors: errors,
        breaker: true,
        fault: Some((30.0, 60.0, "settings")),
        ..World::ordinary()
    };
    let run = world.run();
    let breaker = &told(&run).dampeners[0];
    assert!(
        breaker.name.starts_with("breaker") && breaker.acted.is_some_and(|acted| acted > 20.0),
        "{breaker:?}"
    );
    assert!(breaker.first_s.is_some_and(|at| (30.0..45.0).contains(&at)), "{breaker:?}");
}

#[test]
fn goodput_that_comes_back_is_recovered_and_goodput_that_stays_away_metastable() {
    let state = |world: &World| told(&world.run()).aftermath.clone();
    let recovered = state(&World { length_s: 220, ..slow_llm() });
    assert_eq!(recovered.state, AftermathState::Recovered, "{recovered:?}");
    assert!(recovered.back_after_s.is_some_and(|back| back < 35.0), "{recovered:?}");
    let storm = World {
        rate: vec![(0.0, 7.0)],
        slow_llm: between(30.0, 50.0, 5.0),
        fault: Some((30.0, 50.0, "latency")),
        patience_s: 6.0,
        retries: 3,
        length_s: 160,
        ..World::ordinary()
    };
    let stayed = state(&storm);
    assert_eq!(stayed.state, AftermathState::Metastable, "{stayed:?}");
    assert_eq!(state(&World::ordinary()).state, AftermathState::Unknown, "nothing was done to it");
}

#[test]
fn the_decision_tree_is_answered_where_its_symptom_is() {
    let run = slow_llm().run();
    let diagnosis = &told(&run).diagnosis;
    let slower = diagnosis.iter().find(|one| one.question.contains("slower")).expect("searches were slow");
    assert!(slower.answer.contains("LLM") && !slower.look_at.is_empty(), "{slower:?}");
    assert!(told(&World::ordinary().run()).diagnosis.is_empty(), "no symptom, no question");
}
