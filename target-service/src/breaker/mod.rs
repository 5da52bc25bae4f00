//! The breaker before a dependency: at most so many calls at a time, the rest in its queue, and none
//! at all while it is open. One breaker is shared by all workers of an instance.
//!
//! ```text
//!   call --closed?--> queue --slot--> closed still? --> the dependency --> outcome
//!          open: rejected       opens meanwhile: rejected
//! ```
//!
//! [`machine`] decides; this module holds the slots and the queue, and publishes.

mod machine;

pub use machine::{BreakerState, CallOutcome, Machine, Permit};

use std::{future::Future, time::Duration};

use loadlab_clock::RunClock;
use parking_lot::Mutex;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::sync::{Semaphore, watch};

use crate::{metrics::Counted, profile::BreakerSettings};

/// What a breaker publishes, by its name.
#[derive(Debug, Clone)]
pub struct BreakerMetrics {
    state: Gauge,
    rejections: Counter,
    in_flight: Gauge,
    queued: Gauge,
}

/// Slots, queue and state.
#[derive(Debug)]
pub struct Breaker {
    enabled: bool,
    machine: Mutex<Machine>,
    slots: Semaphore,
    /// The number of times it opened: who queues is told of it at once.
    opened: watch::Sender<u64>,
    clock: RunClock,
    metrics: BreakerMetrics,
}

/// A call that the breaker refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// How long it will go on to refuse, in scenario time.
    pub retry_after: Duration,
}

/// What `/api/health/circuit-breaker` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerStatus {
    /// Where it stands.
    pub state: BreakerState,
    /// Failures in a row.
    pub failures: u32,
    /// How long it still rejects, in scenario time.
    pub rejects_for: Duration,
    /// Calls under way.
    pub in_flight: i64,
    /// Calls in its queue.
    pub queued: i64,
}

impl BreakerMetrics {
    /// Registers them for the breaker `name`; `in_flight` and `queued` are counted for the caller.
    pub fn register(registry: &mut Registry, name: &str, in_flight: Gauge, queued: Gauge) -> Self {
        let label = vec![("breaker".to_owned(), name.to_owned())];
        let state: Family<Vec<(String, String)>, Gauge> = Family::default();
        let rejections: Family<Vec<(String, String)>, Counter> = Family::default();
        registry.register("breaker_state", "0 closed, 1 half-open, 2 open", state.clone());
        registry.register("breaker_rejections", "Calls it refused", rejections.clone());
        Self {
            state: state.get_or_create_owned(&label),
            rejections: rejections.get_or_create_owned(&label),
            in_flight,
            queued,
        }
    }
}

impl Breaker {
    /// A closed breaker on the clock's scenario time.
    pub fn new(settings: &BreakerSettings, clock: RunClock, metrics: BreakerMetrics) -> Self {
        Self {
            enabled: settings.enabled,
            machine: Mutex::new(Machine::new(settings.failures, settings.open_for, settings.probes)),
            slots: Semaphore::new(settings.concurrent),
            opened: watch::Sender::new(0),
            clock,
            metrics,
        }
    }

    /// Runs `work` in a slot. An error of it is a failure; dropping the call is none.
    pub async fn call<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Rejected> {
        let mut opened = self.opened.subscribe();
        if self.enabled && !self.machine.lock().would_admit(self.now()) {
            return Err(self.reject());
        }
        let queued = Counted::one_more(&self.metrics.queued);
        let slot = tokio::select! {
            slot = self.slots.acquire() => slot.expect("the slots are never closed"),
            _ = opened.changed(), if self.enabled => return Err(self.reject()),
        };
        drop(queued);
        let _in_flight = Counted::one_more(&self.metrics.in_flight);
        if !self.enabled {
            let result = work.await;
            drop(slot);
            return Ok(result);
        }
        let admitted = self.with(Machine::admit);
        let Some(permit) = admitted else { return Err(self.reject()) };
        let mut call = UnderWay { breaker: self, permit, outcome: CallOutcome::Unknown };
        let result = work.await;
        call.outcome = if result.is_ok() { CallOutcome::Success } else { CallOutcome::Failure };
        // The outcome first: whoever gets the slot must find the state that follows from it.
        drop(call);
        drop(slot);
        Ok(result)
    }

    /// Where it stands.
    pub fn status(&self) -> BreakerStatus {
        let machine = self.machine.lock();
        BreakerStatus {
            state: machine.state(),
            failures: machine.failures(),
            rejects_for: machine.rejects_for(self.now()),
            in_flight: self.metrics.in_flight.get(),
            queued: self.metrics.queued.get(),
        }
    }

    fn reject(&self) -> Rejected {
        self.metrics.rejections.inc();
        Rejected { retry_after: self.machine.lock().rejects_for(self.now()) }
    }

    fn now(&self) -> Duration {
        self.clock.now().as_duration()
    }

    /// One step of the machine; publishes the state and tells the queue when it opens.
    fn with<T>(&self, step: impl FnOnce(&mut Machine, Duration) -> T) -> T {
        let mut machine = self.machine.lock();
        let before = machine.state();
        let result = step(&mut machine, self.now());
        let after = machine.state();
        self.metrics.state.set(after.number());
        drop(machine);
        if before != after && after == BreakerState::Open {
            self.opened.send_modify(|times| *times += 1);
        }
        result
    }
}

/// A call that was let through; its end is told to the machine, also when it is dropped.
struct UnderWay<'a> {
    breaker: &'a Breaker,
    permit: Permit,
    outcome: CallOutcome,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.breaker.with(|machine, now| machine.finish(self.permit, self.outcome, now));
    }
}
