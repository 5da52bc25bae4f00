//! Where the pacer puts due arrivals and idle workers wait for them.
//!
//! An arrival goes straight to the worker that became idle last, whose connection is warm; with a
//! plain queue all workers would take turns, and 100 arrivals a second over 1,000 workers would hold
//! 1,000 connections. Only the worker that gets an arrival is woken. With no worker idle the arrival
//! queues, and its wait counts.

use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Context, Poll, Waker},
    time::Instant,
};

use parking_lot::Mutex;

/// A due arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) seq: u64,
    /// When it was due.
    pub(crate) at: Instant,
}

/// Arrivals and workers that wait for each other.
#[derive(Debug)]
pub(crate) struct Desk(Mutex<State>);

#[derive(Debug)]
struct State {
    queue: VecDeque<Due>,
    /// Workers without work, the one that became idle last at the end.
    idle: Vec<usize>,
    /// By worker.
    seats: Vec<Seat>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Seat {
    given: Option<Due>,
    waker: Option<Waker>,
    /// It is in the list of the idle.
    waits: bool,
}

impl Desk {
    pub(crate) fn new(workers: usize) -> Self {
        Self(Mutex::new(State {
            queue: VecDeque::new(),
            idle: Vec::with_capacity(workers),
            seats: std::iter::repeat_with(Seat::default).take(workers).collect(),
            closed: false,
        }))
    }

    /// Gives an arrival to an idle worker, or queues it.
    pub(crate) fn offer(&self, due: Due) {
        let waker = self.0.lock().offer(due);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next arrival for a worker; `None` once the desk is closed and the queue empty.
    pub(crate) async fn next(&self, worker: usize) -> Option<Due> {
        poll_fn(|context| self.0.lock().poll_next(worker, context)).await
    }

    /// The oldest queued arrival's due instant.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.0.lock().queue.front().map(|due| due.at)
    }

    /// Takes the oldest queued arrival out if it was due before `limit`.
    pub(crate) fn expire(&self, limit: Instant) -> Option<Due> {
        let mut state = self.0.lock();
        let expired = state.queue.front().is_some_and(|due| due.at <= limit);
        if expired { state.queue.pop_front() } else { None }
    }

    /// Nothing more comes: idle workers go.
    pub(crate) fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let wakers: Vec<Waker> =
            state.seats.iter_mut().filter(|seat| seat.waits).filter_map(|seat| seat.waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Arrivals that nobody has taken: queued, or given to a worker that did not wake any more.
    pub(crate) fn waiting(&self) -> u64 {
        let state = self.0.lock();
        (state.queue.len() + state.seats.iter().filter(|seat| seat.given.is_some()).count()) as u64
    }
}

impl State {
    fn offer(&mut self, due: Due) -> Option<Waker> {
        let Some(worker) = self.idle.pop() else {
            self.queue.push_back(due);
            return None;
        };
        let seat = &mut self.seats[worker];
        seat.waits = false;
        seat.given = Some(due);
        seat.waker.take()
    }

    fn poll_next(&mut self, worker: usize, context: &mut Context<'_>) -> Poll<Option<Due>> {
        let seat = &mut self.seats[worker];
        if let Some(due) = seat.given.take() {
            return Poll::Ready(Some(due));
        }
        if !seat.waits {
            if let Some(due) = self.queue.pop_front() {
                return Poll::Ready(Some(due));
            }
            seat.waits = !self.closed;
            if seat.waits {
                self.idle.push(worker);
            }
        }
        if self.closed {
            return Poll::Ready(None);
        }
        if !seat.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            seat.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    fn due(seq: u64) -> Due {
        Due { seq, at: Instant::now() }
    }

    #[tokio::test]
    async fn the_worker_that_became_idle_last_is_given_the_next_arrival() {
        let desk = Arc::new(Desk::new(3));
        let mut workers = Vec::new();
        for worker in 0..3 {
            let desk = Arc::clone(&desk);
            workers.push(tokio::spawn(async move { desk.next(worker).await.map(|due| due.seq) }));
            tokio::task::yield_now().await;
        }
        desk.offer(due(7));
        assert_eq!(workers.pop().expect("three").await.expect("no panic"), Some(7));
        desk.close();
        for worker in workers {
            assert_eq!(worker.await.expect("no panic"), None);
        }
    }

    #[tokio::test]
    async fn arrivals_queue_in_order_and_the_oldest_expire() {
        let desk = Desk::new(1);
        for seq in 0..3 {
            desk.offer(due(seq));
        }
        assert_eq!(desk.waiting(), 3);
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).expect("a minute ago");
        assert_eq!(desk.expire(long_ago), None);
        assert_eq!(desk.expire(Instant::now()).map(|due| due.seq), Some(0));
        assert_eq!(desk.next(0).await.map(|due| due.seq), Some(1));
        desk.close();
        assert_eq!(desk.next(0).await.map(|due| due.seq), Some(2));
        assert_eq!(desk.next(0).await, None);
    }
}
