//! Without faults a RESP edge is as if it were not there, and what it cannot follow it lets pass.

use loadlab_chaos::aware::Passed;
use serde_json::json;

use crate::wire::{End, Peer, Stage, Upstream};

/// A client, the server's side of its connection, and the proxy between them.
async fn connected() -> (Peer, Peer, Stage) {
    let upstream = Upstream::start().await;
    let stage = Stage::resp(upstream.address()).await;
    let client = stage.client().await;
    let server = upstream.accept().await;
    (client, server, stage)
}

pub(crate) fn command(words: &[&str]) -> String {
    let argument = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
    format!("*{}\r\n", words.len()) + &words.iter().map(argument).collect::<Vec<String>>().concat()
}

#[tokio::test]
async fn commands_and_replies_of_both_versions_arrive_as_they_were_sent() {
    let (mut client, mut server, stage) = connected().await;
    let exchanges = [
        (command(&["HELLO", "3"]), "%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n"),
        (command(&["GET", "a"]), "$5\r\nhe\r\no\r\n"),
        (command(&["GET", "b"]), "_\r\n"),
        (command(&["MGET", "a", "b"]), "*2\r\n$1\r\nx\r\n$-1\r\n"),
        (command(&["SMEMBERS", "s"]), "~2\r\n+a\r\n,1.5\r\n"),
        (command(&["NOPE"]), "-ERR unknown command\r\n"),
        ("PING\r\n".to_owned(), "+PONG\r\n"),
        ("\r\nset \"a b\" c\n".to_owned(), "|1\r\n+ttl\r\n:3\r\n+OK\r\n"),
    ];
    for (request, reply) in &exchanges {
        client.send(request).await;
        server.expect(request).await;
        server.send(reply).await;
        client.expect(reply).await;
    }
    let resp = &stage.edge.counters().resp;
    assert_eq!((resp.commands.get(), resp.replies.get(), resp.passed_all()), (8, 8, 0));
}

#[tokio::test]
async fn a_pipeline_of_thousands_is_answered_in_order() {
    let upstream = Upstream::start().await;
    let stage = Stage::resp(upstream.address()).await;
    upstream.say_ok();
    let error = stage.fault("resp_error", &json!({ "error": "ERR hot", "key": "*7" }));
    let mut client = stage.client().await;
    let pipeline: String = (0..20_000).map(|n| command(&["GET", &n.to_string()])).collect();
    client.send(pipeline).await;
    for n in 0..20_000 {
        client.expect(if n % 10 == 7 { "-ERR hot\r\n" } else { "+OK\r\n" }).await;
    }
    let resp = &stage.edge.counters().resp;
    assert_eq!((resp.commands.get(), resp.replies.get()), (20_000, 18_000));
    assert_eq!((error.connections(), error.requests()), (1, 2_000));
}

#[tokio::test]
async fn errors_between_other_replies_are_bounded_and_none_is_lost() {
    let upstream = Upstream::start().await;
    let stage = Stage::resp(upstream.address()).await;
    upstream.say_ok();
    stage.fault("resp_error", &json!({ "error": "ERR odd", "key": "odd" }));
    let mut client = stage.client().await;
    let pair = command(&["GET", "even"]) + &command(&["GET", "odd"]);
    client.send(pair.repeat(20_000)).await;
    client.expect("+OK\r\n-ERR odd\r\n".repeat(20_000)).await;
}

#[tokio::test]
async fn a_huge_value_streams_both_ways() {
    let (mut client, mut server, _stage) = connected().await;
    let half = vec![b'v'; 3_000_000];
    client.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$6000000\r\n").await;
    server.expect("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$6000000\r\n").await;
    client.send(&half).await;
    assert_eq!(server.take(3_000_000).await, half, "the first half arrives before the second is sent");
    client.send(&half).await;
    client.send("\r\n").await;
    assert_eq!(server.take(3_000_000).await, half);
    server.expect("\r\n").await;
    server.send("$6000000\r\n").await;
    server.send(&half).await;
    client.expect("$6000000\r\n").await;
    assert_eq!(client.take(3_000_000).await, half);
}

