//! The same seed gives the same schedule and the same requests.

use std::collections::{BTreeMap, BTreeSet};

use loadlab_clock::{Distribution, Seed};
use loadlab_engine::schedule;
use loadlab_record::Outcome;
use loadlab_scenario::plan::{Feed, Load, Pick, Plan, Process, Think, UserStage};

use crate::{
    plans::{arrivals, plan, post, run},
    server::{Act, Server, answer, ms},
};

async fn server() -> Server {
    // Answers come after a moment that differs from request to request, so workers take turns.
    Server::start(|seen| vec![Act::Wait(ms(seen.number as u64 * 7 % 30)), answer(200, "ok")]).await
}

fn with_feed(load: Load, seed: u64) -> Plan {
    let body = r#"{"arrival": "${arrival}", "user": ${user}, "row": "${row}", "id": "${uuid}"}"#;
    let mut plan = plan(load, vec![post("post", "/u/${user}?row=${row}", body)]);
    let rows = (0..50).map(|n| vec![format!("row-{n}")]).collect();
    let feed = Feed { columns: vec!["text".to_owned()], rows, pick: Pick::Zipf { s: 1.0 } };
    plan.feeds = BTreeMap::from([("rows".to_owned(), feed)]);
    plan.seed = Seed::new(seed);
    plan
}

async fn requests(plan: Plan) -> BTreeSet<(String, String)> {
    let server = server().await;
    let ran = run(plan, &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), ran.total.scheduled);
    let notes = server.notes.lock();
    notes.seen.iter().map(|seen| (seen.line.clone(), seen.body.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_load_replays_schedule_and_requests() {
    let plan = |seed| with_feed(arrivals(150.0, ms(1_000), Process::Poisson), seed);
    let dues = |seed| schedule(&plan(seed)).collect::<Vec<_>>();
    assert_eq!(dues(3), dues(3));
    assert_ne!(dues(3), dues(4));
    let first = requests(plan(3)).await;
    assert!(first.len() > 100, "{}", first.len());
    assert_eq!(first.len(), dues(3).len());
    assert_eq!(first, requests(plan(3)).await);
    assert_ne!(first, requests(plan(4)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_load_replays_the_draws_of_each_user_and_want() {
    let plan = |seed| {
        let stages = vec![UserStage { users: 8, ramp: ms(200), hold: ms(800) }];
        let draw = Distribution::Exponential { mean: ms(50) };
        with_feed(Load::Users { stages, think: Think { max: Some(ms(200)), ..Think::of(draw) } }, seed)
    };
    let (first, second, other) = (requests(plan(3)).await, requests(plan(3)).await, requests(plan(4)).await);
    // How many wants a user gets round to depends on the answers; those both got to are the same.
    let by_want = |requests: &BTreeSet<(String, String)>| -> BTreeMap<String, (String, String)> {
        let want = |body: &str| body.split('"').nth(3).unwrap_or_default().to_owned();
        requests.iter().map(|request| (want(&request.1), request.clone())).collect()
    };
    let (first, second, other) = (by_want(&first), by_want(&second), by_want(&other));
    let both: Vec<&String> = first.keys().filter(|want| second.contains_key(*want)).collect();
    assert!(both.len() > 40, "{} wants in both", both.len());
    assert!(both.iter().all(|want| first[*want] == second[*want]));
    assert!(first.keys().any(|want| other.get(want).is_some_and(|request| *request != first[want])));
}
