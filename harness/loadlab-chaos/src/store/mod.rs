//! Faults on a store that speaks Redis's protocol, over connections of their own.
//!
//! ```text
//!   StorePlace ──begin──> StoreGuard ──heal──> what it touched
//!                 │            └ hot key, fill: a task that goes on until then
//!                 └ flush, expire: done at once
//! ```
//!
//! Nothing of it goes over the edges, so a fault at an edge does not hinder one at its store. What a
//! fault adds has a time to live, so that it ends even if nobody removes it.

mod fill;
mod hot_key;
mod keys;
mod resp;
#[cfg(test)]
mod tests;

use std::time::Duration;

use loadlab_clock::{Seed, Speed};
use loadlab_record::Touched;
use loadlab_scenario::fault::StoreChange;

use self::{fill::Fill, hot_key::HotKey, resp::Connection};
use crate::control::CallError;

/// A store, and what a fault on it depends on.
#[derive(Debug, Clone)]
pub(crate) struct StorePlace {
    /// `host:port`, or `redis://user:password@host:port/database`.
    pub(crate) address: String,
    /// The fault's own, by which its keys are named.
    pub(crate) name: String,
    /// Where choices among keys come from.
    pub(crate) seed: Seed,
    /// Rates are of scenario time.
    pub(crate) speed: Speed,
}

/// A fault on a store that is on.
#[derive(Debug)]
pub(crate) enum StoreGuard {
    /// It was done at its beginning.
    Done(Touched),
    HotKey(HotKey),
    Fill(Fill),
}

impl StoreGuard {
    /// Begins it; `longest` is how long what it adds may stay if nobody removes it (scenario time).
    pub(crate) async fn begin(
        place: StorePlace,
        what: &StoreChange,
        longest: Duration,
    ) -> Result<Self, CallError> {
        let mut connection = Connection::open(&place.address).await?;
        match what {
            StoreChange::Flush => keys::flush(&mut connection).await.map(Self::Done),
            StoreChange::ExpireShare { share, pattern } => {
                let pattern = pattern.as_deref().unwrap_or("*");
                keys::expire(&mut connection, *share, pattern, place.seed).await.map(Self::Done)
            }
            StoreChange::HotKey { key, rate } => {
                let rate = place.speed.real_rate(rate.per_second());
                Ok(Self::HotKey(HotKey::start(connection, key.clone(), rate)))
            }
            StoreChange::Fill { bytes } => {
                let longest = place.speed.real(longest);
                Ok(Self::Fill(Fill::start(connection, place, *bytes, longest)))
            }
            StoreChange::ReadOnly => {
                let reason = "a store is made read-only by its settings".to_owned();
                Err(CallError::Failed { reason })
            }
        }
    }

    /// Heals it, and says what it touched.
    pub(crate) async fn heal(self, note: &(dyn Fn(String) + Sync)) -> Result<Touched, CallError> {
        match self {
            Self::Done(touched) => Ok(touched),
            Self::HotKey(hot) => hot.heal(note).await,
            Self::Fill(fill) => fill.heal(note).await,
        }
    }
}
