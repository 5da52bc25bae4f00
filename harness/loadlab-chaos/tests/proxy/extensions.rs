//! What Toxiproxy does not have: time to live, leases, toxics in `/populate`, draws for pieces, the
//! journal, the stats.

use std::time::{Duration, Instant};

use loadlab_chaos::proxy::{Direction, EventKind, ProxyPatch, ProxySpec, ToxicPatch, ToxicSpec};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::rig::{PATIENCE, Rig, connect, echo, echo_server, end_of, rig, rig_at, within};

/// Waits for the event that `is` picks.
async fn event(rig: &Rig, is: impl Fn(&loadlab_chaos::proxy::Event) -> bool) -> loadlab_chaos::proxy::Event {
    let mut newest = rig.proxies.subscribe();
    loop {
        if let Some(event) = rig.proxies.events_after(0).into_iter().find(&is) {
            return event;
        }
        within(PATIENCE, newest.changed()).await.expect("a journal");
    }
}

#[tokio::test]
async fn a_toxic_with_a_ttl_goes_by_itself() {
    let rig = rig().await;
    let mut stream = connect(rig.proxy("p", echo_server().await)).await;
    let start = Instant::now();
    let toxic = r#"{"type":"latency","ttl":300,"attributes":{"latency":60000}}"#;
    let shown = rig.call("POST", "/proxies/p/toxics", toxic).await;
    assert!(shown.body.ends_with(r#""toxicity":1,"ttl":300}"#), "{}", shown.body);
    // Held for a minute, let go with the toxic.
    echo(&mut stream, b"hello").await.expect("an echo");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(20), "{took:?}");
    assert!(rig.proxies.toxics("p").expect("a proxy").is_empty());
    let expired = event(&rig, |event| event.kind == EventKind::Expired).await;
    assert_eq!(expired.toxic.as_deref(), Some("latency_downstream"));
    assert_eq!(expired.detail, json!({ "touched": { "connections": 1, "bytes": 5, "requests": 0 } }));
}

#[tokio::test]
async fn a_ttl_is_scenario_time_and_can_be_put_off() {
    let rig = rig_at(20.0, 0).await;
    rig.proxy("p", echo_server().await);
    let spec =
        |ttl_ms| ToxicSpec { ttl_ms: Some(ttl_ms), ..ToxicSpec::new("noop", Direction::Upstream, json!({})) };
    let start = Instant::now();
    rig.proxies.add_toxic("p", &spec(4_000), None).expect("a toxic");
    event(&rig, |event| event.kind == EventKind::Expired).await;
    assert!(start.elapsed() >= Duration::from_millis(200) && start.elapsed() < Duration::from_secs(3));
    rig.proxies.add_toxic("p", &spec(2_000), None).expect("a toxic");
    let patch = ToxicPatch { ttl_ms: Some(100_000_000), ..ToxicPatch::default() };
    rig.proxies.update_toxic("p", "noop_upstream", &patch).expect("an update");
    loadlab_clock::Sleeper::shared().sleep(Duration::from_millis(200)).await;
    assert_eq!(rig.proxies.toxics("p").expect("a proxy").len(), 1);
}

#[tokio::test]
async fn toxics_in_populate_are_there_before_the_first_connection() {
    let (rig, upstream) = (rig().await, echo_server().await);
    let body = format!(
        r#"[{{"name":"p","upstream":"{upstream}","toxics":[{{"type":"limit_data","attributes":{{"bytes":3}}}},
            {{"type":"noop","stream":"upstream","draw":"chunk"}}]}}]"#
    );
    let reply = rig.call("POST", "/populate", &body).await;
    let made = &reply.json()["proxies"][0];
    assert_eq!(made["toxics"][0]["draw"], "chunk");
    assert_eq!(made["toxics"][1]["name"], "limit_data_downstream");
    let mut stream = connect(made["listen"].as_str().expect("a listen").parse().expect("an address")).await;
    stream.write_all(b"12345").await.expect("sent");
    assert_eq!(end_of(&mut stream).await, Ok(3));
    // The same again changes nothing but the toxics that are listed.
    let listen = made["listen"].as_str().expect("a listen");
    let again = format!(
        r#"[{{"name":"p","upstream":"{upstream}","listen":"{listen}","toxics":[{{"type":"limit_data","attributes":{{"bytes":4}}}}]}}]"#
    );
    let reply = rig.call("POST", "/populate", &again).await.json();
    let toxics = reply["proxies"][0]["toxics"].as_array().expect("toxics").clone();
    assert_eq!((toxics.len(), &toxics[1]["attributes"]), (2, &json!({ "bytes": 4 })));
}

