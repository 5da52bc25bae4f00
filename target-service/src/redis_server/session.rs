//! What the server knows about one connection.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use indexmap::IndexSet;
use parking_lot::Mutex;

use super::{
    channels::Outbox,
    commands::Spec,
    protocol::{Arguments, Version},
    store::{State, Watched},
};

/// A connection's own state.
#[derive(Debug)]
pub(super) struct Session {
    /// Its number, never given twice.
    pub(super) id: u64,
    pub(super) version: Version,
    /// The database it has selected.
    pub(super) database: usize,
    pub(super) transaction: Option<Transaction>,
    /// Set when a watched key has changed.
    pub(super) changed: Watched,
    pub(super) watched: Vec<(usize, Bytes)>,
    pub(super) channels: IndexSet<Bytes>,
    pub(super) patterns: IndexSet<Bytes>,
    pub(super) outbox: Outbox,
    /// Set when the connection is to end after what was answered so far.
    pub(super) closing: bool,
    pub(super) profile: Arc<Mutex<ClientProfile>>,
}

/// Commands that were queued after `MULTI`.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) queue: Vec<(&'static Spec, Arguments)>,
    /// One of them was refused, so `EXEC` will be.
    pub(super) failed: bool,
    /// Bytes of the queued arguments.
    pub(super) bytes: usize,
}

/// What `CLIENT LIST` shows of a connection.
#[derive(Debug, Clone)]
pub(super) struct ClientProfile {
    pub(super) address: SocketAddr,
    pub(super) name: Bytes,
    pub(super) client_lib: Bytes,
    pub(super) client_lib_version: Bytes,
    pub(super) since: Instant,
    pub(super) last_used: Instant,
    pub(super) last_command: &'static str,
    pub(super) database: usize,
    pub(super) subscriptions: (usize, usize),
    pub(super) queued: Option<usize>,
    pub(super) no_evict: bool,
    pub(super) version: Version,
}

impl Session {
    pub(super) fn new(id: u64, address: SocketAddr, outbox: Outbox) -> Self {
        let now = Instant::now();
        Self {
            id,
            version: Version::default(),
            database: 0,
            transaction: None,
            changed: Watched::default(),
            watched: Vec::new(),
            channels: IndexSet::new(),
            patterns: IndexSet::new(),
            outbox,
            closing: false,
            profile: Arc::new(Mutex::new(ClientProfile {
                address,
                name: Bytes::new(),
                client_lib: Bytes::new(),
                client_lib_version: Bytes::new(),
                since: now,
                last_used: now,
                last_command: "NULL",
                database: 0,
                subscriptions: (0, 0),
                queued: None,
                no_evict: false,
                version: Version::default(),
            })),
        }
    }

    /// Channels and patterns subscribed to.
    pub(super) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Watches nothing any more.
    pub(super) fn unwatch(&mut self, state: &mut State) {
        for (database, key) in self.watched.drain(..) {
            state.database(database).unwatch(&key, &self.changed);
        }
        self.changed = Watched::default();
    }

    /// Subscribes to nothing any more.
    pub(super) fn unsubscribe(&mut self, state: &mut State) {
        for channel in self.channels.drain(..) {
            state.channels.unsubscribe(&channel, self.id);
        }
        for pattern in self.patterns.drain(..) {
            state.channels.unsubscribe_pattern(&pattern, self.id);
        }
    }

    /// Brings up to date what `CLIENT LIST` shows.
    pub(super) fn show(&self, command: &'static str) {
        let mut profile = self.profile.lock();
        profile.last_used = Instant::now();
        profile.last_command = command;
        profile.database = self.database;
        profile.subscriptions = (self.channels.len(), self.patterns.len());
        profile.queued = self.transaction.as_ref().map(|transaction| transaction.queue.len());
        profile.version = self.version;
    }
}
