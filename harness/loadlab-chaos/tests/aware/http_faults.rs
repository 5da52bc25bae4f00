//! Faults on requests and bodies of an HTTP edge.

use std::time::{Duration, Instant};

use loadlab_chaos::aware::{Fault, http::Ending};
use loadlab_clock::Speed;
use serde_json::json;

use crate::wire::{End, Peer, Stage, Upstream, touched};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// An upstream that answers every request with its path, and an edge to it.
async fn echo() -> Stage {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    upstream.echo_paths();
    stage
}

/// Sends a request and gives the status and body of its reply.
async fn ask(client: &mut Peer, request: &str) -> (u16, String) {
    client.send(request).await;
    let head = client.head().await;
    let has_body = !request.starts_with("HEAD");
    let body = client.take(if has_body { head.length() } else { 0 }).await;
    (head.status(), String::from_utf8(body).expect("text"))
}

#[tokio::test]
async fn a_status_is_injected_by_method_path_and_header() {
    let stage = echo().await;
    let mut client = stage.client().await;
    let cases = [
        (json!({ "status": 503 }), [503, 503, 503]),
        (json!({ "status": 500, "method": "HEAD" }), [200, 200, 500]),
        (json!({ "status": 418, "path": "/b*" }), [200, 418, 200]),
        (json!({ "status": 401, "header": "x-user: 7?" }), [200, 401, 200]),
        (json!({ "status": 404, "method": ["GET", "HEAD"], "path": "/a" }), [404, 200, 404]),
    ];
    for (attributes, expected) in cases {
        let touched = stage.fault("http_status", &attributes);
        let before = touched.requests();
        let requests = [
            get("/a"),
            "GET /b?q=1 HTTP/1.1\r\nHost: a\r\nX-User: 72\r\n\r\n".to_owned(),
            "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        ];
        let mut statuses = Vec::new();
        for request in &requests[..2] {
            statuses.push(ask(&mut client, request).await.0);
        }
        // The echo does not know HEAD, so its reply would have a body: ask only where it is injected.
        statuses.push(if expected[2] == 200 { 200 } else { ask(&mut client, &requests[2]).await.0 });
        assert_eq!(statuses, expected, "{attributes}");
        let injected = expected.iter().filter(|status| **status != 200).count() as u64;
        assert_eq!(touched.requests() - before, injected, "{attributes}");
    }
}

#[tokio::test]
async fn an_injected_reply_says_who_sent_it_and_when_to_come_again() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    let touched_by = stage.fault("http_status", &json!({ "status": 429, "retry_after": 1_500 }));
    let mut client = stage.client().await;
    let mut server = upstream.accept().await;
    client.send(get("/")).await;
    let head = client.head().await;
    assert_eq!(head.first(), "HTTP/1.1 429 Too Many Requests");
    assert_eq!(head.value("retry-after"), Some("2"));
    assert_eq!(head.value("x-loadlab-fault"), Some("http_status"));
    client.expect("429 by fault http_status\n").await;
    assert!(server.is_silent(), "the request did not reach the upstream");
    stage.heal();
    client.send(get("/next")).await;
    assert_eq!(server.head().await.first(), "GET /next HTTP/1.1", "the connection goes on");
    assert_eq!(touched(&touched_by), (1, 1, 0, 0));
}

#[tokio::test]
async fn a_small_body_is_drained_before_an_injected_reply_and_the_connection_goes_on() {
    let stage = echo().await;
    stage.fault("http_status", &json!({ "status": 503, "method": "POST" }));
    let mut client = stage.client().await;
    let body = "x".repeat(60_000);
    let post = format!("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(ask(&mut client, &post).await.0, 503);
    assert_eq!(ask(&mut client, &get("/next")).await, (200, "/next".to_owned()));
}

#[tokio::test]
async fn a_large_body_is_not_drained_and_the_connection_closes_after_the_reply() {
    let stage = echo().await;
    stage.fault("http_status", &json!({ "status": 503 }));
    let mut client = stage.client().await;
    client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n").await;
    client.send(vec![b'x'; 300_000]).await;
    let head = client.head().await;
    assert_eq!(head.first(), "HTTP/1.1 503 Service Unavailable");
    assert_eq!(head.value("connection"), Some("close"));
    assert_eq!(client.end().await, ("503 by fault http_status\n".to_owned(), End::Closed));
}

#[tokio::test]
async fn a_client_that_asks_whether_to_continue_gets_the_injected_reply_instead() {
    let stage = echo().await;
    stage.fault("http_status", &json!({ "status": 503 }));
    let mut client = stage.client().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    assert_eq!(client.head().await.first(), "HTTP/1.1 503 Service Unavailable");
    assert_eq!(client.end().await.1, End::Closed);
}

#[tokio::test]
async fn a_share_is_one_of_requests_and_not_of_connections() {
    let stage = echo().await;
    let touched_by = stage.fault_share("http_status", 0.1, &json!({ "status": 503 }));
    let mut client = stage.client().await;
    let mut injected = 0;
    for n in 0..1_000 {
        injected += u64::from(ask(&mut client, &get(&format!("/{n}"))).await.0 == 503);
    }
    // A tenth, four standard deviations either way.
    assert!((62..=138).contains(&injected), "{injected}");
    assert_eq!(touched(&touched_by), (1, injected, 0, 0));
}

#[tokio::test]
async fn latency_is_added_before_a_request_is_forwarded() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    let touched_by = stage.fault("http_latency", &json!({ "latency": 200, "path": "/slow" }));
    let mut client = stage.client().await;
    let mut server = upstream.accept().await;
    let began = Instant::now();
    client.send(get("/slow")).await;
    server.head().await;
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    client.head().await;
    assert_eq!(touched(&touched_by), (1, 1, 0, 0));
}

