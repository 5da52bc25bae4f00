//! One thread that wakes many waiters, each at an absolute deadline.
//!
//! tokio's timers are late by up to a millisecond or more, which at speed 20 is 20 ms of scenario
//! time. An OS thread that sleeps until the next deadline is late by tens of microseconds. It does
//! not spin.
//!
//! ```text
//!   Sleep (future) --deadline, waker--> heap --thread, at the deadline--> wake
//! ```

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// The thread and its heap of deadlines. One per process is enough: [`Sleeper::shared`].
#[derive(Debug)]
pub struct Sleeper {
    state: Mutex<Heap>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Heap {
    entries: BinaryHeap<Reverse<Entry>>,
    next_id: u64,
}

#[derive(Debug)]
struct Entry {
    deadline: Instant,
    /// Breaks ties, so that equal deadlines fire in the order they were asked for.
    id: u64,
    slot: Arc<Slot>,
}

/// Shared by a [`Sleep`] and its heap entry. A dropped `Sleep` leaves the slot empty, and the entry
/// fires into nothing.
#[derive(Debug, Default)]
struct Slot(Mutex<Option<Waker>>);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.deadline, self.id).cmp(&(other.deadline, other.id))
    }
}

impl Sleeper {
    /// The process's sleeper, started at the first call.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<&'static Sleeper> = OnceLock::new();
        SHARED.get_or_init(|| {
            let sleeper: &'static Self =
                Box::leak(Box::new(Self { state: Mutex::default(), changed: Condvar::new() }));
            thread::Builder::new()
                .name("sleeper".to_owned())
                .spawn(|| sleeper.run())
                .expect("a thread can be started");
            sleeper
        })
    }

    /// A future that is ready at `deadline`, never before.
    pub fn until(&'static self, deadline: Instant) -> Sleep {
        Sleep { sleeper: self, deadline, slot: None }
    }

    /// A future that is ready after `duration` of real time, counted from now.
    pub fn sleep(&'static self, duration: Duration) -> Sleep {
        let now = Instant::now();
        // An overflow is a wait of more than centuries; a day is as good.
        self.until(now.checked_add(duration).unwrap_or(now + Duration::from_secs(86_400)))
    }

    /// What `future` gives, or [`Elapsed`] at `deadline`, whichever comes first.
    pub async fn timeout<F: Future>(
        &'static self,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = std::pin::pin!(future);
        let mut sleep = self.until(deadline);
        std::future::poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            Pin::new(&mut sleep).poll(context).map(|()| Err(Elapsed))
        })
        .await
    }

    fn register(&self, deadline: Instant, waker: Waker) -> Arc<Slot> {
        let slot = Arc::new(Slot(Mutex::new(Some(waker))));
        let mut heap = self.state.lock();
        let id = heap.next_id;
        heap.next_id += 1;
        let is_next = heap.entries.peek().is_none_or(|Reverse(first)| deadline < first.deadline);
        heap.entries.push(Reverse(Entry { deadline, id, slot: Arc::clone(&slot) }));
        drop(heap);
        if is_next {
            self.changed.notify_one();
        }
        slot
    }

    fn run(&self) {
        let mut due = Vec::new();
        let mut heap = self.state.lock();
        loop {
            match heap.entries.peek().map(|Reverse(entry)| entry.deadline) {
                None => self.changed.wait(&mut heap),
                Some(deadline) if deadline > Instant::now() => {
                    self.changed.wait_until(&mut heap, deadline);
                }
                Some(_) => {
                    heap.take_due(Instant::now(), &mut due);
                    // Wake without the lock: a woken task may register its next sleep at once.
                    parking_lot::MutexGuard::unlocked(&mut heap, || {
                        for slot in due.drain(..) {
                            slot.fire();
                        }
                    });
                }
            }
        }
    }
}

impl Heap {
    fn take_due(&mut self, now: Instant, due: &mut Vec<Arc<Slot>>) {
        while self.entries.peek().is_some_and(|Reverse(entry)| entry.deadline <= now) {
            due.extend(self.entries.pop().map(|Reverse(entry)| entry.slot));
        }
    }
}

impl Slot {
    fn fire(&self) {
        let waker = self.0.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Ready at its deadline. Made by [`Sleeper::until`] and [`Sleeper::sleep`].
#[must_use = "a sleep does nothing until it is awaited"]
#[derive(Debug)]
pub struct Sleep {
    sleeper: &'static Sleeper,
    deadline: Instant,
    slot: Option<Arc<Slot>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.deadline {
            return Poll::Ready(());
        }
        if let Some(slot) = &self.slot {
            // Polled before its time: keep the newest waker. The thread may just have fired the old
            // one, in which case the deadline has passed, and the next look at the clock says so.
            *slot.0.lock() = Some(context.waker().clone());
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
        } else {
            self.slot = Some(self.sleeper.register(self.deadline, context.waker().clone()));
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.0.lock().take();
        }
    }
}

/// A [`Sleeper::timeout`] ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline passed")
    }
}

impl std::error::Error for Elapsed {}

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, future::join_all};

    use super::*;

    #[test]
    fn nobody_is_woken_before_the_deadline_and_all_are_woken() {
        let sleeper = Sleeper::shared();
        let start = Instant::now();
        // Deadlines out of order, many of them equal.
        let sleeps = (0..500_u64).map(|n| {
            let deadline = start + Duration::from_millis(n * 7919 % 50);
            async move {
                sleeper.until(deadline).await;
                Instant::now() >= deadline
            }
        });
        assert!(block_on(join_all(sleeps)).into_iter().all(|in_time| in_time));
    }

    #[test]
    fn a_timeout_ends_what_never_ends_and_lets_pass_what_does() {
        let sleeper = Sleeper::shared();
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(block_on(sleeper.timeout(soon, std::future::pending::<()>())), Err(Elapsed));
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(block_on(sleeper.timeout(later, async { 7 })), Ok(7));
    }
}
