//! How many extra attempts all users together may make: a share of their first ones.
//!
//! Requests that fail anyway are not made more than that: with a budget of 10 % a service that fails
//! altogether is asked 1.1 times as often, where three retries each would ask it four times as often.
//! It is counted over the whole run, so it has no time of its own that a speed would have to change.
//!
//! What it refuses is not tried again: the arrival ends as its last attempt did.

use std::sync::atomic::{AtomicU64, Ordering};

use loadlab_scenario::quantity::Share;

/// First and extra attempts so far.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    share: f64,
    first: AtomicU64,
    extra: AtomicU64,
}

impl RetryBudget {
    pub(crate) fn new(share: Share) -> Self {
        Self { share: share.get(), first: AtomicU64::new(0), extra: AtomicU64::new(0) }
    }

    /// Counts a first attempt.
    pub(crate) fn asked(&self) {
        self.first.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes an extra attempt, if there is one left.
    pub(crate) fn takes(&self) -> bool {
        let allowed = (self.first.load(Ordering::Relaxed) as f64 * self.share) as u64;
        let take = |extra| (extra < allowed).then_some(extra + 1);
        self.extra.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// In whatever order they come, extra attempts stay within their share of the first ones, and
        /// one that is within is not refused.
        #[test]
        fn extra_attempts_stay_within_their_share(
            share in 0.0_f64..=1.0,
            firsts in prop::collection::vec(any::<bool>(), 0..300),
        ) {
            let budget = RetryBudget::new(Share::try_new(share).expect("a share"));
            let (mut first, mut extra) = (0_u64, 0_u64);
            for is_first in firsts {
                if is_first {
                    budget.asked();
                    first += 1;
                } else {
                    let within = (extra + 1) as f64 <= (first as f64 * share).floor();
                    prop_assert_eq!(budget.takes(), within);
                    extra += u64::from(within);
                }
            }
            prop_assert!(extra as f64 <= first as f64 * share);
        }
    }
}
