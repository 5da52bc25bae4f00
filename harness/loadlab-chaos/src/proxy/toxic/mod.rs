//! Toxics: what disturbs one direction of a link. One file each, with its attributes, behaviour
//! and tests; [`Kind::read`] registers them. The faults of the aware mode are toxics too, and stay
//! there.
//!
//! A toxic's *kind* holds its attributes. For every link that it takes hold of it makes a *stage*:
//! a queue of chunks with a rule that says which may go on at a given moment. Stages are pure:
//! they are told the time. [`Chain`](super::chain::Chain) puts them in a row.

mod bandwidth;
mod corrupt;
mod latency;
mod limit_data;
mod noop;
mod packet_loss;
mod queue;
mod reset_peer;
mod slicer;
mod slow_close;
mod timeout;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use loadlab_clock::Speed;
use serde_json::{Map, Value, json};

pub use latency::LatencyDistribution;
pub(crate) use queue::{Chunk, Queue};

use super::{
    ControlError, Draws, FieldError, Mark, Touched,
    budget::{Budget, Holding},
    edge::{Asked, read_fault},
    fields::Fields,
    raw::End,
};
use crate::aware::{Activity, Fault};

/// A direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the upstream.
    Upstream,
    /// From the upstream to the client.
    Downstream,
}

impl Direction {
    /// Both, in the order in which toxics are listed.
    pub const ALL: [Self; 2] = [Self::Upstream, Self::Downstream];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a toxic's toxicity is drawn for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Draw {
    /// Once for each connection: some are hit always, the others never.
    #[default]
    Connection,
    /// For each request, where the proxy reads the protocol.
    Request,
    /// For each chunk, which is what one read gave.
    Chunk,
}

impl Draw {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Request => "request",
            Self::Chunk => "chunk",
        }
    }

    pub(crate) fn read(fields: Fields<'_>) -> Result<Option<Self>, FieldError> {
        let all = [Self::Connection, Self::Request, Self::Chunk];
        match fields.text("draw")? {
            None => Ok(None),
            Some(text) => {
                let found = all.into_iter().find(|draw| draw.name() == text);
                let wrong = || FieldError::value("draw", "was invalid, can be connection, request or chunk");
                found.ok_or_else(wrong).map(Some)
            }
        }
    }
}

/// A toxic of a proxy. It does not change: an update puts another in its place.
#[derive(Debug)]
pub struct Toxic {
    /// Stays when the toxic is updated, and is never used again.
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) direction: Direction,
    pub(crate) toxicity: f32,
    pub(crate) draw: Draw,
    pub(crate) kind: Kind,
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) expiry: Option<Arc<Expiry>>,
    pub(crate) lease: Option<Arc<str>>,
    pub(crate) touched: Arc<Touched>,
}

/// The armed end of a toxic with a `ttl`. Disarmed when the last toxic that has it is dropped.
#[derive(Debug)]
pub(crate) struct Expiry {
    pub(crate) id: u64,
    pub(crate) task: tokio::task::AbortHandle,
}

impl Drop for Expiry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A number that nothing else in this process has.
pub(crate) fn fresh_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

impl Toxic {
    /// Its name, unique in its proxy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind: `latency`, `timeout`, …
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The direction it disturbs.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The share of what [`Toxic::draw`] says that it takes hold of.
    pub fn toxicity(&self) -> f32 {
        self.toxicity
    }

    /// What its toxicity is drawn for.
    pub fn draw(&self) -> Draw {
        self.draw
    }

    /// Stays when the toxic is updated; another toxic never has it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its attributes, as in JSON.
    pub fn attributes(&self) -> Map<String, Value> {
        self.kind.attributes()
    }

    /// What it touched; make a [`Mark`] of it for each link.
    pub fn touched(&self) -> &Arc<Touched> {
        &self.touched
    }

    /// The fault that it is for the aware mode, with its counters.
    pub(crate) fn activity(&self) -> Option<Activity> {
        let Kind::Aware(fault) = &self.kind else { return None };
        Some(Activity { fault: fault.clone(), touched: Arc::clone(self.touched.fault()) })
    }

