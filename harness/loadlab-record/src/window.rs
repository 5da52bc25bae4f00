//! One second of scenario time, as counts and histograms. In files, histograms without counts are
//! left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ArmWindow, Histogram, OutcomeCounts, arms};

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
    /// Of a run whose users are split: the cohorts of which arrivals ended in it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<ArmWindow>,
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
        arms::merge(&mut self.arms, &other.arms);
    }

    /// Adds what a cohort did in this second.
    pub fn add_cohort(&mut self, cohort: &ArmWindow) {
        arms::merge(&mut self.arms, std::slice::from_ref(cohort));
    }

    /// Gives back the memory that counting fast takes; for windows that are kept.
    pub fn shrink(&mut self) {
        let own = [&mut self.response, &mut self.response_ok, &mut self.service, &mut self.dispatch_lag];
        own.into_iter().for_each(Histogram::shrink);
        self.steps.values_mut().for_each(StepWindow::shrink);
        for cohort in &mut self.arms {
            cohort.response_ok.shrink();
            cohort.response_failed.shrink();
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
    /// See [`Window::shrink`].
    pub fn shrink(&mut self) {
        let own = [
            &mut self.response,
            &mut self.service,
            &mut self.first_byte,
            &mut self.first_event,
            &mut self.event_gap,
            &mut self.client_wait,
        ];
        own.into_iter().for_each(Histogram::shrink);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use loadlab_scenario::arms::{Arm, Cohort};

    use super::*;
    use crate::Outcome;

    /// A window from arrivals and requests: outcome, microseconds, step.
    fn window() -> impl Strategy<Value = Window> {
        let request = (0_usize..10, 0_u64..9_000_000, 0_usize..3);
        (vec(request, 0..20), 0_u64..9, 0_u64..9).prop_map(|(requests, retried, in_flight)| {
            let mut window = Window { second: 3, retried, in_flight, ..Window::default() };
            for (outcome, micros, step) in requests {
                let outcome = Outcome::ALL[outcome];
                window.scheduled += 1;
                window.ended.add(outcome);
                window.response.record_micros(micros);
                let step = window.steps.entry(["a", "b", "c"][step].to_owned()).or_default();
                step.ended.add(outcome);
                step.service.record_micros(micros);
                *step.statuses.entry(200 + outcome as u16).or_default() += 1;
                let arm = Arm::BOTH[usize::from(micros % 2 == 0)];
                let mut cohort = ArmWindow::of(Cohort { arm, number: (micros % 5) as u8 });
                cohort.book(outcome, micros);
                crate::arms::merge(&mut window.arms, &[cohort]);
            }
            window
        })
    }

    fn sum(windows: &[&Window]) -> Window {
        let mut sum = windows[0].clone();
        windows[1..].iter().for_each(|window| sum.merge(window));
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn merging_is_associative_and_commutative(a in window(), b in window(), c in window()) {
            let all = sum(&[&a, &b, &c]);
            prop_assert_eq!(&sum(&[&a, &sum(&[&b, &c])]), &all);
            prop_assert_eq!(&sum(&[&c, &a, &b]), &all);
            let mut small = c.clone();
            small.shrink();
            prop_assert_eq!(&small, &c);
        }

        #[test]
        fn a_window_reads_back_equal(window in window()) {
            let text = serde_json::to_string(&window).expect("it is within its bounds");
            let read: Window = serde_json::from_str(&text).expect("it was just written");
            prop_assert_eq!(read, window);
        }
    }
}
