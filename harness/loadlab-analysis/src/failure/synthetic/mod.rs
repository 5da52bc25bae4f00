//! Runs of a made-up service whose failure is known, since it was built in: a queue for sessions in front of
//! a database, an LLM and a cache, with users who lose patience and come again.
//!
//! ```text
//!   World: what is slow, lost, small or broken, and when ──queueing simulation──> attempts
//!   attempts ──windows, metrics──> journal ──> RunFile ──judge──> mode
//! ```
//!
//! It knows nothing of the rules: no threshold of theirs stands here, only causes. Draws come from a seed.

pub(super) mod cases;
mod record;

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use loadlab_clock::{Distribution, Seed};
use loadlab_record::Outcome;

/// A value that changes at instants: from each on it holds.
pub(super) type Curve = Vec<(f64, f64)>;

/// The value of a curve; 0 before its first instant.
pub(super) fn at(curve: &Curve, at: f64) -> f64 {
    curve.iter().rfind(|(from, _)| *from <= at).map_or(0.0, |(_, value)| *value)
}

/// A service, its users, and what goes wrong.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) seed: u64,
    /// Seconds of load.
    pub(super) length_s: u32,
    /// Arrivals at the very start.
    pub(super) burst: u32,
    /// Arrivals per second.
    pub(super) rate: Curve,
    pub(super) sessions: usize,
    /// Requests that may wait; more are reset.
    pub(super) backlog: usize,
    /// Queries of a search that no cache spares, and seconds for each.
    pub(super) queries: u32,
    pub(super) query_s: f64,
    /// Factor on the time of a query.
    pub(super) slow_db: Curve,
    /// Seconds of the LLM for a search.
    pub(super) llm_s: f64,
    /// Factor on it.
    pub(super) slow_llm: Curve,
    /// Share of its calls that fail.
    pub(super) llm_errors: Curve,
    /// Attempts of the service's own after a failed call.
    pub(super) own_retries: u32,
    /// Five failures in a row open it for 30 s: searches go on by keywords.
    pub(super) breaker: bool,
    /// Share of the look-ups that hit.
    pub(super) hits: Curve,
    /// Keys evicted for each that is brought in.
    pub(super) evictions: f64,
    /// Share of the look-ups that the cache does not answer at all.
    pub(super) cache_errors: Curve,
    /// Median of the users' patience.
    pub(super) patience_s: f64,
    pub(super) retries: u32,
    /// Share of the users who come again.
    pub(super) retry_share: f64,
    /// The target is gone: connections are reset and refused.
    pub(super) down: Option<(f64, f64)>,
    /// Share of the answers that are cut off.
    pub(super) cut: Curve,
    /// Documents that each search's user asks for one by one.
    pub(super) details: u32,
    /// Documents brought in per second; each holds a session so long, with so many statements.
    pub(super) ingest: Curve,
    pub(super) ingest_hold_s: f64,
    pub(super) ingest_statements: f64,
    /// Bytes at rest, for each that waits, and others.
    pub(super) memory: (f64, f64, Curve),
    /// 0: none is published.
    pub(super) memory_limit: f64,
    /// A fault as the record names it: from, to, kind.
    pub(super) fault: Option<(f64, f64, &'static str)>,
    /// Whether the target publishes anything.
    pub(super) publishes: bool,
}

/// What an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Search,
    Detail,
    Ingest,
}

/// One attempt as it went.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may have happened to it")]
pub(super) struct Attempt {
    pub(super) kind: Kind,
    pub(super) arrival: usize,
    pub(super) number: u32,
    pub(super) sent: f64,
    pub(super) started: f64,
    pub(super) freed: f64,
    /// When the user had an answer or none.
    pub(super) ended: f64,
    pub(super) outcome: Outcome,
    pub(super) hit: bool,
    pub(super) cache_error: bool,
    pub(super) queries: u32,
    pub(super) query_s: f64,
    pub(super) llm_calls: u32,
    pub(super) llm_s: f64,
    pub(super) rejected: bool,
    pub(super) refused: bool,
}

/// One want: when it was due, when and how it ended, and its attempts.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) due: f64,
    pub(super) end: f64,
    pub(super) outcome: Outcome,
    pub(super) attempts: u32,
    pub(super) gave_up: bool,
}

