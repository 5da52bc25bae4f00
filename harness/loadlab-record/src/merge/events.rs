//! What happened, told once: several generators that watch one target see the same things.
//!
//! Two events are the *same* if they say the same of the same thing, whatever they measured; of things
//! that happen again and again the first is the same as the other's first, the second as its second, and
//! so on. What only one generator saw is kept.

use std::collections::BTreeMap;

use crate::{EventKind, RunEvent, Touched};

/// The order of what has one time: a run's phases, then faults as they go.
const PHASES: [&str; 5] = ["warm-up", "steady", "fault", "recovery", "drain"];

/// The events of all runs, each once, in order of time.
pub(super) fn merge<'a>(runs: impl Iterator<Item = &'a [RunEvent]>) -> Vec<RunEvent> {
    let mut all: BTreeMap<(String, usize), RunEvent> = BTreeMap::new();
    for run in runs {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for event in run {
            let name = name(&event.what);
            let nth = seen.entry(name.clone()).or_default();
            all.entry((name, *nth)).and_modify(|known| join(known, event)).or_insert_with(|| event.clone());
            *nth += 1;
        }
    }
    let mut events: Vec<RunEvent> = all.into_values().collect();
    events.sort_by_cached_key(|event| (event.at, rank(&event.what), format!("{:?}", event.what)));
    events
}

/// What an event says, without what was measured.
fn name(what: &EventKind) -> String {
    let bare = match what {
        EventKind::FaultEnded { name, .. } => EventKind::FaultEnded { name: name.clone(), touched: None },
        EventKind::ObjectiveMissed { objective, .. } => {
            EventKind::ObjectiveMissed { objective: objective.clone(), observed: 0.0 }
        }
        other => other.clone(),
    };
    format!("{bare:?}")
}

/// Two reports of one event become one.
fn join(known: &mut RunEvent, other: &RunEvent) {
    match (&mut known.what, &other.what) {
        // It is over when it is over for everyone, and each proxy counts what went through it.
        (EventKind::FaultEnded { touched, .. }, EventKind::FaultEnded { touched: more, .. }) => {
            *touched = add(*touched, *more);
            known.at = known.at.max(other.at);
        }
        (EventKind::FaultGone { .. }, _) => known.at = known.at.max(other.at),
        (
            EventKind::ObjectiveMissed { observed, .. },
            EventKind::ObjectiveMissed { observed: theirs, .. },
        ) => {
            let earlier = other.at.cmp(&known.at).then(theirs.total_cmp(observed));
            if earlier.is_lt() {
                (known.at, *observed) = (other.at, *theirs);
            }
        }
        _ => known.at = known.at.min(other.at),
    }
}

/// What two proxies counted; nobody's count is none.
fn add(one: Option<Touched>, other: Option<Touched>) -> Option<Touched> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Touched {
            connections: one.connections + other.connections,
            bytes: one.bytes + other.bytes,
            requests: one.requests + other.requests,
            processes: one.processes + other.processes,
            keys: one.keys + other.keys,
        }),
        (one, other) => one.or(other),
    }
}

/// The place of an event among those of the same time.
fn rank(what: &EventKind) -> usize {
    let last = PHASES.len();
    match what {
        EventKind::Phase(phase) => PHASES.iter().position(|known| known == phase).unwrap_or(last),
        EventKind::FaultAsked { .. } => last + 1,
        EventKind::FaultBegan { .. } => last + 2,
        EventKind::FaultSeen { .. } => last + 3,
        EventKind::FaultEnded { .. } => last + 4,
        EventKind::FaultGone { .. } => last + 5,
        _ => last + 6,
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Offset;

    use super::*;

    fn event(at_ms: u64, what: EventKind) -> RunEvent {
        RunEvent { at: Offset::from_micros(at_ms * 1_000), what }
    }

    fn began(at_ms: u64) -> RunEvent {
        let (name, kind, place) = ("slow".to_owned(), "latency".to_owned(), "load/target".to_owned());
        event(at_ms, EventKind::FaultBegan { name, kind, place })
    }

    fn ended(at_ms: u64, bytes: u64) -> RunEvent {
        let touched = Some(Touched { connections: 1, bytes, ..Touched::default() });
        event(at_ms, EventKind::FaultEnded { name: "slow".to_owned(), touched })
    }

    fn phase(at_ms: u64, name: &str) -> RunEvent {
        event(at_ms, EventKind::Phase(name.to_owned()))
    }

    fn missed(at_ms: u64, observed: f64) -> RunEvent {
        event(at_ms, EventKind::ObjectiveMissed { objective: "p95 < 7s".to_owned(), observed })
    }

    #[test]
    fn a_fault_that_two_generators_saw_is_one_fault() {
        let one = [began(5_000), ended(8_000, 10), began(15_000), ended(18_000, 30)];
        let other = [began(5_040), ended(8_050, 100), began(14_990), ended(17_990, 300)];
        let merged = merge([one.as_slice(), &other].into_iter());
        let both = |bytes, at| {
            let touched = Some(Touched { connections: 2, bytes, ..Touched::default() });
            event(at, EventKind::FaultEnded { name: "slow".to_owned(), touched })
        };
        assert_eq!(merged, [began(5_000), both(110, 8_050), began(14_990), both(330, 18_000)]);
    }

    #[test]
    fn phases_keep_their_order_where_they_begin_together() {
        let run = [phase(0, "steady"), phase(0, "drain")];
        assert_eq!(merge([run.as_slice(), &run].into_iter()), run);
    }

    #[test]
    fn what_only_one_saw_is_kept_and_the_first_miss_counts() {
        let note = event(3_000, EventKind::Note("the disk is slow".to_owned()));
        let one = [missed(4_000, 7.5), note.clone()];
        let other = [missed(2_000, 9.0)];
        assert_eq!(merge([one.as_slice(), &other].into_iter()), [missed(2_000, 9.0), note]);
    }
}
