//! The registry of proxies: made, found, changed and removed here, by calls or over HTTP.
//!
//! Locks are taken in the order registry, proxy, journal, and never across a wait.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use loadlab_clock::{RunClock, Seed, Speed};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{runtime::Handle, sync::watch};

use super::{
    AddressError, ControlError, Event, EventKind, Protocol, ProxyPatch, ProxySpec, ProxyStats, ProxyView,
    address::{is_same_listen, listen_address},
    budget::Budget,
    control_thread::ControlThread,
    edge::check_protocol,
    journal::Journal,
    lease::Leases,
    metrics::Retired,
    proxy_entry::{ProxyEntry, State},
    shared::Conditions,
};

/// How the proxies behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Stamps events, and scales: durations and rates of toxics are scenario time.
    pub clock: RunClock,
    /// All draws follow from it.
    pub seed: Seed,
    /// Whether proxies may listen on other addresses than those of this machine alone.
    pub any_interface: bool,
    /// How long a dial to an upstream may take, real time.
    pub dial_timeout: Duration,
    /// Send and receive buffers of all connections, in bytes; none leaves them to the kernel, which lets each
    /// grow to megabytes. A reader who is slow is slow for whoever writes only once they are full.
    pub socket_buffer: Option<usize>,
    /// How much may wait in latency toxics over all connections, in bytes. Beyond it each
    /// connection holds one read, and its sender is held back.
    pub delayed_bytes_max: usize,
    /// How many events the journal keeps.
    pub journal_entries_max: usize,
    /// Whether `GET /metrics` is there.
    pub metrics: bool,
    /// Where probes connect from. Their connections are disturbed as all others are, but they are
    /// not counted: neither as connections nor in what a toxic touched. They have numbers of their
    /// own, so that they do not shift the draws of others.
    pub probes: Option<IpAddr>,
}

impl Default for Options {
    /// Real time, loopback only, dials of 10 s, 256 MiB on their way, 16,384 events, no metrics,
    /// no probes.
    fn default() -> Self {
        Self {
            clock: RunClock::start(Speed::REAL),
            seed: Seed::new(0),
            any_interface: false,
            dial_timeout: Duration::from_secs(10),
            socket_buffer: None,
            delayed_bytes_max: 256 * 1024 * 1024,
            journal_entries_max: 16_384,
            metrics: false,
            probes: None,
        }
    }
}

/// All proxies. Calls are short and do not wait for connections; only a listen name that needs a
/// look-up takes as long as that takes.
#[derive(Debug)]
pub struct Proxies {
    pub(crate) options: Options,
    pub(crate) conditions: Conditions,
    /// Where links run.
    runtime: Handle,
    /// Where the API is served and toxics expire.
    control: ControlThread,
    pub(crate) entries: Mutex<BTreeMap<String, Arc<ProxyEntry>>>,
    pub(crate) journal: Journal,
    pub(crate) leases: Leases,
    pub(crate) retired: Mutex<Retired>,
    me: Weak<Self>,
}

impl Drop for Proxies {
    /// Listeners are closed and connections end with the registry: nothing serves unseen.
    fn drop(&mut self) {
        for entry in self.entries.get_mut().values() {
            entry.stop(&mut entry.state.lock());
        }
    }
}