#[tokio::test]
async fn toxics_in_a_single_creation_are_ignored_as_before() {
    let rig = rig().await;
    let body = r#"{"name":"p","upstream":"x:1","toxics":[{"type":"timeout"}]}"#;
    assert_eq!(rig.call("POST", "/proxies", body).await.json()["toxics"], json!([]));
}

/// Takes a lease over HTTP: the connection that holds it, and its name.
async fn take_lease(rig: &Rig) -> (TcpStream, String) {
    let mut stream = connect(rig.api).await;
    stream.write_all(b"POST /leases HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.expect("sent");
    let mut said = String::new();
    while !said.ends_with("}\n\r\n") {
        let mut byte = [0];
        within(PATIENCE, stream.read_exact(&mut byte)).await.expect("an answer");
        said.push(char::from(byte[0]));
    }
    assert!(said.starts_with("HTTP/1.1 201 Created\r\n"), "{said}");
    let json = said.lines().find(|line| line.starts_with('{')).expect("a body");
    let lease: Value = serde_json::from_str(json).expect("JSON");
    (stream, lease["lease"].as_str().expect("a name").to_owned())
}

#[tokio::test]
async fn what_is_made_under_a_lease_goes_with_its_connection() {
    let (rig, upstream) = (rig().await, echo_server().await);
    let listen = rig.proxy("p", upstream);
    rig.proxy("q", upstream);
    let (holder, lease) = take_lease(&rig).await;
    let header = format!("X-Loadlab-Lease: {lease}\r\n");
    let leased = br#"{"type":"timeout","name":"leased"}"#;
    assert_eq!(rig.call_with("POST", "/proxies/p/toxics", &header, leased).await.status, 200);
    rig.expect_toxic("p", r#"{"type":"noop","name":"mine"}"#).await;
    let down = rig.call_with("PATCH", "/proxies/q", &header, br#"{"enabled":false}"#).await;
    assert_eq!(down.json()["enabled"], false);
    drop(holder);
    let released = event(&rig, |event| event.kind == EventKind::Released && event.toxic.is_some()).await;
    assert_eq!(released.toxic.as_deref(), Some("leased"));
    event(&rig, |event| event.kind == EventKind::Enabled && event.proxy.as_deref() == Some("q")).await;
    let left: Vec<_> =
        rig.proxies.toxics("p").expect("a proxy").into_iter().map(|toxic| toxic.name).collect();
    assert_eq!(left, ["mine"]);
    echo(&mut connect(listen).await, b"clean").await.expect("an echo");
    let late = rig.call_with("POST", "/proxies/p/toxics", &header, leased).await;
    late.expect_error(404, "lease not found");
}

#[tokio::test]
async fn a_lease_in_process_ends_when_it_is_dropped() {
    let rig = rig().await;
    rig.proxies.create(&ProxySpec::new("p", "127.0.0.1:1")).expect("a proxy");
    let lease = rig.proxies.lease();
    let spec = ToxicSpec::new("timeout", Direction::Upstream, json!({}));
    rig.proxies.add_toxic("p", &spec, Some(lease.id())).expect("a toxic");
    let down = ProxyPatch { enabled: Some(false), ..ProxyPatch::default() };
    rig.proxies.update("p", &down, Some(lease.id())).expect("an update");
    drop(lease);
    let view = rig.proxies.get("p").expect("a proxy");
    assert!(view.enabled && view.toxics.is_empty());
}

#[tokio::test]
async fn a_draw_for_each_chunk_hits_some_of_a_connection() {
    let rig = rig().await;
    let mut stream = connect(rig.proxy("p", echo_server().await)).await;
    let toxic = r#"{"type":"latency","draw":"chunk","toxicity":0.5,"attributes":{"latency":40}}"#;
    rig.expect_toxic("p", toxic).await;
    for _ in 0..40 {
        echo(&mut stream, b"x").await.expect("an echo");
    }
    let hit = rig.proxies.stats().remove(0).toxics[0].touched.bytes;
    assert!((5..=35).contains(&hit), "{hit} of 40");
}

#[tokio::test]
async fn a_draw_that_does_not_fit_is_refused() {
    let rig = rig().await;
    rig.proxy("p", echo_server().await);
    let cases = [
        (
            r#"{"type":"timeout","draw":"chunk"}"#,
            "bad request body: draw must be connection: this toxic acts on the connection as a whole",
        ),
        (
            r#"{"type":"latency","draw":"request"}"#,
            "bad request body: draw must be connection or chunk: a raw proxy knows no requests",
        ),
        (
            r#"{"type":"latency","draw":"often"}"#,
            "bad request body: draw was invalid, can be connection, request or chunk",
        ),
    ];
    for (body, text) in cases {
        rig.call("POST", "/proxies/p/toxics", body).await.expect_error(400, text);
    }
}

#[tokio::test]
async fn the_protocol_is_shown_where_it_is_not_raw() {
    let rig = rig().await;
    let raw = rig.call("POST", "/proxies", r#"{"name":"r","upstream":"x:1","protocol":"raw"}"#).await;
    assert!(raw.body.ends_with(r#""toxics":[]}"#), "{}", raw.body);
    let http = rig.call("POST", "/proxies", r#"{"name":"h","upstream":"x:1","protocol":"http"}"#).await;
    assert!(http.body.ends_with(r#""toxics":[],"protocol":"http"}"#), "{}", http.body);
}

#[tokio::test]
async fn the_journal_tells_what_happened_in_order() {
    let rig = rig().await;
    rig.proxy("p", echo_server().await);
    rig.expect_toxic("p", r#"{"type":"noop"}"#).await;
    rig.call("POST", "/proxies/p/toxics/noop_downstream", r#"{"toxicity":0.5}"#).await;
    rig.call("DELETE", "/proxies/p/toxics/noop_downstream", "").await;
    rig.call("PATCH", "/proxies/p", r#"{"enabled":false}"#).await;
    rig.call("POST", "/reset", "").await;
    rig.call("DELETE", "/proxies/p", "").await;
    let all = rig.call("GET", "/events", "").await.json();
    let told: Vec<_> = all["events"].as_array().expect("events").iter().collect();
    let kinds: Vec<_> = told.iter().map(|event| event["kind"].as_str().expect("a kind")).collect();
    let expected = ["created", "created", "changed", "removed", "disabled", "enabled", "reset", "removed"];
    assert_eq!(kinds, expected);
    let numbers: Vec<_> = told.iter().map(|event| event["number"].as_u64().expect("a number")).collect();
    assert_eq!((numbers, all["newest"].as_u64()), ((1..=8).collect::<Vec<_>>(), Some(8)));
    assert!(told.windows(2).all(|pair| pair[0]["at_us"].as_u64() <= pair[1]["at_us"].as_u64()));
    assert_eq!(told[2]["detail"]["toxicity"], 0.5);
    let later = rig.call("GET", "/events?after=6", "").await.json();
    assert_eq!(later["events"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn stats_tell_what_passed_and_what_was_touched() {
    let rig = rig().await;
    let mut stream = connect(rig.proxy("p", echo_server().await)).await;
    rig.expect_toxic("p", r#"{"type":"noop","stream":"upstream"}"#).await;
    echo(&mut stream, b"12345").await.expect("an echo");
    rig.until(|stats| stats.downstream.sent == 5).await;
    let stats = rig.call("GET", "/stats", "").await.json();
    let expected = json!([{
        "name": "p",
        "connections": { "open": 1, "total": 1, "dials_failed": 0 },
        "upstream": { "received": 5, "sent": 5 },
        "downstream": { "received": 5, "sent": 5 },
        "toxics": [{
            "name": "noop_upstream",
            "type": "noop",
            "stream": "upstream",
            "touched": { "connections": 1, "bytes": 5, "requests": 0 },
        }],
    }]);
    assert_eq!(stats, expected);
}
