//! A session pool with the semantics of Oracle's.
//!
//! A *session* is one open connection to the database with its state. It is *idle*, *busy* (handed
//! out as a [`Lease`]) or being *opened*; the three together never exceed `max`, but for sessions
//! that [`GetMode::Forceget`] forced. Who finds none idle waits in one queue, first come first
//! served, across all threads that share the pool.
//!
//! ```text
//!   acquire --idle?--> ping if long idle --> session state --> Lease --drop--> clean? --> next waiter
//!       |  none                                                             |  no          or idle
//!       +--> queue <-- opened sessions (increment at a time, up to max)     +--> closed, replaced
//! ```
//!
//! It is safe to drop an acquire at any point: the waiter leaves the queue, and a session that was
//! on its way goes to the next. A session that comes back in the middle of a query is closed, never
//! handed out.
//!
//! The semantics follow the documentation of OCI's session pool and of python-oracledb. Where the
//! two differ (NOWAIT while the pool may still grow), it is OCI: the session is opened.

mod connector;
mod lease;
mod metrics;
mod postgres;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use loadlab_clock::{Sleeper, Speed};
use parking_lot::Mutex;
use tokio::runtime::Handle;

pub use connector::Connector;
pub use lease::Lease;
pub use metrics::{PoolFamilies, PoolMetrics};
pub use postgres::{DatabaseError, PgConnector, PgSession};
pub use settings::{GetMode, PoolSettings, PoolSettingsError};

use state::{Given, Pooled, State, Ticket};

/// A pool of sessions; a clone is the same pool.
pub struct Pool<C: Connector>(Arc<Shared<C>>);

/// What all clones and leases share.
struct Shared<C: Connector> {
    connector: C,
    /// Where sessions are opened and driven: workers come and go, sessions are shared by all.
    runtime: Handle,
    speed: Speed,
    metrics: PoolMetrics,
    state: Mutex<State<C>>,
}

/// How a caller wants its session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Want<'a> {
    /// Another mode than the pool's, for this call.
    pub getmode: Option<GetMode>,
    /// The state the session must be in, as Oracle's tag: a name that [`Connector::set_state`]
    /// knows. An idle session that is in it already is preferred.
    pub state: &'a str,
}

/// What a pool holds at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// Sessions that are open.
    pub open: usize,
    /// Sessions that are handed out.
    pub busy: usize,
    /// Callers in the queue.
    pub waiting: usize,
}

/// Why there is no session.
#[derive(Debug)]
pub enum PoolError<E> {
    /// All sessions are busy and the caller does not wait ([`GetMode::Nowait`]).
    Exhausted {
        /// The pool's limit.
        max: usize,
    },
    /// All sessions were busy for as long as the caller waits ([`GetMode::Timedwait`]).
    WaitedTooLong {
        /// How long it waited, in scenario time.
        waited: Duration,
    },
    /// A session could not be opened.
    Open {
        /// The connector's reason.
        source: E,
    },
    /// A session could not be brought into the wanted state.
    State {
        /// The connector's reason.
        source: E,
    },
    /// The pool was closed.
    Closed,
}

impl<E> fmt::Display for PoolError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted { max } => write!(f, "all {max} sessions are busy"),
            Self::WaitedTooLong { waited } => write!(f, "no session within {:.3} s", waited.as_secs_f64()),
            Self::Open { .. } => write!(f, "a session cannot be opened"),
            Self::State { .. } => write!(f, "a session cannot be brought into the wanted state"),
            Self::Closed => write!(f, "the pool is closed"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for PoolError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { source } | Self::State { source } => Some(source),
            Self::Exhausted { .. } | Self::WaitedTooLong { .. } | Self::Closed => None,
        }
    }
}

impl<C: Connector> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Connector> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.status()).finish()
    }
}

impl<C: Connector> Pool<C> {
    /// A pool that opens its `min` sessions on `runtime`, and all others too.
    pub fn start(
        connector: C,
        settings: &PoolSettings,
        speed: Speed,
        runtime: Handle,
        metrics: PoolMetrics,
    ) -> Result<Self, PoolSettingsError> {
        settings.check()?;
        metrics.max.set(settings.max as i64);
        let state = Mutex::new(State::new(settings.real(speed)));
        let pool = Self(Arc::new(Shared { connector, runtime, speed, metrics, state }));
        let openings = pool.0.state.lock().refill();
        Shared::open(&pool.0, openings);
        if let Some(interval) = pool.0.state.lock().maintenance_interval() {
            pool.0.runtime.spawn(maintain(Arc::downgrade(&pool.0), interval));
        }
        Ok(pool)
    }

    /// A session in the state `state`, in the pool's own mode.
    pub async fn acquire(&self, state: &str) -> Result<Lease<C>, PoolError<C::Error>> {
        self.acquire_as(Want { getmode: None, state }).await
    }

    /// A session as wanted.
    pub async fn acquire_as(&self, want: Want<'_>) -> Result<Lease<C>, PoolError<C::Error>> {
        let asked = Instant::now();
        // Whoever was handed a dead session has waited its turn already.
        let mut first_in_line = false;
        loop {
            let mut lease = self.queue(want, asked, first_in_line).await?;
            if lease.make_fit(want.state).await? {
                let waited = self.0.speed.scenario(asked.elapsed());
                self.0.metrics.wait.observe(waited.as_secs_f64());
                return Ok(lease);
            }
            first_in_line = true;
        }
    }

