//! Each call of the crate that its own suite leaves out, and what it does to bytes on a socket.

mod rig;

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    time::{Duration, Instant},
};

use rig::{Running, answering, connect, echo, echo_once, free_address};
use toxiproxy_rust::{
    client::Client,
    proxy::{Proxy, ProxyPack},
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A proxy before an echo server, and where it listens.
fn proxied(client: &Client) -> (Proxy, String) {
    let listen = free_address();
    let packs = vec![ProxyPack::new("echo".into(), listen.clone(), answering())];
    (client.populate(packs).expect("populated").remove(0), listen)
}

/// The attributes of the only toxic, as the proxy has them.
fn attributes(proxy: &Proxy) -> Vec<(String, u32)> {
    let mut toxics = proxy.toxics().expect("toxics");
    assert_eq!(toxics.len(), 1, "{toxics:?}");
    let mut all: Vec<_> = toxics.remove(0).attributes.into_iter().collect();
    all.sort();
    all
}

#[test]
fn bandwidth_paces_a_stream() {
    let running = Running::start();
    let (proxy, listen) = proxied(&running.client());
    let applied = proxy.with_bandwidth("downstream".into(), 50, 1.0).apply(|| {
        assert_eq!(attributes(&proxy), [("rate".to_owned(), 50)]);
        let start = Instant::now();
        echo_once(&listen, &[7; 25_000]).expect("an echo");
        assert!(start.elapsed() >= ms(300), "{:?}", start.elapsed());
    });
    applied.expect("all toxics go");
    assert!(proxy.toxics().expect("toxics").is_empty());
}

#[test]
fn slow_close_delays_the_end() {
    let running = Running::start();
    let (proxy, listen) = proxied(&running.client());
    proxy.with_slow_close("downstream".into(), 500, 1.0);
    assert_eq!(attributes(&proxy), [("delay".to_owned(), 500)]);
    let mut stream = connect(&listen);
    echo(&mut stream, b"data").expect("an echo");
    let start = Instant::now();
    stream.shutdown(Shutdown::Write).expect("a half-close");
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
    assert!(start.elapsed() >= ms(450), "{:?}", start.elapsed());
}

#[test]
fn timeout_closes_and_a_black_hole_closes_when_it_is_removed() {
    let running = Running::start();
    let (proxy, listen) = proxied(&running.client());
    proxy.with_timeout("downstream".into(), 200, 1.0);
    assert_eq!(attributes(&proxy), [("timeout".to_owned(), 200)]);
    let mut stream = connect(&listen);
    stream.write_all(b"lost").expect("sent");
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
    proxy.delete_all_toxics().expect("gone");
    proxy.with_timeout("downstream".into(), 0, 1.0);
    let mut stream = connect(&listen);
    stream.write_all(b"lost").expect("sent");
    stream.set_read_timeout(Some(ms(200))).expect("a socket");
    assert!(stream.read(&mut [0]).is_err(), "it is open, and silent");
    stream.set_read_timeout(Some(rig::PATIENCE)).expect("a socket");
    proxy.delete_all_toxics().expect("gone");
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn slicer_cuts_and_loses_nothing() {
    let running = Running::start();
    let (proxy, listen) = proxied(&running.client());
    proxy.with_slicer("upstream".into(), 100, 20, 10_000, 1.0);
    let expected = [("average_size", 100), ("delay", 10_000), ("size_variation", 20)];
    assert_eq!(attributes(&proxy), expected.map(|(name, value)| (name.to_owned(), value)));
    let start = Instant::now();
    echo_once(&listen, &[7; 2_000]).expect("an echo");
    assert!(start.elapsed() >= ms(120), "{:?}", start.elapsed());
}

#[test]
fn limit_data_closes_after_so_many_bytes() {
    let running = Running::start();
    let (proxy, listen) = proxied(&running.client());
    proxy.with_limit_data("downstream".into(), 100, 1.0);
    assert_eq!(attributes(&proxy), [("bytes".to_owned(), 100)]);
    let mut stream = connect(&listen);
    stream.write_all(&[7; 150]).expect("sent");
    let mut back = Vec::new();
    stream.read_to_end(&mut back).expect("an end");
    assert_eq!(back.len(), 100);
}

#[test]
fn toxics_chain_and_a_toxicity_of_zero_spares_all() {
    let running = Running::start();
    let (proxy, listen) = proxied(&running.client());
    let both = proxy
        .with_latency("downstream".into(), 150, 0, 1.0)
        .with_latency("upstream".into(), 150, 0, 1.0)
        .with_timeout("downstream".into(), 0, 0.0);
    assert_eq!(both.toxics().expect("toxics").len(), 3);
    let start = Instant::now();
    echo_once(&listen, b"both ways").expect("an echo");
    assert!(start.elapsed() >= ms(300), "{:?}", start.elapsed());
}

#[test]
fn jitter_stays_within_its_bounds() {
    let running = Running::start();
    let (proxy, listen) = proxied(&running.client());
    proxy.with_latency("downstream".into(), 60, 30, 1.0);
    let mut stream = connect(&listen);
    for _ in 0..10 {
        let start = Instant::now();
        echo(&mut stream, b"x").expect("an echo");
        assert!(start.elapsed() >= ms(30), "{:?}", start.elapsed());
    }
}

#[test]
fn enable_disable_and_delete_do_what_they_say() {
    let running = Running::start();
    let client = running.client();
    let (proxy, listen) = proxied(&client);
    echo_once(&listen, b"up").expect("an echo");
    proxy.disable().expect("disabled");
    assert!(std::net::TcpStream::connect(&listen).is_err(), "it still listens");
    proxy.enable().expect("enabled");
    echo_once(&listen, b"up").expect("an echo");
    proxy.delete().expect("deleted");
    assert!(std::net::TcpStream::connect(&listen).is_err(), "it still listens");
    assert!(client.all().expect("all").is_empty());
}

#[test]
fn a_second_populate_of_the_same_leaves_it_and_its_connections() {
    let running = Running::start();
    let client = running.client();
    let (proxy, listen) = proxied(&client);
    let mut stream = connect(&listen);
    echo(&mut stream, b"once").expect("an echo");
    let upstream = proxy.proxy_pack.upstream.clone();
    client.populate(vec![ProxyPack::new("echo".into(), listen, upstream)]).expect("populated");
    echo(&mut stream, b"twice").expect("the same connection");
}

#[test]
fn a_clone_of_the_client_drives_the_same_proxies() {
    let running = Running::start();
    let client = running.client();
    let (_, listen) = proxied(&client);
    let found = client.clone().find_proxy("echo").expect("it");
    assert_eq!(found.proxy_pack.listen, listen);
    assert!(client.find_proxy("echo").expect("it").proxy_pack.toxics.is_empty());
}