    /// Whether the toxic is one that only an aware edge can apply; raw links let it be.
    pub fn is_aware(&self) -> bool {
        matches!(self.kind, Kind::Aware(_))
    }
}

/// A toxic's attributes, by its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Bandwidth(bandwidth::Bandwidth),
    Corrupt(corrupt::Corrupt),
    Latency(latency::Latency),
    LimitData(limit_data::LimitData),
    Noop,
    PacketLoss(packet_loss::PacketLoss),
    ResetPeer(reset_peer::ResetPeer),
    Slicer(slicer::Slicer),
    SlowClose(slow_close::SlowClose),
    Timeout(timeout::Timeout),
    /// For the aware mode. Raw links ignore it.
    Aware(Fault),
}

impl Kind {
    /// What is asked for, of whichever sort; `None` is an unknown type.
    pub(crate) fn asked(asked: Asked<'_>) -> Option<Result<Self, ControlError>> {
        match read_fault(asked) {
            Some(fault) => Some(fault.map(Self::Aware)),
            None => Self::read(asked.type_name, asked.fields).map(|kind| kind.map_err(ControlError::from)),
        }
    }

    /// The kind for bytes named `type_name` with attributes read from `fields`; `None` is an unknown
    /// type.
    fn read(type_name: &str, fields: Fields<'_>) -> Option<Result<Self, FieldError>> {
        Some(match type_name {
            "bandwidth" => bandwidth::Bandwidth::read(fields).map(Self::Bandwidth),
            "corrupt" => corrupt::Corrupt::read(fields).map(Self::Corrupt),
            "latency" => latency::Latency::read(fields).map(Self::Latency),
            "limit_data" => limit_data::LimitData::read(fields).map(Self::LimitData),
            "noop" => Ok(Self::Noop),
            "packet_loss" => packet_loss::PacketLoss::read(fields).map(Self::PacketLoss),
            "reset_peer" => reset_peer::ResetPeer::read(fields).map(Self::ResetPeer),
            "slicer" => slicer::Slicer::read(fields).map(Self::Slicer),
            "slow_close" => slow_close::SlowClose::read(fields).map(Self::SlowClose),
            "timeout" => timeout::Timeout::read(fields).map(Self::Timeout),
            _ => return None,
        })
    }

    /// The attributes, as clients read them: all that Toxiproxy has, in its order.
    pub(crate) fn attributes(&self) -> Map<String, Value> {
        let value = match self {
            Self::Bandwidth(bandwidth) => bandwidth.attributes(),
            Self::Corrupt(corrupt) => corrupt.attributes(),
            Self::Latency(latency) => latency.attributes(),
            Self::LimitData(limit) => limit.attributes(),
            Self::Noop => json!({}),
            Self::PacketLoss(loss) => loss.attributes(),
            Self::ResetPeer(reset) => reset.attributes(),
            Self::Slicer(slicer) => slicer.attributes(),
            Self::SlowClose(slow) => slow.attributes(),
            Self::Timeout(timeout) => timeout.attributes(),
            Self::Aware(fault) => fault.attributes(),
        };
        if let Value::Object(attributes) = value { attributes } else { Map::new() }
    }

    /// What it does to one link; `None` is nothing.
    pub(crate) fn stage(&self, site: Site) -> Option<Box<dyn Stage>> {
        Some(match self {
            Self::Bandwidth(bandwidth) => Box::new(bandwidth.stage(site)),
            Self::Corrupt(corrupt) => Box::new(corrupt.stage(site)),
            Self::Latency(latency) => Box::new(latency.stage(site)),
            Self::LimitData(limit) => Box::new(limit.stage(site)),
            Self::Noop => Box::new(noop::stage(site)),
            Self::PacketLoss(loss) => Box::new(loss.stage(site)),
            Self::ResetPeer(reset) => Box::new(reset.stage(site)),
            Self::Slicer(slicer) => Box::new(slicer.stage(site)),
            Self::SlowClose(slow) => Box::new(slow.stage(site)),
            Self::Timeout(timeout) => Box::new(timeout.stage(site)),
            Self::Aware(_) => return None,
        })
    }

