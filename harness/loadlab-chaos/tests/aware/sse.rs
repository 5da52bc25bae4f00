//! Faults on streams of server-sent events: they act on events, however the chunks fall.

use std::time::{Duration, Instant};

use loadlab_chaos::aware::http::Ending;
use serde_json::{Value, json};

use crate::wire::{End, Peer, Stage, Upstream, touched};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
/// Five events and a comment.
const EVENTS: &str = "data: one\n\n: still here\n\nid: 2\ndata: {\"n\": 2}\n\ndata: three\r\n\r\n\
                      event: x\ndata: four\ndata: 4\n\ndata: five\n\n";
/// Where each event ends.
const ENDS: [usize; 5] = [11, 47, 62, 91, 103];

/// A stream that was asked for, and whose head has arrived.
async fn streaming(kind: &str, attributes: &Value) -> (Peer, Peer, Stage) {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    stage.fault(kind, attributes);
    let (client, server) = open(&stage, &upstream, HEAD).await;
    (client, server, stage)
}

async fn open(stage: &Stage, upstream: &Upstream, head: &str) -> (Peer, Peer) {
    let mut client = stage.client().await;
    let mut server = upstream.accept().await;
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.head().await;
    server.send(head).await;
    client.head().await;
    (client, server)
}

/// One chunk of chunked encoding, with the capital digits that hyper writes.
fn chunk(bytes: &str) -> String {
    format!("{:X}\r\n{bytes}\r\n", bytes.len())
}

/// What chunks carry, and whether the final one was there.
fn dechunked(mut text: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            return (body, true);
        }
        body.push_str(&rest[..length]);
        text = rest[length..].strip_prefix("\r\n").expect("a chunk ends");
    }
    assert_eq!(text, "", "a chunk is whole");
    (body, false)
}

/// Sends a body in chunks of `size`, and the final chunk.
async fn send_chunks(server: &mut Peer, body: &str, size: usize) {
    let mut text = String::new();
    for piece in body.as_bytes().chunks(size) {
        text.push_str(&chunk(std::str::from_utf8(piece).expect("text")));
    }
    server.send(text + "0\r\n\r\n").await;
}

#[tokio::test]
async fn a_stream_is_cut_after_n_events_however_the_chunks_fall() {
    for (after, end) in [(0, 0)].into_iter().chain((1..).zip(ENDS)) {
        for size in [1, 7, EVENTS.len()] {
            let (mut client, mut server, mut stage) =
                streaming("sse_cut", &json!({ "after_events": after })).await;
            send_chunks(&mut server, EVENTS, size).await;
            let (text, how) = client.end().await;
            assert_eq!(
                dechunked(&text),
                (EVENTS[..end].to_owned(), false),
                "after {after}, chunks of {size}"
            );
            assert_eq!(how, End::Closed);
            assert!(matches!(stage.ending().await, Ending::Closed));
            assert_eq!(touched(&stage.edge.faults()[0].touched), (1, 1, 1, 0));
        }
    }
}

#[tokio::test]
async fn a_cut_by_reset_delivers_the_events_and_then_rst() {
    let (mut client, mut server, mut stage) =
        streaming("sse_cut", &json!({ "after_events": 2, "reset": true })).await;
    send_chunks(&mut server, EVENTS, 20).await;
    let (text, how) = client.end().await;
    assert_eq!(dechunked(&text), (EVENTS[..ENDS[1]].to_owned(), false));
    assert_eq!(how, End::Reset);
    assert!(matches!(stage.ending().await, Ending::Reset));
}

#[tokio::test]
async fn a_stream_whose_clean_end_is_that_of_the_connection_is_reset() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    stage.fault("sse_cut", &json!({ "after_events": 1 }));
    let mut client = stage.client().await;
    let mut server = upstream.accept().await;
    client.send("GET /stream HTTP/1.0\r\n\r\n").await;
    server.head().await;
    server.send("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
    server.send(EVENTS).await;
    client.head().await;
    assert_eq!(client.end().await, (EVENTS[..ENDS[0]].to_owned(), End::Reset));
}

#[tokio::test]
async fn a_stream_that_ends_by_itself_before_is_not_touched() {
    let (mut client, mut server, stage) = streaming("sse_cut", &json!({ "after_events": 6 })).await;
    send_chunks(&mut server, EVENTS, 10).await;
    let mut body = String::new();
    while !body.ends_with("0\r\n\r\n") {
        body += &client.until("\r\n").await;
    }
    assert_eq!(dechunked(&body), (EVENTS.to_owned(), true));
    assert_eq!(touched(&stage.edge.faults()[0].touched), (0, 0, 0, 0));
    assert_eq!(stage.edge.counters().http.events.get(), 5);
}

