//! What all connections share, and the loop that accepts them.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use loadlab_clock::{Seed, Sleeper, Speed};
use parking_lot::Mutex;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    channels::{Inbox, mailbox},
    commands::CommandError,
    connection,
    metrics::Metrics,
    protocol::{Reply, Version},
    session::{ClientProfile, Session},
    store::State,
};
use crate::{profile::RedisProfile, standin::Live};

/// Connections at the same time: Redis's default `maxclients`.
const CLIENTS_MAX: usize = 10_000;
/// From one round of the sweep to the next, real time: ten a second, Redis's default `hz`.
const SWEEP_EVERY: Duration = Duration::from_millis(100);
/// How long to wait when no connection can be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) settings: Arc<Live<RedisProfile>>,
    pub(super) speed: Speed,
    pub(super) seed: Seed,
    pub(super) listen: SocketAddr,
    pub(super) start: Instant,
    pub(super) state: Mutex<State>,
    pub(super) metrics: Metrics,
    /// Parameters of `CONFIG` that change nothing here.
    pub(super) parameters: Mutex<BTreeMap<&'static str, String>>,
    pub(super) clients: Mutex<BTreeMap<u64, Arc<Mutex<ClientProfile>>>>,
    connections: AtomicU64,
    pub(super) commands: AtomicU64,
}

impl Server {
    pub(super) fn new(
        settings: Arc<Live<RedisProfile>>,
        speed: Speed,
        randomness: Seed,
        listen: SocketAddr,
    ) -> Self {
        Self {
            settings,
            speed,
            seed: randomness,
            listen,
            start: Instant::now(),
            state: Mutex::new(State::new(randomness)),
            metrics: Metrics::default(),
            parameters: Mutex::default(),
            clients: Mutex::default(),
            connections: AtomicU64::new(0),
            commands: AtomicU64::new(0),
        }
    }

    /// A new connection's session, and where its messages arrive.
    pub(super) fn open(&self, address: SocketAddr) -> (Session, Inbox) {
        let id = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let (outbox, inbox) = mailbox();
        let session = Session::new(id, address, outbox);
        self.clients.lock().insert(id, Arc::clone(&session.profile));
        (session, inbox)
    }

    /// The end of a connection.
    pub(super) fn close(&self, session: &mut Session) {
        self.clients.lock().remove(&session.id);
        let mut state = self.state.lock();
        session.unwatch(&mut state);
        session.unsubscribe(&mut state);
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Accepts connections and sweeps until `stop`.
pub(super) async fn run(server: Arc<Server>, listener: TcpListener, stop: CancellationToken) {
    let mut tasks = JoinSet::new();
    tasks.spawn(sweep(Arc::clone(&server)));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) if server.clients.lock().len() >= CLIENTS_MAX => {
                tasks.spawn(refuse(stream));
            }
            Ok((stream, address)) => {
                // A small reply must not wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                tasks.spawn(connection::run(Arc::clone(&server), stream, address));
            }
            // Out of descriptors, or the peer was gone before it was accepted: both pass.
            Err(error) => {
                log::warn!("cannot accept a connection: {error}");
                Sleeper::shared().sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn refuse(mut stream: tokio::net::TcpStream) {
    let mut out = BytesMut::new();
    Reply::Error(CommandError::TooManyClients).encode(Version::Resp2, &mut out);
    let written: io::Result<()> = stream.write_all(&out).await;
    if let Err(error) = written {
        log::debug!("a refused client had gone: {error}");
    }
}

async fn sweep(server: Arc<Server>) {
    let mut next = Instant::now();
    loop {
        next = next.max(Instant::now()) + SWEEP_EVERY;
        Sleeper::shared().until(next).await;
        // The lock is given up between rounds, so that commands get in.
        while server.state.lock().sweep() {
            tokio::task::yield_now().await;
        }
    }
}
