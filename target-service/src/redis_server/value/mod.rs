//! What a key holds, and how much memory that is reckoned to take.
//!
//! The memory is an estimate: the bytes of keys, members and values, plus a fixed cost for each that
//! is about what Redis 7 takes on a 64-bit machine for values that are not tiny. An empty store counts
//! 0, where Redis itself counts about a megabyte, and buffers of clients are not counted. Limits
//! should be chosen in multiples of the data, not to the byte.

mod hash;
mod list;
mod set;
mod sorted_set;

use bytes::Bytes;

pub(super) use self::{
    hash::Hash,
    list::{End, List},
    set::Set,
    sorted_set::SortedSet,
};

/// A value of one of Redis's types.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `string`
    Text(Bytes),
    /// `hash`
    Hash(Hash),
    /// `list`
    List(List),
    /// `set`
    Set(Set),
    /// `zset`
    SortedSet(SortedSet),
}

/// A value's own type.
pub(super) trait Kind: Sized {
    /// The value, if it is of this type.
    fn of(value: &Value) -> Option<&Self>;
}

/// A type that holds members. A key whose collection is empty does not exist.
pub(super) trait Collection: Kind + Default + Into<Value> {
    /// The value, if it is of this type, to change it.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// What it takes and how often it was changed.
    fn tally(&self) -> Tally;
    /// Members.
    fn len(&self) -> usize;
}

/// What a collection takes, kept up with every change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Estimated memory.
    pub(super) bytes: usize,
    /// Changes so far.
    pub(super) revision: u64,
}

/// Two collections of the same members are the same, whatever was done to make them.
impl PartialEq for Tally {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Tally {
    fn change(&mut self, removed: usize, added: usize) {
        self.bytes = self.bytes + added - removed;
        self.revision += 1;
    }
}

impl Value {
    /// Its type as `TYPE` names it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Hash(_) => "hash",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
        }
    }

    /// Its encoding as `OBJECT ENCODING` names it: what Redis would use for a value of this size.
    pub(super) fn encoding(&self) -> &'static str {
        /// Bytes up to which Redis keeps a string beside its header.
        const EMBEDDED_MAX: usize = 44;
        /// Members up to which it keeps a collection in one piece.
        const PACKED_MAX: usize = 128;
        match self {
            Self::Text(text) if super::number::integer(text).is_some() => "int",
            Self::Text(text) if text.len() <= EMBEDDED_MAX => "embstr",
            Self::Text(_) => "raw",
            Self::Hash(hash) if hash.len() <= PACKED_MAX => "listpack",
            Self::SortedSet(set) if set.len() <= PACKED_MAX => "listpack",
            Self::List(list) if list.len() <= PACKED_MAX => "listpack",
            Self::List(_) => "quicklist",
            Self::SortedSet(_) => "skiplist",
            Self::Set(_) | Self::Hash(_) => "hashtable",
        }
    }

    /// Estimated memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Hash(hash) => hash.tally().bytes,
            Self::List(list) => list.tally().bytes,
            Self::Set(set) => set.tally().bytes,
            Self::SortedSet(set) => set.tally().bytes,
        }
    }
}

impl Kind for Bytes {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

macro_rules! collection {
    ($type:ident) => {
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$type(value)
            }
        }

        impl Kind for $type {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$type(value) = value { Some(value) } else { None }
            }
        }

        impl Collection for $type {
            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$type(value) = value { Some(value) } else { None }
            }

            fn tally(&self) -> Tally {
                self.tally
            }

            fn len(&self) -> usize {
                self.members.len()
            }
        }
    };
}

collection!(Hash);
collection!(List);
collection!(Set);
collection!(SortedSet);

/// The next part of a scan: positions to look at, and the cursor for the part after it.
///
/// Positions are walked from the last to the first. Removing a member moves the last one into its
/// place, which is then either seen already or still to come; a new one goes to the end. So whatever
/// is there during the whole scan is seen at least once, and the cursor is just a position.
pub(super) fn scan_part(len: usize, cursor: u64, count: usize) -> (std::ops::Range<usize>, u64) {
    let end = if cursor == 0 { len } else { usize::try_from(cursor).unwrap_or(len).min(len) };
    let start = end.saturating_sub(count);
    (start..end, start as u64)
}