impl World {
    /// Ordinary users of an ordinary service: 4 a second on a pool that carries about 8.
    pub(super) fn ordinary() -> Self {
        Self {
            seed: 1,
            length_s: 90,
            burst: 0,
            rate: vec![(0.0, 4.0)],
            sessions: 20,
            backlog: 10_000,
            queries: 4,
            query_s: 0.1,
            slow_db: vec![(0.0, 1.0)],
            llm_s: 2.0,
            slow_llm: vec![(0.0, 1.0)],
            llm_errors: Vec::new(),
            own_retries: 0,
            breaker: false,
            hits: vec![(0.0, 0.7)],
            evictions: 0.0,
            cache_errors: Vec::new(),
            patience_s: 15.0,
            retries: 0,
            retry_share: 1.0,
            down: None,
            cut: Vec::new(),
            details: 0,
            ingest: Vec::new(),
            ingest_hold_s: 1.0,
            ingest_statements: 7.0,
            memory: (8e8, 1e6, Vec::new()),
            memory_limit: 2e9,
            fault: None,
            publishes: true,
        }
    }

    fn draw(&self, purpose: &str, a: usize, b: u32, of: &Distribution) -> f64 {
        let mut rng = Seed::new(self.seed).stream(purpose, a as u64, u64::from(b));
        of.sample(&mut rng).as_secs_f64()
    }

    fn lognormal(&self, purpose: &str, a: usize, b: u32, median: f64, sigma: f64) -> f64 {
        let median = Duration::from_secs_f64(median.max(1e-6));
        self.draw(purpose, a, b, &Distribution::Lognormal { median, sigma })
    }

    fn chance(&self, purpose: &str, a: usize, b: u32, share: f64) -> bool {
        let even = Distribution::Uniform { min: Duration::ZERO, max: Duration::from_secs(1) };
        self.draw(purpose, a, b, &even) < share
    }

    /// When things are wanted, by an exponential gap at the rate that holds.
    fn times(&self, purpose: &str, rate: &Curve) -> Vec<f64> {
        let (mut now, mut times) = (0.0, Vec::new());
        while now < f64::from(self.length_s) {
            let per_second = at(rate, now);
            if per_second <= 0.0 {
                now += 0.1;
                continue;
            }
            let mean = Duration::from_secs_f64(1.0 / per_second);
            now += self.draw(purpose, times.len(), 0, &Distribution::Exponential { mean });
            times.push(now);
        }
        times.retain(|time| *time < f64::from(self.length_s));
        times
    }

    /// Runs it until nothing is left to do.
    pub(super) fn simulate(&self) -> (Vec<Wanted>, Vec<Attempt>) {
        let mut queue = Queue::new(self);
        let burst = (0..self.burst).map(|_| 0.0);
        for (arrival, due) in burst.chain(self.times("arrival", &self.rate)).enumerate() {
            let wanted = Wanted { due, end: due, outcome: Outcome::Ok, attempts: 0, gave_up: false };
            queue.wanted.push(wanted);
            queue.submit(due, Kind::Search, arrival, 0);
        }
        for (document, due) in self.times("document", &self.ingest).into_iter().enumerate() {
            queue.submit(due, Kind::Ingest, document, 0);
        }
        while queue.next() {}
        (queue.wanted, queue.attempts)
    }
}

/// Microseconds order better than floats.
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).max(0.0) as u64
}

/// First come, first served, for the sessions.
struct Queue<'a> {
    world: &'a World,
    submitted: BinaryHeap<Reverse<(u64, Kind, usize, u32)>>,
    free: BinaryHeap<Reverse<u64>>,
    /// When those who waited got their session.
    starts: BinaryHeap<Reverse<u64>>,
    wanted: Vec<Wanted>,
    attempts: Vec<Attempt>,
    failures_in_a_row: u32,
    open_until: f64,
}

