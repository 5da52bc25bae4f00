//! One proxy in the registry: what its links share, and what the control plane knows of it.

use std::{net::SocketAddr, sync::Arc};

use parking_lot::{Mutex, MutexGuard};

use super::{
    ControlError, Direction, FlowCount, Protocol, ProxySpec, ProxyStats, ProxyView, Shared, Toxic,
    ToxicStats, ToxicView,
    listener::{Listener, Run},
    shared::Conditions,
};

/// A proxy. Its state is locked for as long as a call changes it, which never waits for a link.
#[derive(Debug)]
pub(crate) struct ProxyEntry {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: Mutex<State>,
}

/// What only the control plane knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) protocol: Protocol,
    pub(crate) listener: Option<Arc<Listener>>,
    /// Somebody may still hold the entry when it is gone from the registry; it must not come back.
    pub(crate) is_removed: bool,
    /// The lease under which the proxy was disabled.
    pub(crate) disabled_under: Option<Arc<str>>,
    /// Bytes that were counted under earlier addresses.
    pub(crate) counted: [FlowCount; 2],
}

impl ProxyEntry {
    pub(crate) fn new(spec: &ProxySpec, conditions: &Conditions) -> Arc<Self> {
        Arc::new(Self {
            shared: Shared::new(spec.name.clone(), conditions),
            state: Mutex::new(State {
                listen: spec.listen.clone(),
                upstream: spec.upstream.clone(),
                protocol: spec.protocol,
                listener: None,
                is_removed: false,
                disabled_under: None,
                counted: [FlowCount::default(); 2],
            }),
        })
    }

    pub(crate) fn name(&self) -> &str {
        self.shared.name()
    }

    /// Its state, if it was not removed meanwhile.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, State>, ControlError> {
        let state = self.state.lock();
        if state.is_removed { Err(ControlError::ProxyNotFound) } else { Ok(state) }
    }

    /// Its toxics, upstream ones first.
    pub(crate) fn toxics(&self) -> Vec<Arc<Toxic>> {
        Direction::ALL.into_iter().flat_map(|direction| self.shared.toxics(direction).to_vec()).collect()
    }

    pub(crate) fn find_toxic(&self, name: &str) -> Option<Arc<Toxic>> {
        self.toxics().into_iter().find(|toxic| toxic.name == name)
    }

    pub(crate) fn view(&self, state: &State) -> ProxyView {
        ProxyView {
            name: self.name().to_owned(),
            listen: state.listen.clone(),
            upstream: state.upstream.clone(),
            enabled: state.is_enabled(),
            protocol: state.protocol,
            toxics: self.toxics().iter().map(|toxic| ToxicView::of(toxic)).collect(),
        }
    }

    pub(crate) fn stats(&self) -> ProxyStats {
        let toxic = |toxic: Arc<Toxic>| ToxicStats {
            name: toxic.name.clone(),
            kind: toxic.type_name.clone(),
            direction: toxic.direction,
            touched: toxic.touched.count(),
        };
        ProxyStats {
            name: self.name().to_owned(),
            connections: self.shared.counters().connections(),
            upstream: self.shared.flow(Direction::Upstream).count(),
            downstream: self.shared.flow(Direction::Downstream).count(),
            toxics: self.toxics().into_iter().map(toxic).collect(),
        }
    }

    /// Binds `address` and accepts. Must be called within a runtime.
    pub(crate) fn start(&self, state: &mut State, address: SocketAddr) -> Result<(), ControlError> {
        let bind = |source| ControlError::Bind { address, source };
        let (listener, local) = Listener::bind(address).map_err(bind)?;
        state.listen = local.to_string();
        state.listener = Some(Arc::clone(&listener));
        state.disabled_under = None;
        let run =
            Run { id: self.shared.begin_run(), upstream: state.upstream.clone(), protocol: state.protocol };
        tokio::spawn(listener.serve(Arc::clone(&self.shared), run));
        Ok(())
    }

    /// Closes the listener, and has the links end.
    pub(crate) fn stop(&self, state: &mut State) {
        if let Some(listener) = state.listener.take() {
            listener.close();
            self.shared.end_run();
        }
    }
}

impl State {
    pub(crate) fn is_enabled(&self) -> bool {
        self.listener.is_some()
    }
}
