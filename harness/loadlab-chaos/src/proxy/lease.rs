//! Leases: toxics that go when whoever made them is gone.
//!
//! A lease is taken with [`Proxies::lease`], or over HTTP with `POST /leases`. The answer to that
//! is `201` and never ends: its first line is `{"lease":"<id>"}`, and the lease lives for as long
//! as the connection does. Toxics that are added with the header `X-Loadlab-Lease: <id>` are
//! removed when it ends, and proxies that are disabled with it are enabled again; an unknown or
//! ended lease is `404 lease not found`. There is no heartbeat: a busy machine makes no false
//! alarm, and a process that dies closes its connections.

use std::{
    collections::HashSet,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use serde_json::Value;

use super::{ControlError, EventKind, Proxies};

/// The leases that live.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    next: AtomicU64,
    living: Mutex<HashSet<Arc<str>>>,
}

impl Leases {
    /// The lease of this name, if one is asked for.
    pub(crate) fn living(&self, lease: Option<&str>) -> Result<Option<Arc<str>>, ControlError> {
        let Some(lease) = lease else { return Ok(None) };
        self.living.lock().get(lease).cloned().map(Some).ok_or(ControlError::LeaseNotFound)
    }

    fn begin(&self) -> Arc<str> {
        let id: Arc<str> = format!("lease-{}", self.next.fetch_add(1, Ordering::Relaxed) + 1).into();
        self.living.lock().insert(Arc::clone(&id));
        id
    }

    fn end(&self, id: &str) {
        self.living.lock().remove(id);
    }
}

/// A lease that lives. Dropping it ends it: what was made under it is undone.
#[must_use = "a lease that is dropped has ended"]
#[derive(Debug)]
pub struct Lease {
    id: Arc<str>,
    proxies: Weak<Proxies>,
}

impl Lease {
    /// Its name, for calls that are made under it.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(proxies) = self.proxies.upgrade() {
            proxies.end_lease(&self.id);
        }
    }
}

impl Proxies {
    /// Takes a lease.
    pub fn lease(&self) -> Lease {
        Lease { id: self.leases.begin(), proxies: self.weak() }
    }

    fn end_lease(&self, id: &str) {
        // First the name, so that nothing is added under it any more.
        self.leases.end(id);
        for entry in self.all() {
            let state = entry.state.lock();
            self.remove_toxics(&entry, &state, EventKind::Released, |toxic| {
                toxic.lease.as_deref() == Some(id)
            });
            let is_down = !state.is_removed && state.disabled_under.as_deref() == Some(id);
            drop(state);
            if is_down {
                self.journal.write(EventKind::Released, Some(entry.name()), None, Value::Null);
                if let Err(error) = self.start_if_stopped(&entry) {
                    log::error!("proxy {} stays disabled after its lease: {error}", entry.name());
                }
            }
        }
    }
}