#[tokio::test]
async fn latency_is_scenario_time_and_may_be_drawn() {
    let upstream = Upstream::start().await;
    let stage = Stage::http_with(upstream.address(), 1, Speed::try_new(50.0).expect("a speed")).await;
    upstream.echo_paths();
    let mut client = stage.client().await;
    let uniform = json!({ "distribution": { "uniform": { "min": "500ms", "max": "1500ms" } } });
    stage.fault("http_latency", &uniform);
    let began = Instant::now();
    for _ in 0..20 {
        ask(&mut client, &get("/")).await;
    }
    let real = began.elapsed();
    // Twenty times about a second is 0.4 s at this speed, and 20 s without it.
    assert!((Duration::from_millis(200)..Duration::from_secs(10)).contains(&real), "{real:?}");
}

#[tokio::test]
async fn a_request_that_is_held_back_is_let_go_when_its_fault_is_removed() {
    let stage = echo().await;
    let held = stage.fault("http_latency", &json!({ "latency": 3_600_000 }));
    let mut client = stage.client().await;
    client.send(get("/held")).await;
    while held.requests() == 0 {
        tokio::task::yield_now().await;
    }
    // A neighbour changes nothing for it.
    let keep: Fault = stage.edge.faults()[0].fault.clone();
    let other = Fault::parse("other", "http_reset", 1.0, &json!({ "path": "/none" })).expect("a fault");
    stage.edge.set_faults(vec![other, keep]);
    let mut second = stage.client().await;
    second.send(get("/held-too")).await;
    while held.requests() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(client.is_silent());
    stage.heal();
    client.head().await;
    client.expect("/held").await;
    second.head().await;
    second.expect("/held-too").await;
    assert_eq!(touched(&held), (2, 2, 0, 0));
}

#[tokio::test]
async fn a_dropped_request_is_never_answered_and_its_connection_ends_with_the_fault() {
    let upstream = Upstream::start().await;
    let mut stage = Stage::http(upstream.address()).await;
    let dropped = stage.fault("http_drop", &json!({ "path": "/lost" }));
    let mut patient = stage.client().await;
    let mut server = upstream.accept().await;
    patient.send(get("/lost")).await;
    let mut impatient = stage.client().await;
    impatient.send(get("/lost")).await;
    while dropped.requests() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(server.is_silent() && patient.is_silent());
    drop(impatient);
    assert!(matches!(stage.ending().await, Ending::Closed), "a client that gives up is not kept");
    stage.heal();
    assert_eq!(patient.end().await, (String::new(), End::Closed));
    assert_eq!(server.end().await.0, "");
    assert_eq!(touched(&dropped), (2, 2, 0, 0));
}

#[tokio::test]
async fn a_reset_is_a_real_one_and_the_upstream_gets_nothing() {
    let upstream = Upstream::start().await;
    let mut stage = Stage::http(upstream.address()).await;
    let reset = stage.fault("http_reset", &json!({}));
    let mut client = stage.client().await;
    let mut server = upstream.accept().await;
    client.send(get("/")).await;
    assert_eq!(client.end().await, (String::new(), End::Reset));
    assert_eq!(server.end().await.0, "");
    assert!(matches!(stage.ending().await, Ending::Reset));
    assert_eq!(touched(&reset), (1, 1, 0, 0));
}

#[tokio::test]
async fn a_corrupt_reply_has_its_length_and_other_bytes() {
    let stage = echo().await;
    let corrupt = stage.fault("http_corrupt", &json!({ "rate": 0.1 }));
    let mut client = stage.client().await;
    let path = format!("/{}", "x".repeat(3_000));
    client.send(get(&path)).await;
    assert_eq!(client.head().await.value("content-length"), Some("3001"));
    let body = client.take(3_001).await;
    let altered = body.iter().zip(path.as_bytes()).filter(|(one, other)| one != other).count() as u64;
    assert!((200..400).contains(&altered), "{altered}");
    assert_ne!(body[0], b'/');
    assert_eq!(touched(&corrupt), (1, 1, 0, altered));
}

#[tokio::test]
async fn a_corrupt_request_reaches_the_upstream_so() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    let corrupt = stage.fault("http_corrupt", &json!({ "body": "request", "rate": 1 }));
    let mut client = stage.client().await;
    let mut server = upstream.accept().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody").await;
    server.head().await;
    let body = server.take(4).await;
    assert!(body.iter().zip(b"body").all(|(one, other)| one != other), "{body:?}");
    assert_eq!(touched(&corrupt), (1, 1, 0, 4));
}

#[tokio::test]
async fn faults_are_swapped_while_connections_live() {
    let stage = echo().await;
    let mut client = stage.client().await;
    for round in 0..20 {
        stage.fault("http_status", &json!({ "status": 500 + round % 4 }));
        assert_eq!(ask(&mut client, &get("/")).await.0, 500 + round % 4);
        stage.heal();
        assert_eq!(ask(&mut client, &get("/")).await, (200, "/".to_owned()));
    }
}
