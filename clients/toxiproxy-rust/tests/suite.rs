//! The crate's own suite (`tests/toxiproxy_rust.rs` of 0.1.6), test by test with its names, each against
//! a proxy of its own; its fixed ports are replaced by free ones.

mod rig;

use std::time::{Duration, Instant};

use rig::{Running, answering, echo_once, free_address};
use toxiproxy_rust::{TOXIPROXY, client::Client, proxy::ProxyPack};

fn populate_example(client: &Client, upstream: &str) -> String {
    let listen = free_address();
    let packs = vec![ProxyPack::new("socket".into(), listen.clone(), upstream.to_owned())];
    let made = client.populate(packs).expect("populated");
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].proxy_pack.name, "socket");
    listen
}

#[test]
fn test_is_running() {
    let running = Running::start();
    assert!(running.client().is_running());
    let nobody = Client::new(free_address());
    assert!(!nobody.is_running());
}

#[test]
fn test_reset() {
    let running = Running::start();
    let client = running.client();
    populate_example(&client, "127.0.0.1:9");
    let proxy = client.find_proxy("socket").expect("it");
    proxy.with_latency("downstream".into(), 100, 0, 1.0);
    proxy.disable().expect("disabled");
    assert!(client.reset().is_ok());
    let proxy = client.find_proxy("socket").expect("it");
    assert!(proxy.proxy_pack.enabled && proxy.proxy_pack.toxics.is_empty());
}

#[test]
fn test_populate() {
    let running = Running::start();
    populate_example(&running.client(), "127.0.0.1:9");
}

#[test]
fn test_all() {
    let running = Running::start();
    let client = running.client();
    let listen = populate_example(&client, "127.0.0.1:9");
    let all = client.all().expect("all");
    assert_eq!(all.len(), 1);
    let pack = &all["socket"].proxy_pack;
    assert_eq!((pack.listen.as_str(), pack.upstream.as_str(), pack.enabled), (&*listen, "127.0.0.1:9", true));
}

#[test]
fn test_version() {
    let running = Running::start();
    let version = running.client().version().expect("a version");
    assert!(version.starts_with("{\"version\": \"2.12.0"), "{version}");
}

#[test]
fn test_find_and_reset_proxy() {
    let running = Running::start();
    let client = running.client();
    populate_example(&client, "127.0.0.1:9");
    client.find_proxy("socket").expect("it").with_timeout("upstream".into(), 5, 1.0);
    let proxy = client.find_and_reset_proxy("socket").expect("it");
    assert_eq!(proxy.proxy_pack.name, "socket");
    assert_eq!(proxy.toxics().expect("toxics").len(), 0);
}

#[test]
fn test_find_and_reset_proxy_invalid() {
    let running = Running::start();
    let client = running.client();
    assert!(client.find_and_reset_proxy("bad-proxy").is_err());
    assert!(client.find_proxy("bad-proxy").is_err());
}

#[test]
fn test_proxy_down() {
    let running = Running::start();
    let client = running.client();
    let listen = populate_example(&client, &answering());
    let is_enabled = || client.find_proxy("socket").expect("it").proxy_pack.enabled;
    let proxy = client.find_and_reset_proxy("socket").expect("it");
    assert!(is_enabled());
    echo_once(&listen, b"up").expect("an echo");
    let down = proxy.with_down(|| {
        assert!(!is_enabled());
        assert!(std::net::TcpStream::connect(&listen).is_err(), "it still listens");
    });
    assert!(down.is_ok());
    assert!(is_enabled());
    echo_once(&listen, b"up again").expect("an echo");
}

#[test]
fn test_proxy_apply_with_latency() {
    let running = Running::start();
    let client = running.client();
    populate_example(&client, "127.0.0.1:9");
    let proxy = client.find_and_reset_proxy("socket").expect("it");
    assert_eq!(proxy.toxics().expect("toxics").len(), 0);
    let applied = proxy.with_latency("downstream".into(), 2000, 0, 1.0).apply(|| {
        let all = client.all().expect("all");
        assert_eq!(all["socket"].toxics().expect("toxics").len(), 1);
    });
    assert!(applied.is_ok());
    assert_eq!(proxy.toxics().expect("toxics").len(), 0);
}

#[test]
fn test_proxy_apply_with_latency_as_separate_calls_for_test() {
    let running = Running::start();
    let client = running.client();
    populate_example(&client, "127.0.0.1:9");
    let proxy = client.find_and_reset_proxy("socket").expect("it");
    assert_eq!(proxy.toxics().expect("toxics").len(), 0);
    let _ = proxy.with_latency("downstream".into(), 2000, 0, 1.0);
    let all = client.all().expect("all");
    let toxics = all["socket"].toxics().expect("toxics");
    assert_eq!(toxics.len(), 1);
    let toxic = &toxics[0];
    assert_eq!((toxic.name.as_str(), toxic.r#type.as_str()), ("latency_downstream", "latency"));
    assert_eq!((toxic.stream.as_str(), toxic.toxicity), ("downstream", 1.0));
    assert_eq!((toxic.attributes["latency"], toxic.attributes["jitter"]), (2000, 0));
}

#[test]
fn test_proxy_apply_with_latency_with_real_request() {
    let running = Running::start();
    let client = running.client();
    let listen = populate_example(&client, &answering());
    let proxy = client.find_and_reset_proxy("socket").expect("it");
    let applied = proxy.with_latency("downstream".into(), 2000, 0, 1.0).apply(|| {
        let start = Instant::now();
        echo_once(&listen, b"hello").expect("an echo");
        assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    });
    assert!(applied.is_ok());
    let start = Instant::now();
    echo_once(&listen, b"hello").expect("an echo");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn the_global_client_reaches_the_default_port() {
    let Some(_running) = Running::at_the_default_port() else {
        eprintln!(
            "NOT RUN: port 8474 is taken, so the crate's global client would drive somebody else's proxy"
        );
        return;
    };
    assert!(TOXIPROXY.is_running());
    assert!(TOXIPROXY.version().is_ok());
    assert!(TOXIPROXY.reset().is_ok());
}
