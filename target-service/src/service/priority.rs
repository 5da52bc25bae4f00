//! A gate before all work of an instance: so much at a time, and the rest in a line by class.
//!
//! ```text
//!   enter ─ a place is free ─────────────────────────────> Turn ─ dropped ─> the first in line
//!     └─ none: the line, search before urgent before ingestion, each class first come first served
//!          └─ the line is full: the youngest of the lowest class is refused, be it the one who comes
//! ```

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use tokio::sync::oneshot;

use crate::profile::PriorityQueue;

/// What work is worth, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A user waits for it.
    Search,
    /// Ingestion that somebody waits for.
    Urgent,
    /// Ingestion.
    Ingest,
}

impl Class {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Urgent => "urgent",
            Self::Ingest => "ingest",
        }
    }
}

/// Whose work was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassLabel {
    /// `search`, `urgent` or `ingest`.
    pub class: &'static str,
}

/// The gate.
#[derive(Debug)]
pub struct Gate {
    line: Mutex<Line>,
    queue: usize,
    shed: Family<ClassLabel, Counter>,
}

#[derive(Debug)]
struct Line {
    free: usize,
    /// By class, then by age.
    waiting: BTreeMap<(Class, u64), oneshot::Sender<Result<Turn, Shed>>>,
    next: u64,
}

/// Leave to work. Dropping it lets the first in line in.
#[derive(Debug)]
#[must_use = "a turn that is dropped is over"]
pub struct Turn(Option<Arc<Gate>>);

/// The work was refused: too much waits that is worth as much or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shed;

impl Gate {
    /// None if there is none. Who is refused is counted in `shed`.
    pub fn new(settings: &PriorityQueue, shed: Family<ClassLabel, Counter>) -> Option<Arc<Self>> {
        settings.enabled.then(|| {
            let line = Line { free: settings.concurrent, waiting: BTreeMap::new(), next: 0 };
            Arc::new(Self { line: Mutex::new(line), queue: settings.queue, shed })
        })
    }

    /// Waits for a turn.
    pub async fn enter(self: &Arc<Self>, class: Class) -> Result<Turn, Shed> {
        let (sender, answer) = oneshot::channel();
        let (key, refused) = {
            let mut line = self.line.lock();
            if line.free > 0 {
                line.free -= 1;
                return Ok(Turn(Some(Arc::clone(self))));
            }
            let key = (class, line.next);
            line.next += 1;
            line.waiting.insert(key, sender);
            let full = line.waiting.len() > self.queue;
            (key, full.then(|| line.waiting.pop_last()).flatten())
        };
        let _place = Place { gate: self, key };
        if let Some(((class, _), refused)) = refused {
            self.shed.get_or_create(&ClassLabel { class: class.name() }).inc();
            let _ = refused.send(Err(Shed));
        }
        answer.await.unwrap_or(Err(Shed))
    }

    /// Those who wait.
    pub fn waiting(&self) -> usize {
        self.line.lock().waiting.len()
    }

