//! The database: one SQLite in memory, many connections that read, one thread that writes.
//!
//! ```text
//!   session thread ── shared lock ──> own connection ─┐
//!   session thread ── shared lock ──> own connection ─┼─> pages in memory (the `memdb` VFS)
//!   writer thread ── exclusive lock ─> own connection ─┘
//! ```
//!
//! It lives in memory so that nothing is left behind however the process ends. SQLite's log for
//! readers beside a writer (WAL) needs a file, and `memdb` answers BUSY instead of waiting; the lock
//! here keeps the two apart, so that never happens. It is held only while SQLite works, which is
//! microseconds; the modelled time passes before, without it. What it costs is published.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use parking_lot::RwLock;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use tokio::sync::oneshot;

use super::{error::SqlError, functions, metrics::Metrics, seed};

/// Stack of a thread that works with SQLite: it parses and plans there.
const STACK_BYTES: usize = 2 << 20;
/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT: usize = 128;

/// The database and its writer. It is gone when the last clone and the last reader are.
#[derive(Debug, Clone)]
pub(super) struct Database {
    uri: Arc<str>,
    lock: Arc<RwLock<()>>,
    writer: Worker,
    metrics: Metrics,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A thread with a connection of its own. It ends when its last handle is dropped.
#[derive(Clone)]
struct Worker {
    jobs: mpsc::Sender<Job>,
    interrupt: Arc<InterruptHandle>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

/// A thread and a connection that read.
#[derive(Debug)]
pub(super) struct Reader {
    worker: Worker,
    lock: Arc<RwLock<()>>,
    metrics: Metrics,
}

impl Database {
    /// A new database, with the content in it.
    pub(super) async fn open(metrics: Metrics) -> Result<Self, SqlError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // Connections of one process that name the same path share the database.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let uri: Arc<str> = format!("file:/standin-{number}?vfs=memdb").into();
        let lock = Arc::<RwLock<()>>::default();
        let writer = Worker::start("sql-writer", Arc::clone(&uri), Arc::clone(&lock)).await?;
        let database = Self { uri, lock, writer, metrics };
        database.write(seed::fill).await??;
        Ok(database)
    }

    /// A thread for a session's reads.
    pub(super) async fn reader(&self) -> Result<Reader, SqlError> {
        let worker = Worker::start("sql-reader", Arc::clone(&self.uri), Arc::clone(&self.lock)).await?;
        Ok(Reader { worker, lock: Arc::clone(&self.lock), metrics: self.metrics.clone() })
    }

    /// Runs `work` on the writer's connection, alone. It must leave no transaction behind.
    pub(super) async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> R + Send + 'static,
    ) -> Result<R, SqlError> {
        let (lock, metrics, asked) = (Arc::clone(&self.lock), self.metrics.clone(), Instant::now());
        self.writer
            .run(move |connection| {
                let _alone = lock.write();
                let locked = Instant::now();
                metrics.locked_after(locked - asked);
                let result = work(connection);
                metrics.executed_in(locked.elapsed());
                result
            })
            .await
    }
}

impl Reader {
    /// Runs `work` on this reader's connection, beside other readers. If the caller loses interest,
    /// SQLite is interrupted.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> R + Send + 'static,
    ) -> Result<R, SqlError> {
        let (lock, metrics, asked) = (Arc::clone(&self.lock), self.metrics.clone(), Instant::now());
        let mut unfinished = InterruptOnDrop(Some(Arc::clone(&self.worker.interrupt)));
        let result = self
            .worker
            .run(move |connection| {
                let _shared = lock.read();
                let locked = Instant::now();
                metrics.locked_after(locked - asked);
                let result = work(connection);
                metrics.executed_in(locked.elapsed());
                result
            })
            .await;
        unfinished.0 = None;
        result
    }
}

/// Interrupts what SQLite is doing, unless it was disarmed.
struct InterruptOnDrop(Option<Arc<InterruptHandle>>);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.interrupt();
        }
    }
}

impl Worker {
    async fn start(name: &str, uri: Arc<str>, lock: Arc<RwLock<()>>) -> Result<Self, SqlError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, is_open) = oneshot::channel();
        // Setting up a connection reads the database.
        let connected = move || {
            let _shared = lock.read();
            connect(&uri)
        };
        let work = move || match connected() {
            Ok(mut connection) => {
                let _ = opened.send(Ok(connection.get_interrupt_handle()));
                for job in queue {
                    job(&mut connection);
                }
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        };
        let failed = |reason: String| SqlError::fatal(super::error::INTERNAL, reason);
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn(work)
            .map_err(|error| failed(format!("no thread for the connection: {error}")))?;
        let interrupt = is_open.await.map_err(|_| failed("the connection's thread ended".to_owned()))??;
        Ok(Self { jobs, interrupt: Arc::new(interrupt) })
    }

    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> R + Send + 'static,
    ) -> Result<R, SqlError> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody who waits means that the caller has lost interest.
            let _ = done.send(work(connection));
        });
        let gone = || SqlError::fatal(super::error::INTERNAL, "the connection's thread has ended");
        self.jobs.send(job).map_err(|_| gone())?;
        result.await.map_err(|_| gone())
    }
}

fn connect(uri: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags)?;
    // No waiting for SQLite's own locks: BUSY must show, not hide.
    connection.busy_timeout(std::time::Duration::ZERO)?;
    connection.execute_batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; \
         PRAGMA case_sensitive_like = ON;",
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    functions::register(&connection)?;
    Ok(connection)
}
