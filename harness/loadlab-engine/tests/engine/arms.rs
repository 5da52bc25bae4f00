//! Users who are split stay in their arm, with every request, and are counted there.

use std::collections::{BTreeMap, BTreeSet};

use loadlab_clock::Seed;
use loadlab_engine::EngineOptions;
use loadlab_record::Outcome;
use loadlab_scenario::{
    arms::{Arm, Arms},
    plan::{Load, Plan, Process, RetryAfter},
    quantity::Share,
};
use tokio_util::sync::CancellationToken;

use crate::{
    plans::{arrivals, burst, get, plan, run, run_with, share, users},
    server::{Act, Server, answer, ms},
};

fn split(load: Load, experiment: f64) -> Plan {
    let mut plan = plan(load, vec![get("get", "/u/${user}")]);
    plan.arms = Some(Arms { experiment: share(experiment), set: BTreeMap::new() });
    plan
}

/// Of each request: its user, and what the header says.
fn arms_seen(server: &Server) -> Vec<(u32, String)> {
    let notes = server.notes.lock();
    let arm = |headers: &str| {
        let lines = headers.lines().filter_map(|line| line.split_once(": "));
        let found: Vec<&str> =
            lines.filter(|(name, _)| *name == "x-loadlab-arm").map(|(_, arm)| arm).collect();
        found.join(",")
    };
    let user = |path: &str| path.rsplit('/').next().and_then(|user| user.parse().ok()).expect("a user");
    notes.seen.iter().map(|seen| (user(seen.path()), arm(&seen.headers))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_a_user_names_the_users_arm_logins_and_retries_too() {
    let server = Server::start(|seen| {
        let fails = seen.path().starts_with("/u") && seen.number % 3 == 0;
        vec![answer(if fails { 503 } else { 200 }, "ok")]
    })
    .await;
    let mut plan = split(users(20, ms(400), ms(20)), 0.3);
    plan.users.count = 20;
    plan.users.login = Some(get("login", "/login/${user}"));
    plan.client.retries.max = 2;
    plan.client.retries.share = Share::ALL;
    plan.client.retries.after = vec![RetryAfter::Shed];
    let (arms, seed) = (plan.arms.clone().expect("split"), plan.seed);
    let ran = run(plan, &server.base).await;
    let requests = arms_seen(&server);
    for (user, arm) in &requests {
        assert_eq!(arm, arms.arm_of(seed, *user).name(), "user {user}");
    }
    assert_eq!(requests.iter().map(|(user, _)| user).collect::<BTreeSet<_>>().len(), 20);
    let in_arms: u64 = ran.total.arms.iter().map(|cohort| cohort.ended.total()).sum();
    assert_eq!(in_arms, ran.total.ended.total(), "every arrival that ended is in an arm");
    let of_experiment: u64 = ran
        .total
        .arms
        .iter()
        .filter(|cohort| cohort.arm == Arm::Experiment)
        .map(|cohort| cohort.response_ok.count() + cohort.response_failed.count())
        .sum();
    assert!(of_experiment > 0 && of_experiment < in_arms, "{of_experiment} of {in_arms}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_open_load_too_and_the_same_seed_splits_the_same() {
    let seen = async |seed| {
        let server = Server::start(|_| vec![answer(200, "ok")]).await;
        let mut plan = split(arrivals(200.0, ms(500), Process::Uniform), 0.5);
        plan.users.count = 30;
        plan.seed = Seed::new(seed);
        let ran = run(plan, &server.base).await;
        assert_eq!(ran.ended(Outcome::Ok), 100);
        arms_seen(&server).into_iter().collect::<BTreeMap<u32, String>>()
    };
    let (first, second, other) = (seen(3).await, seen(3).await, seen(4).await);
    assert_eq!(first, second);
    assert_ne!(first, other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_split_no_request_names_an_arm() {
    let server = Server::start(|_| vec![answer(200, "ok")]).await;
    let ran = run(plan(burst(5), vec![get("get", "/u/${user}")]), &server.base).await;
    assert!(ran.total.arms.is_empty());
    assert!(arms_seen(&server).iter().all(|(_, arm)| arm.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_experiment_may_go_another_way_to_the_same_target() {
    let control = Server::start(|_| vec![answer(200, "ok")]).await;
    let slow = Server::start(|_| vec![Act::Wait(ms(60)), answer(200, "ok")]).await;
    let through = slow.base.trim_start_matches("http://").to_owned();
    let options = EngineOptions { experiment_through: Some(through), ..EngineOptions::default() };
    let ran = run_with(split(burst(40), 0.5), &control.base, options, CancellationToken::new()).await;
    assert_eq!(ran.ended(Outcome::Ok), 40);
    for (server, arm) in [(&control, "control"), (&slow, "experiment")] {
        let seen = arms_seen(server);
        assert_eq!(seen.len(), 20, "{arm}");
        assert!(seen.iter().all(|(_, of)| of == arm), "{seen:?}");
    }
    // The request is the same wherever it goes.
    let host = format!("host: {}", control.base.trim_start_matches("http://"));
    assert!(slow.notes.lock().seen.iter().all(|seen| seen.headers.contains(&host)));
}
