//! Faults on commands of a RESP edge.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use serde_json::json;

use crate::{
    resp_plain::command,
    wire::{Peer, Stage, Upstream, touched},
};

async fn connected() -> (Peer, Peer, Stage, Upstream) {
    let upstream = Upstream::start().await;
    let stage = Stage::resp(upstream.address()).await;
    let client = stage.client().await;
    let server = upstream.accept().await;
    (client, server, stage, upstream)
}

#[tokio::test]
async fn an_injected_error_has_its_place_and_its_command_does_not_reach_the_server() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    let error = "READONLY You can't write against a read only replica.";
    let by = stage.fault("resp_error", &json!({ "error": error, "command": ["SET", "DEL"] }));
    let pipeline =
        [&["GET", "a"][..], &["set", "a", "1"], &["GET", "b"], &["SETEX", "a", "1", "v"], &["DEL", "a", "b"]];
    client.send(pipeline.map(command).concat()).await;
    server.expect([pipeline[0], pipeline[2], pipeline[3]].map(command).concat()).await;
    server.send("+1\r\n").await;
    client.expect(format!("+1\r\n-{error}\r\n")).await;
    server.send("+2\r\n+3\r\n").await;
    client.expect(format!("+2\r\n+3\r\n-{error}\r\n")).await;
    let withheld = (command(pipeline[1]).len() + command(pipeline[4]).len()) as u64;
    assert_eq!(touched(&by), (1, 2, 0, withheld));
}

#[tokio::test]
async fn an_error_can_be_any_code_and_a_huge_command_is_withheld_whole() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    for error in ["ERR busy", "LOADING Redis is loading the dataset in memory"] {
        stage.fault("resp_error", &json!({ "error": error, "key": "big*" }));
        client.send("*3\r\n$3\r\nSET\r\n$4\r\nbig1\r\n$2000000\r\n").await;
        client.expect(format!("-{error}\r\n")).await;
        client.send(vec![b'x'; 2_000_000]).await;
        client.send("\r\n").await;
        client.send(command(&["GET", "small"])).await;
        server.expect(command(&["GET", "small"])).await;
        server.send("+OK\r\n").await;
        client.expect("+OK\r\n").await;
    }
}

#[tokio::test]
async fn one_hot_key_is_slow_and_what_waits_behind_it_is_collateral() {
    let (mut client, mut server, stage, upstream) = connected().await;
    let slow = stage.fault("resp_latency", &json!({ "latency": 300, "key": "hot:*" }));
    let mut other = stage.client().await;
    let mut other_server = upstream.accept().await;
    let began = Instant::now();
    let pipeline = [&["GET", "a"][..], &["GET", "hot:1"], &["GET", "b"], &["GET", "c"]];
    client.send(pipeline.map(command).concat()).await;
    server.expect(command(pipeline[0])).await;
    let first = began.elapsed();
    other.send(command(&["GET", "b"])).await;
    other_server.expect(command(&["GET", "b"])).await;
    let elsewhere = began.elapsed();
    server.expect(pipeline[1..].iter().map(|words| command(words)).collect::<String>()).await;
    let all = began.elapsed();
    assert!(all >= Duration::from_millis(300), "{all:?}");
    assert!(first < all / 2 && elsewhere < all / 2, "{first:?} and {elsewhere:?} of {all:?}");
    assert_eq!(touched(&slow), (1, 1, 0, command(pipeline[1]).len() as u64));
    assert_eq!(stage.edge.counters().resp.collateral.get(), 2);
}

#[tokio::test]
async fn commands_that_arrive_together_are_due_together() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    let slow = stage.fault("resp_latency", &json!({ "latency": 200 }));
    let began = Instant::now();
    let pipeline = command(&["GET", "a"]).repeat(50);
    client.send(&pipeline).await;
    server.expect(&pipeline).await;
    let all = began.elapsed();
    // One after another they would take ten seconds.
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&all), "{all:?}");
    assert_eq!(touched(&slow), (1, 50, 0, pipeline.len() as u64));
    assert_eq!(stage.edge.counters().resp.collateral.get(), 0);
}

