//! Workers that stay from one load to the next.
//!
//! A search offers dozens of loads, and a pool of thousands of Goose users takes seconds to launch. So
//! the pool is launched once: its workers wait for a *shift*, work it to its end, and wait for the next.
//! A single run is a crew with one shift.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    floor::Floor,
    pool::{Pool, PoolError, Work},
};

/// The floor of the newest shift; none between two.
type Shift = Option<Arc<Floor>>;

/// Workers that stay from one load to the next.
#[derive(Debug)]
pub struct Crew {
    pool: Pool,
    shifts: watch::Sender<Shift>,
    workers: usize,
}

impl Crew {
    /// Starts so many workers, for a target at `base`.
    ///
    /// # Errors
    /// If Goose cannot launch them.
    pub async fn start(workers: usize, base: &str) -> Result<Self, PoolError> {
        let shifts = watch::Sender::new(None);
        let called = shifts.subscribe();
        let work: Work = Arc::new(move |number| Box::pin(live(number, called.clone())));
        let pool = Pool::start(workers, base, work).await?;
        Ok(Self { pool, shifts, workers })
    }

    /// How many there are.
    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// Calls as many workers as the floor wants; returns when all of them are there.
    pub(crate) async fn call(&self, floor: &Arc<Floor>) {
        self.shifts.send_replace(Some(Arc::clone(floor)));
        floor.roll.all_arrived().await;
    }

    /// Nobody holds the floor any more, so that what it kept in memory goes.
    pub(crate) fn release(&self) {
        self.shifts.send_replace(None);
    }

    /// Sends all home, and waits a little for them.
    pub(crate) async fn dismiss(self, limit: Duration) {
        drop(self.shifts);
        self.pool.end(limit).await;
    }
}

/// A worker's life: one shift after another, until the crew is dismissed.
async fn live(number: usize, mut shifts: watch::Receiver<Shift>) {
    while shifts.changed().await.is_ok() {
        let shift = shifts.borrow_and_update().clone();
        if let Some(floor) = shift {
            floor.work(number).await;
        }
    }
}
