//! Toxics made, changed and removed: by calls, by the end of their `ttl`, by the end of a lease.

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use loadlab_clock::Sleeper;
use serde_json::json;

use super::{
    ControlError, Direction, Draw, EventKind, FieldError, Protocol, Proxies, Touched, Toxic, ToxicPatch,
    ToxicSpec, ToxicView,
    edge::Asked,
    fields::Fields,
    proxy_entry::{ProxyEntry, State},
    toxic::{Expiry, Kind, after, fresh_id, real_ms},
};

impl Proxies {
    /// The toxics of a proxy, upstream ones first.
    pub fn toxics(&self, proxy: &str) -> Result<Vec<ToxicView>, ControlError> {
        Ok(self.entry(proxy)?.toxics().iter().map(|toxic| ToxicView::of(toxic)).collect())
    }

    /// One toxic of a proxy.
    pub fn toxic(&self, proxy: &str, name: &str) -> Result<ToxicView, ControlError> {
        let entry = self.entry(proxy)?;
        entry.find_toxic(name).map(|toxic| ToxicView::of(&toxic)).ok_or(ControlError::ToxicNotFound)
    }

    /// Adds a toxic; it acts on open connections at once. With a lease it goes when that ends.
    pub fn add_toxic(
        &self,
        proxy: &str,
        spec: &ToxicSpec,
        lease: Option<&str>,
    ) -> Result<ToxicView, ControlError> {
        let entry = self.entry(proxy)?;
        let mut state = entry.lock()?;
        // Looked at under the proxy's lock: a lease that ends now either sees the toxic or is gone.
        let lease = self.leases.living(lease)?;
        let toxic = self.put_toxic(&entry, &mut state, spec, lease)?;
        let view = ToxicView::of(&toxic);
        self.journal.write(EventKind::Created, Some(proxy), Some(&view.name), view.to_json());
        Ok(view)
    }

    /// Puts a toxic at the end of its direction.
    pub(crate) fn put_toxic(
        &self,
        entry: &Arc<ProxyEntry>,
        state: &mut State,
        spec: &ToxicSpec,
        lease: Option<Arc<str>>,
    ) -> Result<Arc<Toxic>, ControlError> {
        let direction = spec.direction()?;
        let name = spec.full_name();
        let asked = Asked {
            name: &name,
            type_name: &spec.kind,
            toxicity: spec.toxicity,
            fields: Fields::attributes(&spec.attributes, None),
            protocol: state.protocol,
        };
        let kind = Kind::asked(asked).ok_or(ControlError::InvalidToxicType)?;
        if entry.find_toxic(&name).is_some() {
            return Err(ControlError::ToxicExists);
        }
        let kind = kind?;
        let draw = checked_draw(&kind, spec.draw, state.protocol)?;
        let id = fresh_id();
        let toxic = Arc::new(Toxic {
            id,
            name,
            type_name: spec.kind.clone(),
            direction,
            toxicity: spec.toxicity,
            draw,
            kind,
            ttl_ms: spec.ttl_ms,
            // Armed before the toxic acts.
            expiry: spec.ttl_ms.map(|ttl| self.arm(entry, id, ttl)),
            lease,
            touched: Arc::new(Touched::default()),
        });
        let mut all = entry.shared.toxics(direction).to_vec();
        all.push(Arc::clone(&toxic));
        entry.shared.set_toxics(direction, all);
        Ok(toxic)
    }

    /// Changes a toxic; what is absent stays, attribute by attribute.
    pub fn update_toxic(
        &self,
        proxy: &str,
        name: &str,
        patch: &ToxicPatch,
    ) -> Result<ToxicView, ControlError> {
        let entry = self.entry(proxy)?;
        let state = entry.lock()?;
        let old = entry.find_toxic(name).ok_or(ControlError::ToxicNotFound)?;
        let attributes = old.attributes();
        let toxicity = patch.toxicity.unwrap_or(old.toxicity);
        let asked = Asked {
            name,
            type_name: &old.type_name,
            toxicity,
            fields: Fields::attributes(&patch.attributes, Some(&attributes)),
            protocol: state.protocol,
        };
        let kind = Kind::asked(asked).ok_or(ControlError::InvalidToxicType)??;
        let draw = checked_draw(&kind, patch.draw.unwrap_or(old.draw), state.protocol)?;
        let expiry = match patch.ttl_ms {
            Some(ttl) => Some(self.arm(&entry, old.id, ttl)),
            None => old.expiry.clone(),
        };
        let toxic = Arc::new(Toxic {
            id: old.id,
            name: old.name.clone(),
            type_name: old.type_name.clone(),
            direction: old.direction,
            toxicity,
            draw,
            kind,
            ttl_ms: patch.ttl_ms.or(old.ttl_ms),
            expiry,
            lease: old.lease.clone(),
            touched: Arc::clone(&old.touched),
        });
        let renewed = |other: &Arc<Toxic>| Arc::clone(if other.id == toxic.id { &toxic } else { other });
        let all = entry.shared.toxics(old.direction).iter().map(renewed).collect();
        entry.shared.set_toxics(old.direction, all);
        let view = ToxicView::of(&toxic);
        self.journal.write(EventKind::Changed, Some(proxy), Some(name), view.to_json());
        Ok(view)
    }

