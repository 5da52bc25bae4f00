//! A real Redis behind the edge, where there is one.

use std::{
    io::Write as _,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use loadlab_chaos::aware::Passed;
use serde_json::json;

use crate::{
    resp_plain::command,
    wire::{Peer, Stage},
};

/// A server that dies with the test.
struct Redis {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// None if there is no `redis-server` here, which is said on stderr.
    async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let port = address.port().to_string();
        let started = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            // Directly, since the test harness keeps what is printed.
            writeln!(std::io::stderr(), "NOT RUN: there is no redis-server on the path").expect("stderr");
            return None;
        };
        let redis = Self { child, address, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn ask(client: &mut Peer, words: &[&str], reply: &str) {
    client.send(command(words)).await;
    client.expect(reply).await;
}

#[tokio::test]
async fn a_real_redis_is_served_and_broken() {
    let Some(redis) = Redis::start().await else { return };
    let stage = Stage::resp(redis.address).await;
    let mut client = stage.client().await;
    for n in 0..100 {
        ask(&mut client, &["SET", &format!("k{n}"), &n.to_string()], "+OK\r\n").await;
    }
    client.send((0..5_000).map(|n| command(&["GET", &format!("k{}", n % 100)])).collect::<String>()).await;
    for n in 0..5_000 {
        let value = (n % 100).to_string();
        client.expect(format!("${}\r\n{value}\r\n", value.len())).await;
    }

    client.send(command(&["HELLO", "3"])).await;
    client.until("role\r\n").await;
    client.until("modules\r\n*0\r\n").await;
    ask(&mut client, &["HSET", "h", "f", "v"], ":1\r\n").await;
    ask(&mut client, &["HGETALL", "h"], "%1\r\n$1\r\nf\r\n$1\r\nv\r\n").await;
    ask(&mut client, &["GET", "none"], "_\r\n").await;

    let broken = stage.fault("resp_error", &json!({ "error": "READONLY injected", "command": "SET" }));
    ask(&mut client, &["SET", "k1", "changed"], "-READONLY injected\r\n").await;
    ask(&mut client, &["GET", "k1"], "$1\r\n1\r\n").await;
    assert_eq!(broken.requests(), 1);

    let slow = stage.fault("resp_latency", &json!({ "latency": 150, "key": "hot" }));
    let began = Instant::now();
    ask(&mut client, &["GET", "k1"], "$1\r\n1\r\n").await;
    let cold = began.elapsed();
    let began = Instant::now();
    ask(&mut client, &["GET", "hot"], "_\r\n").await;
    let hot = began.elapsed();
    assert!(hot >= Duration::from_millis(150) && cold < hot, "{hot:?} hot, {cold:?} cold");
    assert_eq!(slow.requests(), 1);
    let resp = &stage.edge.counters().resp;
    assert_eq!((resp.commands.get(), resp.passed_all()), (5_108, 0));
    assert_eq!(resp.replies.get(), 5_107, "all but the injected one");
}

#[tokio::test]
async fn a_transaction_and_a_push_of_a_real_redis_pass() {
    let Some(redis) = Redis::start().await else { return };
    let stage = Stage::resp(redis.address).await;
    let mut client = stage.client().await;
    ask(&mut client, &["MULTI"], "+OK\r\n").await;
    ask(&mut client, &["SET", "a", "1"], "+QUEUED\r\n").await;
    ask(&mut client, &["EXEC"], "*1\r\n+OK\r\n").await;

    let mut tracking = stage.client().await;
    tracking.send(command(&["HELLO", "3"])).await;
    tracking.until("modules\r\n*0\r\n").await;
    ask(&mut tracking, &["CLIENT", "TRACKING", "ON"], "+OK\r\n").await;
    ask(&mut tracking, &["GET", "a"], "$1\r\n1\r\n").await;
    ask(&mut client, &["SET", "a", "2"], "+OK\r\n").await;
    tracking.expect(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n").await;
    let resp = &stage.edge.counters().resp;
    assert_eq!((resp.passed(Passed::Transaction), resp.passed(Passed::Push)), (1, 1));
}
