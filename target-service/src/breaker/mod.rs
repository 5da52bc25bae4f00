//! The breaker before a dependency: at most so many calls at a time, the rest in its queue, and none
//! at all while it is open. One breaker is shared by all workers of an instance.
//!
//! ```text
//!   call --closed?--> queue --slot--> closed still? --> the dependency --> outcome
//!          open: rejected       opens meanwhile: rejected
//! ```
//!
//! [`machine`] decides, or [`throttle`] where the breaker is adaptive; this module holds the slots and
//! the queue, and publishes.

mod machine;
mod throttle;
mod trip;

pub use machine::{BreakerState, CallOutcome, Machine, Permit};
pub use throttle::Throttle;
pub use trip::Trip;

use std::{future::Future, time::Duration};

use loadlab_clock::{RunClock, Seed};
use parking_lot::Mutex;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use tokio::sync::{Semaphore, watch};

use crate::{
    metrics::Counted,
    profile::{AdaptiveBreaker, BreakerSettings, DatabaseBreaker},
};

/// Statements under way at the same time that a breaker before the database lets through: more than any
/// pool has sessions. The pool is what limits them.
const STATEMENTS_MAX: usize = 100_000;

type Labels = Vec<(String, String)>;

/// The figures of all breakers of an instance.
#[derive(Debug, Clone)]
pub struct BreakerFamilies {
    state: Family<Labels, Gauge>,
    rejections: Family<Labels, Counter>,
}

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
    /// In the place of the machine, if there is one.
    adaptive: Option<Mutex<Adaptive>>,
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

/// The adaptive breaker's counts and its draws.
#[derive(Debug)]
struct Adaptive {
    throttle: Throttle,
    draws: ChaCha8Rng,
}

impl BreakerFamilies {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Self { state: Family::default(), rejections: Family::default() };
        registry.register("breaker_state", "0 closed, 1 half-open, 2 open", families.state.clone());
        registry.register("breaker_rejections", "Calls it refused", families.rejections.clone());
        families
    }

    /// Those of the breaker `name`; `in_flight` and `queued` are counted for the caller.
    pub fn of(&self, name: &str, in_flight: Gauge, queued: Gauge) -> BreakerMetrics {
        let label = vec![("breaker".to_owned(), name.to_owned())];
        BreakerMetrics {
            state: self.state.get_or_create_owned(&label),
            rejections: self.rejections.get_or_create_owned(&label),
            in_flight,
            queued,
        }
    }
}

impl Breaker {
    /// A closed breaker on the clock's scenario time.
    pub fn new(settings: &BreakerSettings, clock: RunClock, metrics: BreakerMetrics) -> Self {
        let failures = settings.failures;
        let trip = settings.window.map_or(Trip::InARow(failures), |window| Trip::Within { failures, window });
        let open_for = (settings.open_for, settings.open_for_max.unwrap_or(settings.open_for));
        Self {
            enabled: settings.enabled,
            machine: Mutex::new(Machine::opening(trip, open_for, settings.probes)),
            adaptive: None,
            slots: Semaphore::new(settings.concurrent),
            opened: watch::Sender::new(0),
            clock,
            metrics,
        }
    }

    /// A breaker before the database: one that opens by share, and whose queue is the pool's.
    pub fn before_database(settings: &DatabaseBreaker, clock: RunClock, metrics: BreakerMetrics) -> Self {
        let DatabaseBreaker { enabled, share, window, least, probe_every } = *settings;
        let trip = Trip::Share { share, window, least };
        Self {
            enabled,
            machine: Mutex::new(Machine::opening(trip, (probe_every, probe_every), 1)),
            adaptive: None,
            slots: Semaphore::new(STATEMENTS_MAX),
            opened: watch::Sender::new(0),
            clock,
            metrics,
        }
    }

    /// The same as an adaptive breaker, if those are on.
    #[must_use]
    pub fn adaptive(mut self, settings: &AdaptiveBreaker, seed: Seed) -> Self {
        self.adaptive = settings.enabled.then(|| {
            let draws = seed.stream("adaptive breaker", 0, 0);
            Mutex::new(Adaptive { throttle: Throttle::new(settings.k, settings.window), draws })
        });
        self
    }

    /// Runs `work` in a slot. An error of it is a failure; dropping the call is none.
    pub async fn call<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Rejected> {
        if let Some(adaptive) = self.adaptive.as_ref().filter(|_| self.enabled) {
            return self.throttled(adaptive, work).await;
        }
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

    /// The same where the breaker is adaptive. Who queues is not rejected any more.
    async fn throttled<T, E>(
        &self,
        adaptive: &Mutex<Adaptive>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Rejected> {
        let passes = {
            let mut adaptive = adaptive.lock();
            let draw = adaptive.draws.random();
            let passes = adaptive.throttle.admit(self.now(), draw);
            self.publish(&adaptive.throttle);
            passes
        };
        if !passes {
            return Err(self.reject());
        }
        let mut call = Throttled { breaker: self, adaptive, outcome: CallOutcome::Unknown };
        let queued = Counted::one_more(&self.metrics.queued);
        let slot = self.slots.acquire().await.expect("the slots are never closed");
        drop(queued);
        let _in_flight = Counted::one_more(&self.metrics.in_flight);
        let result = work.await;
        call.outcome = if result.is_ok() { CallOutcome::Success } else { CallOutcome::Failure };
        drop(call);
        drop(slot);
        Ok(result)
    }

    /// An adaptive breaker is closed, or half-open while it rejects some.
    fn publish(&self, throttle: &Throttle) {
        self.metrics.state.set(adaptive_state(throttle).number());
    }

    /// Where it stands.
    pub fn status(&self) -> BreakerStatus {
        let machine = self.machine.lock();
        BreakerStatus {
            state: self
                .adaptive
                .as_ref()
                .map_or_else(|| machine.state(), |adaptive| adaptive_state(&adaptive.lock().throttle)),
            failures: machine.failures(),
            rejects_for: machine.rejects_for(self.now()),
            in_flight: self.metrics.in_flight.get(),
            queued: self.metrics.queued.get(),
        }
    }

    /// Calls in its queue.
    pub fn queued(&self) -> usize {
        usize::try_from(self.metrics.queued.get()).unwrap_or(0)
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

/// A call that an adaptive breaker let through.
struct Throttled<'a> {
    breaker: &'a Breaker,
    adaptive: &'a Mutex<Adaptive>,
    outcome: CallOutcome,
}

impl Drop for Throttled<'_> {
    fn drop(&mut self) {
        let throttle = &mut self.adaptive.lock().throttle;
        match self.outcome {
            CallOutcome::Success => throttle.succeeded(self.breaker.now()),
            CallOutcome::Unknown => throttle.left(),
            CallOutcome::Failure => {}
        }
        self.breaker.publish(throttle);
    }
}

fn adaptive_state(throttle: &Throttle) -> BreakerState {
    if throttle.rejects() > 0.0 { BreakerState::HalfOpen } else { BreakerState::Closed }
}
