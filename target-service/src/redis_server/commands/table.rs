//! The table of commands.

use std::{collections::HashMap, sync::OnceLock};

use super::{
    Call, Outcome, clients, connection, counters, expiry, hashes, introspection, keys, lists, pubsub, scan,
    server, sets, sorted_set_ranges, sorted_sets, strings, transactions,
};

/// Changes keys, so it makes room first.
pub(super) const WRITES: u8 = 1;
/// May add data, so it is refused when there is no room.
pub(super) const ADDS: u8 = 2 | WRITES;
/// Allowed to a RESP2 connection that listens to channels.
pub(super) const SUBSCRIBER: u8 = 4;
/// Runs at once in a transaction instead of being queued.
pub(super) const ALWAYS: u8 = 8;
/// Only reads keys.
pub(super) const READS: u8 = 16;
/// Neither reads nor writes keys.
pub(super) const PLAIN: u8 = 0;

/// Longest name of a command.
const NAME_MAX: usize = 20;

/// A command.
#[derive(Debug)]
pub(in super::super) struct Spec {
    /// Its name, in small letters.
    pub(in super::super) name: &'static str,
    /// Its family.
    pub(super) group: &'static str,
    /// Arguments with the name; negative: at least so many.
    arity: i32,
    flags: u8,
    /// Where its keys are: the first, the last (negative: from the end), every how many.
    pub(super) keys: (i64, i64, i64),
    pub(super) run: fn(&mut Call<'_>) -> Outcome,
}

/// A row of the table.
pub(super) const fn row(
    name: &'static str,
    group: &'static str,
    arity: i32,
    flags: u8,
    keys: (i64, i64, i64),
    run: fn(&mut Call<'_>) -> Outcome,
) -> Spec {
    Spec { name, group, arity, flags, keys, run }
}

/// No keys.
pub(super) const NONE: (i64, i64, i64) = (0, 0, 0);
/// The first argument is the key.
pub(super) const FIRST: (i64, i64, i64) = (1, 1, 1);
/// All arguments are keys.
pub(super) const ALL: (i64, i64, i64) = (1, -1, 1);
/// The first two arguments are keys.
pub(super) const TWO: (i64, i64, i64) = (1, 2, 1);

const FAMILIES: [&[Spec]; 17] = [
    strings::COMMANDS,
    counters::COMMANDS,
    keys::COMMANDS,
    scan::COMMANDS,
    expiry::COMMANDS,
    hashes::COMMANDS,
    lists::COMMANDS,
    sets::COMMANDS,
    sorted_sets::COMMANDS,
    sorted_set_ranges::COMMANDS,
    transactions::COMMANDS,
    pubsub::COMMANDS,
    connection::COMMANDS,
    clients::COMMANDS,
    server::COMMANDS,
    introspection::COMMANDS,
    super::info::COMMANDS,
];

impl Spec {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    /// Whether it takes so many arguments, its name included.
    pub(super) fn takes(&self, arguments: usize) -> bool {
        let least = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { arguments >= least } else { arguments == least }
    }

    pub(super) fn arity(&self) -> i64 {
        i64::from(self.arity)
    }

    /// Its flags as `COMMAND` names them.
    pub(super) fn flag_names(&self) -> impl Iterator<Item = &'static str> {
        let names = [(WRITES, "write"), (READS, "readonly"), (ADDS, "denyoom"), (SUBSCRIBER, "pubsub")];
        names.into_iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// Every command.
pub(super) fn all() -> impl Iterator<Item = &'static Spec> {
    static TABLE: [&[Spec]; 17] = FAMILIES;
    TABLE.iter().copied().flatten()
}

/// The command of a name, in letters of either case.
pub(super) fn find(name: &[u8]) -> Option<&'static Spec> {
    static BY_NAME: OnceLock<HashMap<&'static [u8], &'static Spec>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| all().map(|spec| (spec.name.as_bytes(), spec)).collect());
    let mut lower = [0; NAME_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    by_name.get(&*lower).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_either_case_and_none_is_there_twice() {
        for spec in all() {
            assert!(spec.name.len() <= NAME_MAX, "{}", spec.name);
            let upper = spec.name.to_uppercase();
            assert!(std::ptr::eq(find(upper.as_bytes()).expect("it is there"), spec), "{}", spec.name);
        }
        assert!(find(b"evalsha").is_none());
        assert!(find(&[b'x'; 1000]).is_none());
    }
}
