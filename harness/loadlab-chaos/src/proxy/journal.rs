//! What happened to the proxies, in order: a bounded list that anybody may read and wait for.

use std::collections::VecDeque;

use loadlab_clock::RunClock;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::watch;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A proxy or a toxic was made.
    Created,
    /// A proxy or a toxic was changed.
    Changed,
    /// A proxy or a toxic was removed by a call.
    Removed,
    /// A toxic came to the end of its `ttl`.
    Expired,
    /// A toxic was removed, or a proxy enabled again, because a lease ended.
    Released,
    /// A proxy began to serve.
    Enabled,
    /// A proxy stopped serving.
    Disabled,
    /// All toxics were removed and all proxies enabled.
    Reset,
}

impl EventKind {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Expired => "expired",
            Self::Released => "released",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Reset => "reset",
        }
    }
}

/// Something that happened to a proxy or to one of its toxics.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// 1, 2, 3, … without gaps.
    pub number: u64,
    /// When, in microseconds of scenario time since the clock's zero.
    pub at_us: u64,
    /// What happened.
    pub kind: EventKind,
    /// To which proxy; `None` is all.
    pub proxy: Option<String>,
    /// To which of its toxics; `None` is the proxy itself.
    pub toxic: Option<String>,
    /// The toxic or proxy as it then was, and what a toxic that ended had touched.
    pub detail: Value,
}

impl Event {
    /// As `GET /events` shows it.
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        all.insert("number".to_owned(), self.number.into());
        all.insert("at_us".to_owned(), self.at_us.into());
        all.insert("kind".to_owned(), self.kind.name().into());
        for (key, name) in [("proxy", &self.proxy), ("toxic", &self.toxic)] {
            if let Some(name) = name {
                all.insert(key.to_owned(), name.as_str().into());
            }
        }
        if !self.detail.is_null() {
            all.insert("detail".to_owned(), self.detail.clone());
        }
        Value::Object(all)
    }
}

/// The list. The oldest events give way; the numbers show what is missing.
#[derive(Debug)]
pub(crate) struct Journal {
    clock: RunClock,
    entries_max: usize,
    events: Mutex<VecDeque<Event>>,
    newest: watch::Sender<u64>,
}

impl Journal {
    pub(crate) fn new(clock: RunClock, entries_max: usize) -> Self {
        let (newest, _) = watch::channel(0);
        Self { clock, entries_max: entries_max.max(1), events: Mutex::default(), newest }
    }

    pub(crate) fn write(&self, kind: EventKind, proxy: Option<&str>, toxic: Option<&str>, detail: Value) {
        let mut events = self.events.lock();
        let number = *self.newest.borrow() + 1;
        if events.len() == self.entries_max {
            events.pop_front();
        }
        events.push_back(Event {
            number,
            at_us: self.clock.now().as_micros(),
            kind,
            proxy: proxy.map(str::to_owned),
            toxic: toxic.map(str::to_owned),
            detail,
        });
        // Under the lock, so that numbers are announced in order.
        self.newest.send_replace(number);
    }

    /// Events with a number above `after`, oldest first.
    pub(crate) fn after(&self, after: u64) -> Vec<Event> {
        let events = self.events.lock();
        let known = events.partition_point(|event| event.number <= after);
        events.range(known..).cloned().collect()
    }

    /// The number of the newest event, now and whenever it moves.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Speed;

    use super::*;

    #[test]
    fn the_oldest_give_way_and_numbers_go_on() {
        let journal = Journal::new(RunClock::start(Speed::REAL), 3);
        let newest = journal.subscribe();
        for _ in 0..5 {
            journal.write(EventKind::Created, Some("p"), None, Value::Null);
        }
        let numbers = |after| journal.after(after).iter().map(|event| event.number).collect::<Vec<_>>();
        assert_eq!((numbers(0), numbers(4), numbers(9)), (vec![3, 4, 5], vec![5], vec![]));
        assert_eq!(*newest.borrow(), 5);
        assert!(journal.after(0).windows(2).all(|pair| pair[0].at_us <= pair[1].at_us));
    }
}
