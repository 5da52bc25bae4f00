//! One second of scenario time, as counts and histograms. In files, histograms without counts are
//! left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Histogram, OutcomeCounts};

/// One second of scenario time. Arrivals are counted as scheduled in the second in which they were
/// due, and as ended in the second in which they ended; latencies belong to the second of the end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Window {
    /// Which second, counted from 0.
    pub second: u64,
    /// Arrivals that were due in it.
    pub scheduled: u64,
    /// Arrivals that ended in it, by outcome; undispatched ones are booked when they expired.
    pub ended: OutcomeCounts,
    /// Extra attempts in it.
    pub retried: u64,
    /// Arrivals that ended in it and of which at least one attempt was given up.
    pub gave_up: u64,
    /// Arrivals due and not ended at its end.
    pub in_flight: u64,
    /// Closed load: users there were at its end.
    pub users: u64,
    /// Due to end, of all arrivals that ended, undispatched ones included.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub response: Histogram,
    /// Due to end, of the arrivals that ended well.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub response_ok: Histogram,
    /// Sent to end, of all requests.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub service: Histogram,
    /// Due to taken up by a worker: the generator's own lateness.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub dispatch_lag: Histogram,
    /// By step name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, StepWindow>,
}

/// The requests of one step in one second, or in the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepWindow {
    /// Requests that ended, by outcome.
    pub ended: OutcomeCounts,
    /// Those with a status, by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Extra attempts among them.
    pub retried: u64,
    /// Bytes of bodies read.
    pub bytes: u64,
    /// Events of streams.
    pub events: u64,
    /// Due to end.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub response: Histogram,
    /// Sent to end.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub service: Histogram,
    /// Sent to first byte.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub first_byte: Histogram,
    /// Sent to first event.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub first_event: Histogram,
    /// Between events.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub event_gap: Histogram,
    /// Waiting for one of the client's connections.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub client_wait: Histogram,
}

impl Window {
    /// Adds what another generator (or thread) saw in the same second.
    pub fn merge(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.ended.merge(&other.ended);
        self.retried += other.retried;
        self.gave_up += other.gave_up;
        self.in_flight += other.in_flight;
        self.users += other.users;
        self.response.merge(&other.response);
        self.response_ok.merge(&other.response_ok);
        self.service.merge(&other.service);
        self.dispatch_lag.merge(&other.dispatch_lag);
        for (name, step) in &other.steps {
            self.steps.entry(name.clone()).or_default().merge(step);
        }
    }
}

impl StepWindow {
    /// Adds another's requests.
    pub fn merge(&mut self, other: &Self) {
        self.ended.merge(&other.ended);
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.retried += other.retried;
        self.bytes += other.bytes;
        self.events += other.events;
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.first_byte.merge(&other.first_byte);
        self.first_event.merge(&other.first_event);
        self.event_gap.merge(&other.event_gap);
        self.client_wait.merge(&other.client_wait);
    }
}
