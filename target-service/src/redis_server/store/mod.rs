//! The keys and values, their expiry, and what is evicted when the memory is full.
//!
//! ```text
//!   State ─┬─ Database 0 … 15: keys, deadlines, watchers
//!          └─ Channels: who listens to what
//! ```
//!
//! One lock guards all of it, so commands run one after the other as in Redis, and so does a
//! transaction.

mod database;
mod eviction;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use loadlab_clock::Seed;
use rand_chacha::ChaCha8Rng;

pub(super) use self::database::{Database, Watched};
use super::channels::Channels;

/// Databases that `SELECT` can choose from.
pub(super) const DATABASES: usize = 16;
/// Keys with a time to live that a round of the sweep looks at. At ten rounds a second it takes about
/// a permille of a processor when nothing has expired.
const SWEEP_KEYS: usize = 200;

/// The time of a command. Real time, whatever the speed: clients convert.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Now {
    /// Milliseconds since 1970.
    pub(super) unix_ms: i64,
    /// Nanoseconds since the store was made: what "used longest ago" is decided by.
    pub(super) since_start_ns: u64,
}

/// Everything that commands work on.
#[derive(Debug)]
pub(super) struct State {
    databases: Vec<Database>,
    pub(super) channels: Channels,
    pub(super) rng: ChaCha8Rng,
    start: Instant,
    now: Now,
    evicted: u64,
}

/// Figures about all databases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) keys: usize,
    pub(super) memory: usize,
    pub(super) expired: u64,
    pub(super) evicted: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
}

impl State {
    pub(super) fn new(seed: Seed) -> Self {
        let mut state = Self {
            databases: (0..DATABASES).map(|_| Database::default()).collect(),
            channels: Channels::default(),
            rng: seed.stream("redis choices", 0, 0),
            start: Instant::now(),
            now: Now::default(),
            evicted: 0,
        };
        state.tick();
        state
    }

    /// Reads the clock: a command sees one time from start to end.
    pub(super) fn tick(&mut self) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.now =
            Now { unix_ms: unix.as_millis() as i64, since_start_ns: self.start.elapsed().as_nanos() as u64 };
    }

    pub(super) fn now(&self) -> Now {
        self.now
    }

    /// One database, at the time of the last tick. `index` is below [`DATABASES`].
    pub(super) fn database(&mut self, index: usize) -> &mut Database {
        let database = &mut self.databases[index];
        database.now = self.now;
        database
    }

    pub(super) fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Estimated memory of all keys and values, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.databases.iter().map(Database::memory).sum()
    }

    pub(super) fn figures(&self) -> Figures {
        let mut figures = Figures { evicted: self.evicted, ..Figures::default() };
        for database in &self.databases {
            figures.keys += database.len();
            figures.memory += database.memory();
            figures.expired += database.expired;
            figures.hits += database.hits;
            figures.misses += database.misses;
        }
        figures
    }

    /// One round of removing what has expired; true when there is probably more.
    pub(super) fn sweep(&mut self) -> bool {
        self.tick();
        let mut more = false;
        for index in 0..DATABASES {
            let (looked, expired) = self.database(index).sweep(SWEEP_KEYS);
            // A quarter: as in Redis's own active expiry.
            more |= looked == SWEEP_KEYS && expired * 4 >= looked;
        }
        more
    }
}
