//! What happens where something runs out: sessions, backlog, time, patience.

use std::{net::SocketAddr, time::Duration};

use futures::future::join_all;
use loadlab_clock::Speed;
use serde_json::json;
use target_service::content;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::stack::{Target, constant, events, quick};

const ABANDONED: &str = "abandoned_work_total";

/// A search by hand, so that its client can leave.
async fn ask(address: SocketAddr, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let body = json!({"query": query}).to_string();
    let head = format!("POST /search HTTP/1.1\r\nhost: target\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.expect("it is sent");
    stream
}

#[tokio::test]
async fn more_searches_than_sessions_wait_for_one_and_the_pool_stays_at_max() {
    let mut profile = quick();
    profile.service.pool.min = 0;
    profile.service.pool.max = 2;
    profile.service.cache.warm_up.l2 = 0;
    profile.service.cache.warm_up.l1 = 0;
    profile.llm.generation.latency = constant(60_000);
    let target = Target::start(&profile);
    let searches = join_all((0..6).map(|n| target.search(&content::queries()[n])));
    let waits = async {
        // All six wait while the two sessions are opened; after that four do.
        target.until("service-0", "pool_sessions_busy", |busy| busy == 2).await;
        target.until("service-0", "pool_waiting", |waiting| waiting == 4).await;
    };
    tokio::select! {
        () = waits => {}
        _ = searches => panic!("an answer takes a minute"),
    }
    assert_eq!(target.count("service-0", "pool_sessions_open").await, 2);
    assert_eq!(target.count("service-0", "pool_sessions_max").await, 2);
    assert_eq!(target.count("service-0", "pool_wait_seconds_count").await, 2);
}

#[tokio::test]
async fn a_full_backlog_resets_the_connection_and_the_gateway_says_502() {
    let mut profile = quick();
    profile.service.workers.count = 1;
    profile.service.workers.slots = 1;
    profile.service.workers.backlog = 1;
    profile.llm.generation.latency = constant(60_000);
    let target = Target::start(&profile);
    let address = target.address("service-0");
    let _working = ask(address, "rope").await;
    target.until("service-0", "worker_in_flight{worker=\"0\"}", |value| value == 1).await;
    let _waiting = ask(address, "rope").await;
    target.until("service-0", "worker_queue_depth{worker=\"0\"}", |value| value == 1).await;
    let mut refused = ask(address, "rope").await;
    let error = refused.read(&mut [0; 64]).await.expect_err("no answer, and no end of one");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let token = target.token("u1").await;
    assert_eq!(target.search_as(&token, "rope").await.status(), 502);
    assert_eq!(target.count("service-0", "worker_resets_total").await, 2);
    // Health and metrics are not the workers' business.
    assert_eq!(target.get("service-0", "/health").await.status(), 200);
}

#[tokio::test]
async fn work_goes_on_for_a_client_that_left() {
    let mut profile = quick();
    // Long enough for a client to see that its search has begun, and to leave.
    profile.llm.embeddings.latency = constant(500);
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    let begun = || target.until("service-0", "pool_sessions_busy", |busy| busy == 1);
    let stream = ask(target.address("service-0"), "rope and harness").await;
    begun().await;
    drop(stream);
    target.until("service-0", ABANDONED, |value| value == 1).await;
    // Through the gateway the instance hears of it too.
    tokio::select! {
        _ = target.search_as(&token, "rope") => panic!("the embedding takes half a second"),
        () = begun() => {}
    }
    target.until("service-0", ABANDONED, |value| value == 2).await;
    // Who stays is not counted.
    assert_eq!(events(target.search_as(&token, "rope").await).await.last().expect("events").0, "done");
    assert_eq!(target.count("service-0", ABANDONED).await, 2);
    assert_eq!(target.count("service-0", "search_total{mode=\"full\",result=\"ok\"}").await, 3);
}

#[tokio::test]
async fn a_search_that_is_cancelled_with_its_client_frees_its_session_for_the_next() {
    let mut profile = quick();
    profile.service.pool.min = 1;
    profile.service.pool.max = 1;
    profile.service.search.on_disconnect = target_service::profile::OnDisconnect::Cancel;
    profile.sql.read = constant(60_000);
    profile.service.cache.warm_up.l1 = 0;
    let target = Target::start(&profile);
    // In the middle of a query that would take a minute.
    let stream = ask(target.address("service-0"), &content::queries()[500]).await;
    target.until("service-0", "cache_requests_total{level=\"l2\",result=\"miss\"}", |n| n == 1).await;
    drop(stream);
    target.until("service-0", "search_total{mode=\"none\",result=\"cancelled\"}", |n| n == 1).await;
    // The next search needs no query, but a clean session.
    assert_eq!(target.search(&content::queries()[0]).await.status(), 200);
    assert_eq!(target.count("service-0", ABANDONED).await, 0);
    assert_eq!(target.count("service-0", "pool_sessions_open").await, 1);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_504_at_the_gateway_and_at_the_instance() {
    let mut profile = quick();
    profile.llm.embeddings.latency = constant(300);
    profile.gateway.http_timeout = Duration::from_millis(50);
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    assert_eq!(target.search_as(&token, "rope").await.status(), 504);
    target.until("service-0", ABANDONED, |value| value == 1).await;
    profile.gateway.http_timeout = Duration::from_secs(30);
    profile.service.timeouts.http = Duration::from_millis(50);
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    assert_eq!(target.search_as(&token, "rope").await.status(), 504);
    target.until("service-0", ABANDONED, |value| value == 1).await;
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_503_and_another_one_is_asked() {
    // Bound and never listened on: nobody else can have the port, and connections are refused.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let closed = socket.local_addr().expect("bound");
    let mut profile = quick();
    profile.service.instances = 1;
    let target = Target::start_with(&profile, Speed::REAL, &[("service-0", closed)]);
    let token = target.token("u1").await;
    assert_eq!(target.search_as(&token, "rope").await.status(), 503);
    profile.service.instances = 2;
    let target = Target::start_with(&profile, Speed::REAL, &[("service-0", closed)]);
    let token = target.token("u1").await;
    for _ in 0..4 {
        assert_eq!(target.search_as(&token, "rope").await.status(), 200);
    }
}

#[tokio::test]
async fn requests_are_spread_evenly_over_the_workers() {
    let mut profile = quick();
    profile.llm.generation.latency = constant(60_000);
    let target = Target::start(&profile);
    let searches = join_all((0..8).map(|n| target.search(&content::queries()[n])));
    let spread = async {
        for worker in 0..4 {
            let name = format!("worker_in_flight{{worker=\"{worker}\"}}");
            target.until("service-0", &name, |value| value == 2).await;
        }
    };
    tokio::select! {
        () = spread => {}
        _ = searches => panic!("an answer takes a minute"),
    }
}

#[tokio::test]
async fn a_generation_that_fails_half_way_leaves_a_stream_without_done() {
    let mut profile = quick();
    profile.service.timeouts.llm = Duration::from_secs(1);
    profile.llm.generation.latency = constant(60_000);
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    let answer = target.search_as(&token, "rope").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "the body breaks off");
    assert_eq!(target.count("service-0", "search_total{mode=\"full\",result=\"timeout\"}").await, 1);
    assert_eq!(target.search("rope").await.status(), 504);
}
