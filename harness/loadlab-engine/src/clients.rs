//! How clients behave otherwise for a while: told from outside, while a load is offered.
//!
//! Who behaves so is drawn for each arrival, as a function of a seed and the arrival, and of
//! nothing else. While nothing is changed, a request costs one relaxed load more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use loadlab_clock::{Seed, Speed};
use loadlab_scenario::{fault::ClientChange, quantity::Share};
use parking_lot::RwLock;
use rand::RngExt as _;

use crate::attempt::Conduct;

/// What is changed now. A clone of the handle is the same.
#[derive(Debug, Clone, Default)]
pub struct Clients(Arc<State>);

#[derive(Debug, Default)]
struct State {
    any: AtomicBool,
    changes: RwLock<Vec<Change>>,
}

/// One change, and on how many requests clients behaved so.
#[derive(Debug, Clone)]
struct Change {
    what: ClientChange,
    seed: Seed,
    requests: Arc<AtomicU64>,
}

/// How the client of one arrival behaves beside what the plan says.
#[derive(Debug, Default)]
pub(crate) struct Otherwise {
    storm: Option<(u32, Arc<AtomicU64>)>,
    slow: Option<(f64, Arc<AtomicU64>)>,
    leaves: Option<(Duration, Arc<AtomicU64>)>,
}

/// Which changes a request has been counted for.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    storm: bool,
    slow: bool,
    leaves: bool,
}

impl Clients {
    /// From now on clients behave so; who of them is drawn from `draws`.
    pub fn begin(&self, what: ClientChange, draws: Seed) {
        self.0.changes.write().push(Change { what, seed: draws, requests: Arc::default() });
        self.0.any.store(true, Relaxed);
    }

    /// They do no longer. Gives the number of requests on which they did.
    pub fn end(&self, what: ClientChange, draws: Seed) -> u64 {
        let mut changes = self.0.changes.write();
        let Some(place) = changes.iter().position(|change| change.what == what && change.seed == draws)
        else {
            return 0;
        };
        let change = changes.remove(place);
        self.0.any.store(!changes.is_empty(), Relaxed);
        change.requests.load(Relaxed)
    }

    /// How the client of an arrival behaves now; none of it is the usual.
    pub(crate) fn of(&self, pace: Speed, arrival: (u64, Option<u64>)) -> Otherwise {
        let mut otherwise = Otherwise::default();
        if !self.0.any.load(Relaxed) {
            return otherwise;
        }
        let (seq, iteration) = (arrival.0, arrival.1.unwrap_or(u64::MAX));
        for Change { what, seed, requests } in self.0.changes.read().iter() {
            let one_of = |purpose: &str, share: Share| {
                seed.stream(purpose, seq, iteration).random::<f64>() < share.get()
            };
            let requests = || Arc::clone(requests);
            match *what {
                ClientChange::RetryStorm { retries, share } if one_of("retry storm", share) => {
                    otherwise.storm = Some((retries, requests()));
                }
                ClientChange::SlowReaders { share, bytes_per_s } if one_of("slow readers", share) => {
                    otherwise.slow = Some((pace.real_rate(bytes_per_s as f64).max(1.0), requests()));
                }
                ClientChange::Leaving { share, after } if one_of("leaving", share) => {
                    otherwise.leaves = Some((pace.real(after), requests()));
                }
                _ => {}
            }
        }
        otherwise
    }
}

impl Otherwise {
    /// What the plan says, changed: the slower rate and the earlier leaving hold.
    pub(crate) fn change(&self, conduct: Conduct) -> Conduct {
        let pace = self.slow.as_ref().map(|(pace, _)| *pace);
        let leaves = self.leaves.as_ref().map(|(after, _)| *after);
        Conduct {
            pace: conduct.pace.into_iter().chain(pace).reduce(f64::min),
            leaves_after: conduct.leaves_after.into_iter().chain(leaves).min(),
            ..conduct
        }
    }

    /// Whether there is an extra attempt at once, after `attempt` (0 for the first) has failed.
    pub(crate) fn storms(&self, attempt: u32) -> bool {
        self.storm.as_ref().is_some_and(|(retries, _)| attempt < *retries)
    }

    /// Counts the request, once for each change that took effect.
    pub(crate) fn count(&self, counted: &mut Counted, effect: Effect) {
        let (which, done) = match effect {
            Effect::Storm => (self.storm.as_ref().map(|(_, requests)| requests), &mut counted.storm),
            Effect::Read => (self.slow.as_ref().map(|(_, requests)| requests), &mut counted.slow),
            Effect::Left => (self.leaves.as_ref().map(|(_, requests)| requests), &mut counted.leaves),
        };
        if let Some(requests) = which.filter(|_| !*done) {
            *done = true;
            requests.fetch_add(1, Relaxed);
        }
    }
}

/// What a client did otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effect {
    /// It tried again at once.
    Storm,
    /// It read an answer slowly.
    Read,
    /// It left.
    Left,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVALS: u64 = 10_000;
    const SEED: Seed = Seed::new(5);

    fn share(share: f64) -> Share {
        Share::try_new(share).expect("a share")
    }

    fn of(clients: &Clients, seq: u64) -> Otherwise {
        clients.of(Speed::REAL, (seq, None))
    }

    #[test]
    fn a_share_of_the_arrivals_behaves_otherwise_and_always_the_same() {
        let clients = Clients::default();
        let storm = ClientChange::RetryStorm { retries: 3, share: share(0.3) };
        clients.begin(storm, SEED);
        let storming: Vec<u64> = (0..ARRIVALS).filter(|seq| of(&clients, *seq).storms(0)).collect();
        assert!((2_800..3_200).contains(&storming.len()), "{}", storming.len());
        assert!(storming.iter().all(|seq| of(&clients, *seq).storms(2) && !of(&clients, *seq).storms(3)));
        clients.end(storm, SEED);
        assert!((0..ARRIVALS).all(|seq| !of(&clients, seq).storms(0)));
    }

    #[test]
    fn the_slower_rate_and_the_earlier_leaving_hold() {
        let clients = Clients::default();
        clients.begin(ClientChange::SlowReaders { share: Share::ALL, bytes_per_s: 1_000 }, SEED);
        clients.begin(ClientChange::Leaving { share: Share::ALL, after: Duration::from_secs(2) }, SEED);
        let changed = |pace, leaves_after| {
            let conduct = of(&clients, 0).change(Conduct { pace, leaves_after, patience: None });
            (conduct.pace, conduct.leaves_after.map(|after| after.as_secs()))
        };
        assert_eq!(changed(None, None), (Some(1_000.0), Some(2)));
        assert_eq!(changed(Some(10.0), Some(Duration::from_secs(1))), (Some(10.0), Some(1)));
    }

    #[test]
    fn a_request_counts_once_for_each_change() {
        let clients = Clients::default();
        let slow = ClientChange::SlowReaders { share: Share::ALL, bytes_per_s: 1_000 };
        clients.begin(slow, SEED);
        let (otherwise, mut counted) = (of(&clients, 0), Counted::default());
        for effect in [Effect::Read, Effect::Read, Effect::Left, Effect::Storm] {
            otherwise.count(&mut counted, effect);
        }
        assert_eq!(clients.end(slow, SEED), 1);
        assert_eq!(clients.end(slow, SEED), 0, "it is over");
    }
}
