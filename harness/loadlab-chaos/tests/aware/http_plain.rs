//! Without faults an HTTP edge is as if it were not there.

use std::time::{Duration, Instant};

use loadlab_chaos::aware::{
    AwareEdge,
    http::{self, Ending},
};
use loadlab_clock::{Seed, Speed};

use crate::wire::{End, Peer, Stage, Upstream, bind};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A client, the upstream's side of its connection, and the proxy between them.
async fn connected() -> (Peer, Peer, Stage, Upstream) {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    let client = stage.client().await;
    let server = upstream.accept().await;
    (client, server, stage, upstream)
}

/// One request and reply on a connection that has to be usable.
async fn works(client: &mut Peer, server: &mut Peer) {
    client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(server.head().await.first(), "GET /again HTTP/1.1");
    server.send(OK).await;
    assert_eq!(client.head().await.first(), "HTTP/1.1 200 OK");
    client.expect("ok").await;
}

#[tokio::test]
async fn a_request_and_its_reply_arrive_as_they_were_sent() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    client.send("POST /a?b=%20c HTTP/1.1\r\nHost: h\r\nX-CaSe: Yes\r\nContent-Length: 3\r\n\r\nabc").await;
    let head = server.head().await;
    assert_eq!(head.first(), "POST /a?b=%20c HTTP/1.1");
    assert_eq!(head.lines(), ["Content-Length: 3", "Host: h", "POST /a?b=%20c HTTP/1.1", "X-CaSe: Yes"]);
    server.expect("abc").await;
    server.send("HTTP/1.1 299 Quite Odd\r\nX-ThiNg: 1\r\nContent-Length: 2\r\n\r\nhi").await;
    let reply = client.head().await;
    assert_eq!(reply.lines(), ["Content-Length: 2", "HTTP/1.1 299 Quite Odd", "X-ThiNg: 1"]);
    client.expect("hi").await;
    works(&mut client, &mut server).await;
    assert_eq!(stage.edge.counters().http.requests.get(), 2);
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    server.head().await;
    server.expect("3\r\nabc\r\n").await;
    client.send("2\r\nde\r\n0\r\n\r\n").await;
    server.expect("2\r\nde\r\n0\r\n\r\n").await;
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n").await;
    client.head().await;
    client.expect("3\r\nxyz\r\n").await;
    server.send("1\r\n!\r\n0\r\n\r\n").await;
    client.expect("1\r\n!\r\n0\r\n\r\n").await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_reply_may_come_before_the_request_is_complete() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc").await;
    server.head().await;
    server.expect("abc").await;
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    client.head().await;
    client.expect("1\r\nx\r\n").await;
    client.send("def").await;
    server.expect("def").await;
    server.send("0\r\n\r\n").await;
    client.expect("0\r\n\r\n").await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn head_204_and_304_have_no_body_and_the_connection_goes_on() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send("HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(server.head().await.first(), "HEAD /big HTTP/1.1");
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
    let reply = client.head().await;
    assert_eq!(reply.value("content-length"), Some("1000"), "HEAD tells the length of what it does not send");
    works(&mut client, &mut server).await;
    for head in
        ["HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n"]
    {
        client.send(GET).await;
        server.head().await;
        server.send(head).await;
        client.expect(head).await;
        works(&mut client, &mut server).await;
    }
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    works(&mut client, &mut server).await;
}

const EXPECTING: &str = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

#[tokio::test]
async fn a_client_is_told_to_continue_when_the_upstream_says_so() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send(EXPECTING).await;
    assert_eq!(server.head().await.value("expect"), Some("100-continue"));
    assert!(client.is_silent(), "the upstream has not said anything");
    server.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("body").await;
    server.expect("body").await;
    server.send(OK).await;
    client.head().await;
    client.expect("ok").await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_client_whose_body_is_refused_is_not_told_to_continue() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send(EXPECTING).await;
    server.head().await;
    server.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
    let reply = client.head().await;
    assert_eq!(reply.first(), "HTTP/1.1 417 Expectation Failed");
    assert_eq!(reply.value("connection"), Some("close"));
    assert_eq!(client.end().await, ("no".to_owned(), End::Closed));
    assert_eq!(server.end().await.0, "", "the body was never sent");
}