impl<'a> Queue<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            submitted: BinaryHeap::new(),
            free: (0..world.sessions).map(|_| Reverse(0)).collect(),
            starts: BinaryHeap::new(),
            wanted: Vec::new(),
            attempts: Vec::new(),
            failures_in_a_row: 0,
            open_until: 0.0,
        }
    }

    fn submit(&mut self, at: f64, kind: Kind, index: usize, number: u32) {
        self.submitted.push(Reverse((micros(at), kind, index, number)));
    }

    fn next(&mut self) -> bool {
        let Some(Reverse((sent, kind, index, number))) = self.submitted.pop() else { return false };
        while self.starts.peek().is_some_and(|Reverse(start)| *start <= sent) {
            self.starts.pop();
        }
        let sent = sent as f64 / 1e6;
        let mut attempt = Attempt {
            kind,
            arrival: index,
            number,
            sent,
            started: sent,
            freed: sent,
            ended: sent + 0.002,
            outcome: Outcome::Reset,
            hit: false,
            cache_error: false,
            queries: 0,
            query_s: 0.0,
            llm_calls: 0,
            llm_s: 0.0,
            rejected: false,
            refused: true,
        };
        let gone = self.world.down.is_some_and(|(from, to)| (from..to).contains(&sent));
        if !gone && self.starts.len() < self.world.backlog {
            self.serve(&mut attempt);
        }
        self.told(&attempt);
        self.attempts.push(attempt);
        true
    }

    fn serve(&mut self, attempt: &mut Attempt) {
        let Reverse(free) = self.free.pop().expect("there are sessions");
        attempt.refused = false;
        attempt.started = attempt.sent.max(free as f64 / 1e6);
        self.starts.push(Reverse(micros(attempt.started)));
        let failed = self.work(attempt);
        attempt.freed = attempt.started + attempt.llm_s + attempt.query_s * f64::from(attempt.queries);
        (attempt.ended, attempt.outcome) = self.ending(attempt, failed);
        self.free.push(Reverse(micros(attempt.freed)));
    }

    /// What it does with its session; whether it fails.
    fn work(&mut self, attempt: &mut Attempt) -> bool {
        let (world, now) = (self.world, attempt.started);
        let (index, number) = (attempt.arrival, attempt.number);
        let slow = at(&world.slow_db, now);
        match attempt.kind {
            Kind::Ingest => {
                attempt.queries = 1;
                attempt.query_s = world.lognormal("ingest", index, number, world.ingest_hold_s * slow, 0.2);
                return false;
            }
            Kind::Detail => {
                attempt.queries = 1;
                attempt.query_s = world.lognormal("detail", index, number, world.query_s * slow, 0.4);
                return false;
            }
            Kind::Search => {}
        }
        attempt.cache_error = world.chance("cache", index, number, at(&world.cache_errors, now));
        attempt.hit = !attempt.cache_error && world.chance("hit", index, number, at(&world.hits, now));
        if !attempt.hit {
            attempt.queries = world.queries;
            attempt.query_s = world.lognormal("query", index, number, world.query_s * slow, 0.4);
        }
        if world.breaker && now < self.open_until {
            attempt.rejected = true;
            return false;
        }
        let once = |call: u32| {
            world.lognormal("llm", index, number * 10 + call, world.llm_s * at(&world.slow_llm, now), 0.25)
        };
        for call in 0..=world.own_retries {
            attempt.llm_calls += 1;
            attempt.llm_s += once(call);
            if !world.chance("llm fails", index, number * 10 + call, at(&world.llm_errors, now)) {
                self.failures_in_a_row = 0;
                return false;
            }
        }
        self.failures_in_a_row += 1;
        if world.breaker {
            if self.failures_in_a_row >= 5 {
                self.open_until = now + 30.0;
            }
            // A failed embedding leaves search by keywords.
            return false;
        }
        true
    }

    fn ending(&self, attempt: &Attempt, failed: bool) -> (f64, Outcome) {
        let world = self.world;
        let done = attempt.freed + 0.02;
        let patience = world.lognormal("patience", attempt.arrival, attempt.number, world.patience_s, 0.3);
        let left = attempt.sent + patience.min(30.0);
        let cut_down = world.down.filter(|(from, _)| attempt.sent < *from && *from < done.min(left));
        match (attempt.kind, cut_down) {
            (Kind::Ingest, _) => (done, Outcome::Ok),
            (_, Some((from, _))) => (from + 0.01, Outcome::Reset),
            _ if left < done => (left, Outcome::Abandoned),
            _ if failed => (done, Outcome::Status),
            _ if world.chance("cut", attempt.arrival, attempt.number, at(&world.cut, done)) => {
                (done, Outcome::Truncated)
            }
            _ => (done, Outcome::Ok),
        }
    }

    /// What the user makes of it.
    fn told(&mut self, attempt: &Attempt) {
        if attempt.kind == Kind::Ingest {
            return;
        }
        let world = self.world;
        let wanted = &mut self.wanted[attempt.arrival];
        wanted.end = wanted.end.max(attempt.ended);
        if attempt.kind == Kind::Search {
            wanted.attempts += 1;
        }
        wanted.gave_up |= attempt.outcome == Outcome::Abandoned;
        if attempt.kind == Kind::Detail {
            if attempt.outcome != Outcome::Ok {
                wanted.outcome = attempt.outcome;
            }
            return;
        }
        wanted.outcome = attempt.outcome;
        if attempt.outcome == Outcome::Ok {
            (0..world.details).for_each(|detail| {
                self.submit(attempt.ended, Kind::Detail, attempt.arrival, 1_000 + detail);
            });
        } else if attempt.number < world.retries
            && world.chance("comes again", attempt.arrival, 0, world.retry_share)
        {
            self.submit(attempt.ended, Kind::Search, attempt.arrival, attempt.number + 1);
        }
    }
}
