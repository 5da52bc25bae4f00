//! Links without toxics: bytes, half-closes, resets, counters, dials, restarts.

use std::{
    io,
    time::{Duration, Instant},
};

use loadlab_chaos::proxy::{
    ConnectionCount, Direction, FlowCount, Options, Proxies, ProxyPatch, ProxySpec, ToxicSpec,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

use crate::rig::{PATIENCE, connect, echo, echo_server, end_of, rig, rig_with, server, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_pass_unchanged_both_ways() {
    let rig = rig().await;
    let mut stream = connect(rig.proxy("p", echo_server().await)).await;
    let sent: Vec<u8> = (0..4_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut from, mut to) = stream.split();
    let mut back = vec![0; sent.len()];
    let exchange = async { tokio::try_join!(to.write_all(&sent), from.read_exact(&mut back)) };
    within(PATIENCE, exchange).await.expect("an exchange");
    assert!(back == sent);
}

#[tokio::test]
async fn a_reply_after_the_clients_half_close_arrives() {
    let rig = rig().await;
    // Replies only once the request has ended, as `nc` and HTTP/1.0 clients expect.
    let late = server(|mut stream| async move {
        let mut request = Vec::new();
        stream.read_to_end(&mut request).await.expect("a request");
        stream.write_all(format!("got {}", request.len()).as_bytes()).await.expect("a reply");
    })
    .await;
    let mut stream = connect(rig.proxy("p", late)).await;
    stream.write_all(b"hello").await.expect("sent");
    stream.shutdown().await.expect("a half-close");
    let mut reply = String::new();
    within(PATIENCE, stream.read_to_string(&mut reply)).await.expect("a reply");
    assert_eq!(reply, "got 5");
}

#[tokio::test]
async fn the_upstreams_half_close_leaves_the_other_way_open() {
    let rig = rig().await;
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let hushed = server(move |mut stream| {
        let said = said.clone();
        async move {
            stream.shutdown().await.expect("a half-close");
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.expect("the rest");
            said.send(all).expect("a listener");
        }
    })
    .await;
    let mut stream = connect(rig.proxy("p", hushed)).await;
    assert_eq!(end_of(&mut stream).await, Ok(0));
    stream.write_all(b"still talking").await.expect("sent");
    drop(stream);
    assert_eq!(within(PATIENCE, heard.recv()).await.expect("heard"), b"still talking");
}

#[tokio::test]
async fn a_reset_on_one_side_is_a_reset_on_the_other() {
    let rig = rig().await;
    let rude = server(|stream| async move { stream.set_zero_linger().expect("a linger") }).await;
    let mut stream = connect(rig.proxy("p", rude)).await;
    assert_eq!(end_of(&mut stream).await, Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn counters_move_while_the_link_is_open() {
    let rig = rig().await;
    let mut stream = connect(rig.proxy("p", echo_server().await)).await;
    echo(&mut stream, b"1234567").await.expect("an echo");
    let seven = FlowCount { received: 7, sent: 7 };
    let stats = rig.until(|stats| stats.downstream == seven && stats.upstream == seven).await;
    assert_eq!(stats.connections, ConnectionCount { open: 1, total: 1, dials_failed: 0 });
    drop(stream);
    let stats = rig.until(|stats| stats.connections.open == 0).await;
    assert_eq!((stats.connections.total, stats.upstream.sent), (1, 7));
}

#[tokio::test]
async fn an_upstream_that_refuses_closes_the_client() {
    let rig = rig().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    let mut stream = connect(rig.proxy("p", nobody)).await;
    assert_eq!(end_of(&mut stream).await, Ok(0));
    let stats = rig.until(|stats| stats.connections.open == 0).await;
    assert_eq!(stats.connections.dials_failed, 1);
}

/// A listener whose queue is full, so that a dial to it hangs; the streams keep it full.
pub(crate) async fn hanging_upstream() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("bound");
    let mut held = Vec::new();
    let soon = || Instant::now() + Duration::from_millis(200);
    let sleeper = loadlab_clock::Sleeper::shared();
    while let Ok(connected) = sleeper.timeout(soon(), TcpStream::connect(address)).await {
        held.push(connected.expect("a connection"));
    }
    (listener, held)
}

#[tokio::test]
async fn a_dial_that_hangs_ends_by_itself_and_holds_up_nobody() {
    let rig = rig_with(Options { dial_timeout: Duration::from_millis(300), ..Options::default() }).await;
    let (full, _held) = hanging_upstream().await;
    let listen = rig.proxy("p", full.local_addr().expect("bound"));
    let mut stuck = connect(listen).await;
    rig.until(|stats| stats.connections.open == 1).await;
    // The same proxy accepts and dials on; and it can be sent elsewhere meanwhile.
    let mut other = connect(listen).await;
    rig.until(|stats| stats.connections.total == 2).await;
    assert_eq!(end_of(&mut stuck).await, Ok(0));
    assert_eq!(end_of(&mut other).await, Ok(0));
    rig.until(|stats| stats.connections.dials_failed == 2).await;
}

#[tokio::test]
async fn disabling_closes_listener_and_links_and_enabling_takes_the_same_address() {
    let (rig, upstream) = (rig().await, echo_server().await);
    let listen = rig.proxy("p", upstream);
    let mut stream = connect(listen).await;
    echo(&mut stream, b"up").await.expect("an echo");
    rig.call("PATCH", "/proxies/p", r#"{"enabled":false}"#).await;
    assert!(TcpStream::connect(listen).await.is_err(), "still listens");
    assert!(end_of(&mut stream).await != Ok(2));
    for _ in 0..20 {
        rig.call("PATCH", "/proxies/p", r#"{"enabled":true}"#).await;
        let mut again = connect(listen).await;
        echo(&mut again, b"up again").await.expect("an echo");
        rig.call("PATCH", "/proxies/p", r#"{"enabled":false}"#).await;
    }
}

#[tokio::test]
async fn another_upstream_restarts_the_proxy_on_its_port() {
    let (rig, first) = (rig().await, echo_server().await);
    let greeter = server(|mut stream| async move {
        let _ = stream.write_all(b"hi").await;
    })
    .await;
    let listen = rig.proxy("p", first);
    let mut old = connect(listen).await;
    echo(&mut old, b"first").await.expect("an echo");
    let patch = ProxyPatch { upstream: Some(greeter.to_string()), ..ProxyPatch::default() };
    let view = rig.proxies.update("p", &patch, None).expect("an update");
    assert_eq!(view.listen, listen.to_string());
    assert!(echo(&mut old, b"gone").await.is_err());
    assert_eq!(end_of(&mut connect(listen).await).await, Ok(2));
}

#[tokio::test]
async fn an_address_that_is_taken_leaves_the_proxy_disabled_and_told() {
    let (rig, upstream) = (rig().await, echo_server().await);
    let (one, two) = (rig.proxy("one", upstream), rig.proxy("two", upstream));
    let body = format!(r#"{{"listen":"{one}"}}"#);
    let reply = rig.call("PATCH", "/proxies/two", &body).await;
    reply.expect_error(500, &format!("listen tcp {one}: bind: address already in use"));
    assert!(TcpStream::connect(two).await.is_err());
    assert!(!rig.proxies.get("two").expect("a proxy").enabled);
    echo(&mut connect(one).await, b"one is fine").await.expect("an echo");
}

#[tokio::test]
async fn calls_work_from_threads_without_a_runtime() {
    let (rig, upstream) = (rig().await, echo_server().await);
    let proxies = std::sync::Arc::clone(&rig.proxies);
    let made = std::thread::spawn(move || {
        proxies.create(&ProxySpec::new("p", upstream.to_string())).expect("a proxy").listen
    });
    let listen = made.join().expect("no panic").parse().expect("an address");
    echo(&mut connect(listen).await, b"hello").await.expect("an echo");
}

#[tokio::test]
async fn nothing_serves_on_when_the_registry_is_dropped() {
    let upstream = echo_server().await;
    let proxies = Proxies::new(Options::default());
    let view = proxies.create(&ProxySpec::new("p", upstream.to_string())).expect("a proxy");
    let listen: std::net::SocketAddr = view.listen.parse().expect("an address");
    let mut stream = connect(listen).await;
    echo(&mut stream, b"up").await.expect("an echo");
    drop(proxies);
    assert!(TcpStream::connect(listen).await.is_err(), "still listens");
    assert_eq!(end_of(&mut stream).await, Ok(0));
}

#[tokio::test]
async fn the_api_ends_when_it_is_told_to_and_so_do_its_leases() {
    let proxies = Proxies::new(Options::default());
    proxies.create(&ProxySpec::new("p", "127.0.0.1:1")).expect("a proxy");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let registry = std::sync::Arc::clone(&proxies);
    let serving = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap_or_default() };
        loadlab_chaos::proxy::api::serve(listener, registry, stopped).await
    });
    let mut holder = connect(address).await;
    holder.write_all(b"POST /leases HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut byte = [0];
    within(PATIENCE, holder.read_exact(&mut byte)).await.expect("an answer");
    let spec = ToxicSpec::new("timeout", Direction::Upstream, serde_json::json!({}));
    proxies.add_toxic("p", &spec, Some("lease-1")).expect("a toxic");
    let mut newest = proxies.subscribe();
    stop.send(()).expect("somebody listens");
    within(PATIENCE, serving).await.expect("no panic").expect("it served");
    within(PATIENCE, newest.wait_for(|newest| *newest == 3)).await.expect("a journal");
    assert!(proxies.toxics("p").expect("a proxy").is_empty());
    // The listener goes with its thread's task, a moment later than the leases at most.
    let _ = end_of(&mut holder).await;
    assert!(TcpStream::connect(address).await.is_err(), "still listens");
}
