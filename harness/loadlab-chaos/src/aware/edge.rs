//! An edge with faults on what its protocol says, and the sessions of its connections.

use std::sync::Arc;

use loadlab_clock::{Seed, Speed};

use super::{
    counters::{Counters, TouchedBy},
    fault::{Fault, Protocol},
    switch::{Activity, FaultSwitch, FaultView},
};

/// One edge: its faults, its counters, and what draws and durations depend on.
#[derive(Debug)]
pub struct AwareEdge {
    speed: Speed,
    faults: FaultSwitch,
    counters: Counters,
}

impl AwareEdge {
    /// An edge without faults. What is drawn depends on its name and `seed`; durations of faults are
    /// scenario time and converted by `pace`.
    pub fn new(name: &str, seed: Seed, pace: Speed) -> Arc<Self> {
        Arc::new(Self { speed: pace, faults: FaultSwitch::new(name, seed), counters: Counters::default() })
    }

    /// Replaces all faults at once. Connections see the change at their next request; what a fault
    /// that is gone holds back is let go. Counters stay with the fault of the same name.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.faults.set(faults);
    }

    /// Replaces all faults at once, as [`Self::set_faults`] does, with counters that the caller keeps.
    pub fn set_activities(&self, activities: Vec<Activity>) {
        self.faults.set_activities(activities);
    }

    /// The faults now, each with what it touched.
    pub fn faults(&self) -> Vec<Activity> {
        self.faults.activities()
    }

    /// What passed so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A session for one accepted connection; `connection` counts those of this edge.
    pub fn session(self: &Arc<Self>, connection: u64) -> Session {
        Session { edge: Arc::clone(self), connection, touched_by: TouchedBy::default() }
    }

    /// A session for a connection that only looks: faults hit it, and do not count it.
    pub fn session_of_probe(self: &Arc<Self>, connection: u64) -> Session {
        Session { edge: Arc::clone(self), connection, touched_by: TouchedBy::unseen() }
    }
}

/// One client connection of an edge.
#[derive(Debug)]
pub struct Session {
    edge: Arc<AwareEdge>,
    connection: u64,
    touched_by: TouchedBy,
}

impl Session {
    pub(crate) fn counters(&self) -> &Counters {
        &self.edge.counters
    }

    pub(crate) fn speed(&self) -> Speed {
        self.edge.speed
    }

    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    pub(crate) fn touched_by(&self) -> &TouchedBy {
        &self.touched_by
    }

    pub(crate) fn view(&self, protocol: Protocol) -> FaultView {
        self.edge.faults.view(protocol)
    }
}
