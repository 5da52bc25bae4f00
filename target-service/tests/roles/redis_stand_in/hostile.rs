//! Bytes that no client should send: the server answers or closes, and goes on for everybody else.

use proptest::prelude::*;

use super::{
    start::StandIn,
    wire::{Answer, Wire},
};

#[test]
fn what_is_no_request_is_named_and_ends_the_connection() {
    let server = StandIn::start();
    let long = "9".repeat(70_000);
    let cases = [
        ("*1048577\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        ("*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("*2\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"),
        ("GET \"x\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
        (&format!("*{long}"), "-ERR Protocol error: too big mbulk count string\r\n"),
        (&format!("*1\r\n${long}"), "-ERR Protocol error: too big bulk count string\r\n"),
        (&long, "-ERR Protocol error: too big inline request\r\n"),
        ("PING\r\n*x\r\n", "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n"),
    ];
    for (bytes, answer) in cases {
        let mut wire = Wire::to(server.address);
        wire.send(bytes.as_bytes());
        assert_eq!(wire.rest(), answer, "{bytes:.40}");
    }
}

#[test]
fn lines_and_arrays_are_answered_in_order_however_they_arrive() {
    let server = StandIn::start();
    let mut wire = Wire::to(server.address);
    let bytes = b"SET k \"a b\"\r\n\r\n*0\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\nEXISTS k k\r\n";
    for byte in bytes {
        wire.send(&[*byte]);
    }
    wire.finish();
    assert_eq!(wire.rest(), "+OK\r\n$3\r\na b\r\n+PONG\r\n:2\r\n");
    let mut wire = Wire::to(server.address);
    wire.send(b"PING\r\nQUIT\r\nPING\r\n");
    assert_eq!(wire.rest(), "+PONG\r\n+OK\r\n");
}

#[test]
fn announced_sizes_take_no_memory() {
    let server = StandIn::start();
    let mut wires: Vec<Wire> = (0..20).map(|_| Wire::to(server.address)).collect();
    for wire in &mut wires {
        wire.send(b"*1048576\r\n$536870912\r\nx");
    }
    // This process holds the server: 10 GB were announced.
    assert_eq!(Wire::to(server.address).ask("PING"), Answer::Line("+PONG".to_owned()));
    assert!(server.metric("process_resident_memory_bytes") < 1_000_000_000);
}

#[test]
fn a_long_pipeline_and_long_values_go_through() {
    let server = StandIn::start();
    let (mut writer, value) = (Wire::to(server.address), "v".repeat(3 << 20));
    assert_eq!(writer.ask(&format!("SET large {value}")), Answer::Line("+OK".to_owned()));
    assert_eq!(writer.ask("GET large"), Answer::Bulk(Some(value.into_bytes())));
    let many = "PING\r\n".repeat(100_000);
    let sender = std::thread::spawn({
        let address = server.address;
        move || {
            let mut wire = Wire::to(address);
            wire.send(many.as_bytes());
            wire.finish();
            wire.rest()
        }
    });
    assert_eq!(sender.join().expect("it did not panic"), "+PONG\r\n".repeat(100_000));
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "*1\r\n", "*2\r\n", "*3\r\n", "$3\r\n", "$1\r\n", "$4\r\n", "SET", "GET", "PING", "\r\n", "k", "MULTI\r\n",
            "EXEC\r\n", "SUBSCRIBE a\r\n", "HELLO 3\r\n", "CLIENT LIST\r\n", "*-1\r\n", "$-1\r\n", "$0\r\n", "\"", "'",
            "SCAN 0 COUNT 9\r\n", "COMMAND\r\n", "RESET\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..30),
        1 => prop::collection::vec(prop::sample::select(&b"*$+-:0123456789\r\n"[..]), 0..12),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

#[test]
fn no_bytes_crash_it_or_hang_it() {
    let server = StandIn::start();
    let bystander = std::cell::RefCell::new(Wire::to(server.address));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&noise(), |bytes| {
            let mut wire = Wire::to(server.address);
            wire.send(&bytes);
            wire.finish();
            // The connection ends; that no task of the server has panicked is looked at when it stops.
            wire.rest();
            prop_assert_eq!(bystander.borrow_mut().ask("PING"), Answer::Line("+PONG".to_owned()));
            Ok(())
        })
        .expect("it goes on");
}
