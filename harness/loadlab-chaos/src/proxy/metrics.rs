//! Counters as Prometheus reads them, under Toxiproxy's names and labels.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Direction, FlowCount, Proxies,
    proxy_entry::{ProxyEntry, State},
};

/// How many series of proxies that are gone are kept, so that a counter does not vanish at once.
const RETIRED_MAX: usize = 1000;

/// Proxy, listener, upstream: what a series is named by, beside its direction.
type Labels = (String, String, String);

/// Counts under addresses that proxies no longer have.
#[derive(Debug, Default)]
pub(crate) struct Retired(BTreeMap<Labels, [FlowCount; 2]>);

impl Retired {
    /// Keeps what the proxy counted under its present address, which it is about to lose.
    pub(crate) fn take_over(&mut self, entry: &ProxyEntry, state: &mut State) {
        let counts = counts(entry, state);
        for (direction, counted) in Direction::ALL.into_iter().zip(&mut state.counted) {
            *counted = entry.shared.flow(direction).count();
        }
        let key = labels(entry, state);
        if self.0.len() >= RETIRED_MAX && !self.0.contains_key(&key) {
            self.0.pop_first();
        }
        add(self.0.entry(key).or_default(), counts);
    }
}

fn labels(entry: &ProxyEntry, state: &State) -> Labels {
    (entry.name().to_owned(), state.listen.clone(), state.upstream.clone())
}

/// What the proxy counted under its present address.
fn counts(entry: &ProxyEntry, state: &State) -> [FlowCount; 2] {
    let count = |direction: Direction| {
        let (all, earlier) = (entry.shared.flow(direction).count(), state.counted[direction.index()]);
        FlowCount { received: all.received - earlier.received, sent: all.sent - earlier.sent }
    };
    Direction::ALL.map(count)
}

fn add(sum: &mut [FlowCount; 2], counts: [FlowCount; 2]) {
    for (sum, count) in sum.iter_mut().zip(counts) {
        sum.received += count.received;
        sum.sent += count.sent;
    }
}

impl Proxies {
    /// The text that `GET /metrics` answers.
    pub fn metrics(&self) -> String {
        let mut series = self.retired.lock().0.clone();
        for entry in self.all() {
            let state = entry.state.lock();
            add(series.entry(labels(&entry, &state)).or_default(), counts(&entry, &state));
        }
        let mut text = String::new();
        family(&mut text, "toxiproxy_proxy_received_bytes_total", &series, |count| count.received);
        family(&mut text, "toxiproxy_proxy_sent_bytes_total", &series, |count| count.sent);
        text
    }
}

fn family(
    text: &mut String,
    name: &str,
    series: &BTreeMap<Labels, [FlowCount; 2]>,
    value: impl Fn(&FlowCount) -> u64,
) {
    // Writing into a string does not fail.
    let _ = write!(text, "# HELP {name} \n# TYPE {name} counter\n");
    for direction in [Direction::Downstream, Direction::Upstream] {
        for ((proxy, listener, upstream), counts) in series {
            let _ = writeln!(
                text,
                "{name}{{direction=\"{direction}\",listener=\"{}\",proxy=\"{}\",upstream=\"{}\"}} {}",
                escaped(listener),
                escaped(proxy),
                escaped(upstream),
                value(&counts[direction.index()]),
            );
        }
    }
}

/// A label's value in the text format.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}
