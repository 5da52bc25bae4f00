//! What the control plane and the links of a proxy share.
//!
//! The control plane changes the toxics, moves the generation and wakes every watcher; a link
//! compares the generation before each read. Neither waits for the other.

use std::{
    collections::HashMap,
    fmt,
    future::poll_fn,
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use loadlab_clock::{Seed, Speed};
use parking_lot::Mutex;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use tokio::net::TcpStream;

use super::{
    Direction, Draws, Toxic,
    budget::Budget,
    counters::{Counters, Flow},
};
use crate::aware::AwareEdge;

/// The toxics of one direction, in the order in which they act.
pub type ToxicSet = Arc<[Arc<Toxic>]>;

/// The state of one proxy that its links see.
pub struct Shared {
    name: String,
    seed: Seed,
    speed: Speed,
    dial_timeout: Duration,
    socket_buffer: Option<usize>,
    probes: Option<IpAddr>,
    budget: Arc<Budget>,
    toxics: Mutex<[ToxicSet; 2]>,
    /// Moves with every change that links must see.
    generation: AtomicU64,
    /// The current run, from start to stop. Links of an earlier one end.
    run: AtomicU64,
    watchers: Mutex<Watchers>,
    counters: Counters,
    /// The faults of those of its toxics that need a protocol.
    aware: Arc<AwareEdge>,
}

#[derive(Default)]
struct Watchers {
    next: u64,
    wakers: HashMap<u64, Waker>,
}

/// What all proxies have in common.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    pub(crate) seed: Seed,
    pub(crate) speed: Speed,
    pub(crate) dial_timeout: Duration,
    pub(crate) socket_buffer: Option<usize>,
    pub(crate) probes: Option<IpAddr>,
    pub(crate) budget: Arc<Budget>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(name: String, conditions: &Conditions) -> Arc<Self> {
        let aware = AwareEdge::new(&name, conditions.seed, conditions.speed);
        Arc::new(Self {
            name,
            seed: conditions.seed,
            speed: conditions.speed,
            dial_timeout: conditions.dial_timeout,
            socket_buffer: conditions.socket_buffer,
            probes: conditions.probes,
            budget: Arc::clone(&conditions.budget),
            toxics: Mutex::new([Arc::from([]), Arc::from([])]),
            generation: AtomicU64::new(0),
            run: AtomicU64::new(0),
            watchers: Mutex::default(),
            counters: Counters::default(),
            aware,
        })
    }

    /// The proxy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Scenario seconds per real second; durations in attributes are scenario time.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// Makes a connection ready to carry what it is given at once: no Nagle delay, and buffers of the size
    /// that was asked for.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn prepare(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if let Some(bytes) = self.socket_buffer {
            set_socket_send_buffer_size(stream, bytes)?;
            set_socket_recv_buffer_size(stream, bytes)?;
        }
        Ok(())
    }

    /// How long a dial may take.
    pub fn dial_timeout(&self) -> Duration {
        self.dial_timeout
    }

    /// The toxics of one direction now, in order.
    pub fn toxics(&self, direction: Direction) -> ToxicSet {
        Arc::clone(&self.toxics.lock()[direction.index()])
    }

    /// The draws of a toxic on one connection.
    pub fn draws(&self, toxic: &Toxic, connection: u64) -> Draws {
        Draws::new(self.seed, &self.name, toxic.direction, &toxic.name, connection)
    }

    /// Whether a connection from this address is a probe.
    pub(crate) fn is_probe(&self, peer: IpAddr) -> bool {
        self.probes == Some(peer)
    }

    /// Counts bytes that came from the sending side of `direction`.
    pub fn count_received(&self, direction: Direction, bytes: usize) {
        self.flow(direction).received(bytes);
    }

    /// Counts bytes that were written to the reading side of `direction`.
    pub fn count_sent(&self, direction: Direction, bytes: usize) {
        self.flow(direction).sent(bytes);
    }

    pub(crate) fn budget(&self) -> Arc<Budget> {
        Arc::clone(&self.budget)
    }

    pub(crate) fn flow(&self, direction: Direction) -> &Flow {
        self.counters.flow(direction)
    }

    /// What connections whose protocol is read are served with.
    pub(crate) fn aware(&self) -> &Arc<AwareEdge> {
        &self.aware
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Puts other toxics in place and tells the links.
    pub(crate) fn set_toxics(&self, direction: Direction, toxics: Vec<Arc<Toxic>>) {
        let mut all = self.toxics.lock();
        all[direction.index()] = toxics.into();
        let of_protocol = all.iter().flat_map(|toxics| toxics.iter()).filter_map(|toxic| toxic.activity());
        self.aware.set_activities(of_protocol.collect());
        drop(all);
        self.announce();
    }

    /// Begins a run; its links live until [`Shared::end_run`].
    pub(crate) fn begin_run(&self) -> u64 {
        self.run.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Ends the links of the current run, which close as soon as they are next polled.
    pub(crate) fn end_run(&self) {
        self.run.fetch_add(1, Ordering::SeqCst);
        self.announce();
    }

    fn announce(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        for waker in self.watchers.lock().wakers.values() {
            waker.wake_by_ref();
        }
    }

    /// A watch for a connection of `run`. Its first look always finds a change.
    pub(crate) fn watch(self: &Arc<Self>, run: u64) -> Watch {
        let mut watchers = self.watchers.lock();
        let id = watchers.next;
        watchers.next += 1;
        drop(watchers);
        Watch { shared: Arc::clone(self), run, id, seen: u64::MAX, waker: None }
    }
}

/// Tells one connection (or one task of it) that something changed: the toxics, or that the proxy
/// stops. Clone it for another task.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    run: u64,
    id: u64,
    seen: u64,
    waker: Option<Waker>,
}

impl Watch {
    /// What the proxy shares with its connections.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether something changed since the last [`Watch::changed`]: one relaxed load.
    #[inline]
    pub fn is_changed(&self) -> bool {
        self.shared.generation.load(Ordering::Relaxed) != self.seen
    }

    /// Whether the proxy was disabled, removed or restarted since the connection was accepted: it
    /// must end.
    pub fn is_closed(&self) -> bool {
        self.shared.run.load(Ordering::SeqCst) != self.run
    }

    /// Makes the next look find a change, for somebody who takes the watch over.
    pub(crate) fn look_anew(&mut self) {
        self.seen = u64::MAX;
    }

    /// Waits for a change. The first call of a watch returns at once.
    pub async fn changed(&mut self) {
        poll_fn(|context| self.poll_changed(context)).await;
    }

    /// Waits until the connection must end.
    pub async fn closed(&mut self) {
        while !self.is_closed() {
            self.changed().await;
        }
    }

    /// Ready if something changed; else the task is woken when it does.
    pub fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // The waker of a task stays the same, so the lock is taken once.
        if self.waker.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
            let waker = context.waker().clone();
            self.shared.watchers.lock().wakers.insert(self.id, waker.clone());
            self.waker = Some(waker);
        }
        // Looked at after the waker is in place: a change in between is seen or wakes.
        let generation = self.shared.generation.load(Ordering::SeqCst);
        if generation == self.seen {
            return Poll::Pending;
        }
        self.seen = generation;
        Poll::Ready(())
    }
}

impl Clone for Watch {
    fn clone(&self) -> Self {
        self.shared.watch(self.run)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.watchers.lock().wakers.remove(&self.id);
    }
}
