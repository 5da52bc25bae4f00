//! One database: keys, when they expire, who watches them, and what they take.
//!
//! An expired key is removed when it is next looked at, or by the sweep, whichever comes first.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use indexmap::{IndexMap, IndexSet};

use super::{
    super::{
        commands::CommandError,
        value::{Collection, Kind, Value},
    },
    Now,
};

/// Memory for a key beside its own bytes and its value's.
const KEY: usize = 64;
/// Memory for a key's time to live.
const DEADLINE: usize = 32;

/// Set when a watched key changes: the transaction of its watcher will not run.
pub(in super::super) type Watched = Arc<AtomicBool>;

/// What a key stands for.
#[derive(Debug)]
pub(in super::super) struct Entry {
    pub(in super::super) value: Value,
    /// When it expires, in milliseconds since 1970.
    pub(in super::super) expires_ms: Option<i64>,
    /// When it was last used, in nanoseconds since the store was made.
    pub(in super::super) used_ns: u64,
}

/// Keys and values.
#[derive(Debug, Default)]
pub(in super::super) struct Database {
    entries: IndexMap<Bytes, Entry>,
    /// The keys with a time to live.
    volatile: IndexSet<Bytes>,
    watchers: HashMap<Bytes, Vec<Watched>>,
    memory: usize,
    /// Where the sweep goes on.
    sweep_at: usize,
    pub(super) now: Now,
    pub(super) expired: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
}

impl Entry {
    fn bytes(&self, key: &[u8]) -> usize {
        KEY + key.len() + self.value.bytes() + if self.expires_ms.is_some() { DEADLINE } else { 0 }
    }
}

/// Looking.
impl Database {
    /// The key's entry, without counting as a use of it.
    pub(in super::super) fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        let index = self.live(key)?;
        self.entries.get_index(index).map(|(_, entry)| entry)
    }

    /// The key's value, if there is one, which must be of the type that is asked for.
    pub(in super::super) fn read<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&K>, CommandError> {
        let Some(index) = self.live(key) else {
            self.misses += 1;
            return Ok(None);
        };
        self.hits += 1;
        let entry = &mut self.entries[index];
        entry.used_ns = self.now.since_start_ns;
        K::of(&entry.value).map(Some).ok_or(CommandError::WrongType)
    }

    /// Marks a key as used; false when there is none.
    pub(in super::super) fn touch(&mut self, key: &[u8]) -> bool {
        let Some(index) = self.live(key) else { return false };
        self.entries[index].used_ns = self.now.since_start_ns;
        true
    }

    /// Keys, with those that have expired and were not yet removed.
    pub(in super::super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keys with a time to live.
    pub(in super::super) fn volatile_len(&self) -> usize {
        self.volatile.len()
    }

    /// Estimated memory, in bytes.
    pub(in super::super) fn memory(&self) -> usize {
        self.memory
    }

    /// What a key and its value take, in bytes.
    pub(in super::super) fn memory_of(&mut self, key: &[u8]) -> Option<usize> {
        self.peek(key).map(|entry| entry.bytes(key))
    }

    /// The keys at these positions that have not expired, with their values.
    pub(in super::super) fn keys(&self, positions: Range<usize>) -> impl Iterator<Item = (&Bytes, &Value)> {
        let now = self.now.unix_ms;
        positions
            .filter_map(|position| self.entries.get_index(position))
            .filter(move |(_, entry)| !is_over(entry, now))
            .map(|(key, entry)| (key, &entry.value))
    }

    /// Keys that may be evicted.
    pub(super) fn candidates(&self, volatile: bool) -> usize {
        if volatile { self.volatile.len() } else { self.entries.len() }
    }

    /// One of them, and when it was last used.
    pub(super) fn candidate(&self, volatile: bool, position: usize) -> Option<(&Bytes, u64)> {
        let (key, entry) = if volatile {
            self.entries.get_key_value(self.volatile.get_index(position)?)
        } else {
            self.entries.get_index(position)
        }?;
        Some((key, entry.used_ns))
    }

    /// The position of a key that is there and has not expired.
    fn live(&mut self, key: &[u8]) -> Option<usize> {
        let (index, _, entry) = self.entries.get_full(key)?;
        if !is_over(entry, self.now.unix_ms) {
            return Some(index);
        }
        self.remove_at(index);
        self.expired += 1;
        None
    }
}

