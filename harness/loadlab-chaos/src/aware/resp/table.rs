//! What is known of Redis's commands: where their keys are, and which end the reading.

use crate::aware::Passed;

/// Where the keys are among the arguments; the name is argument 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    None,
    /// These arguments, as many as there are.
    At(&'static [usize]),
    /// From an argument to the last, with steps.
    From {
        first: usize,
        step: usize,
    },
    /// The argument at `count` says how many follow it; `before` is a key of its own.
    Counted {
        count: usize,
        before: Option<usize>,
    },
    /// The first half of what follows `STREAMS`.
    Streams,
}

/// What was recognised of a command before it is decided what happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// In upper case.
    pub(super) name: Vec<u8>,
    pub(super) keys: Vec<Vec<u8>>,
    /// Why the connection becomes pass-through with this command, if it does.
    pub(super) passes: Option<Passed>,
}

/// Recognises a command by its first arguments, as soon as they suffice; `complete` says that there
/// are no more, or that no more will be looked at. The name is in upper case.
pub(super) fn recognise(arguments: &[Vec<u8>], complete: bool) -> Option<Head> {
    let name = arguments.first()?;
    let keys = keys_of(name);
    let decided = complete
        || match &name[..] {
            b"CLIENT" => arguments.len() > 1,
            b"XREAD" | b"XREADGROUP" => false,
            other if always_passes(other).is_some() => true,
            _ => match keys {
                Keys::None => true,
                Keys::At(places) => places.last().is_none_or(|last| arguments.len() > *last),
                Keys::From { .. } | Keys::Counted { .. } | Keys::Streams => false,
            },
        };
    decided.then(|| Head { passes: passes(name, arguments), keys: find(keys, arguments), name: name.clone() })
}

fn passes(name: &[u8], arguments: &[Vec<u8>]) -> Option<Passed> {
    match name {
        b"CLIENT" => {
            arguments.get(1).filter(|sub| sub.eq_ignore_ascii_case(b"REPLY")).map(|_| Passed::Silence)
        }
        b"XREAD" | b"XREADGROUP" => {
            let options = arguments.iter().take_while(|one| !one.eq_ignore_ascii_case(b"STREAMS"));
            options.skip(1).any(|one| one.eq_ignore_ascii_case(b"BLOCK")).then_some(Passed::Blocking)
        }
        other => always_passes(other),
    }
}

fn always_passes(name: &[u8]) -> Option<Passed> {
    Some(match name {
        b"MULTI" => Passed::Transaction,
        b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE" => {
            Passed::Subscription
        }
        b"MONITOR" => Passed::Monitor,
        b"BLPOP" | b"BRPOP" | b"BRPOPLPUSH" | b"BLMOVE" | b"BLMPOP" | b"BZPOPMIN" | b"BZPOPMAX"
        | b"BZMPOP" | b"WAIT" | b"WAITAOF" => Passed::Blocking,
        b"EVAL" | b"EVALSHA" | b"EVAL_RO" | b"EVALSHA_RO" | b"FCALL" | b"FCALL_RO" => Passed::Script,
        b"SYNC" | b"PSYNC" | b"REPLCONF" => Passed::Replication,
        _ => return None,
    })
}

/// Where a command has its keys. One that is not known has one, in front, as most have.
fn keys_of(name: &[u8]) -> Keys {
    match name {
        b"ACL" | b"ASKING" | b"AUTH" | b"BGREWRITEAOF" | b"BGSAVE" | b"CLIENT" | b"CLUSTER" | b"COMMAND"
        | b"CONFIG" | b"DBSIZE" | b"DEBUG" | b"DISCARD" | b"ECHO" | b"EXEC" | b"FAILOVER" | b"FLUSHALL"
        | b"FLUSHDB" | b"FUNCTION" | b"HELLO" | b"INFO" | b"KEYS" | b"LASTSAVE" | b"LATENCY" | b"LOLWUT"
        | b"MODULE" | b"PING" | b"PUBLISH" | b"PUBSUB" | b"QUIT" | b"RANDOMKEY" | b"READONLY"
        | b"READWRITE" | b"REPLICAOF" | b"RESET" | b"ROLE" | b"SAVE" | b"SCAN" | b"SCRIPT" | b"SELECT"
        | b"SHUTDOWN" | b"SLAVEOF" | b"SLOWLOG" | b"SPUBLISH" | b"SWAPDB" | b"TIME" | b"UNWATCH" => {
            Keys::None
        }
        b"DEL" | b"EXISTS" | b"MGET" | b"PFCOUNT" | b"PFMERGE" | b"SDIFF" | b"SDIFFSTORE" | b"SINTER"
        | b"SINTERSTORE" | b"SUNION" | b"SUNIONSTORE" | b"TOUCH" | b"UNLINK" | b"WATCH" => {
            Keys::From { first: 1, step: 1 }
        }
        b"BITOP" => Keys::From { first: 2, step: 1 },
        b"MSET" | b"MSETNX" => Keys::From { first: 1, step: 2 },
        b"COPY" | b"GEOSEARCHSTORE" | b"LCS" | b"LMOVE" | b"RENAME" | b"RENAMENX" | b"RPOPLPUSH"
        | b"SMOVE" | b"ZRANGESTORE" => Keys::At(&[1, 2]),
        b"MEMORY" | b"OBJECT" | b"XGROUP" | b"XINFO" => Keys::At(&[2]),
        b"MIGRATE" => Keys::At(&[3]),
        b"LMPOP" | b"SINTERCARD" | b"ZDIFF" | b"ZINTER" | b"ZINTERCARD" | b"ZMPOP" | b"ZUNION" => {
            Keys::Counted { count: 1, before: None }
        }
        b"ZDIFFSTORE" | b"ZINTERSTORE" | b"ZUNIONSTORE" => Keys::Counted { count: 2, before: Some(1) },
        b"XREAD" | b"XREADGROUP" => Keys::Streams,
        _ => Keys::At(&[1]),
    }
}

