//! Commands whose answers depend on time or on who asks, which a comparison cannot hold side by side.

use std::time::{Duration, Instant};

use super::{
    start::StandIn,
    wire::{Answer, Wire},
};

fn line(text: &str) -> Answer {
    Answer::Line(text.to_owned())
}

fn bulk(text: &str) -> Answer {
    Answer::Bulk(Some(text.as_bytes().to_vec()))
}

/// Asks until the answer is the one that is waited for.
fn wait_for(wire: &mut Wire, request: &str, answer: &Answer) {
    let start = Instant::now();
    while &wire.ask(request) != answer {
        assert!(start.elapsed() < Duration::from_secs(20), "{request} is never {answer:?}");
    }
}

#[test]
fn a_key_lives_as_long_as_it_was_told_and_not_longer() {
    let server = StandIn::start();
    let mut wire = Wire::to(server.address);
    let start = Instant::now();
    wire.ask("SET short v PX 200");
    wire.ask("SET long v PX 60000");
    wait_for(&mut wire, "EXISTS short", &line(":0"));
    assert!(start.elapsed() >= Duration::from_millis(199), "{:?}", start.elapsed());
    assert_eq!(wire.ask("GET short"), Answer::Bulk(None));
    assert_eq!(wire.ask("GET long"), bulk("v"));
    assert_eq!(wire.ask("PTTL short"), line(":-2"));
}

#[test]
fn expired_keys_go_without_being_looked_at() {
    let server = StandIn::start();
    let mut wire = Wire::to(server.address);
    for key in 0..500 {
        wire.ask(&format!("SET key:{key} v PX 50"));
    }
    wire.ask("SET stays v");
    wait_for(&mut wire, "DBSIZE", &line(":1"));
    assert_eq!(server.metric("redis_expired_total"), 500);
    assert_eq!(server.metric("redis_keys"), 1);
}

#[test]
fn a_transaction_runs_as_one_and_not_after_a_watched_key_has_changed() {
    let server = StandIn::start();
    let (mut one, mut other) = (Wire::to(server.address), Wire::to(server.address));
    one.ask("WATCH key");
    one.ask("MULTI");
    assert_eq!(one.ask("INCR key"), line("+QUEUED"));
    assert_eq!(other.ask("GET key"), Answer::Bulk(None));
    assert_eq!(one.ask("EXEC"), Answer::Many('*', vec![line(":1")]));

    let changes = ["SET key 5", "DEL key", "PEXPIRE key 1", "RENAME key away", "FLUSHALL", "APPEND key x"];
    for change in changes {
        other.ask("SET key 1");
        one.ask("WATCH key");
        other.ask(change);
        one.ask("MULTI");
        one.ask("GET key");
        if change.starts_with("PEXPIRE") {
            // The deadline alone is a change already; and so is that it passes.
            wait_for(&mut other, "EXISTS key", &line(":0"));
        }
        assert_eq!(one.ask("EXEC"), Answer::NoArray, "{change}");
    }

    other.ask("SET key 1");
    one.ask("WATCH key");
    other.ask("GET key");
    one.ask("MULTI");
    one.ask("GET key");
    assert_eq!(one.ask("EXEC"), Answer::Many('*', vec![bulk("1")]), "reading is no change");

    other.ask("SET fleeting 1 PX 60");
    one.ask("WATCH fleeting");
    one.ask("MULTI");
    one.ask("PING");
    wait_for(&mut other, "EXISTS fleeting", &line(":0"));
    assert_eq!(one.ask("EXEC"), Answer::NoArray, "a watched key that expires has changed");
}

#[test]
fn concurrent_transactions_lose_no_increment() {
    let server = StandIn::start();
    let address = server.address;
    let workers: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let mut wire = Wire::to(address);
                let mut done = 0;
                while done < 50 {
                    wire.ask("WATCH sum");
                    let now = match wire.ask("GET sum") {
                        Answer::Bulk(Some(text)) => {
                            String::from_utf8(text).expect("digits").parse().expect("a sum")
                        }
                        _ => 0_i64,
                    };
                    wire.ask("MULTI");
                    wire.ask(&format!("SET sum {}", now + 1));
                    done += i32::from(wire.ask("EXEC") != Answer::NoArray);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().expect("it did not panic");
    }
    assert_eq!(Wire::to(address).ask("GET sum"), bulk("200"));
}

#[test]
fn connections_have_names_numbers_and_databases_of_their_own() {
    let server = StandIn::start();
    let (mut one, mut other) = (Wire::to(server.address), Wire::to(server.address));
    assert_ne!(one.ask("CLIENT ID"), other.ask("CLIENT ID"));
    assert_eq!(one.ask("CLIENT SETNAME first"), line("+OK"));
    assert_eq!(one.ask("CLIENT SETINFO LIB-NAME probe"), line("+OK"));
    assert_eq!(one.ask("CLIENT GETNAME"), bulk("first"));
    one.ask("SELECT 3");
    one.ask("SET key three");
    assert_eq!(other.ask("GET key"), Answer::Bulk(None));
    let Answer::Bulk(Some(list)) = other.ask("CLIENT LIST") else { panic!("no list") };
    let list = String::from_utf8(list).expect("text");
    let first = list.lines().find(|line| line.contains(" name=first ")).expect("it is listed");
    assert!(first.contains(" db=3 ") && first.contains(" lib-name=probe "), "{first}");
    assert_eq!(list.lines().count(), 2);
    assert_eq!(server.metric("redis_connected_clients"), 2);
    one.ask("RESET");
    assert_eq!(one.ask("CLIENT GETNAME"), Answer::Bulk(None));
    assert_eq!(one.ask("DBSIZE"), line(":0"));
}

#[test]
fn commands_are_counted_by_name_and_result() {
    let server = StandIn::start();
    let mut wire = Wire::to(server.address);
    wire.ask("SET key v");
    wire.ask("GET key");
    wire.ask("GET none");
    wire.ask("INCR key");
    wire.ask("NONSENSE");
    wire.ask("MULTI");
    wire.ask("GET key");
    wire.ask("EXEC");
    let count = |command: &str, result: &str| {
        server.metric(&format!("redis_commands_total{{command=\"{command}\",result=\"{result}\"}}"))
    };
    assert_eq!((count("set", "ok"), count("incr", "error"), count("unknown", "error")), (1, 1, 1));
    // Two at once, one when it was queued and one when that ran.
    assert_eq!(count("get", "ok"), 4);
    assert_eq!(server.metric("redis_keyspace_hits_total"), 3);
    assert_eq!(server.metric("redis_keyspace_misses_total"), 1);
    assert!(server.metric("redis_memory_bytes") > 0);
    assert!(server.metric("process_resident_memory_bytes") > 0);
    assert_eq!(server.admin(200, "GET /health", ""), "ok\n");
}
