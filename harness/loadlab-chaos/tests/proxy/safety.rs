//! The control plane under a thousand links that hang: readers that never read, and an upstream that
//! never accepts, with toxics that hold all data. Removing a toxic, resetting and disabling answer
//! within a tenth of a second.

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use loadlab_chaos::proxy::{Options, ProxySpec, ProxyStats};
use loadlab_e2e::Bound;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    control_plane::{crowd_control, stuck_reader},
    links::hanging_upstream,
    rig::{PATIENCE, Rig, connect, echo, echo_server, rig_with, server},
};

/// Links in the crowd, of each kind: a thousand together.
const OF_EACH: usize = 500;
/// One reader in so many faces a server that never stops talking, so that writing to it blocks.
const TALKERS: usize = 25;
const PROMPT: Bound =
    Bound::new("a call is answered while a thousand links hang", Duration::from_millis(100));
/// What every server says first.
const WORDS: usize = 4096;
const SLOW: &str = r#"{"type":"latency","name":"slow","attributes":{"latency":60000}}"#;
const SHUT: &str = r#"{"type":"bandwidth","name":"shut","attributes":{"rate":0}}"#;

/// One call on a thread of its own, which waits for no scheduler but the kernel's; how long it took.
async fn timed(api: SocketAddr, method: &'static str, path: &'static str, body: &'static str) -> Duration {
    let calling = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(api).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let start = Instant::now();
        write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        let took = start.elapsed();
        assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
        took
    });
    calling.await.expect("no panic")
}

/// The crowd: a proxy `read` whose clients read nothing, and a proxy `dial` whose upstream has no
/// room for another connection.
struct Crowd {
    rig: Rig,
    listens: [SocketAddr; 2],
    links: [Vec<TcpStream>; 2],
}

const NAMES: [&str; 2] = ["read", "dial"];

impl Crowd {
    async fn gather() -> Self {
        // Longer than the test, so that no dial ends by itself.
        let rig = rig_with(Options { dial_timeout: 10 * PATIENCE, ..Options::default() }).await;
        let count = Arc::new(AtomicUsize::new(0));
        let talker = server(move |mut stream| {
            let is_endless = count.fetch_add(1, Relaxed).is_multiple_of(TALKERS);
            async move {
                let words = [7; WORDS];
                while stream.write_all(&words).await.is_ok() && is_endless {}
                std::future::pending::<()>().await;
            }
        })
        .await;
        let (full, held) = hanging_upstream().await;
        let listens = [rig.proxy("read", talker), rig.proxy("dial", full.local_addr().expect("it is bound"))];
        // They keep the queue full for as long as the process lives.
        std::mem::forget((full, held));
        let mut crowd = Self { rig, listens, links: [Vec::new(), Vec::new()] };
        crowd.disturb().await;
        crowd.fill(0).await;
        crowd.fill(1).await;
        crowd
    }

    /// Sets the toxics that are not there.
    async fn disturb(&self) {
        for proxy in NAMES {
            for toxic in [SLOW, SHUT] {
                let status = self.rig.call("POST", &format!("/proxies/{proxy}/toxics"), toxic).await.status;
                assert!(status == 200 || status == 409, "{status}");
            }
        }
    }

    fn stats(&self, which: usize) -> ProxyStats {
        let all = self.rig.proxies.stats();
        all.into_iter().find(|stats| stats.name == NAMES[which]).expect("a proxy")
    }

    /// Connects the clients of one proxy; all are accepted, and data waits for each that reads.
    async fn fill(&mut self, which: usize) {
        let before = self.stats(which);
        self.links[which].clear();
        for _ in 0..OF_EACH {
            self.links[which].push(stuck_reader(self.listens[which]).await);
        }
        let words = if NAMES[which] == "read" { OF_EACH * WORDS } else { 0 };
        let start = Instant::now();
        loop {
            let now = self.stats(which);
            let is_told = now.downstream.received >= before.downstream.received + words as u64;
            if is_told && now.connections.total == before.connections.total + OF_EACH as u64 {
                assert!(now.connections.open >= OF_EACH as u64, "they hang: {now:?}");
                return;
            }
            assert!(start.elapsed() < PATIENCE, "never came: {now:?}");
            loadlab_clock::Sleeper::shared().sleep(Duration::from_millis(5)).await;
        }
    }

    /// Calls, and makes everything as it was before.
    async fn expect_prompt(&mut self, method: &'static str, path: &'static str, body: &'static str) {
        PROMPT.check(timed(self.rig.api, method, path, body).await);
        self.disturb().await;
        if body.contains("false") {
            assert_eq!(self.rig.call("PATCH", path, r#"{"enabled":true}"#).await.status, 200);
            self.fill(usize::from(path.ends_with("dial"))).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_thousand_hanging_links_every_call_is_answered_within_a_tenth_of_a_second() {
    let _alone = crowd_control().await;
    let mut crowd = Crowd::gather().await;
    let calls = [
        ("DELETE", "/proxies/read/toxics/slow", ""),
        ("DELETE", "/proxies/read/toxics/shut", ""),
        ("DELETE", "/proxies/dial/toxics/slow", ""),
        ("POST", "/reset", ""),
        ("PATCH", "/proxies/read", r#"{"enabled":false}"#),
        ("PATCH", "/proxies/dial", r#"{"enabled":false}"#),
    ];
    for (method, path, body) in calls {
        crowd.expect_prompt(method, path, body).await;
    }
    // And it is true: after the reset nothing holds a new connection back, however many hang.
    crowd.rig.call("POST", "/reset", "").await.expect_empty(204);
    assert!(crowd.rig.proxies.list().iter().all(|proxy| proxy.enabled && proxy.toxics.is_empty()));
    let plain = ProxySpec::new("plain", echo_server().await.to_string());
    let listen = crowd.rig.proxies.create(&plain).expect("a proxy").listen.parse().expect("an address");
    echo(&mut connect(listen).await, b"clean").await.expect("an echo");
}
