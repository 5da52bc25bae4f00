//! How much is done for a search, by how many wait.
//!
//! ```text
//!   waiting:   0 ────────── keyword_from ────────── cached_from ──────────>
//!              full                   keyword                 cached
//! ```
//!
//! The thresholds are looked at when a search begins; it keeps its tier to its end. There is no memory:
//! as soon as fewer wait, the next search gets more.

use prometheus_client::encoding::EncodeLabelSet;

use crate::profile::Tiers;

/// How much is done for a search, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Sources by embeddings, an answer generated from them.
    Full,
    /// Sources by keyword: no embeddings, fewer queries.
    Keyword,
    /// What a cache holds, or nothing.
    Cached,
}

/// Which tier an answer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TierLabel {
    /// `full`, `keyword` or `cached`.
    pub tier: &'static str,
}

impl Tier {
    /// The tier of a search that begins while so many wait.
    pub(super) fn of(waiting: usize, settings: &Tiers) -> Self {
        match waiting {
            n if n >= settings.cached_from => Self::Cached,
            n if n >= settings.keyword_from => Self::Keyword,
            _ => Self::Full,
        }
    }

    /// Its label.
    pub(super) fn label(self) -> TierLabel {
        let tier = match self {
            Self::Full => "full",
            Self::Keyword => "keyword",
            Self::Cached => "cached",
        };
        TierLabel { tier }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_wait_the_less_is_done() {
        let settings = Tiers { enabled: true, keyword_from: 20, cached_from: 40 };
        let tier = |waiting| Tier::of(waiting, &settings);
        assert_eq!((tier(0), tier(19)), (Tier::Full, Tier::Full));
        assert_eq!((tier(20), tier(39)), (Tier::Keyword, Tier::Keyword));
        assert_eq!((tier(40), tier(1000)), (Tier::Cached, Tier::Cached));
    }
}
