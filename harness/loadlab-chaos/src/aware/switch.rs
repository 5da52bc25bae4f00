//! The list of faults of an edge, swapped at once while connections live.
//!
//! ```text
//!   FaultSwitch (edge) ──set──> Arc<FaultSet> ──seen by──> FaultView (connection): one atomic load
//!                                                          per request, or awaited by what is held
//! ```

use std::sync::Arc;

use loadlab_clock::Seed;
use tokio::sync::watch;

use super::{
    counters::Touched,
    draw::Draws,
    fault::{Fault, Protocol},
};

/// A fault at work on an edge.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) fault: Fault,
    pub(crate) draws: Draws,
    pub(crate) touched: Arc<Touched>,
}

/// A fault and what it touched so far.
#[derive(Debug, Clone)]
pub struct Activity {
    /// The fault.
    pub fault: Fault,
    /// Its counters, live.
    pub touched: Arc<Touched>,
}

/// All faults of an edge at one moment.
#[derive(Debug, Default)]
pub(crate) struct FaultSet(Vec<Arc<Active>>);

impl FaultSet {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Active>> {
        self.0.iter()
    }

    pub(crate) fn contains(&self, active: &Arc<Active>) -> bool {
        self.0.iter().any(|one| Arc::ptr_eq(one, active))
    }
}

/// Where the faults of an edge are set.
#[derive(Debug)]
pub(crate) struct FaultSwitch {
    edge: String,
    seed: Seed,
    sender: watch::Sender<Arc<FaultSet>>,
}

impl FaultSwitch {
    pub(crate) fn new(edge: &str, seed: Seed) -> Self {
        Self { edge: edge.to_owned(), seed, sender: watch::Sender::new(Arc::default()) }
    }

    /// Replaces all faults. One that is set again unchanged stays as it is, so what it holds back
    /// is not let go because a neighbour changed; one that changed keeps its counters.
    pub(crate) fn set(&self, faults: Vec<Fault>) {
        self.sender.send_modify(|current| {
            let before = Arc::clone(current);
            let next = faults.into_iter().map(|fault| self.activate(fault, &before));
            *current = Arc::new(FaultSet(next.collect()));
        });
    }

    /// Replaces all faults, and with them where they are counted. One that is set again unchanged
    /// stays as it is.
    pub(crate) fn set_activities(&self, activities: Vec<Activity>) {
        self.sender.send_if_modified(|current| {
            let before = Arc::clone(current);
            if activities.is_empty() && before.0.is_empty() {
                return false;
            }
            let same = |one: &&Arc<Active>, next: &Activity| {
                one.fault == next.fault && Arc::ptr_eq(&one.touched, &next.touched)
            };
            let active = |next: Activity| match before.iter().find(|one| same(one, &next)) {
                Some(one) => Arc::clone(one),
                None => Arc::new(self.active(next.fault, next.touched)),
            };
            *current = Arc::new(FaultSet(activities.into_iter().map(active).collect()));
            true
        });
    }

    fn active(&self, fault: Fault, touched: Arc<Touched>) -> Active {
        let draws = Draws::new(self.seed, &self.edge, fault.name());
        Active { fault, draws, touched }
    }

    fn activate(&self, fault: Fault, before: &FaultSet) -> Arc<Active> {
        let same_name = before.iter().find(|one| one.fault.name() == fault.name());
        match same_name {
            Some(one) if one.fault == fault => Arc::clone(one),
            one => {
                let touched = one.map(|one| Arc::clone(&one.touched)).unwrap_or_default();
                Arc::new(self.active(fault, touched))
            }
        }
    }

    pub(crate) fn activities(&self) -> Vec<Activity> {
        let current = self.sender.borrow();
        let activity =
            |one: &Arc<Active>| Activity { fault: one.fault.clone(), touched: Arc::clone(&one.touched) };
        current.iter().map(activity).collect()
    }

    pub(crate) fn view(&self, protocol: Protocol) -> FaultView {
        let receiver = self.sender.subscribe();
        let current = filtered(&receiver.borrow(), protocol);
        FaultView { receiver, current, protocol }
    }
}

/// The faults of an edge as one connection sees them: those of its protocol.
#[derive(Debug)]
pub(crate) struct FaultView {
    receiver: watch::Receiver<Arc<FaultSet>>,
    current: Arc<FaultSet>,
    protocol: Protocol,
}

impl Clone for FaultView {
    fn clone(&self) -> Self {
        let mut receiver = self.receiver.clone();
        receiver.mark_changed();
        Self { receiver, current: Arc::clone(&self.current), protocol: self.protocol }
    }
}

impl FaultView {
    /// The faults now. Where nothing changed, this is one atomic load.
    pub(crate) fn current(&mut self) -> &Arc<FaultSet> {
        if self.receiver.has_changed().unwrap_or(false) {
            self.current = filtered(&self.receiver.borrow_and_update(), self.protocol);
        }
        &self.current
    }

    /// Ends when the list was changed since [`Self::current`] was last called. If the edge is gone
    /// it never ends: its connections are ended from outside.
    pub(crate) async fn changed(&mut self) {
        if self.receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        // Leave the mark, so that `current` looks again.
        self.receiver.mark_changed();
    }
}

fn filtered(all: &Arc<FaultSet>, protocol: Protocol) -> Arc<FaultSet> {
    if all.iter().all(|one| one.fault.protocol() == protocol) {
        return Arc::clone(all);
    }
    let of_protocol = all.iter().filter(|one| one.fault.protocol() == protocol);
    Arc::new(FaultSet(of_protocol.map(Arc::clone).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(name: &str, status: u16) -> Fault {
        Fault::parse(name, "http_status", 1.0, &json!({ "status": status })).expect("a fault")
    }

    #[test]
    fn a_fault_that_did_not_change_stays_and_one_that_did_keeps_its_counters() {
        let switch = FaultSwitch::new("edge", Seed::new(1));
        let mut view = switch.view(Protocol::Http);
        switch.set(vec![fault("a", 500), fault("b", 500)]);
        let first: Vec<Arc<Active>> = view.current().iter().map(Arc::clone).collect();
        first[1].touched.add_request();
        switch.set(vec![fault("b", 503), fault("a", 500)]);
        let second: Vec<Arc<Active>> = view.current().iter().map(Arc::clone).collect();
        assert!(Arc::ptr_eq(&first[0], &second[1]), "a was not changed");
        assert!(!Arc::ptr_eq(&first[1], &second[0]), "b was changed");
        assert_eq!(second[0].touched.requests(), 1);
        assert!(!view.current().contains(&first[1]));
    }

    #[test]
    fn a_connection_sees_the_faults_of_its_protocol() {
        let switch = FaultSwitch::new("edge", Seed::new(1));
        let mut view = switch.view(Protocol::Resp);
        let slow = Fault::parse("slow", "resp_latency", 1.0, &json!({ "latency": 5 })).expect("a fault");
        switch.set(vec![fault("a", 500), slow]);
        let names: Vec<&str> = view.current().iter().map(|one| one.fault.name()).collect();
        assert_eq!(names, ["slow"]);
    }
}