#[tokio::test]
async fn half_close_is_forwarded_both_ways() {
    let (mut client, mut server, _stage) = connected().await;
    client.send(command(&["GET", "a"])).await;
    client.half_close().await;
    assert_eq!(server.end().await, (command(&["GET", "a"]), End::Closed));
    server.send("+late\r\n").await;
    drop(server);
    assert_eq!(client.end().await, ("+late\r\n".to_owned(), End::Closed));

    let (mut client, mut server, _stage) = connected().await;
    server.send("-ERR max number of clients reached\r\n").await;
    server.half_close().await;
    assert_eq!(client.end().await.0, "-ERR max number of clients reached\r\n");
    client.send("PING\r\n").await;
    server.expect("PING\r\n").await;
}

#[tokio::test]
async fn what_is_half_a_command_when_the_client_closes_still_arrives() {
    let (mut client, mut server, _stage) = connected().await;
    client.send("*2\r\n$4\r\nMG").await;
    client.half_close().await;
    assert_eq!(server.end().await.0, "*2\r\n$4\r\nMG");
}

#[tokio::test]
async fn what_cannot_be_matched_turns_the_connection_to_pass_through() {
    let cases = [
        (command(&["MULTI"]), Passed::Transaction),
        (command(&["SUBSCRIBE", "news"]), Passed::Subscription),
        (command(&["psubscribe", "n*"]), Passed::Subscription),
        ("MONITOR\r\n".to_owned(), Passed::Monitor),
        (command(&["BLPOP", "a", "0"]), Passed::Blocking),
        (command(&["BRPOP", "a", "0"]), Passed::Blocking),
        (command(&["XREAD", "BLOCK", "0", "STREAMS", "a", "$"]), Passed::Blocking),
        (command(&["WAIT", "1", "0"]), Passed::Blocking),
        (command(&["EVAL", "return 1", "0"]), Passed::Script),
        (command(&["FCALL", "f", "0"]), Passed::Script),
        (command(&["CLIENT", "REPLY", "OFF"]), Passed::Silence),
        (command(&["PSYNC", "?", "-1"]), Passed::Replication),
        ("\x16\x03\x01 not RESP".to_owned(), Passed::NotResp),
        ("*1\r\n+odd\r\n".to_owned(), Passed::NotResp),
    ];
    for (trigger, reason) in cases {
        let (mut client, mut server, stage) = connected().await;
        stage.fault("resp_error", &json!({ "error": "ERR injected" }));
        client.send(command(&["GET", "a"])).await;
        client.expect("-ERR injected\r\n").await;
        client.send(&trigger).await;
        server.expect(&trigger).await;
        // From here on nothing is hit, whatever either side says.
        client.send(command(&["GET", "b"])).await;
        server.expect(command(&["GET", "b"])).await;
        server.send("anything\n").await;
        client.expect("anything\n").await;
        let resp = &stage.edge.counters().resp;
        assert_eq!((resp.passed(reason), resp.passed_all()), (1, 1), "{trigger:?}");
    }
}

#[tokio::test]
async fn replies_that_are_due_come_before_what_passes() {
    let (mut client, mut server, stage) = connected().await;
    stage.fault("resp_error", &json!({ "error": "ERR injected", "key": "hot" }));
    let pipeline = [&["GET", "a"][..], &["GET", "hot"], &["GET", "b"], &["MULTI"], &["GET", "hot"]];
    client.send(pipeline.map(command).concat()).await;
    server.expect([pipeline[0], pipeline[2], pipeline[3], pipeline[4]].map(command).concat()).await;
    server.send("+a\r\n+b\r\n+OK\r\n+QUEUED\r\n").await;
    client.expect("+a\r\n-ERR injected\r\n+b\r\n+OK\r\n+QUEUED\r\n").await;
}

#[tokio::test]
async fn a_push_turns_the_connection_to_pass_through() {
    let (mut client, mut server, stage) = connected().await;
    stage.fault("resp_error", &json!({ "error": "ERR injected", "key": "hot" }));
    client.send(command(&["GET", "a"])).await;
    server.expect(command(&["GET", "a"])).await;
    server.send(">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n+a\r\n").await;
    client.expect(">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n+a\r\n").await;
    client.send(command(&["GET", "hot"])).await;
    server.expect(command(&["GET", "hot"])).await;
    assert_eq!(stage.edge.counters().resp.passed(Passed::Push), 1);
}

#[tokio::test]
async fn a_server_that_does_not_speak_resp_passes() {
    let (mut client, mut server, stage) = connected().await;
    client.send(command(&["GET", "a"])).await;
    server.expect(command(&["GET", "a"])).await;
    server.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    client.expect("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(stage.edge.counters().resp.passed(Passed::NotResp), 1);
}
