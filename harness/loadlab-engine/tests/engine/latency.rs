//! Latency is counted from due: what the load generator and the client wait for is not hidden.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use loadlab_engine::EngineOptions;
use loadlab_record::Outcome;
use loadlab_scenario::plan::{Extract, FanOut, Load, Process, Reader, UserStage};
use tokio_util::sync::CancellationToken;

use crate::{
    plans::{arrivals, burst, constant, get, plan, run, run_with, share, users},
    server::{Act, Seen, Server, answer, ms},
};

/// A server that answers at once, but for a stall during which it answers nobody.
async fn stalling(from: Duration, to: Duration) -> Server {
    let first: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    Server::start(move |seen| {
        let began = *first.get_or_init(|| seen.at);
        let at = seen.at.saturating_duration_since(began);
        let wait = if at < from { Duration::ZERO } else { to.saturating_sub(at) };
        vec![Act::Wait(wait), answer(200, "ok")]
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_closed_load_a_stall_is_one_long_sample_per_user() {
    let server = stalling(ms(500), ms(1_700)).await;
    let ran = run(plan(users(5, ms(2_500), ms(20)), vec![get("get", "/")]), &server.base).await;
    assert_eq!(ran.longer_than(ms(600)), 5, "one for each of five users");
    assert!(ran.ended(Outcome::Ok) > 30);
    assert_eq!(ran.windows[0].users, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_open_load_a_stall_shows_in_every_arrival_that_was_due_meanwhile() {
    let server = stalling(ms(500), ms(1_300)).await;
    let ran =
        run(plan(arrivals(100.0, ms(2_000), Process::Uniform), vec![get("get", "/")]), &server.base).await;
    assert_eq!(ran.end.balance.scheduled, 200);
    // A hundred a second were due in the first 600 ms of the stall, and waited for 200 ms and more.
    let late = ran.longer_than(ms(200));
    assert!((50..=110).contains(&late), "{late} late arrivals");
    assert_eq!(ran.ended(Outcome::Ok), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrivals_that_no_worker_takes_in_time_are_undispatched_and_their_wait_counts() {
    let server = Server::start(|_| vec![Act::Wait(ms(400)), answer(200, "ok")]).await;
    let mut plan = plan(arrivals(50.0, ms(1_000), Process::Uniform), vec![get("get", "/")]);
    plan.queue_age_max = ms(300);
    let options = EngineOptions { workers_max: 2, ..EngineOptions::default() };
    let ran = run_with(plan, &server.base, options, CancellationToken::new()).await;
    let balance = ran.end.balance;
    assert_eq!(balance.scheduled, 50);
    assert_eq!(balance.failed + balance.in_flight, 0);
    assert!(balance.undispatched >= 30, "{balance:?}");
    assert_eq!(ran.ended(Outcome::Undispatched), balance.undispatched);
    assert_eq!(server.notes.lock().seen.len() as u64, balance.completed);
    // They waited for the whole of the queue's age, and are in the response times.
    assert!(ran.longer_than(ms(290)) >= balance.undispatched);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_sent_at_once_by_as_many_users() {
    let server = Server::start(|_| vec![Act::Wait(ms(500)), answer(200, "ok")]).await;
    let ran = run(plan(burst(60), vec![get("get", "/u/${user}")]), &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), 60);
    assert_eq!(server.notes.lock().busy_max, 60);
    let mut paths = server.paths();
    paths.sort_by_key(|path| path[3..].parse::<u32>().expect("a number"));
    let wanted: Vec<String> = (0..60).map(|user| format!("/u/{user}")).collect();
    assert_eq!(paths, wanted, "arrival n is identity n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_out_uses_six_connections_and_the_wait_for_them_is_told_apart() {
    let server = Server::start(|seen| match seen.path() {
        "/list" => vec![answer(
            200,
            r#"{"sources": [{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}, {"id": 5},
            {"id": 6}, {"id": 7}, {"id": 8}, {"id": 9}, {"id": 10}, {"id": 11}, {"id": 12}, {"id": 13},
            {"id": 14}, {"id": 15}, {"id": 16}, {"id": 17}, {"id": 18}, {"id": 19}, {"id": 20}]}"#,
        )],
        _ => vec![Act::Wait(ms(60)), answer(200, "ok")],
    })
    .await;
    let mut list = get("list", "/list");
    list.extract.insert("ids".to_owned(), Extract::Json("/sources/*/id".to_owned()));
    let mut content = get("content", "/content/${id}");
    content.fan_out = Some(FanOut { over: "ids".to_owned(), item: "id".to_owned(), max: 18 });
    let ran = run(plan(burst(1), vec![list, content]), &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), 1);
    let step = ran.step("content");
    assert_eq!(step.ended.get(Outcome::Ok), 18, "the cap of the plan");
    {
        let notes = server.notes.lock();
        assert_eq!((notes.busy_max, notes.connections), (6, 6));
        let mut paths: Vec<&str> = notes.seen[1..].iter().map(Seen::path).collect();
        paths.sort_by_key(|path| path[9..].parse::<u32>().expect("a number"));
        assert_eq!((paths[0], paths[17]), ("/content/1", "/content/18"));
    }
    // Three rounds of six: a third waits for none, a third for one round, a third for two.
    let wait = |percentile| step.client_wait.percentile(percentile, Speed::REAL).expect("samples");
    assert!(wait(25.0) < ms(50), "{:?}", wait(25.0));
    assert!(wait(60.0) >= ms(50), "{:?}", wait(60.0));
    assert!(wait(95.0) >= ms(110), "{:?}", wait(95.0));
    // The service time knows nothing of it, the response time everything.
    let service = step.service.percentile(50.0, Speed::REAL).expect("samples");
    let response = step.response.max(Speed::REAL).expect("samples");
    assert!(response >= ms(170) && response > 2 * service, "{response:?} and {service:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_takes_as_long_as_its_pace_says() {
    let body = "x".repeat(60_000);
    let server = Server::start(move |_| vec![answer(200, &body)]).await;
    let mut slow = plan(burst(4), vec![get("get", "/")]);
    slow.client.reader = Reader::Slow { share: share(1.0), bytes_per_s: 100_000 };
    let ran = run(slow, &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), 4);
    assert_eq!(ran.step("get").bytes, 240_000);
    assert_eq!(ran.longer_than(ms(500)), 4, "60 kB at 100 kB/s");
    assert_eq!(ran.longer_than(ms(6_000)), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_come_and_go_with_the_stages() {
    let server = Server::start(|_| vec![answer(200, "ok")]).await;
    let stage = |users, hold_ms| UserStage { users, ramp: Duration::ZERO, hold: ms(hold_ms) };
    let load = Load::Users {
        stages: vec![stage(2, 1_500), stage(8, 1_000), stage(2, 1_000)],
        think: constant(ms(50)),
    };
    let ran = run(plan(load, vec![get("get", "/${user}")]), &server.base).await;
    let users: Vec<u64> = ran.windows[..3].iter().map(|window| window.users).collect();
    assert_eq!(users, [2, 8, 2], "at the end of each second");
    let scheduled: Vec<u64> = ran.windows[..3].iter().map(|window| window.scheduled).collect();
    assert!(scheduled[1] > scheduled[0] && scheduled[2] > scheduled[0], "{scheduled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speed_shortens_waits_and_windows_keep_scenario_seconds() {
    let server = Server::start(|_| vec![Act::Wait(ms(50)), answer(200, "ok")]).await;
    let mut plan = plan(arrivals(10.0, Duration::from_secs(10), Process::Uniform), vec![get("get", "/")]);
    plan.speed = Speed::try_new(10.0).expect("a speed");
    plan.warm_up = Duration::from_secs(2);
    let ran = run(plan, &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), 100);
    assert!(ran.took < Duration::from_secs(9), "{:?}", ran.took);
    let scheduled: Vec<u64> = ran.windows.iter().map(|window| window.scheduled).collect();
    assert_eq!(scheduled.iter().sum::<u64>(), 100);
    // An arrival that a busy machine books after its second was written is counted in the next.
    let whole = scheduled[..10].iter().filter(|count| **count == 10).count();
    assert!(whole >= 6, "{scheduled:?}");
    let phases: Vec<(f64, &str)> = ran.phases.iter().map(|(at, name)| (*at, name.as_str())).collect();
    assert_eq!(phases, [(0.0, "warm-up"), (2.0, "steady"), (10.0, "drain")]);
    // 50 ms of real time are half a second of the scenario.
    let speed = Speed::try_new(10.0).expect("a speed");
    let median = ran.total.service.percentile(50.0, speed).expect("samples");
    assert!(median >= ms(500), "{median:?}");
}
