//! Channels, byte by byte.

use super::{
    start::StandIn,
    wire::{Answer, Wire},
};

fn parts(kind: char, parts: &[&str]) -> Answer {
    let part = |text: &&str| {
        if text.starts_with(':') {
            Answer::Line((*text).to_owned())
        } else {
            Answer::Bulk(Some(text.as_bytes().to_vec()))
        }
    };
    Answer::Many(kind, parts.iter().map(part).collect())
}

#[test]
fn a_subscriber_is_told_what_it_listens_to_and_can_do_nothing_else() {
    let server = StandIn::start();
    let mut wire = Wire::to(server.address);
    wire.request(&["SUBSCRIBE", "a", "b"]);
    assert_eq!(wire.answer(), parts('*', &["subscribe", "a", ":1"]));
    assert_eq!(wire.answer(), parts('*', &["subscribe", "b", ":2"]));
    let refused = "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed \
                   in this context";
    assert_eq!(wire.ask("GET key"), Answer::Line(refused.to_owned()));
    assert_eq!(wire.ask("PING"), parts('*', &["pong", ""]));
    assert_eq!(wire.ask("UNSUBSCRIBE a"), parts('*', &["unsubscribe", "a", ":1"]));
    assert_eq!(wire.ask("UNSUBSCRIBE"), parts('*', &["unsubscribe", "b", ":0"]));
    assert_eq!(wire.ask("GET key"), Answer::Bulk(None));
}

#[test]
fn resp3_pushes_messages_between_replies() {
    let server = StandIn::start();
    let (mut wire, mut speaker) = (Wire::to(server.address), Wire::to(server.address));
    wire.ask("HELLO 3");
    assert_eq!(wire.ask("SUBSCRIBE a"), parts('>', &["subscribe", "a", ":1"]));
    assert_eq!(wire.ask("SET key v"), Answer::Line("+OK".to_owned()));
    assert_eq!(speaker.ask("PUBLISH a hello"), Answer::Line(":1".to_owned()));
    assert_eq!(wire.ask("GET key"), parts('>', &["message", "a", "hello"]));
    assert_eq!(wire.answer(), Answer::Bulk(Some(b"v".to_vec())));
}

#[test]
fn a_subscriber_that_leaves_is_forgotten() {
    let server = StandIn::start();
    let (mut wire, mut speaker) = (Wire::to(server.address), Wire::to(server.address));
    wire.ask("SUBSCRIBE a");
    assert_eq!(speaker.ask("PUBSUB NUMSUB a"), parts('*', &["a", ":1"]));
    drop(wire);
    let start = std::time::Instant::now();
    while speaker.ask("PUBLISH a x") != Answer::Line(":0".to_owned()) {
        assert!(start.elapsed().as_secs() < 20, "it still listens");
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_disconnected_and_the_others_go_on() {
    let server = StandIn::start();
    let (mut deaf, mut speaker) = (Wire::to(server.address), Wire::to(server.address));
    deaf.ask("SUBSCRIBE a");
    let message = "x".repeat(1 << 20);
    let start = std::time::Instant::now();
    // What the sockets hold comes on top of the limit of 32 MB.
    while speaker.ask(&format!("PUBLISH a {message}")) == Answer::Line(":1".to_owned()) {
        assert!(start.elapsed().as_secs() < 60, "it is still connected");
    }
    assert_eq!(speaker.ask("PING"), Answer::Line("+PONG".to_owned()));
}
