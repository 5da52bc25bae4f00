//! Answers of megabytes, their slow readers, and what an instance does before its memory is full.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use target_service::{
    content,
    profile::{AnswerBytes, Profile, Size, StreamBuffer},
    standin::process_metrics::resident_bytes,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use super::stack::{Target, events, quick};

const WAITING: &str = "stream_buffer_bytes";
const BYTES: u64 = 3_000_000;
/// An answer that does not fit into the socket buffers on the way, however far the kernel lets them grow: Linux
/// stops at 6 MB for receiving and 4 MB for sending.
const MORE_THAN_KERNELS_HOLD: u64 = 24_000_000;

/// `quick`, with answers of 3 MB and small socket buffers.
fn big() -> Profile {
    let mut profile = quick();
    profile.service.search.answer_bytes = Some(AnswerBytes::Constant(Size::new(BYTES)));
    profile.service.streams.socket = Some(Size::new(64_000));
    profile
}

/// A client that asks for a stream and reads nothing of it yet.
async fn ask(address: SocketAddr) -> TcpStream {
    ask_with(address, "").await
}

/// The same with more headers.
async fn ask_with(address: SocketAddr, headers: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16_384).expect("a buffer");
    let mut stream = socket.connect(address).await.expect("a connection");
    let body = json!({"query": content::queries()[0]}).to_string();
    let head =
        format!("POST /search HTTP/1.1\r\nhost: target\r\n{headers}content-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.expect("it is sent");
    stream
}

#[tokio::test]
async fn an_answer_has_the_length_that_the_profile_draws_and_ends_with_done() {
    let mut profile = big();
    let (min, max) = (Size::new(100_000), Size::new(200_000));
    profile.service.search.answer_bytes = Some(AnswerBytes::Uniform { min, max });
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    let mut lengths = Vec::new();
    for query in [0, 1, 2, 0] {
        let answer = target.search_as(&token, &content::queries()[query]).await;
        let body = answer.text().await.expect("a whole answer");
        assert!(body.contains("event: done"), "{query}");
        lengths.push(body.len());
    }
    assert!(lengths.iter().all(|length| (100_000..220_000).contains(length)), "{lengths:?}");
    assert!(lengths[0] == lengths[3] && lengths[0] != lengths[1], "a function of the query: {lengths:?}");
    target.until("service-0", WAITING, |bytes| bytes == 0).await;
}

#[tokio::test]
async fn a_reader_who_does_not_read_costs_the_whole_answer_or_the_buffer_and_its_end_frees_it() {
    for (buffer, least, most) in [
        (StreamBuffer::Unbounded, 2_000_000, BYTES),
        (StreamBuffer::Bytes(Size::new(64_000)), 16_000, 64_000),
    ] {
        let mut profile = big();
        profile.service.streams.buffer = buffer;
        let target = Target::start(&profile);
        let readers = [ask(target.address("service-0")).await, ask(target.address("service-0")).await];
        target.until("service-0", WAITING, |bytes| bytes >= 2 * least).await;
        target.until("service-0", "streams_open", |open| open == 2).await;
        assert!(target.count("service-0", WAITING).await <= 2 * most + 20_000, "{buffer}");
        drop(readers);
        target.until("service-0", WAITING, |bytes| bytes == 0).await;
        target.until("service-0", "streams_open", |open| open == 0).await;
    }
}

#[tokio::test]
async fn what_waits_for_a_slow_reader_behind_the_gateway_waits_in_the_instance() {
    let mut profile = big();
    profile.service.search.answer_bytes = Some(AnswerBytes::Constant(Size::new(MORE_THAN_KERNELS_HOLD)));
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    let reader = ask_with(target.address("gateway-0"), &format!("authorization: Bearer {token}\r\n")).await;
    // The gateway and the kernel take their part, the kernel more and more of it.
    target.until("service-0", WAITING, |bytes| bytes >= 1_000_000).await;
    target.until("service-0", "search_total{mode=\"full\",result=\"ok\"}", |searches| searches == 1).await;
    drop(reader);
    target.until("service-0", WAITING, |bytes| bytes == 0).await;
}

#[tokio::test]
async fn a_stream_over_the_limit_is_refused_until_another_ends() {
    let mut profile = big();
    profile.service.streams.max = Some(1);
    let target = Target::start(&profile);
    let first = ask(target.address("service-0")).await;
    target.until("service-0", "streams_open", |open| open == 1).await;
    let token = target.token("u1").await;
    let refused = target.search_as(&token, &content::queries()[1]).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &HeaderValue::from(5)));
    assert_eq!(target.count("service-0", "streams_refused_total").await, 1);
    // An answer that is no stream takes no place.
    assert_eq!(target.search(&content::queries()[1]).await.status(), 200);
    drop(first);
    target.until("service-0", "streams_open", |open| open == 0).await;
    let answer = target.search_as(&token, &content::queries()[1]).await;
    assert_eq!(events(answer).await.last().expect("events").0, "done");
}

#[tokio::test]
async fn a_reader_who_is_too_slow_for_the_streams_time_out_is_reset() {
    let mut profile = big();
    profile.service.timeouts.stream = Duration::from_millis(200);
    let target = Target::start(&profile);
    let reader = ask(target.address("service-0")).await;
    // It reads nothing, so the reset is all that can reach it.
    let deadline = Instant::now() + Duration::from_secs(20);
    let error = loop {
        if let Some(error) = reader.take_error().expect("a socket") {
            break error;
        }
        assert!(Instant::now() < deadline, "no reset");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    target.until("service-0", "streams_open", |open| open == 0).await;
    assert_eq!(target.count("service-0", WAITING).await, 0);
}

#[tokio::test]
async fn at_its_share_of_the_limit_an_instance_takes_no_more_work_finishes_what_it_has_and_ends() {
    let mut profile = big();
    // The tests share a process; 400 MB are far more than the others take or give back meanwhile.
    let share = resident_bytes().expect("Linux").unsigned_abs() + 400_000_000;
    let limit = Size::new((share as f64 / 0.85) as u64);
    profile.service.search.answer_bytes = Some(AnswerBytes::Constant(Size::new(150_000_000)));
    profile.service.memory.limit = limit;
    profile.service.memory.guard.enabled = true;
    profile.service.memory.guard.drain = Duration::from_secs(60);
    let target = Target::start(&profile);
    let address = target.address("service-0");
    assert_eq!(target.count("service-0", "memory_limit_bytes").await, limit.bytes());
    assert_eq!(target.count("service-0", "memory_guard_restarts_total").await, 0);
    let readers = [ask(address).await, ask(address).await, ask(address).await, ask(address).await];
    target.until("service-0", "memory_guard_restarts_total", |ends| ends == 1).await;
    assert_eq!(target.count("service-0", "memory_alert").await, 1);
    let ready: Value = target.get("service-0", "/ready").await.json().await.expect("json");
    assert_eq!(ready["ready"], false);
    let late = target.search(&content::queries()[1]).await;
    assert_eq!((late.status().as_u16(), &late.headers()["retry-after"]), (503, &HeaderValue::from(5)));
    // Who reads on is served still; the last one's end is the instance's.
    drop(readers);
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline, "it goes on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
