//! The end of a run: asked for, or by the drain.

use std::time::{Duration, Instant};

use loadlab_engine::{EngineError, EngineOptions, LoadRun, offer};
use loadlab_record::Outcome;
use loadlab_scenario::plan::Process;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    plans::{arrivals, burst, get, plan, run, run_with, users},
    server::{Act, Server, answer, ms},
};

/// Cancels once the server has seen so many requests, and says when.
fn stop_after(requests: usize, server: &Server, stop: &CancellationToken) -> JoinHandle<Instant> {
    let (server, stop) = (server.clone(), stop.clone());
    tokio::spawn(async move {
        while server.notes.lock().seen.len() < requests {
            tokio::time::sleep(ms(10)).await;
        }
        stop.cancel();
        Instant::now()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_the_run_within_two_seconds_whatever_is_under_way() {
    let server = Server::start(|_| vec![Act::Wait(Duration::from_secs(8)), answer(200, "ok")]).await;
    let stop = CancellationToken::new();
    let asked = stop_after(5, &server, &stop);
    let plan = plan(burst(5), vec![get("get", "/")]);
    let ran = run_with(plan, &server.base, EngineOptions::default(), stop).await;
    let took = asked.await.expect("no panic").elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(ran.end.stopped);
    assert_eq!((ran.end.in_flight, ran.end.balance.requests.in_flight), (5, 5));
    assert_eq!(ran.total.scheduled, 5);
    let closed = async {
        while server.notes.lock().left.len() < 5 {
            tokio::time::sleep(ms(10)).await;
        }
    };
    // Long before the eight seconds are over, the server sees every connection closed.
    assert_eq!(tokio::time::timeout(Duration::from_secs(4), closed).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_an_open_and_a_closed_load_keeps_what_was_measured() {
    let minute = Duration::from_secs(60);
    for load in [arrivals(100.0, minute, Process::Poisson), users(10, minute, ms(50))] {
        let server = Server::start(|_| vec![Act::Wait(ms(20)), answer(200, "ok")]).await;
        let stop = CancellationToken::new();
        let asked = stop_after(100, &server, &stop);
        let plan = plan(load, vec![get("get", "/")]);
        let ran = run_with(plan, &server.base, EngineOptions::default(), stop).await;
        let took = asked.await.expect("no panic").elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(ran.end.stopped);
        assert!(ran.ended(Outcome::Ok) > 50);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_ended_when_the_drain_is_over_is_in_flight() {
    let server = Server::start(|_| vec![Act::Wait(Duration::from_secs(8)), answer(200, "ok")]).await;
    let mut plan = plan(burst(3), vec![get("get", "/")]);
    plan.drain = ms(1_500);
    let ran = run(plan, &server.base).await;
    assert!(!ran.end.stopped);
    assert_eq!(ran.end.in_flight, 3);
    assert!(ran.took < Duration::from_secs(7), "{:?}", ran.took);
    assert_eq!(ran.windows[0].in_flight, 3, "due and not ended at the end of the first second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_stopped_before_its_start_says_so() {
    let server = Server::start(|_| vec![answer(200, "ok")]).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let (lines, _receiver) = mpsc::unbounded_channel();
    let (started, _start) = oneshot::channel();
    let run = LoadRun {
        plan: plan(burst(1), vec![get("get", "/")]).into(),
        base: server.base.clone(),
        lines,
        started,
        stop,
        options: EngineOptions::default(),
    };
    assert!(matches!(offer(run).await, Err(EngineError::StoppedBeforeStart)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_fails_ends_the_run_before_it_begins() {
    let server = Server::start(|_| vec![answer(401, "no")]).await;
    let (lines, _receiver) = mpsc::unbounded_channel();
    let (started, _start) = oneshot::channel();
    let mut plan = plan(burst(3), vec![get("get", "/")]);
    plan.users.login = Some(get("login", "/login"));
    let run = LoadRun {
        plan: plan.into(),
        base: server.base.clone(),
        lines,
        started,
        stop: CancellationToken::new(),
        options: EngineOptions::default(),
    };
    let error = offer(run).await.expect_err("nobody is let in");
    assert!(error.to_string().ends_with("failed: unexpected status"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_may_follow_each_other_and_run_side_by_side() {
    let server = Server::start(|_| vec![Act::Wait(ms(20)), answer(200, "ok")]).await;
    for _ in 0..3 {
        let ran = run(plan(burst(20), vec![get("get", "/")]), &server.base).await;
        assert_eq!(ran.ended(Outcome::Ok), 20);
    }
    let one = run(plan(burst(20), vec![get("get", "/")]), &server.base);
    let other = run(plan(users(5, ms(500), ms(30)), vec![get("get", "/")]), &server.base);
    let (one, other) = tokio::join!(one, other);
    assert_eq!(one.ended(Outcome::Ok), 20);
    assert!(other.ended(Outcome::Ok) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_dropped_in_the_middle_leaves_nobody_behind() {
    let server = Server::start(|_| vec![Act::Wait(Duration::from_secs(8)), answer(200, "ok")]).await;
    let (lines, mut receiver) = mpsc::unbounded_channel();
    let (started, start) = oneshot::channel();
    let run = LoadRun {
        plan: plan(arrivals(50.0, Duration::from_secs(60), Process::Uniform), vec![get("get", "/")]).into(),
        base: server.base.clone(),
        lines,
        started,
        stop: CancellationToken::new(),
        options: EngineOptions::default(),
    };
    let running = tokio::spawn(offer(run));
    start.await.expect("it starts");
    tokio::time::sleep(ms(400)).await;
    running.abort();
    // The channel closes with its last sender: the collecting thread has ended.
    let closed = async { while receiver.recv().await.is_some() {} };
    assert_eq!(tokio::time::timeout(Duration::from_secs(3), closed).await, Ok(()));
    tokio::time::sleep(ms(300)).await;
    let count = || {
        let notes = server.notes.lock();
        (notes.seen.len(), notes.left.len())
    };
    let (seen, left) = count();
    assert_eq!(seen, left, "all connections are closed");
    tokio::time::sleep(ms(300)).await;
    assert_eq!(count().0, seen, "and no more arrivals come");
}
