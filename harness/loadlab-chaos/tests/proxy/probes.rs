//! Connections of probes: disturbed as all others are, and counted nowhere.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use loadlab_chaos::proxy::{Options, Protocol, ProxySpec};
use loadlab_clock::Seed;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::rig::{PATIENCE, Rig, connect, echo, echo_server, end_of, rig_with, server, within};

/// Where the probes of these tests come from; every address of 127.0.0.0/8 is this machine.
const PROBES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

async fn rig() -> Rig {
    rig_with(Options { probes: Some(IpAddr::V4(PROBES)), seed: Seed::new(5), ..Options::default() }).await
}

/// A connection as a probe makes it.
async fn probe(listen: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((PROBES, 0).into()).expect("an address of this machine");
    let stream = within(PATIENCE, socket.connect(listen)).await.expect("a connection");
    stream.set_nodelay(true).expect("nodelay");
    stream
}

#[tokio::test]
async fn a_probe_is_delayed_and_counts_neither_as_open_nor_as_touched() {
    let rig = rig().await;
    let listen = rig.proxy("p", echo_server().await);
    rig.expect_toxic("p", r#"{"type":"latency","attributes":{"latency":150}}"#).await;
    let mut looking = probe(listen).await;
    let took = echo(&mut looking, b"probe").await.expect("an echo");
    assert!(took >= Duration::from_millis(150), "{took:?}");
    let stats = rig.proxies.stats().remove(0);
    assert_eq!((stats.connections.open, stats.connections.total), (0, 0));
    let touched = stats.toxics[0].touched;
    assert_eq!((touched.connections, touched.bytes), (0, 0));
    let mut client = connect(listen).await;
    echo(&mut client, b"client").await.expect("an echo");
    let stats = rig.proxies.stats().remove(0);
    assert_eq!((stats.connections.open, stats.connections.total), (1, 1));
    let touched = stats.toxics[0].touched;
    assert_eq!((touched.connections, touched.bytes), (1, 6));
    drop((looking, client));
    let stats = rig.until(|stats| stats.connections.open == 0).await;
    assert_eq!(stats.connections.total, 1);
}

#[tokio::test]
async fn a_probe_that_finds_nobody_is_no_failed_dial() {
    let rig = rig().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = nobody.local_addr().expect("bound");
    drop(nobody);
    let listen = rig.proxy("p", upstream);
    assert_eq!(end_of(&mut probe(listen).await).await, Ok(0));
    let connections = rig.proxies.stats().remove(0).connections;
    assert_eq!((connections.open, connections.total, connections.dials_failed), (0, 0, 0));
}

/// Which of 24 connections a toxic of toxicity one half cuts, with probes between them or not.
async fn cut(with_probes: bool) -> Vec<bool> {
    let rig = rig().await;
    let listen = rig.proxy("p", echo_server().await);
    rig.expect_toxic("p", r#"{"type":"limit_data","toxicity":0.5,"attributes":{"bytes":0}}"#).await;
    let mut cut = Vec::new();
    for _ in 0..24 {
        if with_probes {
            drop(probe(listen).await);
        }
        let mut stream = connect(listen).await;
        stream.write_all(b"x").await.expect("sent");
        stream.shutdown().await.expect("a half-close");
        cut.push(end_of(&mut stream).await != Ok(1));
    }
    cut
}

#[tokio::test]
async fn probes_do_not_shift_the_draws_of_others() {
    assert_eq!(cut(true).await, cut(false).await);
}

#[tokio::test]
async fn what_a_fault_on_requests_does_to_a_probe_is_not_counted() {
    let rig = rig().await;
    let upstream = server(|mut stream| async move {
        let mut byte = [0];
        while stream.read_exact(&mut byte).await.is_ok() {}
    })
    .await;
    let asked: [(Protocol, &str, &[u8], &str); 2] = [
        (
            Protocol::Http,
            r#"{"type":"http_status","name":"t","attributes":{"status":503}}"#,
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.1 503",
        ),
        (
            Protocol::Resp,
            r#"{"type":"resp_error","name":"t","attributes":{"error":"BUSY now"}}"#,
            b"*1\r\n$4\r\nPING\r\n",
            "-BUSY now",
        ),
    ];
    for (protocol, toxic, request, reply) in asked {
        let mut spec = ProxySpec::new(protocol.name(), upstream.to_string());
        spec.protocol = protocol;
        let listen = rig.proxies.create(&spec).expect("a proxy").listen.parse().expect("an address");
        rig.expect_toxic(protocol.name(), toxic).await;
        let counted = || {
            let all = rig.proxies.stats();
            let touched =
                all.iter().find(|stats| stats.name == protocol.name()).expect("it").toxics[0].touched;
            (touched.connections, touched.requests)
        };
        for (mut stream, expected) in [(probe(listen).await, (0, 0)), (connect(listen).await, (1, 1))] {
            let start = Instant::now();
            stream.write_all(request).await.expect("sent");
            let mut said = vec![0; reply.len()];
            within(PATIENCE, stream.read_exact(&mut said)).await.expect("a reply");
            assert_eq!(String::from_utf8_lossy(&said), reply, "after {:?}", start.elapsed());
            assert_eq!(counted(), expected, "{protocol:?}");
        }
    }
}
