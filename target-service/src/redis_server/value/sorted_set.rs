//! A sorted set: members by score, equal scores by member.

use std::{cmp::Ordering, collections::BTreeSet};

use bytes::Bytes;
use indexmap::IndexMap;

use super::Tally;

/// Memory for a member beside its bytes.
const MEMBER: usize = 96;

/// Members and their scores. A rank is found by counting, so it takes time with the rank.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct SortedSet {
    pub(super) members: IndexMap<Bytes, f64>,
    order: BTreeSet<(Score, Bytes)>,
    pub(super) tally: Tally,
}

/// A score, which is never NaN; -0 is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score(f64);

impl Score {
    fn of(score: f64) -> Self {
        Self(score + 0.0)
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl SortedSet {
    pub(in super::super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.members.get(member).copied()
    }

    /// Gives a member a score, which must not be NaN. The old score, if there was one.
    pub(in super::super) fn set(&mut self, member: Bytes, score: f64) -> Option<f64> {
        let score = Score::of(score);
        let bytes = MEMBER + member.len();
        match self.members.insert(member.clone(), score.0) {
            None => {
                self.tally.change(0, bytes);
                self.order.insert((score, member));
                None
            }
            Some(old) if Score(old) == score => Some(old),
            Some(old) => {
                self.tally.change(bytes, bytes);
                let place = (Score(old), member);
                self.order.remove(&place);
                self.order.insert((score, place.1));
                Some(old)
            }
        }
    }

    /// Whether the member was there.
    pub(in super::super) fn remove(&mut self, member: &Bytes) -> bool {
        let Some(score) = self.members.swap_remove(member) else { return false };
        self.tally.change(MEMBER + member.len(), 0);
        self.order.remove(&(Score(score), member.clone()));
        true
    }

    /// Members and scores from the lowest to the highest.
    pub(in super::super) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&Bytes, f64)> + ExactSizeIterator {
        self.order.iter().map(|(score, member)| (member, score.0))
    }

    /// How many members come before one.
    pub(in super::super) fn rank(&self, member: &Bytes) -> Option<usize> {
        let score = self.score(member)?;
        Some(self.order.range(..(Score(score), member.clone())).count())
    }

    /// Members with a score of at least `min`, from the lowest to the highest.
    pub(in super::super) fn at_least(&self, min: f64) -> impl DoubleEndedIterator<Item = (&Bytes, f64)> {
        self.order.range((Score::of(min), Bytes::new())..).map(|(score, member)| (member, score.0))
    }

    /// The member at a position, in no order, for scans.
    pub(in super::super) fn at(&self, position: usize) -> Option<(&Bytes, f64)> {
        self.members.get_index(position).map(|(member, score)| (member, *score))
    }
}
