//! A list of elements.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

use super::Tally;

/// Memory for an element beside its bytes.
const ELEMENT: usize = 24;

/// Elements in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct List {
    pub(super) members: VecDeque<Bytes>,
    pub(super) tally: Tally,
}

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum End {
    /// The first element's.
    Left,
    /// The last element's.
    Right,
}

impl List {
    pub(in super::super) fn push(&mut self, end: End, element: Bytes) {
        self.tally.change(0, ELEMENT + element.len());
        match end {
            End::Left => self.members.push_front(element),
            End::Right => self.members.push_back(element),
        }
    }

    pub(in super::super) fn pop(&mut self, end: End) -> Option<Bytes> {
        let element = match end {
            End::Left => self.members.pop_front(),
            End::Right => self.members.pop_back(),
        }?;
        self.tally.change(ELEMENT + element.len(), 0);
        Some(element)
    }

    pub(in super::super) fn get(&self, position: usize) -> Option<&Bytes> {
        self.members.get(position)
    }

    /// Replaces an element; false when there is none at the position.
    pub(in super::super) fn set(&mut self, position: usize, element: Bytes) -> bool {
        let Some(place) = self.members.get_mut(position) else { return false };
        self.tally.change(place.len(), element.len());
        *place = element;
        true
    }

    /// Puts an element before the one at `position`.
    pub(in super::super) fn insert(&mut self, position: usize, element: Bytes) {
        self.tally.change(0, ELEMENT + element.len());
        self.members.insert(position.min(self.members.len()), element);
    }

    pub(in super::super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Bytes> + ExactSizeIterator {
        self.members.iter()
    }

    pub(in super::super) fn range(&self, range: Range<usize>) -> impl Iterator<Item = &Bytes> {
        self.members.range(range)
    }

    /// Leaves only the elements at these positions.
    pub(in super::super) fn keep(&mut self, range: &Range<usize>) {
        while self.members.len() > range.end {
            self.pop(End::Right);
        }
        for _ in 0..range.start {
            self.pop(End::Left);
        }
    }

    /// Removes at most `limit` elements that are `element`, beginning at an end. How many it were.
    pub(in super::super) fn remove(&mut self, element: &[u8], from: End, limit: usize) -> usize {
        let matching = |(position, found): (usize, &Bytes)| (found == element).then_some(position);
        let mut positions: Vec<usize> = match from {
            End::Left => self.members.iter().enumerate().filter_map(matching).take(limit).collect(),
            End::Right => self.members.iter().enumerate().rev().filter_map(matching).take(limit).collect(),
        };
        positions.sort_unstable();
        let (mut position, mut next) = (0, positions.iter().peekable());
        self.members.retain(|_| {
            let goes = next.next_if(|goes| **goes == position).is_some();
            position += 1;
            !goes
        });
        for _ in &positions {
            self.tally.change(ELEMENT + element.len(), 0);
        }
        positions.len()
    }
}
