//! Proxies that read their protocol: faults on requests through the control plane, beside toxics for
//! bytes.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_chaos::proxy::{Direction, EventKind, Protocol, ProxySpec, ToxicSpec};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
};

use crate::rig::{PATIENCE, Rig, connect, end_of, rig, rig_at, server, within};

const REPLY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Reads as far as `mark`, or to an end.
async fn read_until(stream: &mut TcpStream, mark: &str) -> io::Result<String> {
    let mut read = Vec::new();
    while !read.ends_with(mark.as_bytes()) {
        let mut byte = [0];
        within(PATIENCE, stream.read_exact(&mut byte)).await?;
        read.push(byte[0]);
    }
    Ok(String::from_utf8(read).expect("text"))
}

/// Answers each request on a connection with `ok`.
async fn answering() -> SocketAddr {
    server(|mut stream| async move {
        while read_until(&mut stream, "\r\n\r\n").await.is_ok() {
            stream.write_all(REPLY.as_bytes()).await.expect("sent");
        }
    })
    .await
}

/// Answers the first request with `ok`, and then closes as told.
async fn answering_once(resets: bool) -> SocketAddr {
    server(move |mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await.expect("a request");
        stream.write_all(REPLY.as_bytes()).await.expect("sent");
        if resets {
            // Not before the reply has arrived.
            let mut byte = [0];
            let _ = stream.read(&mut byte).await;
            stream.set_zero_linger().expect("a socket");
        }
    })
    .await
}