#[tokio::test]
async fn an_upstream_that_ignores_the_question_gets_the_body_after_a_second() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    let began = Instant::now();
    client.send(EXPECTING).await;
    server.head().await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    client.send("body").await;
    server.expect("body").await;
    server.send(OK).await;
    assert_eq!(client.head().await.first(), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn trailers_that_were_announced_arrive_and_the_others_are_counted() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    let dropped = || stage.edge.counters().http.trailers_dropped.get();
    let chunked = "Host: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n";
    client
        .send(format!("POST / HTTP/1.1\r\n{chunked}Trailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n"))
        .await;
    assert_eq!(server.head().await.value("trailer"), Some("X-Sum"));
    server.expect("1\r\na\r\n").await;
    assert_eq!(server.until("\r\n\r\n").await.to_lowercase(), "0\r\nx-sum: 7\r\n\r\n");
    let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    server.send(format!("{reply}Trailer: X-Out\r\n\r\n1\r\nb\r\n0\r\nX-Out: 8\r\n\r\n")).await;
    client.head().await;
    client.expect("1\r\nb\r\n").await;
    assert_eq!(client.until("\r\n\r\n").await.to_lowercase(), "0\r\nx-out: 8\r\n\r\n");
    assert_eq!(dropped(), 0);

    client.send(format!("POST / HTTP/1.1\r\n{chunked}\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n")).await;
    server.head().await;
    server.expect("1\r\na\r\n0\r\n\r\n").await;
    assert_eq!(dropped(), 1);
    server.send(format!("{reply}\r\n1\r\nb\r\n0\r\nX-Out: 8\r\n\r\n")).await;
    client.head().await;
    client.expect("1\r\nb\r\n0\r\n\r\n").await;
    assert_eq!(dropped(), 2);
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn where_both_lengths_are_given_the_chunks_count_and_the_other_goes() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send(GET).await;
    server.head().await;
    for both in
        ["Content-Length: 9\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 9"]
    {
        server.send(format!("HTTP/1.1 200 OK\r\n{both}\r\n\r\n2\r\nok\r\n0\r\n\r\n")).await;
        let reply = client.head().await;
        assert_eq!(reply.value("content-length"), None);
        assert_eq!(reply.value("transfer-encoding"), Some("chunked"));
        client.expect("2\r\nok\r\n0\r\n\r\n").await;
        works(&mut client, &mut server).await;
        client.send(GET).await;
        server.head().await;
    }
    server.send(OK).await;
    client.head().await;
    client.expect("ok").await;

    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
        .await;
    let request = server.head().await;
    assert_eq!(request.value("content-length"), None);
    server.expect("2\r\nab\r\n0\r\n\r\n").await;
    server.send(OK).await;
    // Such a request may be an attempt to smuggle another, so its connection is not used again.
    assert_eq!(client.head().await.value("connection"), Some("close"));
    assert_eq!(client.end().await, ("ok".to_owned(), End::Closed));
}

#[tokio::test]
async fn a_client_that_pipelines_gets_its_replies_in_order() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    upstream.echo_paths();
    let mut client = stage.client().await;
    let request = |n| format!("GET /{n:03} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send((0..200).map(request).collect::<Vec<String>>().concat()).await;
    for n in 0..200 {
        client.head().await;
        client.expect(format!("/{n:03}")).await;
    }
}

#[tokio::test]
async fn a_client_that_pipelines_and_closes_its_side_gets_all_replies() {
    let upstream = Upstream::start().await;
    let stage = Stage::http(upstream.address()).await;
    upstream.echo_paths();
    let mut client = stage.client().await;
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.half_close().await;
    for path in ["/1", "/2"] {
        client.head().await;
        client.expect(path).await;
    }
    assert_eq!(client.end().await, (String::new(), End::Closed));
}

#[tokio::test]
async fn an_upgrade_becomes_a_tunnel() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.send(upgrade).await;
    assert_eq!(server.head().await.value("upgrade"), Some("websocket"));
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    // Bytes of the new protocol right behind the head must not get lost.
    server.send(format!("{switch}first")).await;
    assert_eq!(client.head().await.first(), "HTTP/1.1 101 Switching Protocols");
    client.expect("first").await;
    client.send("\x01ping").await;
    server.expect("\x01ping").await;
    client.half_close().await;
    assert_eq!(server.end().await, (String::new(), End::Closed));
    server.send("last").await;
    drop(server);
    assert_eq!(client.end().await, ("last".to_owned(), End::Closed));
    assert_eq!(stage.edge.counters().http.tunnels.get(), 1);
}

#[tokio::test]
async fn connect_becomes_a_tunnel() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    client.send("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n").await;
    assert_eq!(server.head().await.first(), "CONNECT b:443 HTTP/1.1");
    server.send("HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(client.head().await.first(), "HTTP/1.1 200 OK");
    client.send("\x16\x03\x01").await;
    server.expect("\x16\x03\x01").await;
    assert_eq!(stage.edge.counters().http.tunnels.get(), 1);
}

#[tokio::test]
async fn http2_and_what_is_not_http_pass_untouched_and_are_counted() {
    let (mut client, mut server, stage, upstream) = connected().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stage.fault("http_status", &serde_json::json!({ "status": 503 }));
    // Byte by byte: nothing is sure before the last.
    for byte in preface {
        client.send([*byte]).await;
    }
    server.expect(preface).await;
    server.send(b"\0\0\0\x04\x01\0\0\0\0").await;
    client.expect(b"\0\0\0\x04\x01\0\0\0\0").await;
    let mut tls = stage.client().await;
    let mut other = upstream.accept().await;
    tls.send(b"\x16\x03\x01\x02").await;
    other.expect(b"\x16\x03\x01\x02").await;
    let http = &stage.edge.counters().http;
    assert_eq!((http.http2_untouched.get(), http.not_http.get(), http.requests.get()), (1, 1, 0));
}