    /// What the pool holds now.
    pub fn status(&self) -> PoolStatus {
        self.0.state.lock().status()
    }

    /// Closes all idle sessions, turns all waiters away, and closes busy sessions as they come back.
    pub fn close(&self) {
        let (idle, waiters) = self.0.change(State::close);
        for waiter in waiters {
            let _ = waiter.send(Err(PoolError::Closed));
        }
        self.0.discard(idle);
    }

    async fn queue(
        &self,
        want: Want<'_>,
        asked: Instant,
        first_in_line: bool,
    ) -> Result<Lease<C>, PoolError<C::Error>> {
        let shared = &self.0;
        let (mut getmode, mut wait_timeout) = (GetMode::Wait, Duration::ZERO);
        let (given, openings, expired) = shared.change(|state| {
            getmode = want.getmode.unwrap_or(state.settings.getmode);
            wait_timeout = state.settings.wait_timeout;
            let expired = state.take_expired(Instant::now());
            let given = state.ask(getmode, want.state, first_in_line);
            // Sessions that expired are replaced, down to `min`, whether or not anyone waits.
            (given, state.refill(), expired)
        });
        shared.discard(expired);
        Shared::open(shared, openings);
        let (ticket, answer, forced) = match given {
            Given::Session(pooled) => return Ok(Lease::new(Arc::clone(shared), pooled)),
            Given::Refused(error) => return Err(error),
            Given::Place { ticket, answer, openings, forced } => {
                Shared::open(shared, openings);
                (ticket, answer, forced)
            }
        };
        if forced {
            Shared::open_for(shared, Some(ticket));
        }
        let place = Place { shared, ticket };
        let outcome = if getmode == GetMode::Timedwait {
            Sleeper::shared().timeout(asked + wait_timeout, answer).await
        } else {
            Ok(answer.await)
        };
        drop(place);
        match outcome {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(PoolError::Closed),
            Err(_) => Err(PoolError::WaitedTooLong { waited: shared.speed.scenario(asked.elapsed()) }),
        }
    }
}

/// A place in the queue; who leaves gives it up.
struct Place<'a, C: Connector> {
    shared: &'a Shared<C>,
    ticket: Ticket,
}

impl<C: Connector> Drop for Place<'_, C> {
    fn drop(&mut self) {
        self.shared.change(|state| state.leave(self.ticket));
    }
}

impl<C: Connector> Shared<C> {
    /// Changes the state under the lock and publishes what it is then.
    fn change<T>(&self, change: impl FnOnce(&mut State<C>) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        self.metrics.publish(state.status());
        result
    }

    /// Opens `count` sessions side by side; each goes to the first in line when it is there.
    fn open(shared: &Arc<Self>, count: usize) {
        for _ in 0..count {
            Self::open_for(shared, None);
        }
    }

    fn open_for(shared: &Arc<Self>, ticket: Option<Ticket>) {
        let pool = Arc::clone(shared);
        shared.runtime.spawn(async move {
            let opened = pool.connector.open().await;
            Self::opened(&pool, opened, ticket);
        });
    }

    fn opened(shared: &Arc<Self>, opened: Result<C::Session, C::Error>, ticket: Option<Ticket>) {
        match opened {
            Ok(session) => {
                let pooled = Pooled::new(session, Instant::now());
                if shared.change(State::opened) {
                    Self::pass_on(shared, pooled, ticket);
                } else {
                    shared.discard(vec![pooled]);
                }
            }
            Err(error) => {
                // One opening failed, so one caller hears of it: the first in line.
                let (waiter, openings) = shared.change(|state| state.not_opened(ticket));
                match waiter {
                    Some(waiter) => drop(waiter.send(Err(PoolError::Open { source: error }))),
                    None => log::warn!("a session cannot be opened: {error}"),
                }
                Self::open(shared, openings);
            }
        }
    }

    /// A session came back.
    fn release(shared: &Arc<Self>, pooled: Pooled<C::Session>, fit: bool) {
        let now = Instant::now();
        let fit = fit && shared.connector.is_clean(&pooled.session);
        if fit && shared.change(|state| state.keeps(&pooled, now)) {
            Self::pass_on(shared, pooled.used(now), None);
        } else {
            let openings = shared.change(State::lost);
            shared.discard(vec![pooled]);
            Self::open(shared, openings);
        }
    }

    /// Gives a busy session to the one it was opened for, to the first in line, or to the idle ones.
    fn pass_on(shared: &Arc<Self>, mut pooled: Pooled<C::Session>, ticket: Option<Ticket>) {
        shared.change(|state| {
            while let Some(waiter) = state.next_waiter(ticket) {
                let lease = Lease::new(Arc::clone(shared), pooled);
                // Who left in this moment gives the session back, and the next in line is asked.
                let Err(Ok(lease)) = waiter.send(Ok(lease)) else { return };
                pooled = lease.into_pooled();
            }
            state.put_back(pooled);
        });
    }

    fn discard(&self, sessions: Vec<Pooled<C::Session>>) {
        for pooled in sessions {
            self.connector.close(pooled.session);
        }
    }
}

/// Closes what is idle for too long or too old, also while nobody asks for a session.
async fn maintain<C: Connector>(pool: Weak<Shared<C>>, interval: Duration) {
    loop {
        Sleeper::shared().sleep(interval).await;
        let Some(shared) = pool.upgrade() else { return };
        let (expired, openings) = shared.change(|state| (state.take_expired(Instant::now()), state.refill()));
        shared.discard(expired);
        Shared::open(&shared, openings);
    }
}