    /// A turn is over: the first in line is next.
    fn next(self: &Arc<Self>) {
        loop {
            let first = {
                let mut line = self.line.lock();
                let first = line.waiting.pop_first();
                line.free += usize::from(first.is_none());
                first
            };
            let Some((_, first)) = first else { return };
            match first.send(Ok(Turn(Some(Arc::clone(self))))) {
                Ok(()) => return,
                // Who left in this moment has no turn that could be over.
                Err(Ok(mut turn)) => turn.0 = None,
                Err(Err(Shed)) => {}
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.next();
        }
    }
}

/// A place in the line; who leaves gives it up.
struct Place<'a> {
    gate: &'a Gate,
    key: (Class, u64),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gate.line.lock().waiting.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, future::BoxFuture};
    use proptest::prelude::*;

    use super::*;

    fn gate(concurrent: usize, queue: usize) -> Arc<Gate> {
        let settings = PriorityQueue { enabled: true, concurrent, queue };
        Gate::new(&settings, Family::default()).expect("it is on")
    }

    fn entering(gate: &Arc<Gate>, class: Class) -> BoxFuture<'static, Result<Turn, Shed>> {
        let gate = Arc::clone(gate);
        // The first poll takes the place in the line.
        let mut entering = async move { gate.enter(class).await }.boxed();
        match (&mut entering).now_or_never() {
            Some(entered) => futures::future::ready(entered).boxed(),
            None => entering,
        }
    }

    fn shed(gate: &Gate, class: Class) -> u64 {
        gate.shed.get_or_create(&ClassLabel { class: class.name() }).get()
    }

    #[test]
    fn search_comes_before_urgent_before_ingestion_and_the_older_first() {
        let gate = gate(1, 10);
        let mut turn = entering(&gate, Class::Ingest).now_or_never().expect("free").expect("a turn");
        let classes = [Class::Ingest, Class::Urgent, Class::Search, Class::Urgent, Class::Search];
        let mut waiting: Vec<_> = classes.iter().map(|class| Some(entering(&gate, *class))).collect();
        let mut order = Vec::new();
        for _ in 0..classes.len() {
            drop(turn);
            let entered = waiting.iter_mut().enumerate().find_map(|(n, waiting)| {
                Some((n, waiting.as_mut()?.now_or_never()?.expect("nobody is refused")))
            });
            let (n, next) = entered.expect("a turn is over");
            waiting[n] = None;
            order.push(n);
            turn = next;
        }
        assert_eq!(order, [2, 4, 1, 3, 0]);
    }

    #[test]
    fn when_the_line_is_full_the_youngest_of_the_lowest_class_is_refused() {
        let gate = gate(1, 2);
        let _turn = entering(&gate, Class::Search).now_or_never().expect("free").expect("a turn");
        let old = entering(&gate, Class::Ingest);
        let young = entering(&gate, Class::Ingest);
        let search = entering(&gate, Class::Search);
        assert_eq!(young.now_or_never().expect("refused").expect_err("shed"), Shed);
        // Who comes last and is worth least is refused at once.
        let late = entering(&gate, Class::Ingest);
        assert_eq!(late.now_or_never().expect("refused").expect_err("shed"), Shed);
        assert!(old.now_or_never().is_none() && search.now_or_never().is_none());
        assert_eq!((shed(&gate, Class::Ingest), shed(&gate, Class::Search)), (2, 0));
    }

    proptest! {
        /// Whoever comes, leaves and ends: never more turns than places, and none gets lost.
        #[test]
        fn no_turn_gets_lost(steps in prop::collection::vec((0_u8..4, any::<prop::sample::Index>()), 1..200)) {
            let gate = gate(3, 4);
            let mut waiting: Vec<BoxFuture<'static, Result<Turn, Shed>>> = Vec::new();
            let mut turns: Vec<Turn> = Vec::new();
            for (what, which) in steps {
                match what {
                    0 if !turns.is_empty() => drop(turns.swap_remove(which.index(turns.len()))),
                    1 if !waiting.is_empty() => drop(waiting.swap_remove(which.index(waiting.len()))),
                    2 => waiting.push(entering(&gate, Class::Ingest)),
                    _ => waiting.push(entering(&gate, Class::Search)),
                }
                // Not all look at once: who leaves may have been given a turn already.
                let looks = which.index(waiting.len() + 1);
                let mut still = Vec::new();
                for (n, mut entering) in waiting.into_iter().enumerate() {
                    let entered = (n < looks).then(|| (&mut entering).now_or_never()).flatten();
                    match entered {
                        Some(Ok(turn)) => turns.push(turn),
                        Some(Err(Shed)) => {}
                        None => still.push(entering),
                    }
                }
                waiting = still;
                prop_assert!(turns.len() <= 3);
                prop_assert!(gate.waiting() <= 4);
            }
            turns.clear();
            waiting.clear();
            prop_assert_eq!(gate.line.lock().free, 3);
            prop_assert_eq!(gate.waiting(), 0);
        }
    }
}
