//! The end of a run, as every worker sees it.
//!
//! A worker's whole life is one future inside [`Halt::guard`]. When the run ends, the future is
//! dropped where it stands: connections close, and the tickets of what was under way count it as in
//! flight. The check costs one relaxed load per poll; each worker registers its waker once.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::{Poll, Waker},
};

use parking_lot::Mutex;

/// Whether the run has ended, and who wants to know.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    stopped: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Halt {
    /// Ends the run.
    pub(crate) fn stop(&self) {
        let waiting = {
            // Under the lock, so that whoever registers either sees the flag or is woken.
            let mut waiting = self.waiting.lock();
            self.stopped.store(true, SeqCst);
            std::mem::take(&mut *waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(SeqCst)
    }

    /// What `future` gives; `None` if the run ends before, and the future is dropped.
    pub(crate) async fn guard<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut registered: Option<Waker> = None;
        poll_fn(|context| {
            let known = registered.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
            if !known {
                registered = Some(context.waker().clone());
                self.waiting.lock().push(context.waker().clone());
            }
            if self.is_stopped() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(context).map(Some)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Arc, time::Duration};

    use super::*;

    #[tokio::test]
    async fn a_guarded_future_ends_when_the_run_does() {
        let halt = Arc::new(Halt::default());
        assert_eq!(halt.guard(async { 7 }).await, Some(7));
        let waiting = tokio::spawn({
            let halt = Arc::clone(&halt);
            async move { halt.guard(pending::<()>()).await }
        });
        tokio::task::yield_now().await;
        halt.stop();
        let ended = tokio::time::timeout(Duration::from_secs(5), waiting).await;
        assert_eq!(ended.expect("in time").expect("no panic"), None);
        assert_eq!(halt.guard(async { 7 }).await, None);
    }
}
