//! The pool's books: who is idle, how many are busy or being opened, who waits. No I/O and no lock;
//! each method is one step, and tells its caller what to open.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{Connector, GetMode, Lease, PoolError, PoolSettings, PoolStatus};

/// A place in the queue.
pub(super) type Ticket = u64;
/// What a waiter gets at last.
pub(super) type Answer<C> = Result<Lease<C>, PoolError<<C as Connector>::Error>>;

/// A session with what the pool knows of it.
pub(super) struct Pooled<S> {
    pub(super) session: S,
    opened_at: Instant,
    pub(super) idle_since: Instant,
    /// Never handed out yet.
    pub(super) fresh: bool,
    /// The state it was last brought into; none yet when fresh.
    pub(super) state: Option<String>,
}

impl<S> Pooled<S> {
    pub(super) fn new(session: S, now: Instant) -> Self {
        Self { session, opened_at: now, idle_since: now, fresh: true, state: None }
    }

    /// The same after it was handed out.
    pub(super) fn used(self, now: Instant) -> Self {
        Self { idle_since: now, fresh: false, ..self }
    }
}

/// The books. `idle.len() + busy + opening` is the number that `max` limits.
pub(super) struct State<C: Connector> {
    /// In real time.
    pub(super) settings: PoolSettings,
    /// The last used is last, and goes out first, so that those that are not needed grow old.
    idle: Vec<Pooled<C::Session>>,
    busy: usize,
    opening: usize,
    waiters: VecDeque<(Ticket, oneshot::Sender<Answer<C>>)>,
    next_ticket: Ticket,
    closed: bool,
}

/// What a caller gets at once.
pub(super) enum Given<C: Connector> {
    /// An idle session, which is busy from now on.
    Session(Pooled<C::Session>),
    /// Nothing.
    Refused(PoolError<C::Error>),
    /// A place in the queue, with sessions to be opened; with `forced`, one more for this caller.
    Place { ticket: Ticket, answer: oneshot::Receiver<Answer<C>>, openings: usize, forced: bool },
}

impl<C: Connector> State<C> {
    pub(super) fn new(settings: PoolSettings) -> Self {
        Self {
            settings,
            idle: Vec::new(),
            busy: 0,
            opening: 0,
            waiters: VecDeque::new(),
            next_ticket: 0,
            closed: false,
        }
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus { open: self.idle.len() + self.busy, busy: self.busy, waiting: self.waiters.len() }
    }

    /// A caller wants a session in `state`.
    pub(super) fn ask(&mut self, getmode: GetMode, state: &str, first_in_line: bool) -> Given<C> {
        if self.closed {
            return Given::Refused(PoolError::Closed);
        }
        if (first_in_line || self.waiters.is_empty())
            && let Some(pooled) = self.take_idle(state)
        {
            return Given::Session(pooled);
        }
        let full = self.total() >= self.settings.max;
        if full && getmode == GetMode::Nowait {
            return Given::Refused(PoolError::Exhausted { max: self.settings.max });
        }
        let (ticket, answer) = self.line_up(first_in_line);
        let forced = full && getmode == GetMode::Forceget;
        self.opening += usize::from(forced);
        let openings = if forced { 0 } else { self.grow() };
        Given::Place { ticket, answer, openings, forced }
    }

