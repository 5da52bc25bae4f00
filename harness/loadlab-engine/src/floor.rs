//! Where the workers of one load work, and who of them is there.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use futures::FutureExt as _;
use loadlab_scenario::{
    Plan,
    plan::{Load, Think, UserStage},
};
use tokio::sync::{Notify, watch};

use crate::{
    arrival::{self, Job},
    closed_load,
    desk::Desk,
    engine::Engine,
    halt::Halt,
    recorder::micros_between,
    step::User,
};

/// What the workers of one load need.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) engine: Arc<Engine>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) halt: Arc<Halt>,
    /// Becomes true when the clock is there.
    pub(crate) go: watch::Sender<bool>,
    pub(crate) roll: Roll,
}

/// Who has come, and who has left.
#[derive(Debug)]
pub(crate) struct Roll {
    wanted: usize,
    arrived: AtomicUsize,
    left: AtomicUsize,
    changed: Notify,
}

impl Roll {
    /// Of so many workers.
    pub(crate) fn new(wanted: usize) -> Self {
        Self { wanted, arrived: AtomicUsize::new(0), left: AtomicUsize::new(0), changed: Notify::new() }
    }

    /// How many have not left.
    pub(crate) fn present(&self) -> usize {
        self.wanted - self.left.load(SeqCst).min(self.wanted)
    }

    /// Returns when every worker is there.
    pub(crate) async fn all_arrived(&self) {
        self.until(&self.arrived).await;
    }

    /// Returns when every worker is done.
    pub(crate) async fn all_left(&self) {
        self.until(&self.left).await;
    }

    async fn until(&self, count: &AtomicUsize) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if count.load(SeqCst) >= self.wanted {
                return;
            }
            changed.await;
        }
    }

    fn count(&self, one: &AtomicUsize) {
        if one.fetch_add(1, SeqCst) + 1 == self.wanted {
            self.changed.notify_waiters();
        }
    }
}

impl Floor {
    /// A worker's shift. Who is not needed goes at once.
    pub(crate) async fn work(&self, number: usize) {
        if number >= self.roll.wanted {
            return;
        }
        self.roll.count(&self.roll.arrived);
        let mut go = self.go.subscribe();
        let life = async {
            // The sender is part of the floor, which is there as long as its workers.
            let _ = go.wait_for(|go| *go).await;
            match &self.plan.load {
                Load::Users { stages, think } => self.live(number, stages, think).await,
                Load::Burst { .. } | Load::Arrivals { .. } => self.serve(number).await,
            }
        };
        // What a panic leaves behind goes with this load; the worker is there for the next one.
        let ended = AssertUnwindSafe(self.halt.guard(life)).catch_unwind().await;
        if ended.is_err() {
            log::error!("worker {number} panicked; what it had under way counts as in flight");
        }
        self.roll.count(&self.roll.left);
    }

    async fn live(&self, number: usize, stages: &[UserStage], think: &Think) {
        let index = u32::try_from(number).unwrap_or(u32::MAX);
        closed_load::live(&self.engine, index, stages, think).await;
    }

    /// Takes arrivals until there are no more.
    async fn serve(&self, number: usize) {
        let mut user = User::new(&self.engine);
        let origin = self.engine.clock().origin();
        while let Some(due) = self.desk.next(number).await {
            let job = Job { seq: due.seq, iteration: None, due_us: micros_between(origin, due.at) };
            arrival::perform(&self.engine, &mut user, job).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_roll_is_complete_when_the_last_one_came_and_when_the_last_one_left() {
        let roll = Arc::new(Roll::new(2));
        let waiting = tokio::spawn({
            let roll = Arc::clone(&roll);
            async move { roll.all_arrived().await }
        });
        roll.count(&roll.arrived);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        roll.count(&roll.arrived);
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("in time").expect("no panic");
        assert_eq!(roll.present(), 2);
        roll.count(&roll.left);
        assert_eq!(roll.present(), 1);
    }
}
