//! Many proxies at once, from `/populate` or a config file: all are checked before any is touched.

use std::collections::HashSet;

use super::{
    ControlError, EventKind, Proxies, ProxySpec, ProxyView, ToxicView,
    address::is_same_listen,
    proxy_entry::ProxyEntry,
    spec::{entries, first_value},
};

impl Proxies {
    /// Makes the proxies of a JSON list, as [`Proxies::populate`] does: the body of `/populate` and
    /// the content of a config file.
    pub fn populate_json(&self, body: &[u8]) -> Result<Vec<ProxyView>, ControlError> {
        let body = first_value(body)?;
        let read = |(index, entry)| {
            ProxySpec::read(entry, true).map_err(|error: ControlError| error.at_entry(index + 1))
        };
        let specs = entries(&body)?.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        self.populate(&specs)
    }

    /// Makes proxies, and answers with all of them in order. A proxy of the same name, listen and
    /// upstream is left as it is, except that toxics of the list are set on it; one that differs is
    /// replaced; others stay. When an address cannot be bound, those before it have been made.
    pub fn populate(&self, specs: &[ProxySpec]) -> Result<Vec<ProxyView>, ControlError> {
        self.check_all(specs)?;
        let place = |(index, spec): (usize, &ProxySpec)| {
            self.place(spec).map_err(|error| match error {
                error @ (ControlError::Bind { .. } | ControlError::Address(_)) => error,
                error => error.at_entry(index + 1),
            })
        };
        specs.iter().enumerate().map(place).collect()
    }

    fn check_all(&self, specs: &[ProxySpec]) -> Result<(), ControlError> {
        let mut names = HashSet::new();
        for (index, spec) in specs.iter().enumerate() {
            spec.check().map_err(|error| error.at_entry(index + 1))?;
            if !names.insert(spec.name.as_str()) {
                return Err(ControlError::DuplicateProxy { name: spec.name.clone() });
            }
            // A rehearsal: addresses are looked up and toxics made, and dropped again.
            self.prepare(spec).map_err(|error| match error {
                error @ ControlError::Address(_) => error,
                error => error.at_entry(index + 1),
            })?;
        }
        Ok(())
    }

    fn place(&self, spec: &ProxySpec) -> Result<ProxyView, ControlError> {
        let existing = self.entries.lock().get(&spec.name).cloned();
        if let Some(entry) = existing.filter(|entry| is_same(entry, spec)) {
            return self.keep(&entry, spec);
        }
        let (entry, address) = self.prepare(spec)?;
        let mut all = self.entries.lock();
        if let Some(other) = all.remove(&spec.name) {
            // It may hold the address that the new one wants.
            self.retire(&other);
        }
        self.install(&mut all, entry, address)
    }

    /// Leaves a proxy as it is and sets the listed toxics, those that are there already included.
    fn keep(&self, entry: &std::sync::Arc<ProxyEntry>, spec: &ProxySpec) -> Result<ProxyView, ControlError> {
        let mut state = entry.lock()?;
        for toxic in &spec.toxics {
            let name = toxic.full_name();
            self.remove_toxics(entry, &state, EventKind::Removed, |other| other.name == name);
            let made = self.put_toxic(entry, &mut state, toxic, None)?;
            let view = ToxicView::of(&made);
            self.journal.write(EventKind::Created, Some(entry.name()), Some(&name), view.to_json());
        }
        Ok(entry.view(&state))
    }
}

fn is_same(entry: &ProxyEntry, spec: &ProxySpec) -> bool {
    let state = entry.state.lock();
    is_same_listen(&state.listen, &spec.listen)
        && state.upstream == spec.upstream
        && state.protocol == spec.protocol
}