    /// A waiter leaves, served or not.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiters.retain(|(waiting, _)| *waiting != ticket);
    }

    /// A session was opened; it is busy until it is put back. False if the pool has closed.
    pub(super) fn opened(&mut self) -> bool {
        self.opening -= 1;
        self.busy += usize::from(!self.closed);
        !self.closed
    }

    /// A session was not opened: who hears of it, and how many to open for those who still wait.
    pub(super) fn not_opened(
        &mut self,
        ticket: Option<Ticket>,
    ) -> (Option<oneshot::Sender<Answer<C>>>, usize) {
        self.opening -= 1;
        let waiter = self.next_waiter(ticket);
        (waiter, self.grow())
    }

    /// Whether a session that comes back stays in the pool.
    pub(super) fn keeps(&self, pooled: &Pooled<C::Session>, now: Instant) -> bool {
        !self.closed && self.total() <= self.settings.max && !self.too_old(pooled, now)
    }

    /// A busy session is idle again.
    pub(super) fn put_back(&mut self, pooled: Pooled<C::Session>) {
        self.busy -= 1;
        self.idle.push(pooled);
    }

    /// A busy session is closed; how many to open in its place.
    pub(super) fn lost(&mut self) -> usize {
        self.busy -= 1;
        self.refill() + self.grow()
    }

    /// The waiter with this ticket if it is still there, else the first in line.
    pub(super) fn next_waiter(&mut self, ticket: Option<Ticket>) -> Option<oneshot::Sender<Answer<C>>> {
        let place = ticket.and_then(|ticket| self.waiters.iter().position(|(waiting, _)| *waiting == ticket));
        self.waiters.remove(place.unwrap_or(0)).map(|(_, waiter)| waiter)
    }

    /// How many to open so that there are `min`.
    pub(super) fn refill(&mut self) -> usize {
        let missing = if self.closed { 0 } else { self.settings.min.saturating_sub(self.total()) };
        self.opening += missing;
        missing
    }

    /// Takes out the idle sessions that are too old, and those idle for too long down to `min`.
    pub(super) fn take_expired(&mut self, now: Instant) -> Vec<Pooled<C::Session>> {
        let idle = std::mem::take(&mut self.idle);
        let (mut expired, mut kept): (Vec<_>, Vec<_>) =
            idle.into_iter().partition(|pooled| self.too_old(pooled, now));
        let timeout = self.settings.idle_timeout;
        if timeout > Duration::ZERO {
            let spare = (kept.len() + self.busy + self.opening).saturating_sub(self.settings.min);
            // The least recently used come first.
            let idle_too_long =
                kept.iter().take_while(|pooled| now.duration_since(pooled.idle_since) >= timeout).count();
            expired.extend(kept.drain(..spare.min(idle_too_long)));
        }
        self.idle = kept;
        expired
    }

    /// How often to look for expired sessions, if any can expire: a quarter of the shortest life.
    pub(super) fn maintenance_interval(&self) -> Option<Duration> {
        [self.settings.idle_timeout, self.settings.max_lifetime_session]
            .into_iter()
            .filter(|life| *life > Duration::ZERO)
            .min()
            .map(|life| (life / 4).max(Duration::from_millis(1)))
    }

    /// Ends it all; the idle sessions and the waiters are the caller's to dismiss.
    #[expect(clippy::type_complexity, reason = "two lists that are taken apart at once")]
    pub(super) fn close(&mut self) -> (Vec<Pooled<C::Session>>, Vec<oneshot::Sender<Answer<C>>>) {
        self.closed = true;
        let waiters = self.waiters.drain(..).map(|(_, waiter)| waiter).collect();
        (std::mem::take(&mut self.idle), waiters)
    }

    fn total(&self) -> usize {
        self.idle.len() + self.busy + self.opening
    }

    fn too_old(&self, pooled: &Pooled<C::Session>, now: Instant) -> bool {
        let lifetime = self.settings.max_lifetime_session;
        lifetime > Duration::ZERO && now.duration_since(pooled.opened_at) >= lifetime
    }

    /// An idle session, one in the wanted state if there is one.
    fn take_idle(&mut self, state: &str) -> Option<Pooled<C::Session>> {
        let fits = self.idle.iter().rposition(|pooled| pooled.state.as_deref() == Some(state));
        let index = fits.or_else(|| self.idle.len().checked_sub(1))?;
        self.busy += 1;
        Some(self.idle.remove(index))
    }

    fn line_up(&mut self, first_in_line: bool) -> (Ticket, oneshot::Receiver<Answer<C>>) {
        let (sender, answer) = oneshot::channel();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if first_in_line {
            self.waiters.push_front((ticket, sender));
        } else {
            self.waiters.push_back((ticket, sender));
        }
        (ticket, answer)
    }

    /// How many to open for those who wait: `increment` at a time, up to `max`.
    fn grow(&mut self) -> usize {
        if self.closed || self.waiters.len() <= self.opening {
            return 0;
        }
        let more = self.settings.increment.min(self.settings.max.saturating_sub(self.total()));
        self.opening += more;
        more
    }
}
