//! Faults of a plan carried out through the control interface: growing, waiting, stopped.

use std::{collections::BTreeMap, time::Duration};

use loadlab_chaos::{
    control::Toxiproxy,
    proxy::EventKind as ProxyEvent,
    schedule::{Chaos, ChaosRun, Places},
};
use loadlab_clock::{RunClock, Seed, Speed};
use loadlab_record::{EventKind, RunEvent};
use loadlab_scenario::{
    condition::LiveCondition,
    fault::{Disturbance, EdgeName, Fault, Stream, Toxic},
    objective::Objective,
    quantity::Share,
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::rig::{PATIENCE, Rig, echo_server, rig, within};

fn edge() -> EdgeName {
    EdgeName { from: "a".to_owned(), to: "b".to_owned() }
}

/// A latency of a second, for two seconds from the start.
fn slow(name: &str) -> Fault {
    let attributes = BTreeMap::from([("latency".to_owned(), json!(1000)), ("jitter".to_owned(), json!(0))]);
    let toxic =
        Toxic { kind: "latency".to_owned(), stream: Stream::Downstream, toxicity: Share::ALL, attributes };
    Fault {
        name: name.to_owned(),
        at: Duration::ZERO,
        lasts: Duration::from_secs(2),
        every: None,
        ramp: None,
        seed: None,
        when: None,
        what: Disturbance::Toxic { edge: edge(), toxic },
    }
}

/// What a fault waits for; it is told by hand here.
fn something() -> LiveCondition {
    let that = Objective::parse("errors > 10% for 5s").expect("a line");
    LiveCondition { that, min_samples: 20 }
}

/// The faults at work on the proxy of the one edge, ten times as fast as in life.
fn start(rig: &Rig, faults: Vec<Fault>) -> (Chaos, mpsc::UnboundedReceiver<RunEvent>) {
    let (events, heard) = mpsc::unbounded_channel();
    let (processes, _) = mpsc::unbounded_channel();
    let places = Places {
        proxies: Toxiproxy::at(rig.api.to_string()),
        edges: BTreeMap::from([(edge(), "p".to_owned())]),
        admins: BTreeMap::new(),
        processes: Vec::new(),
        probes: BTreeMap::new(),
        stores: BTreeMap::new(),
    };
    let clock = RunClock::start(Speed::try_new(10.0).expect("a speed"));
    let until = Duration::from_secs(3600);
    let (clients, _) = mpsc::unbounded_channel();
    let seed = Seed::new(1);
    (Chaos::start(ChaosRun { faults, places, clock, until, seed, events, processes, clients }), heard)
}

/// The next event but that a fault is asked for, which its beginning follows at once.
async fn next(heard: &mut mpsc::UnboundedReceiver<RunEvent>) -> RunEvent {
    loop {
        let event = within(PATIENCE, heard.recv()).await.expect("an event");
        if !matches!(event.what, EventKind::FaultAsked { .. }) {
            return event;
        }
    }
}

/// Of each change of the toxic, its latency.
fn latencies(rig: &Rig, kind: ProxyEvent) -> Vec<u64> {
    let events = rig.proxies.events_after(0).into_iter().filter(|event| event.kind == kind);
    events.filter_map(|event| event.detail["attributes"]["latency"].as_u64()).collect()
}

#[tokio::test]
async fn a_fault_grows_in_equal_steps_to_its_full_size_and_no_further() {
    let rig = rig().await;
    rig.proxy("p", echo_server().await);
    let ramp = Some(Duration::from_secs(1));
    let (chaos, mut heard) = start(&rig, vec![Fault { ramp, ..slow("f") }]);
    assert!(matches!(next(&mut heard).await.what, EventKind::FaultBegan { .. }));
    let ended = next(&mut heard).await;
    assert!(matches!(ended.what, EventKind::FaultEnded { .. }), "{ended:?}");
    assert_eq!(latencies(&rig, ProxyEvent::Created), [50]);
    let steps: Vec<u64> = (2..=20).map(|step| step * 50).collect();
    assert_eq!(latencies(&rig, ProxyEvent::Changed), steps);
    chaos.end().await;
    assert!(rig.proxies.toxics("p").expect("a proxy").is_empty());
}

#[tokio::test]
async fn a_fault_that_is_healed_while_it_grows_is_not_changed_any_more() {
    let rig = rig().await;
    rig.proxy("p", echo_server().await);
    let long = Duration::from_secs(3000);
    let (chaos, mut heard) = start(&rig, vec![Fault { ramp: Some(long), lasts: long, ..slow("f") }]);
    assert!(matches!(next(&mut heard).await.what, EventKind::FaultBegan { .. }));
    chaos.end().await;
    assert!(matches!(next(&mut heard).await.what, EventKind::FaultEnded { .. }));
    assert_eq!(latencies(&rig, ProxyEvent::Changed), [] as [u64; 0]);
    assert!(rig.proxies.toxics("p").expect("a proxy").is_empty());
}

#[tokio::test]
async fn a_fault_that_waits_begins_when_it_is_told_to_and_lasts_from_then() {
    let rig = rig().await;
    rig.proxy("p", echo_server().await);
    let waiting = Fault { when: Some(something()), ..slow("waits") };
    let (mut chaos, mut heard) = start(&rig, vec![slow("comes"), waiting]);
    // The one that does not wait comes and goes.
    next(&mut heard).await;
    let gone = next(&mut heard).await;
    assert!(matches!(&gone.what, EventKind::FaultEnded { name, .. } if name == "comes"), "{gone:?}");
    chaos.begin("nobody");
    chaos.begin("waits");
    let began = next(&mut heard).await;
    assert!(matches!(&began.what, EventKind::FaultBegan { name, .. } if name == "waits"), "{began:?}");
    chaos.begin("waits");
    let ended = next(&mut heard).await;
    assert!(matches!(&ended.what, EventKind::FaultEnded { name, .. } if name == "waits"), "{ended:?}");
    assert!(began.at >= gone.at, "{began:?} after {gone:?}");
    let lasted = (ended.at.as_duration()).saturating_sub(began.at.as_duration());
    assert!(lasted >= Duration::from_secs(1), "it lasts from its own beginning: {lasted:?}");
    chaos.end().await;
    assert_eq!(heard.try_recv().ok(), None, "once");
}

#[tokio::test]
async fn faults_that_are_stopped_are_healed_and_no_other_begins() {
    let rig = rig().await;
    rig.proxy("p", echo_server().await);
    let long = Fault { lasts: Duration::from_secs(3000), ..slow("on") };
    let waiting = Fault { when: Some(something()), ..slow("waits") };
    let later = Fault { at: Duration::from_secs(3000), ..slow("later") };
    let (mut chaos, mut heard) = start(&rig, vec![long, waiting, later]);
    next(&mut heard).await;
    chaos.stop();
    let ended = next(&mut heard).await;
    assert!(matches!(&ended.what, EventKind::FaultEnded { name, .. } if name == "on"), "{ended:?}");
    chaos.begin("waits");
    chaos.end().await;
    assert_eq!(heard.try_recv().ok(), None);
    assert!(rig.proxies.toxics("p").expect("a proxy").is_empty());
}

#[tokio::test]
async fn a_fault_with_a_seed_draws_the_same_wherever_it_stands() {
    let names = async |faults: Vec<Fault>| {
        let rig = rig().await;
        rig.proxy("p", echo_server().await);
        let (chaos, mut heard) = start(&rig, faults);
        next(&mut heard).await;
        let toxics = rig.proxies.toxics("p").expect("a proxy");
        chaos.end().await;
        toxics.into_iter().map(|toxic| toxic.name).collect::<Vec<_>>()
    };
    let seeded = || Fault { seed: Some(Seed::new(7)), ..slow("f") };
    let later = Fault { at: Duration::from_secs(3000), ..slow("later") };
    // A toxic's draws are a function of its name.
    assert_eq!(names(vec![seeded()]).await, names(vec![later, seeded()]).await);
    assert_ne!(names(vec![seeded()]).await, names(vec![slow("f")]).await);
}