    /// Whether it acts on the connection as a whole, so that its toxicity cannot be drawn for less.
    pub(crate) fn is_for_connections(&self) -> bool {
        matches!(self, Self::LimitData(_) | Self::ResetPeer(_) | Self::SlowClose(_) | Self::Timeout(_))
    }
}

/// Where a stage is made: one direction of one link.
pub(crate) struct Site {
    pub(crate) draws: Draws,
    pub(crate) speed: Speed,
    pub(crate) budget: Arc<Budget>,
    pub(crate) mark: Mark,
    pub(crate) now: Instant,
}

impl Site {
    pub(crate) fn holding(&self) -> Holding {
        Holding::new(Arc::clone(&self.budget))
    }
}

/// A span of scenario time in milliseconds, in real time.
pub(crate) fn real_ms(speed: Speed, ms: u64) -> Duration {
    speed.real(Duration::from_millis(ms))
}

/// A moment after `start`; a span beyond all clocks is a century.
pub(crate) fn after(start: Instant, span: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    start.checked_add(span.min(CENTURY)).unwrap_or(start)
}

/// What one toxic does to one direction of one link. Nothing here waits: the chain asks, with the
/// time.
pub(crate) trait Stage: Send {
    /// What waits in it.
    fn queue(&self) -> &Queue;

    /// What waits in it, to be changed.
    fn queue_mut(&mut self) -> &mut Queue;

    /// Whether it takes more.
    fn wants(&self) -> bool {
        self.queue().has_room()
    }

    /// Takes a chunk; `chunk.hit` says whether the toxic takes hold of it.
    fn push(&mut self, chunk: Chunk);

    /// Gives the next chunk that may go on at `now`.
    fn pull(&mut self, _now: Instant) -> Option<Chunk> {
        self.queue_mut().pop()
    }

    /// No more chunks come.
    fn finish(&mut self, now: Instant) {
        self.queue_mut().end(now);
    }

    /// Whether everything went on and no more comes.
    fn is_finished(&self, _now: Instant) -> bool {
        self.queue().is_over()
    }

    /// Whether the connection, and not only its direction, ends when this has finished.
    fn ends_connection(&self) -> bool {
        false
    }

    /// Whether the connection ends at once.
    fn cut(&mut self, _now: Instant) -> Option<End> {
        None
    }

    /// When something here changes by time alone; a moment that has passed is ignored.
    fn wake(&self) -> Option<Instant> {
        None
    }

    /// Its toxic was updated.
    fn retune(&mut self, kind: &Kind, now: Instant);

    /// Its toxic is gone: whether the connection is to end for it. What waits is taken out of the
    /// queue by the chain and goes on.
    fn release(&mut self) -> Option<End> {
        None
    }
}

#[cfg(test)]
pub(crate) mod bench_site {
    //! Stages on a table: a site, chunks and times for the tests of the toxics.

    use bytes::Bytes;
    use loadlab_clock::Seed;

    use super::*;

    /// A site of the toxic `t` on connection 1 of proxy `p`.
    pub(crate) fn site(now: Instant) -> (Site, Arc<Touched>) {
        let touched = Arc::new(Touched::default());
        let site = Site {
            draws: Draws::new(Seed::new(7), "p", Direction::Downstream, "t", 1),
            speed: Speed::REAL,
            budget: Budget::new(usize::MAX),
            mark: Mark::new(Arc::clone(&touched)),
            now,
        };
        (site, touched)
    }

    /// The kind with these attributes.
    pub(crate) fn kind(type_name: &str, attributes: &Value) -> Result<Kind, FieldError> {
        let attributes = attributes.as_object().expect("an object");
        Kind::read(type_name, Fields::attributes(attributes, None)).expect("a known type")
    }

    /// A chunk of `len` bytes that came at `at`.
    pub(crate) fn chunk(len: usize, at: Instant) -> Chunk {
        Chunk::new(Bytes::from(vec![b'x'; len]), at)
    }

    /// How many bytes the stage lets go at `now`, chunk by chunk.
    pub(crate) fn sizes(stage: &mut dyn Stage, now: Instant) -> Vec<usize> {
        std::iter::from_fn(|| stage.pull(now)).map(|chunk| chunk.data.len()).collect()
    }
}
