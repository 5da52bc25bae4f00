//! A first-come, first-served queue for the pool's sessions, with users who give up and come again.
//!
//! All times are microseconds of scenario time. The resources are those of the stress-test report as
//! far as they matter to the shape of a run: two embeddings side by side, three queries unless cached,
//! one generation.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use loadlab_clock::{Distribution, Offset};
use loadlab_scenario::plan::Load;

use super::{
    Synthetic,
    plan::{PATIENCE, RETRY_SHARE, TIMEOUT},
};
use crate::Outcome;

/// One embedding.
const EMBEDDING: Distribution = Distribution::Lognormal { median: Duration::from_millis(900), sigma: 0.31 };
/// One query.
const QUERY: Distribution = Distribution::Lognormal { median: Duration::from_millis(80), sigma: 0.5 };
/// One generation.
const GENERATION: Distribution = Distribution::Lognormal { median: Duration::from_millis(970), sigma: 0.3 };
/// Between 0 and 1, in seconds: for choices.
const CHOICE: Distribution = Distribution::Uniform { min: Duration::ZERO, max: Duration::from_secs(1) };
/// From the generated answer to its last event at the client.
const DELIVERY: u64 = 40_000;
/// Share of the searches whose sources come from the first cache, and from the first two.
const L1_SHARE: f64 = 0.55;
/// See [`L1_SHARE`].
const CACHED_SHARE: f64 = 0.75;

/// Where the sources of a search came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sources {
    L1,
    L2,
    Database,
}

/// One attempt, as the target saw it; it goes on working for users who left.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) arrival: usize,
    pub(super) number: u32,
    pub(super) sent: u64,
    /// A session was free.
    pub(super) started: u64,
    pub(super) embedded: u64,
    pub(super) retrieved: u64,
    /// The answer was generated, the session given back.
    pub(super) generated: u64,
    pub(super) delivered: u64,
    /// When the user stopped waiting, if that came first.
    pub(super) left: Option<(u64, Outcome)>,
    pub(super) sources: Sources,
}

impl Attempt {
    /// When and how it ended for the user.
    pub(super) fn end(&self) -> (u64, Outcome) {
        self.left.unwrap_or((self.delivered, Outcome::Ok))
    }
}

/// One arrival, with the index of its last attempt.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    pub(super) due: u64,
    /// Real microseconds from due to taken up.
    pub(super) lag: u64,
    /// Indices of its attempts.
    pub(super) attempts: Vec<usize>,
}

/// All that happened.
#[derive(Debug, Clone, Default)]
pub(super) struct Simulated {
    pub(super) arrivals: Vec<Arrived>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) sessions: usize,
}

impl Simulated {
    /// The whole second after which nothing happens.
    pub(super) fn end(&self) -> u64 {
        let last = self.attempts.iter().map(|attempt| attempt.delivered.max(attempt.end().0)).max();
        (last.unwrap_or(0) / 1_000_000 + 1) * 1_000_000
    }

    /// When the last arrival was due.
    pub(super) fn last_due(&self) -> u64 {
        self.arrivals.last().map_or(0, |arrival| arrival.due)
    }
}

/// Runs the queue until it is empty.
pub(super) fn simulate(synthetic: &Synthetic) -> Simulated {
    let mut simulated = Simulated { sessions: synthetic.sessions, ..Simulated::default() };
    let mut submissions = BinaryHeap::new();
    for (arrival, due) in due_times(&synthetic.load).into_iter().enumerate() {
        let mut rng = synthetic.seed.stream("lag", arrival as u64, 0);
        let lag = 30 + micros(CHOICE.sample(&mut rng)) / 2_000;
        simulated.arrivals.push(Arrived { due, lag, attempts: Vec::new() });
        submissions.push(Reverse((due + lag, arrival, 0_u32)));
    }
    let mut free: BinaryHeap<Reverse<u64>> = (0..synthetic.sessions).map(|_| Reverse(0)).collect();
    while let Some(Reverse((sent, arrival, number))) = submissions.pop() {
        let Reverse(session) = free.pop().expect("a pool has sessions");
        let mut rng = synthetic.seed.stream("attempt", arrival as u64, u64::from(number));
        let mut draw = |distribution: &Distribution| micros(distribution.sample(&mut rng));
        let started = sent.max(session);
        let embedded = started + draw(&EMBEDDING).max(draw(&EMBEDDING));
        let choice = draw(&CHOICE) as f64 / 1e6;
        let (sources, retrieved) = match choice {
            _ if choice < L1_SHARE => (Sources::L1, embedded + 100),
            _ if choice < CACHED_SHARE => (Sources::L2, embedded + 2_000),
            _ => (Sources::Database, embedded + draw(&QUERY) + draw(&QUERY) + draw(&QUERY)),
        };
        let generated = retrieved + draw(&GENERATION);
        let delivered = generated + DELIVERY;
        let (patience, timeout) = (draw(&PATIENCE), micros(TIMEOUT));
        let gives_up =
            if patience < timeout { (patience, Outcome::Abandoned) } else { (timeout, Outcome::Timeout) };
        let left = (delivered > sent + gives_up.0).then_some((sent + gives_up.0, gives_up.1));
        if left.is_some() && number == 0 && (draw(&CHOICE) as f64) < RETRY_SHARE * 1e6 {
            submissions.push(Reverse((sent + gives_up.0, arrival, 1)));
        }
        free.push(Reverse(generated));
        simulated.arrivals[arrival].attempts.push(simulated.attempts.len());
        simulated.attempts.push(Attempt {
            arrival,
            number,
            sent,
            started,
            embedded,
            retrieved,
            generated,
            delivered,
            left,
            sources,
        });
    }
    simulated
}

fn micros(duration: Duration) -> u64 {
    Offset::from_duration(duration).as_micros()
}

/// When each arrival is due.
fn due_times(load: &Load) -> Vec<u64> {
    match load {
        Load::Burst { users, within } => {
            let gap = micros(*within) / u64::from(*users).max(1);
            (0..u64::from(*users)).map(|arrival| arrival * gap).collect()
        }
        Load::Arrivals { stages, .. } => {
            let Some(stage) = stages.first() else { return Vec::new() };
            let count = (stage.from.per_second() * stage.over.as_secs_f64()) as u64;
            (0..count).map(|arrival| (arrival as f64 * 1e6 / stage.from.per_second()) as u64).collect()
        }
        Load::Users { .. } => Vec::new(),
    }
}
