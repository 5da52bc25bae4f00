//! Every way in which a request can end, and what the user does next.

use std::time::Duration;

use loadlab_clock::Speed;
use loadlab_record::Outcome;
use loadlab_scenario::plan::{Backoff, Check, Extract, Journey, JsonIs, Leaves, Plan, RetryAfter, Step};
use tokio::net::TcpListener;

use crate::{
    plans::{Ran, burst, constant, get, plan, post, run, share, users},
    server::{Act, Server, answer, chunk, ms, stream_head},
};

/// A server whose answers are chosen by the path.
async fn server_of_all_ends() -> Server {
    Server::start(|seen| match seen.path() {
        "/ok" => vec![answer(200, r#"{"mode": "full", "sources": [1, 2]}"#)],
        "/created" => vec![answer(201, "")],
        "/moved" => vec![answer(302, "")],
        "/error" => vec![answer(500, "oh")],
        "/missing" => vec![answer(404, "oh")],
        "/busy" => vec![answer(503, "later")],
        "/limited" => vec![answer(429, "later")],
        "/never" => vec![Act::Wait(Duration::from_secs(30))],
        "/half-head" => vec![Act::Send(b"HTTP/1.1 200 OK\r\nconte".to_vec()), Act::Close],
        "/close" => vec![Act::Close],
        "/reset" => vec![Act::Reset],
        "/cut" => vec![Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello".to_vec()), Act::Close],
        "/cut-chunks" => vec![stream_head(), chunk("hello"), Act::Close],
        "/hang" => vec![
            Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello".to_vec()),
            Act::Wait(Duration::from_secs(30)),
        ],
        path => panic!("unexpected {path}"),
    })
    .await
}

async fn end_of(server: &Server, step: Step) -> Outcome {
    let mut plan = plan(burst(1), vec![step]);
    plan.client.timeout = ms(1_000);
    let ran = run(plan, &server.base).await;
    let (outcome, count) = ran.total.ended.iter().next().expect("an end");
    assert_eq!(count, 1);
    let steps: Vec<Outcome> =
        ran.total.steps.values().flat_map(|step| step.ended.iter()).map(|(o, _)| o).collect();
    assert_eq!(steps, [outcome], "the request ended as the arrival did");
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_has_its_outcome() {
    let server = server_of_all_ends().await;
    let cases = [
        ("/ok", Outcome::Ok),
        ("/created", Outcome::Ok),
        ("/moved", Outcome::Ok),
        ("/error", Outcome::Status),
        ("/missing", Outcome::Status),
        ("/busy", Outcome::Shed),
        ("/limited", Outcome::Shed),
        ("/never", Outcome::Timeout),
        ("/half-head", Outcome::Reset),
        ("/close", Outcome::Reset),
        ("/reset", Outcome::Reset),
        ("/cut", Outcome::Truncated),
        ("/cut-chunks", Outcome::Truncated),
        ("/hang", Outcome::Timeout),
    ];
    for (path, outcome) in cases {
        assert_eq!(end_of(&server, get("get", path)).await, outcome, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_refuses_connections_is_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let ran = run(plan(burst(3), vec![get("get", "/")]), &base).await;
    assert_eq!(ran.ended(Outcome::Connect), 3);
    assert_eq!(ran.step("get").service.count(), 0, "what was never sent has no service time");
    assert_eq!(ran.step("get").response.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_without_think_time_do_not_spin_on_a_target_that_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let ran = run(plan(users(5, ms(1_000), Duration::ZERO), vec![get("get", "/")]), &base).await;
    // 10, 20, 40, … ms: seven wants of each user fit into a second.
    assert!((5..=40).contains(&ran.end.balance.scheduled), "{:?}", ran.end.balance);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_decide_whether_an_answer_is_wrong() {
    let server = server_of_all_ends().await;
    let json = |pointer: &str, is| Check::Json { pointer: pointer.to_owned(), is };
    let cases = [
        (json("/mode", JsonIs::Equal("full".into())), Outcome::Ok),
        (json("/mode", JsonIs::Equal("keyword".into())), Outcome::WrongAnswer),
        (json("/sources", JsonIs::LengthMin(2)), Outcome::Ok),
        (json("/sources", JsonIs::LengthMin(3)), Outcome::WrongAnswer),
        (json("/absent", JsonIs::Present), Outcome::WrongAnswer),
        (Check::Contains("full".to_owned()), Outcome::Ok),
        (Check::Contains("empty".to_owned()), Outcome::WrongAnswer),
        (Check::Header { name: "content-length".to_owned(), equals: None }, Outcome::Ok),
        (Check::Header { name: "x-mode".to_owned(), equals: None }, Outcome::WrongAnswer),
        (Check::Status(vec![200]), Outcome::Ok),
        (Check::Status(vec![201]), Outcome::Status),
    ];
    for (check, outcome) in cases {
        let mut step = get("get", "/ok");
        step.checks = vec![check.clone()];
        assert_eq!(end_of(&server, step).await, outcome, "{check:?}");
    }
    let mut step = get("get", "/busy");
    step.checks = vec![Check::Status(vec![503])];
    assert_eq!(end_of(&server, step).await, Outcome::Ok, "an error that is expected");
    let mut step = get("get", "/ok");
    step.extract.insert("id".to_owned(), Extract::Json("/absent".to_owned()));
    assert_eq!(end_of(&server, step).await, Outcome::WrongAnswer, "nothing to keep");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patience_closes_the_connection_and_the_retry_belongs_to_the_same_arrival() {
    let server = Server::start(|_| vec![Act::Wait(Duration::from_secs(30))]).await;
    let mut plan = plan(burst(3), vec![get("get", "/${arrival}/${attempt}")]);
    plan.client.patience = Some(constant(ms(200)));
    plan.client.retries.max = 1;
    plan.client.retries.after = vec![RetryAfter::Abandoned];
    let ran = run(plan, &server.base).await;
    assert_eq!(ran.ended(Outcome::Abandoned), 3);
    assert_eq!((ran.total.gave_up, ran.total.retried), (3, 3));
    assert_eq!(ran.longer_than(ms(390)), 3, "two attempts in one response time");
    assert_eq!(ran.end.balance.requests.ended, 6);
    let mut paths = server.paths();
    paths.sort();
    assert_eq!(paths, ["/0/0", "/0/1", "/1/0", "/1/1", "/2/0", "/2/1"]);
    // The server noticed each of them leave, about when patience ran out.
    let notes = server.notes.lock();
    assert_eq!((notes.left.len(), notes.connections), (6, 6));
    for (connection, left) in &notes.left {
        let came = notes.seen.iter().find(|seen| seen.connection == *connection).expect("a request").at;
        let waited = left.saturating_duration_since(came);
        assert!((ms(150)..ms(4_000)).contains(&waited), "{waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_that_succeeds_makes_the_arrival_succeed_and_it_still_gave_up_once() {
    let server = Server::start(|seen| match seen.path() {
        "/0" => vec![Act::Wait(Duration::from_secs(30))],
        _ => vec![answer(200, "ok")],
    })
    .await;
    let mut plan = plan(burst(1), vec![get("get", "/${attempt}")]);
    plan.client.timeout = ms(500);
    plan.client.retries.max = 3;
    plan.client.retries.after = vec![RetryAfter::Timeout];
    let ran = run(plan, &server.base).await;
    assert_eq!((ran.ended(Outcome::Ok), ran.total.gave_up, ran.total.retried), (1, 1, 1));
    let step = ran.step("get");
    assert_eq!((step.ended.get(Outcome::Timeout), step.ended.get(Outcome::Ok), step.retried), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_listed_ends_are_retried_and_only_by_the_share_of_users_that_retries() {
    let server = server_of_all_ends().await;
    let retrying = |path: &str, after: Vec<RetryAfter>, of_users: f64| {
        let mut plan = plan(burst(200), vec![get("get", path)]);
        plan.client.retries.max = 2;
        plan.client.retries.after = after;
        plan.client.retries.share = share(of_users);
        plan
    };
    let retried = |ran: &Ran| ran.total.retried;
    let ran = run(retrying("/error", vec![RetryAfter::Shed], 1.0), &server.base).await;
    assert_eq!(retried(&ran), 0);
    let ran = run(retrying("/error", vec![RetryAfter::Error], 1.0), &server.base).await;
    assert_eq!(retried(&ran), 400);
    let ran = run(retrying("/error", vec![RetryAfter::Error], 0.5), &server.base).await;
    assert!((140..260).contains(&retried(&ran)), "{}", retried(&ran));
    assert_eq!(retried(&ran) % 2, 0, "drawn once per arrival: it retries twice or not at all");
    let mut budgeted = retrying("/error", vec![RetryAfter::Error], 1.0);
    budgeted.client.retries.budget = Some(share(0.1));
    let ran = run(budgeted, &server.base).await;
    assert!((1..=20).contains(&retried(&ran)), "{} of 200 and a budget of a tenth", retried(&ran));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_honoured_in_scenario_time_where_it_is_longer_than_the_backoff() {
    let server = Server::start(|seen| match seen.path() {
        "/0" => vec![Act::Send(b"HTTP/1.1 503 X\r\nretry-after: 4\r\ncontent-length: 0\r\n\r\n".to_vec())],
        _ => vec![answer(200, "ok")],
    })
    .await;
    let mut plan = plan(burst(1), vec![get("get", "/${attempt}")]);
    plan.speed = Speed::try_new(10.0).expect("a speed");
    plan.client.retries.max = 1;
    plan.client.retries.after = vec![RetryAfter::Shed];
    plan.client.retries.backoff =
        Backoff::Exponential { base: ms(100), factor: 2.0, max: ms(500), jitter: share(0.0) };
    let ran = run(plan, &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), 1);
    let notes = server.notes.lock();
    let pause = notes.seen[1].at.saturating_duration_since(notes.seen[0].at);
    assert!((ms(390)..ms(4_000)).contains(&pause), "4 s at speed 10: {pause:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_leave_in_the_middle_of_an_answer_do_not_come_back() {
    let server = Server::start(|_| {
        let mut acts = vec![stream_head()];
        for _ in 0..400 {
            acts.extend([chunk("data: x\n\n"), Act::Wait(ms(50))]);
        }
        acts
    })
    .await;
    let mut plan = plan(burst(2), vec![Step { stream: true, ..get("get", "/") }]);
    plan.client.leaves = Some(Leaves { share: share(1.0), after: constant(ms(300)) });
    plan.client.retries.max = 3;
    plan.client.retries.after = vec![RetryAfter::Abandoned];
    let ran = run(plan, &server.base).await;
    assert_eq!((ran.ended(Outcome::Abandoned), ran.total.retried), (2, 0));
    assert!(ran.longer_than(ms(290)) == 2 && ran.took < Duration::from_secs(12), "{:?}", ran.took);
    assert!((2..100).contains(&ran.step("get").events), "{}", ran.step("get").events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journey_ends_with_the_first_step_that_fails_and_keeps_values_between_steps() {
    let server = Server::start(|seen| match (seen.path(), seen.body.as_str()) {
        ("/login", _) => vec![answer(200, &format!("{{\"token\": \"t{}\"}}", &seen.body))],
        ("/ask", body) => vec![answer(200, &format!("{{\"id\": \"{body}!\"}}"))],
        ("/then/t3-3!", _) => vec![answer(500, "")],
        (path, _) if path.starts_with("/then/") => vec![answer(200, "")],
        ("/last", _) => vec![answer(200, "")],
        (path, _) => panic!("unexpected {path}"),
    })
    .await;
    let mut ask = post("ask", "/ask", "${token}-${user}");
    ask.extract.insert("id".to_owned(), Extract::Json("/id".to_owned()));
    let steps = vec![ask, get("then", "/then/${id}"), get("last", "/last")];
    let mut plan: Plan = plan(burst(5), steps);
    let mut login = post("login", "/login", "${user}");
    login.extract.insert("token".to_owned(), Extract::Json("/token".to_owned()));
    plan.users.login = Some(login);
    let ran = run(plan, &server.base).await;
    assert_eq!((ran.ended(Outcome::Ok), ran.ended(Outcome::Status)), (4, 1));
    let counts: Vec<u64> = ["ask", "then", "last"].iter().map(|name| ran.step(name).ended.total()).collect();
    assert_eq!(counts, [5, 5, 4]);
    assert_eq!(ran.end.balance.requests.ended, 14, "logins are counted nowhere");
    assert_eq!(server.paths().iter().filter(|path| *path == "/login").count(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn journeys_are_wanted_by_their_weights() {
    let server = Server::start(|_| vec![answer(200, "ok")]).await;
    let mut plan = plan(burst(400), vec![get("rare", "/rare")]);
    plan.journeys.push(Journey { name: "often".to_owned(), weight: 3, steps: vec![get("often", "/often")] });
    let ran = run(plan, &server.base).await;
    let often = ran.step("often").ended.total();
    assert_eq!(often + ran.step("rare").ended.total(), 400);
    assert!((260..340).contains(&often), "{often} of 400");
}
