//! Whatever commands come in whatever order: none panics, every reply is whole, and the books on
//! memory and deadlines stay right.

use std::{net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use loadlab_clock::{Seed, Speed};
use proptest::prelude::*;

use super::{
    super::{protocol::Version, server::Server, session::Session},
    execute, table,
};
use crate::{
    profile::{MaxmemoryPolicy, Profile, RedisProfile},
    standin::Live,
};

fn server(maxmemory_bytes: u64) -> Server {
    let baseline = Profile::named("baseline").expect("it is shipped").redis;
    let profile = RedisProfile { maxmemory_bytes, maxmemory_policy: MaxmemoryPolicy::AllkeysLru, ..baseline };
    let listen = SocketAddr::from(([127, 0, 0, 1], 6379));
    Server::new(Arc::new(Live::new(profile, |_| Ok(()))), Speed::REAL, Seed::new(1), listen)
}

fn session(server: &Server) -> Session {
    server.open(SocketAddr::from(([127, 0, 0, 1], 1))).0
}

/// Words that commands have something to do with: few keys, so that types clash, options, numbers.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static str> = "a b c d 0 1 2 -1 -2 10 1.5 -inf (1 nan 9223372036854775807 \
        -9223372036854775808 NX XX GT LT CH INCR EX PX EXAT PXAT GET KEEPTTL PERSIST WITHSCORES LIMIT BYSCORE REV \
        MATCH COUNT TYPE * a* [ LEFT RIGHT BEFORE AFTER ID LIST INFO SETNAME ENCODING USAGE DOCS CHANNELS \
        NUMSUB SET maxmemory 3 AUTH default SETINFO lib-name ON"
        .split_whitespace()
        .collect();
    prop_oneof![
        8 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn command() -> impl Strategy<Value = Vec<Bytes>> {
    let names: Vec<&'static str> = table::all().map(|spec| spec.name).collect();
    (prop::sample::select(names), prop::collection::vec(word(), 0..6)).prop_map(|(name, words)| {
        std::iter::once(Bytes::from(name)).chain(words.into_iter().map(Bytes::from)).collect()
    })
}

/// What is left of `bytes` after one reply, or none if that is not whole.
fn after_reply(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (kind, text) = bytes[..end].split_first()?;
    let mut rest = &bytes[end + 2..];
    let length = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    let items = match kind {
        b'+' | b'-' | b':' | b',' | b'_' => return Some(rest),
        b'$' | b'=' => {
            let Ok(length) = usize::try_from(length?) else { return Some(rest) };
            return rest.get(length..)?.strip_prefix(b"\r\n");
        }
        b'*' | b'~' | b'>' => length?,
        b'%' => length? * 2,
        _ => return None,
    };
    for _ in 0..items {
        rest = after_reply(rest)?;
    }
    Some(rest)
}

fn books_are_right(server: &Server) -> Result<(), TestCaseError> {
    let state = server.state.lock();
    for database in state.databases() {
        prop_assert_eq!(database.memory(), database.memory_recounted());
        prop_assert!(database.volatile_is_right());
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_commands_leave_the_books_right(
        commands in prop::collection::vec(command(), 1..60),
        maxmemory in prop_oneof![3 => Just(0), 1 => Just(600_u64)],
    ) {
        let server = server(maxmemory);
        let mut sessions = [session(&server), session(&server)];
        for (number, arguments) in commands.into_iter().enumerate() {
            let session = &mut sessions[number % 2];
            let reply = execute(&server, session, arguments.clone());
            for version in [Version::Resp2, Version::Resp3] {
                let mut out = BytesMut::new();
                reply.encode(version, &mut out);
                let mut rest = &out[..];
                while !rest.is_empty() {
                    let after = after_reply(rest);
                    prop_assert!(after.is_some(), "{:?} got {:?}", arguments, out);
                    rest = after.unwrap_or_default();
                }
            }
            books_are_right(&server)?;
        }
        for session in &mut sessions {
            server.close(session);
        }
        prop_assert_eq!(server.state.lock().channels.names().count(), 0);
        prop_assert_eq!(server.clients.lock().len(), 0);
    }

    /// Whatever is added and removed while a scan is under way, what was there all the time is seen.
    #[test]
    fn a_scan_sees_what_is_there_from_start_to_end(
        stays in 1_usize..60,
        count in 1_usize..12,
        changes in prop::collection::vec((any::<bool>(), 0_usize..60), 0..60),
    ) {
        let server = server(0);
        let mut session = session(&server);
        let mut run = |words: &[&str]| {
            execute(&server, &mut session, words.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect())
        };
        // Between those that stay are those that go.
        for key in 0..stays.max(60) {
            if key < stays {
                run(&["SET", &format!("stays:{key}"), "v"]);
            }
            run(&["SET", &format!("goes:{key}"), "v"]);
        }
        let (mut cursor, mut seen) = ("0".to_owned(), std::collections::BTreeSet::new());
        let mut changes = changes.into_iter();
        loop {
            let reply = run(&["SCAN", &cursor, "COUNT", &count.to_string()]);
            let super::Reply::Array(parts) = reply else { panic!("{reply:?}") };
            let [super::Reply::Bulk(next), super::Reply::Array(keys)] = &parts[..] else { panic!("{parts:?}") };
            for key in keys {
                let super::Reply::Bulk(key) = key else { panic!("{key:?}") };
                seen.insert(String::from_utf8_lossy(key).into_owned());
            }
            cursor = String::from_utf8_lossy(next).into_owned();
            if cursor == "0" {
                break;
            }
            for (adds, key) in changes.by_ref().take(5) {
                if adds {
                    run(&["SET", &format!("new:{key}"), "v"]);
                } else {
                    run(&["DEL", &format!("goes:{key}")]);
                }
            }
        }
        let unseen: Vec<_> = (0..stays).map(|key| format!("stays:{key}")).filter(|key| !seen.contains(key)).collect();
        prop_assert!(unseen.is_empty(), "{:?}", unseen);
    }
}