#[tokio::test]
async fn latency_is_scenario_time_and_may_be_drawn() {
    let upstream = Upstream::start().await;
    let stage = Stage::resp_with(upstream.address(), 1, Speed::try_new(50.0).expect("a speed")).await;
    upstream.say_ok();
    stage.fault("resp_latency", &json!({ "distribution": { "uniform": { "min": "1s", "max": "2s" } } }));
    let mut client = stage.client().await;
    let began = Instant::now();
    for _ in 0..20 {
        client.send(command(&["GET", "a"])).await;
        client.expect("+OK\r\n").await;
    }
    let real = began.elapsed();
    assert!((Duration::from_millis(400)..Duration::from_secs(15)).contains(&real), "{real:?}");
}

#[tokio::test]
async fn what_is_held_back_is_let_go_when_the_fault_is_removed() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    let slow = stage.fault("resp_latency", &json!({ "latency": 3_600_000, "key": "hot" }));
    let pipeline = command(&["GET", "hot"]) + &command(&["GET", "b"]);
    client.send(&pipeline).await;
    while slow.requests() == 0 || stage.edge.counters().resp.collateral.get() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(server.is_silent());
    stage.heal();
    server.expect(&pipeline).await;
}

#[tokio::test]
async fn what_is_held_back_arrives_before_the_clients_half_close_and_its_replies_after_it() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    stage.fault("resp_latency", &json!({ "latency": 100, "command": "SET" }));
    client.send(command(&["SET", "a", "1"])).await;
    client.half_close().await;
    assert_eq!(server.end().await.0, command(&["SET", "a", "1"]));
    server.send("+OK\r\n").await;
    client.expect("+OK\r\n").await;
}

#[tokio::test]
async fn no_more_is_read_than_fits_while_a_huge_command_is_held_back() {
    let (mut client, mut server, stage, _upstream) = connected().await;
    let slow = stage.fault("resp_latency", &json!({ "latency": 3_600_000, "key": "hot" }));
    client.send("*3\r\n$3\r\nSET\r\n$3\r\nhot\r\n$100000000\r\n").await;
    while slow.requests() == 0 {
        tokio::task::yield_now().await;
    }
    // It would take 100 MB if they were read; what is taken is what fits here and in the kernel.
    let mut taken = 0_usize;
    let piece = vec![b'x'; 1_000_000];
    let stuck = Duration::from_millis(300);
    while let Ok(sent) =
        tokio::time::timeout(stuck, tokio::io::AsyncWriteExt::write(client.stream(), &piece)).await
    {
        taken += sent.expect("the proxy is there");
        assert!(taken < 50_000_000, "{taken}");
    }
    assert!(slow.bytes() < 2_000_000, "{}", slow.bytes());
    stage.heal();
    server.expect("*3\r\n$3\r\nSET\r\n$3\r\nhot\r\n$100000000\r\n").await;
    server.take(taken).await;
}

#[tokio::test]
async fn the_same_seed_hits_the_same_commands_however_they_are_sent() {
    let mut runs = Vec::new();
    for pieces in [1, 500] {
        let upstream = Upstream::start().await;
        let stage = Stage::resp_with(upstream.address(), 9, Speed::REAL).await;
        upstream.say_ok();
        stage.fault_share("resp_error", 0.1, &json!({ "error": "ERR x" }));
        let mut client = stage.client().await;
        let mut replies = Vec::new();
        for _ in 0..pieces {
            let count = 1_000 / pieces;
            client.send(command(&["GET", "a"]).repeat(count)).await;
            for _ in 0..count {
                replies.push(client.until("\r\n").await == "-ERR x\r\n");
            }
        }
        runs.push(replies);
    }
    assert_eq!(runs[0], runs[1]);
    let hits = runs[0].iter().filter(|hit| **hit).count();
    assert!((62..=138).contains(&hits), "a tenth of the commands: {hits}");
}