/// Changing.
impl Database {
    /// Gives a key a value, whatever it had before.
    pub(in super::super) fn set(&mut self, key: Bytes, value: Value, expires_ms: Option<i64>) {
        // Gone first if it has expired, so that this is counted.
        self.live(&key);
        self.signal(&key);
        let entry = Entry { value, expires_ms, used_ns: self.now.since_start_ns };
        self.memory += entry.bytes(&key);
        if expires_ms.is_some() {
            self.volatile.insert(key.clone());
        } else {
            self.volatile.swap_remove(&key);
        }
        match self.entries.entry(key) {
            indexmap::map::Entry::Occupied(mut place) => {
                let old = place.insert(entry);
                self.memory -= old.bytes(place.key());
            }
            indexmap::map::Entry::Vacant(place) => {
                place.insert(entry);
            }
        }
    }

    /// Takes a key away.
    pub(in super::super) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let index = self.live(key)?;
        self.remove_at(index).map(|(_, entry)| entry)
    }

    /// Sets or removes a key's time to live; false when there is no such key. A deadline that has
    /// passed removes it.
    pub(in super::super) fn set_expiry(&mut self, key: &[u8], expires_ms: Option<i64>) -> bool {
        let Some(index) = self.live(key) else { return false };
        let Some((key, entry)) = self.entries.get_index_mut(index) else { return false };
        let (key, before) = (key.clone(), entry.bytes(key));
        entry.expires_ms = expires_ms;
        self.memory = self.memory + entry.bytes(&key) - before;
        self.signal(&key);
        if expires_ms.is_none() {
            self.volatile.swap_remove(&key);
        } else {
            self.volatile.insert(key);
        }
        if expires_ms.is_some_and(|deadline| deadline <= self.now.unix_ms) {
            self.remove_at(index);
        }
        true
    }

    /// Changes a collection, if it is there.
    pub(in super::super) fn change<C: Collection, T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut C) -> Result<T, CommandError>,
    ) -> Result<Option<T>, CommandError> {
        match self.live(key) {
            Some(index) => self.change_at(index, change).map(Some),
            None => Ok(None),
        }
    }

    /// Changes a collection, an empty one if there is none.
    pub(in super::super) fn change_or_new<C: Collection, T>(
        &mut self,
        key: &Bytes,
        change: impl FnOnce(&mut C) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let index = if let Some(index) = self.live(key) {
            index
        } else {
            let entry = Entry { value: C::default().into(), expires_ms: None, used_ns: 0 };
            self.memory += entry.bytes(key);
            self.entries.insert_full(key.clone(), entry).0
        };
        self.change_at(index, change)
    }

    fn change_at<C: Collection, T>(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut C) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let Some((key, entry)) = self.entries.get_index_mut(index) else {
            return Err(CommandError::NoSuchKey);
        };
        entry.used_ns = self.now.since_start_ns;
        let collection = C::of_mut(&mut entry.value).ok_or(CommandError::WrongType)?;
        let before = collection.tally();
        let result = change(collection);
        let (after, is_empty) = (collection.tally(), collection.len() == 0);
        let key = key.clone();
        self.memory = self.memory + after.bytes - before.bytes;
        if after.revision != before.revision {
            self.signal(&key);
        }
        if is_empty {
            self.discard_at(index);
        }
        result
    }

    /// Removes everything.
    pub(in super::super) fn clear(&mut self) {
        for key in std::mem::take(&mut self.entries).keys() {
            self.signal(key);
        }
        self.volatile = IndexSet::new();
        self.memory = 0;
        self.sweep_at = 0;
    }

    /// Looks at up to `limit` keys that have a time to live, going on where it stopped the last time.
    /// How many it looked at, and how many it removed.
    pub(super) fn sweep(&mut self, limit: usize) -> (usize, usize) {
        let looks = limit.min(self.volatile.len());
        let mut removed = 0;
        for _ in 0..looks {
            if self.sweep_at >= self.volatile.len() {
                self.sweep_at = 0;
            }
            let Some(key) = self.volatile.get_index(self.sweep_at).cloned() else { break };
            if self.live(&key).is_none() {
                // Another one has taken its place: the next look is at the same position.
                removed += 1;
            } else {
                self.sweep_at += 1;
            }
        }
        (looks, removed)
    }

    fn remove_at(&mut self, index: usize) -> Option<(Bytes, Entry)> {
        let (key, entry) = self.discard_at(index)?;
        self.signal(&key);
        Some((key, entry))
    }

    /// Takes an entry away without telling its watchers.
    fn discard_at(&mut self, index: usize) -> Option<(Bytes, Entry)> {
        let (key, entry) = self.entries.swap_remove_index(index)?;
        self.memory -= entry.bytes(&key);
        if entry.expires_ms.is_some() {
            self.volatile.swap_remove(&key);
        }
        Some((key, entry))
    }
}

