//! Full memory and modelled service time, and both changed while it runs.

use std::time::{Duration, Instant};

use loadlab_clock::{Distribution, Speed};
use target_service::profile::MaxmemoryPolicy;

use super::{
    start::StandIn,
    wire::{Answer, Wire},
};

const OK: &str = "+OK";
const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.";

fn fill(wire: &mut Wire, keys: usize) -> usize {
    let value = "x".repeat(1_000);
    (0..keys).filter(|key| wire.ask(&format!("SET key:{key} {value}")) == Answer::Line(OK.to_owned())).count()
}

#[test]
fn full_memory_refuses_what_adds_and_takes_what_removes() {
    let server = StandIn::with(Speed::REAL, |redis| redis.maxmemory_bytes = 100_000);
    let mut wire = Wire::to(server.address);
    let stored = fill(&mut wire, 200);
    // A value of 1,000 bytes and about 70 for the key; the last one may go beyond the limit.
    assert!((85..=100).contains(&stored), "{stored}");
    assert_eq!(wire.ask("LPUSH list x"), Answer::Line(OOM.to_owned()));
    assert_eq!(wire.ask("EXISTS key:0"), Answer::Line(":1".to_owned()));
    wire.ask("MULTI");
    assert_eq!(wire.ask("SET a b"), Answer::Line(OOM.to_owned()));
    let aborted = "-EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(wire.ask("EXEC"), Answer::Line(aborted.to_owned()));
    for key in 0..10 {
        assert_eq!(wire.ask(&format!("DEL key:{key}")), Answer::Line(":1".to_owned()));
    }
    assert_eq!(wire.ask("SET a b"), Answer::Line(OK.to_owned()));
    assert_eq!(server.metric("redis_evicted_total"), 0);
}

#[test]
fn lru_makes_room_and_keeps_what_is_used() {
    let server = StandIn::with(Speed::REAL, |redis| {
        redis.maxmemory_bytes = 100_000;
        redis.maxmemory_policy = MaxmemoryPolicy::AllkeysLru;
    });
    let mut wire = Wire::to(server.address);
    let value = "x".repeat(1_000);
    wire.ask("SET used v");
    for key in 0..500 {
        assert_eq!(wire.ask(&format!("SET key:{key} {value}")), Answer::Line(OK.to_owned()));
        wire.ask("GET used");
    }
    assert_eq!(wire.ask("GET used"), Answer::Bulk(Some(b"v".to_vec())));
    let (keys, evicted) = (server.metric("redis_keys"), server.metric("redis_evicted_total"));
    assert_eq!(keys + evicted, 501);
    assert!((85..=100).contains(&keys), "{keys}");
    assert!(server.metric("redis_memory_bytes") <= 102_000);
}

#[test]
fn the_limit_is_set_by_config_and_by_settings_and_each_sees_the_other() {
    let server = StandIn::start();
    let mut wire = Wire::to(server.address);
    fill(&mut wire, 100);
    assert_eq!(
        wire.ask("CONFIG SET maxmemory 50kb maxmemory-policy allkeys-lru"),
        Answer::Line(OK.to_owned())
    );
    let settings = server.admin(200, "GET /admin/settings", "");
    assert!(settings.contains("\"maxmemory_bytes\":51200"), "{settings}");
    assert!(settings.contains("\"maxmemory_policy\":\"allkeys-lru\""), "{settings}");
    assert_eq!(wire.ask("SET a b"), Answer::Line(OK.to_owned()));
    assert!(server.metric("redis_memory_bytes") <= 51_300);
    server.admin(200, "PATCH /admin/settings", r#"{"maxmemory_bytes": 0}"#);
    let answer = Answer::Many('*', ["maxmemory", "0"].map(|text| Answer::Bulk(Some(text.into()))).to_vec());
    assert_eq!(wire.ask("CONFIG GET maxmemory"), answer);
    server.admin(400, "PATCH /admin/settings", r#"{"maxmemory": 0}"#);
}

#[test]
fn a_read_only_store_refuses_what_writes_and_answers_the_rest() {
    let server = StandIn::start();
    let mut wire = Wire::to(server.address);
    assert_eq!(wire.ask("SET a b"), Answer::Line(OK.to_owned()));
    server.admin(200, "PATCH /admin/settings", r#"{"read_only": true}"#);
    let refused = "-READONLY You can't write against a read only replica.";
    for command in ["SET a c", "DEL a", "PEXPIRE a 1", "FLUSHALL"] {
        assert_eq!(wire.ask(command), Answer::Line(refused.to_owned()), "{command}");
    }
    assert_eq!(wire.ask("GET a"), Answer::Bulk(Some(b"b".to_vec())));
    server.admin(200, "PATCH /admin/settings", r#"{"read_only": false}"#);
    assert_eq!(wire.ask("DEL a"), Answer::Line(":1".to_owned()));
}

#[test]
fn service_time_is_scenario_time_and_delays_a_pipeline_only_once() {
    let speed = Speed::try_new(10.0).expect("a speed");
    let server = StandIn::with(speed, |redis| {
        redis.service_time = Distribution::Constant(Duration::from_secs(2));
    });
    let mut wire = Wire::to(server.address);
    let start = Instant::now();
    for number in 0..50 {
        wire.request(&["ECHO", &number.to_string()]);
    }
    for number in 0..50 {
        assert_eq!(wire.answer(), Answer::Bulk(Some(number.to_string().into_bytes())));
    }
    let took = start.elapsed();
    // One after the other it would be 10 seconds.
    assert!(took >= Duration::from_millis(199) && took < Duration::from_secs(5), "{took:?}");
    server.admin(200, "PATCH /admin/settings", r#"{"service_time": {"constant": "0s"}}"#);
    let start = Instant::now();
    for _ in 0..20 {
        wire.ask("PING");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn drawn_service_times_keep_the_order_of_a_connection() {
    let server = StandIn::with(Speed::REAL, |redis| {
        redis.service_time = Distribution::Exponential { mean: Duration::from_millis(2) };
    });
    let mut wire = Wire::to(server.address);
    for _ in 0..300 {
        wire.request(&["INCR", "n"]);
    }
    for number in 1..=300 {
        assert_eq!(wire.answer(), Answer::Line(format!(":{number}")));
    }
    // What was sent before the end is answered, though its time comes after it.
    wire.request(&["INCR", "n"]);
    wire.finish();
    assert_eq!(wire.rest(), ":301\r\n");
}
