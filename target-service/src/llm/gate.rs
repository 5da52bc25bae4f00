//! What stands before an operation: its rate limit, its queue, its slots, its pace.
//!
//! The queue is first come, first served. A caller who leaves while it waits takes no slot and no
//! turn, so the next one moves up.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use loadlab_clock::{Sleeper, Speed};
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use super::{Operation, metrics::Metrics, rate_limit::Bucket};
use crate::profile::{LlmCount, LlmOperation};

/// The way into one operation.
#[derive(Debug)]
pub(super) struct Gate {
    operation: Operation,
    speed: Speed,
    metrics: Metrics,
    calls: AtomicU64,
    bucket: Mutex<Bucket>,
    slots: Arc<Slots>,
    /// When the next input may start. Held by the caller whose turn is next; tokio's mutex is fair.
    next_start: tokio::sync::Mutex<Option<Instant>>,
}

/// Why a call was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many calls a second; come back after this much scenario time.
    RateLimited(Duration),
    /// The queue is full.
    QueueFull,
}

/// Calls worked on, and those that wait for a slot.
#[derive(Debug)]
struct Slots {
    state: Mutex<SlotState>,
    in_flight: Gauge,
}

#[derive(Debug, Default)]
struct SlotState {
    busy: usize,
    /// The limit as the last call found it.
    limit: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// A call that is worked on; dropping it lets the next one in.
#[derive(Debug)]
pub(super) struct Slot(Arc<Slots>);

/// One more in the queue until it is dropped.
struct Waiting(Gauge);

impl Waiting {
    fn new(depth: &Gauge) -> Self {
        depth.inc();
        Self(depth.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Gate {
    pub(super) fn new(operation: Operation, speed: Speed, metrics: Metrics) -> Self {
        let in_flight = metrics.in_flight(operation);
        Self {
            operation,
            speed,
            metrics,
            calls: AtomicU64::new(0),
            bucket: Mutex::default(),
            slots: Arc::new(Slots { state: Mutex::default(), in_flight }),
            next_start: tokio::sync::Mutex::default(),
        }
    }

    /// The number of a call, from 0: what its random draws hang on.
    pub(super) fn number(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until the work on `inputs` inputs may start.
    pub(super) async fn enter(&self, settings: &LlmOperation, inputs: usize) -> Result<Slot, Refusal> {
        let arrived = Instant::now();
        if let Some(limit) = &settings.rate_limit {
            let taken = self.bucket.lock().take(limit, self.speed, arrived);
            taken.map_err(Refusal::RateLimited)?;
        }
        if settings.queue.is_some_and(|max| self.slots.waiting() >= max && self.slots.is_full(settings)) {
            return Err(Refusal::QueueFull);
        }
        let waiting = Waiting::new(&self.metrics.queue_depth);
        let slot = self.slots.take(settings.concurrent.unwrap_or(usize::MAX)).await;
        if let Some(per_second) = settings.per_second {
            let turns = match settings.counts {
                LlmCount::Inputs => inputs,
                LlmCount::Calls => 1,
            };
            self.pace(turns as f64 / per_second).await;
        }
        drop(waiting);
        let waited = self.speed.scenario(arrived.elapsed());
        self.metrics.waited(self.operation, waited.as_secs_f64());
        Ok(slot)
    }

    /// Waits for its turn and keeps the next one away for `seconds` of scenario time. Turns are
    /// deadlines, so a caller that wakes late does not slow down those behind it.
    async fn pace(&self, seconds: f64) {
        let mut next_start = self.next_start.lock().await;
        let now = Instant::now();
        let start = next_start.map_or(now, |next| next.max(now));
        Sleeper::shared().until(start).await;
        let interval = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        *next_start = start.checked_add(self.speed.real(interval));
    }
}

impl Slots {
    fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    fn is_full(&self, settings: &LlmOperation) -> bool {
        settings.concurrent.is_some_and(|limit| self.state.lock().busy >= limit)
    }

    async fn take(self: &Arc<Self>, limit: usize) -> Slot {
        let turn = {
            let mut state = self.state.lock();
            state.limit = limit;
            let (sender, turn) = oneshot::channel();
            state.waiting.push_back(sender);
            turn
        };
        self.admit();
        turn.await.expect("a sender is dropped only after it has sent")
    }

    /// Gives free slots to those who wait. A slot sent to a caller who has left comes back at once.
    fn admit(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state.lock();
                if state.busy >= state.limit {
                    return;
                }
                let Some(next) = state.waiting.pop_front() else { return };
                state.busy += 1;
                next
            };
            self.in_flight.inc();
            if let Err(slot) = next.send(Slot(Arc::clone(self))) {
                // Taken back here and not by its drop, which would come back to this function.
                std::mem::forget(slot);
                self.state.lock().busy -= 1;
                self.in_flight.dec();
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state.lock().busy -= 1;
        self.0.in_flight.dec();
        self.0.admit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Arc<Slots> {
        Arc::new(Slots { state: Mutex::default(), in_flight: Gauge::default() })
    }

    #[tokio::test]
    async fn callers_who_leave_take_no_slot() {
        let slots = slots();
        let first = slots.take(1).await;
        let mut leaves = Box::pin(slots.take(1));
        let mut stays = Box::pin(slots.take(1));
        assert!(futures::poll!(&mut leaves).is_pending());
        assert!(futures::poll!(&mut stays).is_pending());
        drop(leaves);
        drop(first);
        let second = stays.await;
        assert_eq!(slots.in_flight.get(), 1);
        drop(second);
        assert_eq!((slots.in_flight.get(), slots.state.lock().busy), (0, 0));
    }

    #[tokio::test]
    async fn many_who_left_do_not_overflow_the_stack() {
        let slots = slots();
        let first = slots.take(1).await;
        for _ in 0..100_000 {
            let mut leaves = Box::pin(slots.take(1));
            assert!(futures::poll!(&mut leaves).is_pending());
        }
        drop(first);
        assert_eq!(slots.state.lock().busy, 0);
    }
}