impl Proxies {
    /// No proxies yet. Connections run on the current runtime, the control plane on a thread of its
    /// own; calls may come from any thread.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> Arc<Self> {
        let conditions = Conditions {
            seed: options.seed,
            speed: options.clock.speed(),
            dial_timeout: options.dial_timeout,
            socket_buffer: options.socket_buffer,
            probes: options.probes,
            budget: Budget::new(options.delayed_bytes_max),
        };
        Arc::new_cyclic(|me| Self {
            conditions,
            runtime: Handle::current(),
            control: ControlThread::start(),
            entries: Mutex::default(),
            journal: Journal::new(options.clock, options.journal_entries_max),
            leases: Leases::default(),
            retired: Mutex::default(),
            me: Weak::clone(me),
            options,
        })
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        Weak::clone(&self.me)
    }

    /// The runtime of the control plane.
    pub(crate) fn control(&self) -> &Handle {
        self.control.handle()
    }

    /// Makes a proxy. Its toxics are in place before its first connection.
    pub fn create(&self, spec: &ProxySpec) -> Result<ProxyView, ControlError> {
        spec.check()?;
        if self.entries.lock().contains_key(&spec.name) {
            return Err(ControlError::ProxyExists);
        }
        let (entry, address) = self.prepare(spec)?;
        let mut entries = self.entries.lock();
        if entries.contains_key(&spec.name) {
            return Err(ControlError::ProxyExists);
        }
        self.install(&mut entries, entry, address)
    }

    /// A proxy that is not yet in the registry, with its toxics, and where it is to listen.
    pub(crate) fn prepare(
        &self,
        spec: &ProxySpec,
    ) -> Result<(Arc<ProxyEntry>, Option<SocketAddr>), ControlError> {
        let entry = ProxyEntry::new(spec, &self.conditions);
        for toxic in &spec.toxics {
            self.put_toxic(&entry, &mut entry.state.lock(), toxic, None)?;
        }
        let address = if spec.enabled { Some(self.address(&spec.listen)?) } else { None };
        Ok((entry, address))
    }

    /// Starts a prepared proxy and puts it into the registry, in place of any of its name.
    pub(crate) fn install(
        &self,
        entries: &mut BTreeMap<String, Arc<ProxyEntry>>,
        entry: Arc<ProxyEntry>,
        address: Option<SocketAddr>,
    ) -> Result<ProxyView, ControlError> {
        let _runtime = self.runtime.enter();
        let mut state = entry.state.lock();
        if let Some(address) = address {
            entry.start(&mut state, address)?;
        }
        let view = entry.view(&state);
        self.journal.write(EventKind::Created, Some(entry.name()), None, view.to_json());
        for toxic in &view.toxics {
            self.journal.write(EventKind::Created, Some(entry.name()), Some(&toxic.name), toxic.to_json());
        }
        drop(state);
        entries.insert(view.name.clone(), entry);
        Ok(view)
    }

    pub(crate) fn address(&self, listen: &str) -> Result<SocketAddr, AddressError> {
        listen_address(listen, self.options.any_interface)
    }

    /// A proxy as it is now.
    pub fn get(&self, name: &str) -> Result<ProxyView, ControlError> {
        let entry = self.entry(name)?;
        let state = entry.state.lock();
        Ok(entry.view(&state))
    }

    /// All proxies as they are now, by name.
    pub fn list(&self) -> Vec<ProxyView> {
        self.all().iter().map(|entry| entry.view(&entry.state.lock())).collect()
    }

    /// What passed so far, proxy by proxy.
    pub fn stats(&self) -> Vec<ProxyStats> {
        self.all().iter().map(|entry| entry.stats()).collect()
    }

    /// Connections that are open now, through all proxies together.
    pub fn open_connections(&self) -> u64 {
        self.stats().iter().map(|proxy| proxy.connections.open).sum()
    }

    /// Changes a proxy. Another listen, upstream or protocol restarts it: its connections end.
    /// Another protocol is refused while there are toxics that need the one it has.
    /// Where `lease` disables it, the end of that lease enables it again.
    ///
    /// When the new address cannot be bound, the proxy stays disabled.
    pub fn update(
        &self,
        name: &str,
        patch: &ProxyPatch,
        lease: Option<&str>,
    ) -> Result<ProxyView, ControlError> {
        let entry = self.entry(name)?;
        let wanted = patch.listen.clone().unwrap_or_else(|| entry.state.lock().listen.clone());
        // Before the lock: a name takes a look-up.
        let address = self.address(&wanted);
        let mut state = entry.lock()?;
        if let Some(protocol) = patch.protocol {
            check_toxics(&entry, protocol)?;
        }
        let lease = self.leases.living(lease)?;
        let address = if patch.listen.is_some() || state.listen == wanted {
            address
        } else {
            self.address(&state.listen)
        };
        let enabled = patch.enabled.unwrap_or(state.is_enabled());
        self.readdress(&entry, &mut state, patch);
        if enabled && !state.is_enabled() {
            self.start(&entry, &mut state, address?)?;
        } else if !enabled && state.is_enabled() {
            self.stop(&entry, &mut state);
            state.disabled_under = lease;
        }
        Ok(entry.view(&state))
    }

    /// Stops the proxy if its addresses change, and sets them.
    fn readdress(&self, entry: &ProxyEntry, state: &mut State, patch: &ProxyPatch) {
        let listen = patch.listen.as_deref().filter(|listen| !is_same_listen(listen, &state.listen));
        let upstream = patch.upstream.as_deref().filter(|upstream| *upstream != state.upstream);
        let protocol = patch.protocol.filter(|protocol| *protocol != state.protocol);
        if listen.is_none() && upstream.is_none() && protocol.is_none() {
            return;
        }
        entry.stop(state);
        self.retired.lock().take_over(entry, state);
        if let Some(listen) = listen {
            listen.clone_into(&mut state.listen);
        }
        if let Some(upstream) = upstream {
            upstream.clone_into(&mut state.upstream);
        }
        state.protocol = protocol.unwrap_or(state.protocol);
        let view = entry.view(state);
        self.journal.write(EventKind::Changed, Some(entry.name()), None, view.to_json());
    }

    fn start(&self, entry: &ProxyEntry, state: &mut State, address: SocketAddr) -> Result<(), ControlError> {
        let _runtime = self.runtime.enter();
        entry.start(state, address)?;
        self.journal.write(EventKind::Enabled, Some(entry.name()), None, Value::Null);
        Ok(())
    }

    fn stop(&self, entry: &ProxyEntry, state: &mut State) {
        entry.stop(state);
        self.journal.write(EventKind::Disabled, Some(entry.name()), None, Value::Null);
    }

    /// Removes a proxy; its connections end.
    pub fn delete(&self, name: &str) -> Result<(), ControlError> {
        let entry = self.entries.lock().remove(name).ok_or(ControlError::ProxyNotFound)?;
        self.retire(&entry);
        Ok(())
    }

    /// Ends a proxy that is no longer in the registry.
    pub(crate) fn retire(&self, entry: &ProxyEntry) {
        let mut state = entry.state.lock();
        state.is_removed = true;
        entry.stop(&mut state);
        self.remove_toxics(entry, &state, EventKind::Removed, |_| true);
        self.retired.lock().take_over(entry, &mut state);
        self.journal.write(EventKind::Removed, Some(entry.name()), None, Value::Null);
    }

    /// Removes every toxic and enables every proxy. All are tried; the first failure is told.
    pub fn reset(&self) -> Result<(), ControlError> {
        let entries = self.all();
        // Toxics first: they are what hurts.
        for entry in &entries {
            let state = entry.state.lock();
            self.remove_toxics(entry, &state, EventKind::Removed, |_| true);
        }
        let started: Vec<_> = entries.iter().map(|entry| self.start_if_stopped(entry)).collect();
        self.journal.write(EventKind::Reset, None, None, Value::Null);
        started.into_iter().collect()
    }

    pub(crate) fn start_if_stopped(&self, entry: &ProxyEntry) -> Result<(), ControlError> {
        let listen = entry.state.lock().listen.clone();
        let address = self.address(&listen);
        let mut state = entry.state.lock();
        if state.is_removed || state.is_enabled() {
            return Ok(());
        }
        self.start(entry, &mut state, address?)
    }

    /// What happened after event number `after` (0 is from the beginning), as far as it is kept.
    pub fn events_after(&self, after: u64) -> Vec<Event> {
        self.journal.after(after)
    }

    /// The number of the newest event, now and whenever it moves.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.journal.subscribe()
    }

    pub(crate) fn all(&self) -> Vec<Arc<ProxyEntry>> {
        self.entries.lock().values().cloned().collect()
    }

    pub(crate) fn entry(&self, name: &str) -> Result<Arc<ProxyEntry>, ControlError> {
        self.entries.lock().get(name).cloned().ok_or(ControlError::ProxyNotFound)
    }
}

fn check_toxics(entry: &ProxyEntry, protocol: Protocol) -> Result<(), ControlError> {
    entry.toxics().iter().try_for_each(|toxic| match toxic.activity() {
        None => Ok(()),
        Some(activity) => check_protocol(&toxic.type_name, activity.fault.protocol().into(), protocol),
    })
}