#[tokio::test]
async fn an_upstream_notices_that_a_client_left_in_the_middle_of_a_stream() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send(GET).await;
    server.head().await;
    server
        .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.head().await;
    drop(client);
    // The server says nothing in between: it learns it from its connection alone.
    assert_eq!(server.end().await.0, "");
}

#[tokio::test]
async fn an_upstream_notices_that_a_client_reset() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send(GET).await;
    server.head().await;
    client.reset();
    assert_eq!(server.end().await.0, "");
}

#[tokio::test]
async fn a_client_that_closed_its_side_gets_its_reply() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await;
    client.half_close().await;
    server.head().await;
    assert_eq!(server.end().await, ("abc".to_owned(), End::Closed), "half-close is forwarded");
    server.send(OK).await;
    client.head().await;
    assert_eq!(client.end().await, ("ok".to_owned(), End::Closed));
}

#[tokio::test]
async fn a_client_that_stays_gets_a_new_connection_when_the_upstream_closed_its_own() {
    let (mut client, mut server, stage, upstream) = connected().await;
    works(&mut client, &mut server).await;
    drop(server);
    let mut next = {
        client.send(GET).await;
        upstream.accept().await
    };
    next.head().await;
    next.send(OK).await;
    client.head().await;
    client.expect("ok").await;
    assert_eq!(stage.edge.counters().http.redialled.get(), 1);
}

#[tokio::test]
async fn what_the_upstream_breaks_off_is_broken_off_the_same_way() {
    let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for how in [End::Closed, End::Reset] {
        let (mut client, mut server, mut stage, _upstream) = connected().await;
        client.send(GET).await;
        server.head().await;
        server.send(start).await;
        client.head().await;
        client.expect("3\r\nabc\r\n").await;
        match how {
            End::Closed => drop(server),
            End::Reset => server.reset(),
        }
        assert_eq!(client.end().await, (String::new(), how), "no final chunk");
        let ending = stage.ending().await;
        assert!(matches!((how, &ending), (End::Closed, Ending::Closed) | (End::Reset, Ending::Reset)));
    }
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_not_sent_again() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    client.send(GET).await;
    server.head().await;
    drop(server);
    assert_eq!(client.end().await, (String::new(), End::Closed));
    assert_eq!(stage.edge.counters().http.redialled.get(), 0);
}

#[tokio::test]
async fn a_client_is_let_go_when_the_upstream_cannot_be_reached() {
    let nobody = Upstream::start().await;
    let address = nobody.address();
    drop(nobody);
    let mut stage = Stage::http(address).await;
    let mut client = stage.client().await;
    assert_eq!(client.end().await, (String::new(), End::Closed));
    assert!(matches!(stage.ending().await, Ending::Unreachable(_)));
}

#[tokio::test]
async fn an_old_client_is_served_as_it_expects() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(server.head().await.first(), "GET / HTTP/1.0");
    server.send("HTTP/1.0 200 OK\r\n\r\nall that comes").await;
    drop(server);
    assert_eq!(client.head().await.first(), "HTTP/1.0 200 OK");
    assert_eq!(client.end().await, ("all that comes".to_owned(), End::Closed));
}

#[tokio::test]
async fn a_client_that_still_sends_can_read_the_reply_that_came_early() {
    let (mut client, mut server, _stage, _upstream) = connected().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n").await;
    server.head().await;
    server.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno").await;
    drop(server);
    client.send(vec![b'x'; 400_000]).await;
    assert_eq!(client.head().await.first(), "HTTP/1.1 413 Too Large");
    assert_eq!(client.end().await, ("no".to_owned(), End::Closed));
}

#[tokio::test]
async fn a_reply_that_ends_with_its_connection_arrives_whole_and_the_client_goes_on() {
    let (mut client, mut server, _stage, upstream) = connected().await;
    client.send(GET).await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\n\r\nto the end").await;
    drop(server);
    assert_eq!(client.head().await.value("transfer-encoding"), Some("chunked"));
    client.expect("A\r\nto the end\r\n0\r\n\r\n").await;
    client.send(GET).await;
    assert_eq!(upstream.accept().await.head().await.first(), "GET / HTTP/1.1");
}

#[tokio::test]
async fn dropping_the_proxys_future_closes_both_sides() {
    let upstream = Upstream::start().await;
    let edge = AwareEdge::new("edge", Seed::new(1), Speed::REAL);
    let listener = bind().await;
    let mut client = Peer::connect(listener.local_addr().expect("an address")).await;
    let (stream, _) = listener.accept().await.expect("a client");
    let address = upstream.address();
    let dial = move || tokio::net::TcpStream::connect(address);
    let serving = tokio::spawn(http::serve(stream, dial, edge.session(1)));
    let mut server = upstream.accept().await;
    client.send(GET).await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    serving.abort();
    assert_eq!(client.end().await.0, "");
    assert_eq!(server.end().await.0, "");
}
