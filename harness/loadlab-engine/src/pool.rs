//! The worker pool: Goose users, each of which runs one transaction for as long as the run lasts.
//!
//! Goose launches the workers and hands each its number. As soon as all have reported, its managing
//! task is ended: the workers are tasks of their own and stay. What that task would do from then on
//! is of no use here and partly in the way. It wakes twice a second, prints "N users launched." on
//! standard output, which belongs to the caller, and at the end joins users that look at nothing but
//! their own transaction. Its kill switch, which is global to the process, is not used at all, so
//! runs may follow each other or run side by side.
//!
//! Goose prints that line as soon as it has launched its last user, without a point at which it could
//! be stopped. So it is asked for [`SPARES`] more than needed, at a steady rate: it is stopped
//! between the last worker and the last spare, unless the machine stalls for just that long.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use goose::{
    GooseAttack, GooseError,
    client::GooseClientBuilder,
    config::GooseConfiguration,
    goose::{Scenario, Transaction, TransactionFunction},
};
use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinHandle};

/// Users that are not needed. Some 25 kB each, for as long as Goose's task lives.
const SPARES: usize = 400;
/// Users launched per second at least: 200 ms between the last worker and the last spare. A large
/// pool is launched within a second.
const LAUNCHES_PER_S_MIN: usize = 2_000;

/// What a worker does, given its number.
pub(crate) type Work = Arc<dyn Fn(usize) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The pool could not be made.
#[derive(Debug)]
pub enum PoolError {
    /// Goose refused its configuration, or failed.
    Goose {
        /// What Goose said.
        source: Box<GooseError>,
    },
    /// Goose ended before all workers were there.
    Incomplete {
        /// How many were asked for.
        wanted: usize,
        /// How many reported.
        reported: usize,
    },
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Goose { .. } => f.write_str("goose could not start the workers"),
            Self::Incomplete { wanted, reported } => {
                write!(f, "only {reported} of {wanted} workers reported")
            }
        }
    }
}

impl std::error::Error for PoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Goose { source } => Some(source),
            Self::Incomplete { .. } => None,
        }
    }
}

/// Workers that are there, and count themselves out when they are done.
#[derive(Debug)]
pub(crate) struct Pool {
    attack: JoinHandle<Result<(), GooseError>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wanted: usize,
    reported: AtomicUsize,
    left: AtomicUsize,
    changed: Notify,
    /// Ends Goose's managing task.
    manager: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Pool {
    /// Starts `workers` workers and returns when all have reported. `work` begins at once.
    pub(crate) async fn start(workers: usize, host: &str, work: Work) -> Result<Self, PoolError> {
        let shared = Arc::new(Shared {
            wanted: workers,
            reported: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            changed: Notify::new(),
            manager: Mutex::new(None),
        });
        let attack = attack(workers, host, transaction(work, &shared))
            .map_err(|source| PoolError::Goose { source: Box::new(source) })?;
        let attack = {
            // Held until the handle is there, so that no worker misses it.
            let mut manager = shared.manager.lock();
            let attack = tokio::spawn(async move { Box::pin(attack.execute()).await.map(drop) });
            *manager = Some(attack.abort_handle());
            attack
        };
        // Whoever drops the pool from here on ends Goose's task with it.
        let mut pool = Self { attack, shared };
        let ended = tokio::select! {
            biased;
            () = pool.shared.all_reported() => None,
            ended = &mut pool.attack => Some(ended),
        };
        let reported = pool.shared.reported.load(SeqCst);
        match ended {
            Some(Ok(Err(source))) => Err(PoolError::Goose { source: Box::new(source) }),
            _ if reported >= workers => Ok(pool),
            _ => Err(PoolError::Incomplete { wanted: workers, reported }),
        }
    }

    /// Returns when every worker is done.
    pub(crate) async fn all_left(&self) {
        self.shared.until(|shared| shared.left.load(SeqCst) >= shared.wanted).await;
    }

    /// Waits a little for workers that have been told to end, and lets go of those that do not.
    pub(crate) async fn end(self, limit: Duration) {
        if tokio::time::timeout(limit, self.all_left()).await.is_err() {
            let left = self.shared.left.load(SeqCst);
            log::warn!("{} workers did not end in {limit:?}", self.shared.wanted - left);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.attack.abort();
    }
}

impl Shared {
    async fn all_reported(&self) {
        self.until(|shared| shared.reported.load(SeqCst) >= shared.wanted).await;
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if reached(self) {
                return;
            }
            changed.await;
        }
    }

    fn report(&self) {
        if self.reported.fetch_add(1, SeqCst) + 1 == self.wanted {
            if let Some(manager) = self.manager.lock().as_ref() {
                manager.abort();
            }
            self.changed.notify_waiters();
        }
    }

    fn leave(&self) {
        if self.left.fetch_add(1, SeqCst) + 1 == self.wanted {
            self.changed.notify_waiters();
        }
    }
}

/// Counts a worker out even if it panics.
struct Leaving(Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave();
    }
}

fn transaction(work: Work, shared: &Arc<Shared>) -> Transaction {
    let shared = Arc::clone(shared);
    let function: TransactionFunction = Arc::new(move |user| {
        let number = user.weighted_users_index;
        let needed = number < shared.wanted;
        let (work, shared) = (Arc::clone(&work), Arc::clone(&shared));
        Box::pin(async move {
            if needed {
                let _leaving = Leaving(Arc::clone(&shared));
                shared.report();
                work(number).await;
            }
            Ok(())
        })
    });
    Transaction::new(function)
}

fn attack(workers: usize, host: &str, transaction: Transaction) -> Result<GooseAttack, GooseError> {
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(host.to_owned());
    configuration.users = Some(workers + SPARES);
    configuration.increase_rate = Some(workers.max(LAUNCHES_PER_S_MIN).to_string());
    // A user ends with its one transaction, without being told.
    configuration.iterations = Some(1);
    configuration.no_telnet = true;
    configuration.no_metrics = true;
    configuration.no_print_metrics = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    configuration.no_error_summary = true;
    configuration.quiet = 2;
    // One client for all, which then goes unused: a client per user takes 0.4 MB each.
    GooseAttack::initialize_with_config(configuration)?
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())
        .map(|attack| attack.register_scenario(Scenario::new("loadlab").register_transaction(transaction)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_worker_gets_a_number_of_its_own_and_pools_may_follow_each_other() {
        for round in 0..2 {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let work: Work = {
                let seen = Arc::clone(&seen);
                Arc::new(move |number| {
                    seen.lock().push(number);
                    Box::pin(async {})
                })
            };
            let pool = Pool::start(50, "http://127.0.0.1:9", work).await.expect("a pool");
            pool.all_left().await;
            pool.end(Duration::from_secs(1)).await;
            let mut seen = seen.lock().clone();
            seen.sort_unstable();
            assert_eq!(seen, (0..50).collect::<Vec<_>>(), "round {round}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_worker_that_panics_counts_as_gone() {
        let work: Work = Arc::new(|number| Box::pin(async move { assert_ne!(number, 1, "on purpose") }));
        let pool = Pool::start(3, "http://127.0.0.1:9", work).await.expect("a pool");
        let gone = tokio::time::timeout(Duration::from_secs(10), pool.all_left()).await;
        assert_eq!(gone, Ok(()));
    }
}
