//! Commands come out the same however their bytes are cut, and no bytes panic.

use proptest::prelude::*;

use super::*;
use crate::aware::Passed;

/// What a stream of chunks is read as: each thing with the position at which it ends.
fn read(chunks: &[&[u8]]) -> Vec<(usize, String)> {
    let mut parser = CommandParser::default();
    let (mut all, mut offset) = (Vec::new(), 0);
    let mut head = String::new();
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let (length, step) = parser.advance(rest);
            offset += length;
            rest = &rest[length..];
            match step {
                Step::More => break,
                Step::Head(found) => head = describe(&found),
                Step::End => all.push((offset, std::mem::take(&mut head))),
                Step::Blank => all.push((offset, "blank".to_owned())),
                Step::NotResp => {
                    all.push((0, "not RESP".to_owned()));
                    return all;
                }
            }
        }
    }
    all
}

fn describe(head: &Head) -> String {
    let keys: Vec<String> = head.keys.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
    format!("{} {}", String::from_utf8_lossy(&head.name), keys.join(" ")).trim().to_owned()
}

fn named(text: &[u8]) -> Vec<String> {
    read(&[text]).into_iter().map(|(_, what)| what).collect()
}

#[test]
fn arrays_and_lines_are_commands() {
    let text = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n*3\r\n$3\r\nset\r\n$1\r\nb\r\n$5\r\n\r\n*1\r\r\nget \"c d\" x\n";
    assert_eq!(named(text), ["GET a", "PING", "SET b", "GET c d"]);
}

#[test]
fn what_redis_ignores_is_blank() {
    assert_eq!(named(b"\r\n*0\r\n*-1\r\n  \nPING\r\n"), ["blank", "blank", "blank", "blank", "PING"]);
}

#[test]
fn what_is_not_resp_is_told_at_once() {
    for text in
        [&b"\x16\x03\x01"[..], b"*x\r\n", b"*1\r\n+PING\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$1\r\nabc", b"{}"]
    {
        assert_eq!(named(text), ["not RESP"], "{text:?}");
    }
    let endless = vec![b'a'; HEAD_MAX + 1];
    assert_eq!(named(&endless), ["not RESP"]);
}

#[test]
fn a_huge_value_is_not_kept() {
    let mut parser = CommandParser::default();
    let head = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$300000000\r\n";
    let (length, step) = parser.advance(head);
    assert!(matches!(step, Step::Head(found) if describe(&found) == "SET a"));
    assert_eq!(parser.advance(&head[length..]).1, Step::More);
    let piece = vec![b'x'; 1_000_000];
    for _ in 0..300 {
        assert_eq!(parser.advance(&piece), (piece.len(), Step::More));
        assert!(parser.arguments.is_empty());
    }
    assert_eq!(parser.advance(b"\r\n"), (2, Step::End));
}

#[test]
fn a_command_with_endless_keys_is_decided_by_its_first_ones() {
    let mut text = b"*100001\r\n$4\r\nMGET\r\n".to_vec();
    for n in 0..100_000 {
        text.extend_from_slice(format!("$6\r\n{n:06}\r\n").as_bytes());
    }
    let mut parser = CommandParser::default();
    let (length, step) = parser.advance(&text);
    let Step::Head(head) = step else { panic!("{step:?}") };
    assert!((HEAD_MAX..HEAD_MAX + 100).contains(&length), "{length}");
    assert!(head.keys.len() > 4_000 && head.keys[0] == b"000000");
    assert_eq!(parser.advance(&text[length..]), (text.len() - length, Step::End));
    assert_eq!(named(&text).len(), 1);
}

#[test]
fn a_name_that_never_ends_is_nobodys() {
    let mut text = b"*1\r\n$100000\r\n".to_vec();
    text.extend(vec![b'a'; 100_000]);
    text.extend(b"\r\n");
    assert_eq!(read(&[&text]).len(), 1);
    assert_eq!(recognised_pass(b"*1\r\n$5\r\nMULTI\r\n"), Some(Passed::Transaction));
}

fn recognised_pass(text: &[u8]) -> Option<Passed> {
    match CommandParser::default().advance(text).1 {
        Step::Head(head) => head.passes,
        _ => None,
    }
}

/// A stream of commands, whole ones and some that are not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let array = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 1..5).prop_map(|arguments| {
        let mut text = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            text.extend(format!("${}\r\n", argument.len()).bytes());
            text.extend(argument);
            text.extend(b"\r\n");
        }
        text
    });
    let line = "(get|mget|PING|set) [a-z ]{0,6}\r?\n".prop_map(String::into_bytes);
    let other = "(\\*|\\$|[0-9]|\r\n|-){0,4}".prop_map(String::into_bytes);
    let one = prop_oneof![4 => array, 3 => line, 1 => other];
    prop::collection::vec(one, 0..8).prop_map(|all| all.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_commands(
        text in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&chunks), read(&[&text]));
    }

    #[test]
    fn no_bytes_panic(text in any::<Vec<u8>>()) {
        let _ = read(&[&text]);
    }
}
