//! The thread that puts due arrivals on the desk.
//!
//! It sleeps until the next absolute deadline and never spins. When it wakes late it offers all that
//! became due meanwhile, each stamped with the instant of the schedule. It also books arrivals that
//! waited too long for a worker as undispatched.

use std::{
    num::NonZeroU64,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use loadlab_clock::RunClock;
use loadlab_scenario::Plan;
use parking_lot::{Condvar, Mutex};

use crate::{
    desk::{Desk, Due},
    recorder::Recorder,
    schedule::schedule,
};

/// How late the kernel may wake the thread in order to save power; 50 µs is the default of Linux
/// (`PR_SET_TIMERSLACK`, prctl(2)), 1 ns the least.
const TIMER_SLACK: NonZeroU64 = NonZeroU64::MIN;

/// The pacing thread.
#[derive(Debug)]
pub(crate) struct Pacer {
    shared: Arc<Shared>,
    /// `None` once it was waited for.
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: Mutex<bool>,
    changed: Condvar,
}

struct Work {
    desk: Arc<Desk>,
    recorder: Arc<Recorder>,
    clock: RunClock,
    /// Real.
    queue_age_max: Duration,
    shared: Arc<Shared>,
}

impl Pacer {
    /// Starts to offer the plan's arrivals. The desk is closed after the last one.
    pub(crate) fn start(
        plan: &Plan,
        desk: Arc<Desk>,
        recorder: Arc<Recorder>,
        clock: RunClock,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let queue_age_max = clock.real(plan.queue_age_max);
        let work = Work { desk, recorder, clock, queue_age_max, shared: Arc::clone(&shared) };
        let arrivals = schedule(plan);
        let body = move || {
            // Only a courtesy of the kernel; without it the thread is 50 µs later.
            let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK));
            work.run(arrivals.map(|arrival| (arrival.seq, arrival.due)));
        };
        let thread = thread::Builder::new().name("pacer".to_owned()).spawn(body)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// No more arrivals. Returns when the thread has ended, at once.
    pub(crate) fn stop(mut self) {
        self.tell();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread shows as arrivals that are missing; there is nothing to add.
            let _ = thread.join();
        }
    }

    fn tell(&self) {
        *self.shared.stopped.lock() = true;
        self.shared.changed.notify_one();
    }
}

impl Drop for Pacer {
    /// A run that is dropped in the middle leaves no thread behind.
    fn drop(&mut self) {
        self.tell();
    }
}

impl Work {
    fn run(self, arrivals: impl Iterator<Item = (u64, loadlab_clock::Offset)>) {
        for (seq, due) in arrivals {
            let at = self.clock.instant(due);
            if !self.expire_until(at) {
                return;
            }
            self.recorder.scheduled(self.recorder.micros(at));
            self.desk.offer(Due { seq, at });
        }
        self.desk.close();
        while let Some(oldest) = self.desk.oldest() {
            if !self.expire_until(oldest + self.queue_age_max) {
                return;
            }
            self.expire(Instant::now());
        }
    }

    /// Waits until `at`, booking what expires meanwhile; `false` if there is to be no more.
    fn expire_until(&self, at: Instant) -> bool {
        loop {
            let now = Instant::now();
            self.expire(now);
            let until = self.desk.oldest().map_or(at, |oldest| at.min(oldest + self.queue_age_max));
            let mut stopped = self.shared.stopped.lock();
            if *stopped {
                return false;
            }
            if now >= at {
                return true;
            }
            self.shared.changed.wait_until(&mut stopped, until);
        }
    }

    fn expire(&self, now: Instant) {
        let Some(limit) = now.checked_sub(self.queue_age_max) else { return };
        while let Some(due) = self.desk.expire(limit) {
            let (at, done) = (self.recorder.micros(due.at), self.recorder.micros(now));
            self.recorder.undispatched(due.seq, at, done);
        }
    }
}