/// Watching.
impl Database {
    /// Sets `flag` when the key changes, is removed or expires.
    pub(in super::super) fn watch(&mut self, key: &Bytes, flag: &Watched) {
        self.live(key);
        self.watchers.entry(key.clone()).or_default().push(Arc::clone(flag));
    }

    /// No longer sets it.
    pub(in super::super) fn unwatch(&mut self, key: &[u8], flag: &Watched) {
        if let Some(flags) = self.watchers.get_mut(key) {
            flags.retain(|watching| !Arc::ptr_eq(watching, flag));
            if flags.is_empty() {
                self.watchers.remove(key);
            }
        }
    }

    fn signal(&mut self, key: &[u8]) {
        if self.watchers.is_empty() {
            return;
        }
        for flag in self.watchers.get(key).into_iter().flatten() {
            flag.store(true, Ordering::Relaxed);
        }
    }
}

fn is_over(entry: &Entry, now_ms: i64) -> bool {
    entry.expires_ms.is_some_and(|deadline| deadline <= now_ms)
}

#[cfg(test)]
impl Database {
    /// What [`Database::memory`] should be, counted from scratch.
    pub(in super::super) fn memory_recounted(&self) -> usize {
        self.entries.iter().map(|(key, entry)| entry.bytes(key)).sum()
    }

    /// Whether the keys with a time to live are those that are kept as such.
    pub(in super::super) fn volatile_is_right(&self) -> bool {
        let volatile = self.entries.iter().filter(|(_, entry)| entry.expires_ms.is_some());
        volatile.clone().count() == self.volatile.len()
            && volatile.into_iter().all(|(key, _)| self.volatile.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_ms: i64) -> Database {
        Database { now: Now { unix_ms, since_start_ns: 0 }, ..Database::default() }
    }

    fn text(text: &'static str) -> Value {
        Value::Text(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_key_is_there_until_its_deadline_and_not_at_it() {
        let mut database = at(1_000);
        database.set(Bytes::from_static(b"k"), text("v"), Some(2_000));
        database.now.unix_ms = 1_999;
        assert!(database.peek(b"k").is_some());
        database.now.unix_ms = 2_000;
        assert!(database.peek(b"k").is_none());
        assert_eq!((database.expired, database.len(), database.memory()), (1, 0, 0));
    }

    #[test]
    fn the_sweep_removes_all_that_has_expired_and_nothing_else() {
        let mut database = at(0);
        for key in 0..1_000_i64 {
            // Every third has expired at 10 ms, every third never does.
            let expires = [Some(10), Some(1_000), None][key as usize % 3];
            database.set(Bytes::from(key.to_string()), text("v"), expires);
        }
        database.now.unix_ms = 10;
        let mut rounds = 0;
        while database.expired < 334 {
            let (looked, _) = database.sweep(50);
            assert_eq!(looked, 50);
            rounds += 1;
            assert!(rounds < 100, "{} are still there", 334 - database.expired);
        }
        assert_eq!((database.len(), database.volatile_len()), (666, 333));
        assert_eq!(database.memory(), database.memory_recounted());
    }
}
