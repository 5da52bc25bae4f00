//! The control plane answers at once, whatever the data plane is stuck in.

use std::time::{Duration, Instant};

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    sync::{Mutex, MutexGuard},
};

use crate::{
    links::hanging_upstream,
    rig::{Rig, rig, server},
};

/// Links in the crowd. `safety` gathers a thousand.
const LINKS: usize = 500;
/// What a thousand links need, of which each has four ends here, with what the other tests open.
const FILES: u64 = 4_096;
/// What a call may take on the busiest machine. On an idle one they take a few milliseconds; the
/// original takes 25 s, or for ever.
const PROMPT: Duration = Duration::from_secs(2);

/// The right to gather a crowd, with the files for it: one crowd at a time, since two would take more
/// files than a process may have on some machines.
pub(crate) async fn crowd_control() -> MutexGuard<'static, ()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    static ONE: Mutex<()> = Mutex::const_new(());
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the hard limit may be had");
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    assert!(allowed >= FILES, "this test needs {FILES} open files, and the hard limit is {allowed}");
    ONE.lock().await
}

/// A client that takes a few bytes into its buffer and reads none.
pub(crate) async fn stuck_reader(listen: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(listen).await.expect("a connection")
}

async fn prompt(rig: &Rig, method: &str, path: &str, body: &str) -> Duration {
    let start = Instant::now();
    let status = rig.call(method, path, body).await.status;
    let took = start.elapsed();
    assert!(status < 300, "{method} {path}: {status}");
    assert!(took < PROMPT, "{method} {path} took {took:?}");
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_links_and_hanging_dials_do_not_delay_a_call() {
    let _alone = crowd_control().await;
    let rig = rig().await;
    // Every tenth upstream never stops talking; the others say a little.
    let talker = server(|mut stream| async move {
        let is_endless = stream.peer_addr().is_ok_and(|peer| peer.port() % 10 == 0);
        let words = [7; 4096];
        while stream.write_all(&words).await.is_ok() && is_endless {}
        std::future::pending::<()>().await;
    })
    .await;
    let listen = rig.proxy("p", talker);
    rig.expect_toxic("p", r#"{"type":"latency","name":"slow","attributes":{"latency":60000}}"#).await;
    let mut crowd = Vec::new();
    for _ in 0..LINKS {
        crowd.push(stuck_reader(listen).await);
    }
    rig.until(|stats| stats.toxics[0].touched.connections as usize == LINKS).await;
    let (full, _held) = hanging_upstream().await;
    let hanging = rig.proxy("hanging", full.local_addr().expect("bound"));
    for _ in 0..10 {
        crowd.push(stuck_reader(hanging).await);
    }
    let row = r#"{"type":"bandwidth","name":"row","attributes":{"rate":1}}"#;
    let calls = [
        ("POST", "/proxies/p/toxics", row),
        ("POST", "/proxies/p/toxics/slow", r#"{"attributes":{"latency":1}}"#),
        ("DELETE", "/proxies/p/toxics/slow", ""),
        ("GET", "/proxies", ""),
        ("POST", "/proxies/p/toxics", r#"{"type":"timeout","name":"hole","toxicity":0.5}"#),
        ("POST", "/reset", ""),
        ("PATCH", "/proxies/hanging", r#"{"enabled":false}"#),
        ("PATCH", "/proxies/p", r#"{"enabled":false}"#),
        ("PATCH", "/proxies/p", r#"{"enabled":true}"#),
        ("DELETE", "/proxies/p", ""),
        ("DELETE", "/proxies/hanging", ""),
    ];
    let mut slowest = Duration::ZERO;
    for (method, path, body) in calls {
        slowest = slowest.max(prompt(&rig, method, path, body).await);
    }
    println!("slowest of {} calls with {LINKS} links: {slowest:?}", calls.len());
    assert!(rig.proxies.list().is_empty());
}

#[tokio::test]
async fn a_stuck_reader_holds_its_sender_back() {
    let rig = rig().await;
    let talker = server(|mut stream| async move {
        let words = vec![7; 65_536];
        while stream.write_all(&words).await.is_ok() {}
    })
    .await;
    let listen = rig.proxy("p", talker);
    rig.expect_toxic("p", r#"{"type":"latency","attributes":{"latency":60000}}"#).await;
    let _stuck = stuck_reader(listen).await;
    // Eight mebibytes wait at most, and one read more.
    let bound = 8 * 1024 * 1024 + 65_536;
    let stats = rig.until(|stats| stats.downstream.received >= 8 * 1024 * 1024).await;
    assert!(stats.downstream.received <= bound, "{stats:?}");
    let later = rig.proxies.stats().remove(0);
    assert_eq!((later.downstream.received <= bound, later.downstream.sent), (true, 0));
}