#[tokio::test]
async fn a_stream_that_is_complete_by_its_length_is_not_cut_at_its_end() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    let cut = stage.fault("sse_cut", &json!({ "after_events": 5 }));
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n",
        EVENTS.len()
    );
    let (mut client, mut server) = open(&stage, &upstream, &head).await;
    server.send(EVENTS).await;
    client.expect(EVENTS).await;
    assert_eq!(touched(&cut), (0, 0, 0, 0));
    stage.fault("sse_cut", &json!({ "after_events": 4 }));
    let (mut client, mut server) = open(&stage, &upstream, &head).await;
    server.send(EVENTS).await;
    assert_eq!(client.end().await, (EVENTS[..ENDS[3]].to_owned(), End::Closed), "short of its length");
}

#[tokio::test]
async fn a_fault_acts_on_a_stream_that_is_already_open() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    let (mut client, mut server) = open(&stage, &upstream, HEAD).await;
    server.send(chunk(&EVENTS[..ENDS[2]])).await;
    client.expect(chunk(&EVENTS[..ENDS[2]])).await;
    // Three events have passed, and the server says no more: the stream is cut where it is.
    let cut = stage.fault("sse_cut", &json!({ "after_events": 2 }));
    assert_eq!(client.end().await, (String::new(), End::Closed));
    assert_eq!(server.end().await.0, "");
    assert_eq!(touched(&cut), (1, 1, 1, 0));
}

#[tokio::test]
async fn a_stream_stalls_between_two_events_for_its_time() {
    let (mut client, mut server, stage) =
        streaming("sse_stall", &json!({ "stall": 300, "after_events": 2 })).await;
    let began = Instant::now();
    send_chunks(&mut server, EVENTS, EVENTS.len()).await;
    let (first, second) = EVENTS[..ENDS[1]].split_at(ENDS[0]);
    client.expect(chunk(first) + &chunk(second)).await;
    let before = began.elapsed();
    client.until("five\n\n\r\n0\r\n\r\n").await;
    let after = began.elapsed();
    assert!(after >= Duration::from_millis(300), "{after:?}");
    assert!(before < after / 2, "what was before the stall came at once: {before:?} of {after:?}");
    assert_eq!(touched(&stage.edge.faults()[0].touched), (1, 1, 1, 0));
}

#[tokio::test]
async fn a_stream_that_stalls_between_all_events_takes_that_much_longer() {
    let (mut client, mut server, stage) =
        streaming("sse_stall", &json!({ "stall": 50, "after_events": 0, "each": true })).await;
    let began = Instant::now();
    send_chunks(&mut server, EVENTS, 16).await;
    client.until("0\r\n\r\n").await;
    // Before the first and after each of five.
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(touched(&stage.edge.faults()[0].touched), (1, 1, 6, 0));
}

#[tokio::test]
async fn a_stalled_stream_goes_on_when_the_fault_is_removed() {
    let (mut client, mut server, stage) =
        streaming("sse_stall", &json!({ "stall": 3_600_000, "after_events": 1 })).await;
    send_chunks(&mut server, EVENTS, EVENTS.len()).await;
    client.until("one\n\n\r\n").await;
    while stage.edge.faults()[0].touched.events() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(client.is_silent());
    stage.heal();
    client.until("five\n\n\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn one_event_is_altered_and_stays_an_event() {
    for size in [1, 5, EVENTS.len()] {
        let (mut client, mut server, stage) = streaming("sse_corrupt", &json!({ "event": 2 })).await;
        send_chunks(&mut server, EVENTS, size).await;
        let mut text = String::new();
        while !text.ends_with("0\r\n\r\n") {
            text += &client.until("\r\n").await;
        }
        let (body, clean) = dechunked(&text);
        assert!(clean);
        // `id: 2\ndata: {"n": 2}\n\n`: the value has eight bytes, two before the end of the event.
        let value = ENDS[1] - 10..ENDS[1] - 2;
        assert_eq!(&EVENTS[value.clone()], "{\"n\": 2}");
        assert_eq!(
            (&body[..value.start], &body[value.end..]),
            (&EVENTS[..value.start], &EVENTS[value.end..])
        );
        let altered = &body[value.clone()];
        assert!(altered.bytes().zip(EVENTS[value].bytes()).all(|(one, other)| one != other), "{altered}");
        assert!(serde_json::from_str::<Value>(altered).is_err());
        assert_eq!(touched(&stage.edge.faults()[0].touched), (1, 1, 1, 8), "chunks of {size}");
    }
}

#[tokio::test]
async fn other_bodies_and_encoded_streams_are_left_alone_and_the_latter_counted() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    let cut = stage.fault("sse_cut", &json!({ "after_events": 0 }));
    let encoded = HEAD.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
    for head in [HEAD.replace("text/event-stream", "text/plain"), encoded] {
        let (mut client, mut server) = open(&stage, &upstream, &head).await;
        send_chunks(&mut server, EVENTS, EVENTS.len()).await;
        client.expect(chunk(EVENTS) + "0\r\n\r\n").await;
    }
    assert_eq!(touched(&cut), (0, 0, 0, 0));
    assert_eq!(stage.edge.counters().http.encoded_streams.get(), 1);
}