fn find(keys: Keys, arguments: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let at = |place: usize| arguments.get(place).cloned();
    match keys {
        Keys::None => Vec::new(),
        Keys::At(places) => places.iter().filter_map(|place| at(*place)).collect(),
        Keys::From { first, step } => arguments.iter().skip(first).step_by(step).cloned().collect(),
        Keys::Counted { count, before } => {
            let text = arguments.get(count).and_then(|digits| std::str::from_utf8(digits).ok());
            let number: usize = text.and_then(|text| text.parse().ok()).unwrap_or(0);
            let listed = arguments.iter().skip(count + 1).take(number).cloned();
            before.and_then(at).into_iter().chain(listed).collect()
        }
        Keys::Streams => {
            let marker = arguments.iter().position(|one| one.eq_ignore_ascii_case(b"STREAMS"));
            let rest = marker.map_or(&[][..], |marker| &arguments[marker + 1..]);
            rest[..rest.len() / 2].to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<Vec<u8>> {
        let mut words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        words[0].make_ascii_uppercase();
        words
    }

    #[test]
    fn keys_are_found_where_each_command_has_them() {
        let cases = [
            ("get a", "a"),
            ("SET a value", "a"),
            ("PING", ""),
            ("MGET a b c", "a b c"),
            ("MSET a 1 b 2", "a b"),
            ("BITOP AND a b c", "a b c"),
            ("RENAME a b", "a b"),
            ("OBJECT ENCODING a", "a"),
            ("ZUNION 2 a b WEIGHTS 1 2", "a b"),
            ("ZUNIONSTORE d 2 a b", "d a b"),
            ("XREAD COUNT 5 STREAMS a b 0 0", "a b"),
            ("XREADGROUP GROUP g c STREAMS a >", "a"),
            ("CONFIG GET a", ""),
            ("SOMETHING.NEW a b", "a"),
        ];
        for (line, expected) in cases {
            let head = recognise(&arguments(line), true).expect("a command");
            let keys: Vec<String> = head.keys.iter().map(|k| String::from_utf8_lossy(k).into()).collect();
            assert_eq!(keys.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_matched_to_one_reply_passes_and_says_why() {
        let cases = [
            ("MULTI", Some(Passed::Transaction)),
            ("subscribe news", Some(Passed::Subscription)),
            ("PSUBSCRIBE n*", Some(Passed::Subscription)),
            ("MONITOR", Some(Passed::Monitor)),
            ("BLPOP a 0", Some(Passed::Blocking)),
            ("BRPOP a 0", Some(Passed::Blocking)),
            ("WAIT 1 0", Some(Passed::Blocking)),
            ("XREAD BLOCK 0 STREAMS a $", Some(Passed::Blocking)),
            ("XREAD STREAMS BLOCK 0", None),
            ("XREADGROUP GROUP BLOCK c STREAMS a >", Some(Passed::Blocking)),
            ("EVAL script 0", Some(Passed::Script)),
            ("FCALL f 0", Some(Passed::Script)),
            ("CLIENT REPLY OFF", Some(Passed::Silence)),
            ("CLIENT SETNAME REPLY", None),
            ("PSYNC ? -1", Some(Passed::Replication)),
            ("GET MULTI", None),
        ];
        for (line, expected) in cases {
            assert_eq!(recognise(&arguments(line), true).expect("a command").passes, expected, "{line}");
        }
    }

    #[test]
    fn a_command_is_recognised_as_soon_as_its_keys_are_there() {
        assert!(recognise(&arguments("SET a"), false).is_some(), "whatever the value is");
        assert!(recognise(&arguments("SET"), false).is_none());
        assert!(recognise(&arguments("MGET a b"), false).is_none());
        assert!(recognise(&arguments("EVAL"), false).is_some());
        assert!(recognise(&arguments("CLIENT"), false).is_none());
    }
}
