//! Deadlines of a worker, without a timer per request.
//!
//! An [`Alarm`] has at most one entry in the sleeper's queue. A new deadline is registered only if it
//! comes before the one that is set: a deadline of 30 s that a request of 1 ms leaves behind stays
//! set, serves the next thousands of requests, and when it goes off the worker looks at its clock and
//! sets the next. So the queue sees an entry per worker and time-out, not per request.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use loadlab_clock::{Sleep, Sleeper};

/// One worker's deadline.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    set: Option<Set>,
}

#[derive(Debug)]
struct Set {
    at: Instant,
    waker: Waker,
    /// Held so that the queue keeps the waker.
    _sleep: Sleep,
}

impl Alarm {
    /// Ready at the deadline; until then the task will be woken at it.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let now = Instant::now();
        if now >= deadline {
            return Poll::Ready(());
        }
        let serves = self
            .set
            .as_ref()
            .is_some_and(|set| set.at <= deadline && set.at > now && set.waker.will_wake(context.waker()));
        if !serves {
            let mut sleep = Sleeper::shared().until(deadline);
            if Pin::new(&mut sleep).poll(context).is_ready() {
                return Poll::Ready(());
            }
            self.set = Some(Set { at: deadline, waker: context.waker().clone(), _sleep: sleep });
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    #[tokio::test]
    async fn deadlines_are_kept_when_later_ones_were_set_before_and_earlier_ones_after() {
        let mut alarm = Alarm::default();
        let start = Instant::now();
        for after in [20_u64, 5, 40, 10] {
            let deadline = Instant::now() + Duration::from_millis(after);
            poll_fn(|context| alarm.poll(context, deadline)).await;
            assert!(Instant::now() >= deadline);
        }
        assert!(start.elapsed() >= Duration::from_millis(75));
    }

    #[tokio::test]
    async fn a_deadline_left_behind_serves_later_ones() {
        let mut alarm = Alarm::default();
        let now = Instant::now();
        let mut set = |deadline| {
            let mut context = Context::from_waker(Waker::noop());
            assert!(alarm.poll(&mut context, deadline).is_pending());
            alarm.set.as_ref().map(|set| set.at)
        };
        let first = now + Duration::from_secs(30);
        assert_eq!(set(first), Some(first));
        assert_eq!(set(now + Duration::from_secs(31)), Some(first));
        let sooner = now + Duration::from_secs(9);
        assert_eq!(set(sooner), Some(sooner));
    }
}