    /// Removes a toxic.
    pub fn remove_toxic(&self, proxy: &str, name: &str) -> Result<(), ControlError> {
        let entry = self.entry(proxy)?;
        let state = entry.lock()?;
        let removed = self.remove_toxics(&entry, &state, EventKind::Removed, |toxic| toxic.name == name);
        if removed == 0 { Err(ControlError::ToxicNotFound) } else { Ok(()) }
    }

    /// Removes those toxics that `goes` picks and tells how many; the proxy's state is locked.
    pub(crate) fn remove_toxics(
        &self,
        entry: &ProxyEntry,
        _state: &State,
        why: EventKind,
        goes: impl Fn(&Toxic) -> bool,
    ) -> usize {
        let mut removed = 0;
        for direction in Direction::ALL {
            let all = entry.shared.toxics(direction);
            let (gone, kept): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|toxic| goes(toxic));
            if gone.is_empty() {
                continue;
            }
            removed += gone.len();
            entry.shared.set_toxics(direction, kept);
            for toxic in gone {
                let detail = json!({ "touched": toxic.touched.count() });
                self.journal.write(why, Some(entry.name()), Some(&toxic.name), detail);
            }
        }
        removed
    }

    /// Has the toxic removed after `ttl_ms` of scenario time, whoever else is alive by then.
    fn arm(&self, entry: &Arc<ProxyEntry>, toxic: u64, ttl_ms: u64) -> Arc<Expiry> {
        let deadline = after(Instant::now(), real_ms(self.options.clock.speed(), ttl_ms));
        let id = fresh_id();
        let (proxies, entry) = (self.weak(), Arc::downgrade(entry));
        let task = self.control().spawn(async move {
            Sleeper::shared().until(deadline).await;
            expire(&proxies, &entry, toxic, id);
        });
        Arc::new(Expiry { id, task: task.abort_handle() })
    }
}

/// Removes the toxic, unless its end was put off meanwhile.
fn expire(proxies: &Weak<Proxies>, entry: &Weak<ProxyEntry>, toxic: u64, expiry: u64) {
    let (Some(proxies), Some(entry)) = (proxies.upgrade(), entry.upgrade()) else { return };
    let state = entry.state.lock();
    proxies.remove_toxics(&entry, &state, EventKind::Expired, |other| {
        other.id == toxic && other.expiry.as_ref().is_some_and(|current| current.id == expiry)
    });
}

/// What the toxicity is drawn for: as asked, but always for requests where those are hit.
fn checked_draw(kind: &Kind, draw: Draw, protocol: Protocol) -> Result<Draw, FieldError> {
    match draw {
        Draw::Chunk if matches!(kind, Kind::Aware(_)) => {
            Err(FieldError::value("draw", "must be request: this toxic acts on requests"))
        }
        Draw::Connection | Draw::Request if matches!(kind, Kind::Aware(_)) => Ok(Draw::Request),
        Draw::Chunk if kind.is_for_connections() => {
            Err(FieldError::value("draw", "must be connection: this toxic acts on the connection as a whole"))
        }
        Draw::Request if protocol == Protocol::Raw => {
            Err(FieldError::value("draw", "must be connection or chunk: a raw proxy knows no requests"))
        }
        Draw::Request => {
            Err(FieldError::value("draw", "must be connection or chunk: this toxic acts on bytes"))
        }
        Draw::Connection | Draw::Chunk => Ok(draw),
    }
}