/// Makes a proxy over the API; gives its address.
async fn proxy(rig: &Rig, protocol: &str, upstream: SocketAddr) -> SocketAddr {
    let body = format!(r#"{{"name":"p","upstream":"{upstream}","protocol":"{protocol}"}}"#);
    let made = rig.call("POST", "/proxies", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["listen"].as_str().expect("a listen").parse().expect("an address")
}

async fn send_request(stream: &mut TcpStream) {
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
}

/// The status of the next reply, whose body is read too.
async fn status(stream: &mut TcpStream) -> io::Result<u16> {
    let head = read_until(stream, "\r\n\r\n").await?.to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).expect("a length")];
    within(PATIENCE, stream.read_exact(&mut body)).await?;
    Ok(head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"))
}

async fn get(stream: &mut TcpStream) -> u16 {
    send_request(stream).await;
    status(stream).await.expect("a reply")
}

#[tokio::test]
async fn a_share_of_the_requests_of_one_connection_fails_until_the_toxic_is_removed() {
    let rig = rig_at(1.0, 7).await;
    let mut client = connect(proxy(&rig, "http", answering().await).await).await;
    assert_eq!(get(&mut client).await, 200);
    let toxic = r#"{"name":"busy","type":"http_status","toxicity":0.25,"attributes":{"STATUS":503}}"#;
    let made = rig.call("POST", "/proxies/p/toxics", toxic).await;
    made.expect_json(
        200,
        r#"{"attributes":{"status":503},"name":"busy","type":"http_status","stream":"downstream","toxicity":0.25,"draw":"request"}"#,
    );
    let mut failed = 0;
    for _ in 0..200 {
        failed += u64::from(get(&mut client).await == 503);
    }
    assert!((25..=75).contains(&failed), "{failed} of 200");
    let stats = rig.proxies.stats().remove(0);
    let touched = stats.toxics[0].touched;
    assert_eq!((touched.connections, touched.requests), (1, failed));
    assert_eq!(stats.downstream.received, (201 - failed) * REPLY.len() as u64);
    assert!(stats.upstream.received > stats.upstream.sent, "failed requests did not reach the upstream");
    rig.call("DELETE", "/proxies/p/toxics/busy", "").await.expect_empty(204);
    for _ in 0..50 {
        assert_eq!(get(&mut client).await, 200);
    }
    let removed = rig.proxies.events_after(0).into_iter().find(|event| event.kind == EventKind::Removed);
    assert_eq!(removed.expect("an event").detail["touched"]["requests"], failed);
    assert_eq!(rig.proxies.stats().remove(0).connections.total, 1);
}

#[tokio::test]
async fn what_a_toxic_holds_goes_on_at_once_when_it_is_changed_or_gone() {
    let rig = rig().await;
    let mut client = connect(proxy(&rig, "http", answering().await).await).await;
    let path = "/proxies/p/toxics/slow";
    let slow = r#"{"name":"slow","type":"http_latency","attributes":{"latency":3600000}}"#;
    let gentle = r#"{"attributes":{"latency":1}}"#;
    let ways = [("POST", path, gentle), ("DELETE", path, ""), ("POST", "/reset", "")];
    for (count, (method, path, body)) in ways.into_iter().enumerate() {
        if count == 1 {
            rig.call("POST", path, r#"{"attributes":{"latency":3600000}}"#).await;
        } else {
            rig.expect_toxic("p", slow).await;
        }
        let before = rig.proxies.stats().remove(0).toxics[0].touched.requests;
        send_request(&mut client).await;
        rig.until(|stats| stats.toxics[0].touched.requests == before + 1).await;
        assert!(rig.call(method, path, body).await.status < 300);
        assert_eq!(status(&mut client).await.expect("a reply"), 200, "{method} {path}");
    }
    let leased = rig.proxies.lease();
    let slow = ToxicSpec::new("http_latency", Direction::Upstream, json!({ "latency": 3_600_000 }));
    rig.proxies.add_toxic("p", &slow, Some(leased.id())).expect("a toxic");
    send_request(&mut client).await;
    rig.until(|stats| stats.toxics[0].touched.requests == 1).await;
    drop(leased);
    assert_eq!(status(&mut client).await.expect("a reply"), 200);
    rig.proxies.add_toxic("p", &ToxicSpec { ttl_ms: Some(300), ..slow }, None).expect("a toxic");
    assert_eq!(get(&mut client).await, 200, "after its time to live");
}

#[tokio::test]
async fn a_stream_is_cut_after_some_events_and_counted_while_it_is_open() {
    for (resets, end) in [(false, Ok(0)), (true, Err(io::ErrorKind::ConnectionReset))] {
        let (rig, more) = (rig().await, Arc::new(Notify::new()));
        let asked = Arc::clone(&more);
        let events = server(move |mut stream| {
            let asked = Arc::clone(&asked);
            async move {
                read_until(&mut stream, "\r\n\r\n").await.expect("a request");
                stream.write_all(STREAM_HEAD.as_bytes()).await.expect("sent");
                stream.write_all(b"9\r\ndata: 1\n\n\r\n").await.expect("sent");
                asked.notified().await;
                stream.write_all(b"9\r\ndata: 2\n\n\r\n9\r\ndata: 3\n\n\r\n").await.expect("sent");
                let _ = end_of(&mut stream).await;
            }
        })
        .await;
        let listen = proxy(&rig, "http", events).await;
        let toxic = json!({ "type": "sse_cut", "attributes": { "after_events": 2, "reset": resets } });
        rig.expect_toxic("p", &toxic.to_string()).await;
        let mut client = connect(listen).await;
        send_request(&mut client).await;
        read_until(&mut client, "data: 1\n\n\r\n").await.expect("an event");
        let open = rig.until(|stats| stats.downstream.sent > 0).await;
        assert_eq!((open.connections.open, open.toxics[0].touched.requests), (1, 0));
        more.notify_one();
        read_until(&mut client, "data: 2\n\n\r\n").await.expect("an event");
        assert_eq!(end_of(&mut client).await, end);
        let closed = rig.until(|stats| stats.connections.open == 0).await;
        let touched = closed.toxics[0].touched;
        assert_eq!((touched.connections, touched.requests), (1, 1));
    }
}

#[tokio::test]
async fn commands_on_hot_keys_are_slow_and_others_are_not() {
    let rig = rig().await;
    let store = server(|mut stream| async move {
        while read_until(&mut stream, "\r\nGET\r\n").await.is_ok() {
            read_until(&mut stream, "\r\n").await.expect("a length");
            read_until(&mut stream, "\r\n").await.expect("a key");
            stream.write_all(b"+OK\r\n").await.expect("sent");
        }
    })
    .await;
    let mut client = connect(proxy(&rig, "resp", store).await).await;
    let ask = async |client: &mut TcpStream, key: &str| {
        let start = Instant::now();
        let command = format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len());
        client.write_all(command.as_bytes()).await.expect("sent");
        assert_eq!(read_until(client, "\r\n").await.expect("a reply"), "+OK\r\n");
        start.elapsed()
    };
    ask(&mut client, "hot:1").await;
    let toxic = r#"{"type":"resp_latency","attributes":{"latency":400,"key":"hot:*"}}"#;
    rig.expect_toxic("p", toxic).await;
    let (cold, hot) = (ask(&mut client, "cold:1").await, ask(&mut client, "hot:1").await);
    assert!(hot >= Duration::from_millis(400) && cold < hot / 2, "{cold:?} and {hot:?}");
    let stats = rig.proxies.stats().remove(0);
    let touched = stats.toxics[0].touched;
    assert_eq!((touched.connections, touched.requests), (1, 1));
    assert_eq!((stats.upstream.received, stats.upstream.sent, stats.downstream.sent), (73, 73, 15));
    let endless = r#"{"attributes":{"latency":3600000}}"#;
    rig.call("POST", "/proxies/p/toxics/resp_latency_downstream", endless).await;
    client.write_all(b"*2\r\n$3\r\nGET\r\n$5\r\nhot:1\r\n").await.expect("sent");
    rig.until(|stats| stats.toxics[0].touched.requests == 2).await;
    rig.call("DELETE", "/proxies/p/toxics/resp_latency_downstream", "").await.expect_empty(204);
    assert_eq!(read_until(&mut client, "\r\n").await.expect("a reply"), "+OK\r\n");
    drop(client);
    rig.until(|stats| stats.connections.open == 0).await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let rig = rig().await;
    for (name, protocol) in [("raw", "raw"), ("http", "http"), ("resp", "resp")] {
        let body = format!(r#"{{"name":"{name}","upstream":"x:1","protocol":"{protocol}"}}"#);
        assert_eq!(rig.call("POST", "/proxies", &body).await.status, 201);
    }
    let cases = [
        (
            "raw",
            json!({ "type": "http_drop" }),
            "toxic type http_drop needs a proxy of protocol http, not raw",
        ),
        (
            "http",
            json!({ "type": "resp_error" }),
            "toxic type resp_error needs a proxy of protocol resp, not http",
        ),
        ("resp", json!({ "type": "sse_cut" }), "toxic type sse_cut needs a proxy of protocol http, not resp"),
        (
            "http",
            json!({ "type": "http_status", "attributes": { "status": 503, "pfad": "/x" } }),
            "bad request body: attribute `pfad` is unknown; there are status, retry_after, method, path, header",
        ),
        ("http", json!({ "type": "http_status" }), "bad request body: attribute `status` is missing"),
        (
            "http",
            json!({ "type": "http_drop", "toxicity": 2 }),
            "bad request body: toxicity 2 is not between 0 and 1",
        ),
        (
            "http",
            json!({ "type": "http_drop", "draw": "chunk" }),
            "bad request body: draw must be request: this toxic acts on requests",
        ),
        (
            "http",
            json!({ "type": "latency", "draw": "request" }),
            "bad request body: draw must be connection or chunk: this toxic acts on bytes",
        ),
        ("http", json!({ "type": "http_nonsense" }), "invalid toxic type"),
    ];
    for (proxy, toxic, text) in cases {
        let reply = rig.call("POST", &format!("/proxies/{proxy}/toxics"), &toxic.to_string()).await;
        reply.expect_error(400, text);
    }
    rig.expect_toxic("http", r#"{"type":"http_status","name":"t","attributes":{"status":500}}"#).await;
    let wrong = rig.call("POST", "/proxies/http/toxics/t", r#"{"attributes":{"status":99}}"#).await;
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    let other = rig.call("PATCH", "/proxies/http", r#"{"protocol":"raw"}"#).await;
    other.expect_error(400, "toxic type http_status needs a proxy of protocol http, not raw");
    rig.call("DELETE", "/proxies/http/toxics/t", "").await.expect_empty(204);
    assert_eq!(rig.call("PATCH", "/proxies/http", r#"{"protocol":"raw"}"#).await.status, 200);
}

#[tokio::test]
async fn toxics_for_bytes_act_on_replies_of_the_upstream_and_of_faults() {
    let rig = rig().await;
    let mut client = connect(proxy(&rig, "http", answering().await).await).await;
    let asked = async |client: &mut TcpStream| {
        let start = Instant::now();
        (get(client).await, start.elapsed())
    };
    rig.expect_toxic("p", r#"{"type":"latency","name":"far","attributes":{"latency":300}}"#).await;
    let (status, took) = asked(&mut client).await;
    assert!(status == 200 && took >= Duration::from_millis(300), "{status} after {took:?}");
    rig.expect_toxic("p", r#"{"type":"http_status","name":"busy","attributes":{"status":503}}"#).await;
    let (status, took) = asked(&mut client).await;
    assert!(status == 503 && took >= Duration::from_millis(300), "{status} after {took:?}");
    let far = rig.proxies.toxic("p", "far").expect("a toxic").touched;
    assert_eq!((far.connections, far.requests), (1, 0));
    rig.call("DELETE", "/proxies/p/toxics/far", "").await.expect_empty(204);
    let (status, near) = asked(&mut client).await;
    assert!(status == 503 && near < took, "{near:?}");
}

#[tokio::test]
async fn toxics_for_connections_end_those_whose_protocol_is_read() {
    for protocol in ["http", "resp"] {
        let rig = rig().await;
        let (told, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let silent = server(move |mut stream| {
            let told = told.clone();
            async move {
                let _ = told.send(end_of(&mut stream).await);
            }
        })
        .await;
        let listen = proxy(&rig, protocol, silent).await;
        let mut client = connect(listen).await;
        rig.until(|stats| stats.connections.open == 1).await;
        rig.expect_toxic("p", r#"{"type":"reset_peer","name":"cut"}"#).await;
        assert_eq!(end_of(&mut client).await, Err(io::ErrorKind::ConnectionReset), "{protocol}");
        let end = within(PATIENCE, ends.recv()).await;
        assert_eq!(end, Some(Err(io::ErrorKind::ConnectionReset)), "{protocol}");
        assert_eq!(rig.proxies.toxic("p", "cut").expect("a toxic").touched.connections, 1);
        rig.call("POST", "/reset", "").await.expect_empty(204);
        rig.expect_toxic("p", r#"{"type":"timeout","attributes":{"timeout":50}}"#).await;
        assert_eq!(end_of(&mut connect(listen).await).await, Ok(0), "{protocol}");
        rig.call("POST", "/reset", "").await.expect_empty(204);
        let mut client = connect(listen).await;
        rig.until(|stats| stats.connections.open == 1).await;
        rig.call("PATCH", "/proxies/p", r#"{"enabled":false}"#).await;
        assert_eq!(end_of(&mut client).await, Ok(0), "{protocol}");
    }
}

#[tokio::test]
async fn a_fault_that_resets_sends_rst_to_the_client() {
    let rig = rig().await;
    let mut spec = ProxySpec::new("p", answering().await.to_string());
    spec.protocol = Protocol::Http;
    let made = rig.proxies.create(&spec).expect("a proxy");
    let mut client = connect(made.listen.parse().expect("an address")).await;
    assert_eq!(get(&mut client).await, 200);
    rig.expect_toxic("p", r#"{"type":"http_reset","attributes":{"path":"/x"}}"#).await;
    send_request(&mut client).await;
    assert_eq!(end_of(&mut client).await, Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn an_upstream_that_leaves_between_requests_takes_its_client_along() {
    let rig = rig().await;
    let mut client = connect(proxy(&rig, "http", answering_once(false).await).await).await;
    assert_eq!(get(&mut client).await, 200);
    assert_eq!(end_of(&mut client).await, Ok(0));
    let body = format!(r#"{{"upstream":"{}"}}"#, server(|stream| async { drop(stream) }).await);
    let moved = rig.call("PATCH", "/proxies/p", &body).await.json();
    let listen = moved["listen"].as_str().expect("a listen").parse().expect("an address");
    assert_eq!(end_of(&mut connect(listen).await).await, Ok(0), "before the first request");
    let body = format!(r#"{{"upstream":"{}"}}"#, answering_once(true).await);
    rig.call("PATCH", "/proxies/p", &body).await;
    let mut client = connect(listen).await;
    assert_eq!(get(&mut client).await, 200);
    send_request(&mut client).await;
    assert_eq!(end_of(&mut client).await, Err(io::ErrorKind::ConnectionReset));
    rig.until(|stats| stats.connections.open == 0).await;
}

#[tokio::test]
async fn faults_in_populate_are_there_before_the_first_connection() {
    let rig = rig().await;
    let entry = json!([{
        "name": "p",
        "upstream": answering().await.to_string(),
        "protocol": "http",
        "toxics": [{ "type": "http_status", "attributes": { "status": 429 } }],
    }]);
    let made = rig.call("POST", "/populate", &entry.to_string()).await.json();
    let listen = made["proxies"][0]["listen"].as_str().expect("a listen").parse().expect("an address");
    let mut client = connect(listen).await;
    assert_eq!(get(&mut client).await, 429);
    let patch = r#"{"toxicity":0}"#;
    rig.call("POST", "/proxies/p/toxics/http_status_downstream", patch).await;
    assert_eq!(get(&mut client).await, 200);
}
