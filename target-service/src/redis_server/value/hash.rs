//! A hash: fields and their values.

use bytes::Bytes;
use indexmap::IndexMap;

use super::Tally;

/// Memory for a field beside its bytes.
const FIELD: usize = 48;

/// Fields and their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct Hash {
    pub(super) members: IndexMap<Bytes, Bytes>,
    pub(super) tally: Tally,
}

impl Hash {
    pub(in super::super) fn get(&self, field: &[u8]) -> Option<&Bytes> {
        self.members.get(field)
    }

    /// Whether the field is new.
    pub(in super::super) fn set(&mut self, field: Bytes, value: Bytes) -> bool {
        let (name, added) = (field.len(), value.len());
        let old = self.members.insert(field, value);
        match &old {
            Some(old) => self.tally.change(old.len(), added),
            None => self.tally.change(0, FIELD + name + added),
        }
        old.is_none()
    }

    /// Whether the field was there.
    pub(in super::super) fn remove(&mut self, field: &[u8]) -> bool {
        let old = self.members.swap_remove(field);
        if let Some(old) = &old {
            self.tally.change(FIELD + field.len() + old.len(), 0);
        }
        old.is_some()
    }

    pub(in super::super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Bytes, &Bytes)> {
        self.members.iter()
    }

    /// The field at a position, for scans.
    pub(in super::super) fn at(&self, position: usize) -> Option<(&Bytes, &Bytes)> {
        self.members.get_index(position)
    }
}
