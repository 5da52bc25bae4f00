//! A set of members.

use bytes::Bytes;
use indexmap::IndexSet;

use super::Tally;

/// Memory for a member beside its bytes.
const MEMBER: usize = 40;

/// Members, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct Set {
    pub(super) members: IndexSet<Bytes>,
    pub(super) tally: Tally,
}

impl Set {
    pub(in super::super) fn contains(&self, member: &[u8]) -> bool {
        self.members.contains(member)
    }

    /// Whether the member is new.
    pub(in super::super) fn add(&mut self, member: Bytes) -> bool {
        let bytes = MEMBER + member.len();
        let new = self.members.insert(member);
        if new {
            self.tally.change(0, bytes);
        }
        new
    }

    /// Whether the member was there.
    pub(in super::super) fn remove(&mut self, member: &[u8]) -> bool {
        let there = self.members.swap_remove(member);
        if there {
            self.tally.change(MEMBER + member.len(), 0);
        }
        there
    }

    /// Takes the member at a position.
    pub(in super::super) fn take_at(&mut self, position: usize) -> Option<Bytes> {
        let member = self.members.swap_remove_index(position)?;
        self.tally.change(MEMBER + member.len(), 0);
        Some(member)
    }

    pub(in super::super) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.members.iter()
    }

    /// The member at a position.
    pub(in super::super) fn at(&self, position: usize) -> Option<&Bytes> {
        self.members.get_index(position)
    }
}

impl FromIterator<Bytes> for Set {
    fn from_iter<I: IntoIterator<Item = Bytes>>(members: I) -> Self {
        let mut set = Self::default();
        for member in members {
            set.add(member);
        }
        set
    }
}
