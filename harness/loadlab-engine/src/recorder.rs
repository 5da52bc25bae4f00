//! Counts and histograms of the run, one set per runtime thread.
//!
//! A *shard* belongs to a thread and sits behind a lock that only the collector contends for, once a
//! second. Inside, *bins* hold one span of time each: the current one, and those that ended and wait
//! to be collected. What belongs to which bin is decided by the stamps of the sample, not by the
//! moment at which the collector comes round.
//!
//! A span is one second of scenario time, or as many whole seconds as take [`SPAN_MIN`] of real time
//! when a run is faster than that.
//!
//! Latencies are real microseconds. Memory is bounded: users hold no histograms, and bins are reused.

use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    sync::{
        OnceLock,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use loadlab_clock::{RunClock, Speed};
use loadlab_record::{ArrivalSample, Histogram, Outcome, OutcomeCounts, RequestSample, StepWindow, Window};
use parking_lot::Mutex;

/// Shortest real time between two collections: each merges every histogram of every thread.
const SPAN_MIN: Duration = Duration::from_millis(25);

/// All shards of a run.
#[derive(Debug)]
pub(crate) struct Recorder {
    shards: Box<[Shard]>,
    step_names: Vec<String>,
    spans: Spans,
    origin: OnceLock<Instant>,
    users: AtomicI64,
    connections: AtomicI64,
}

/// One thread's part. Padded, so that two threads do not share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    bins: Mutex<Bins>,
    /// Arrivals that a worker took and that did not end: the run ended before.
    arrivals_cut: AtomicU64,
    requests_started: AtomicU64,
    /// Requests that did not end, for the same reason.
    requests_cut: AtomicU64,
}

#[derive(Debug, Default)]
struct Bins {
    current: Bin,
    /// Ended and not yet collected, oldest first.
    ended: VecDeque<Bin>,
    /// Collected and cleared, for the next spans.
    spare: Vec<Bin>,
}

/// What happened in one span.
#[derive(Debug, Default)]
struct Bin {
    span: u64,
    /// Its end, in real microseconds since the start.
    until: u64,
    scheduled: u64,
    ended: OutcomeCounts,
    gave_up: u64,
    response: Histogram,
    response_ok: Histogram,
    dispatch_lag: Histogram,
    steps: Vec<StepBin>,
}

#[derive(Debug, Default)]
struct StepBin {
    ended: OutcomeCounts,
    statuses: Vec<(u16, u64)>,
    retried: u64,
    bytes: u64,
    events: u64,
    response: Histogram,
    service: Histogram,
    first_byte: Histogram,
    first_event: Histogram,
    event_gap: Histogram,
    client_wait: Histogram,
}

/// How time is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spans {
    /// Scenario seconds in one.
    pub(crate) seconds: u64,
    /// Its length in real microseconds; not whole at every speed.
    micros: f64,
}

impl Spans {
    pub(crate) fn new(speed: Speed) -> Self {
        let second = speed.real(Duration::from_secs(1)).as_secs_f64();
        let seconds = (SPAN_MIN.as_secs_f64() / second).ceil().max(1.0);
        Self { seconds: seconds as u64, micros: seconds * second * 1e6 }
    }

    fn at(self, micros: u64) -> u64 {
        (micros as f64 / self.micros) as u64
    }

    fn start(self, span: u64) -> u64 {
        (span as f64 * self.micros).ceil() as u64
    }

    /// Where a span ends, in real microseconds since the start.
    pub(crate) fn end(self, span: u64) -> u64 {
        self.start(span.saturating_add(1))
    }
}

/// Arrivals and requests that were cut off by the end of the run, and requests in all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cut {
    pub(crate) arrivals: u64,
    pub(crate) requests: u64,
    pub(crate) requests_started: u64,
}

thread_local! {
    static THREAD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A number of this thread, given at its first call.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    THREAD.with(|cell| {
        if cell.get() == usize::MAX {
            cell.set(NEXT.fetch_add(1, Relaxed));
        }
        cell.get()
    })
}

/// Real microseconds from one instant to another; 0 backwards.
pub(crate) fn micros_between(from: Instant, to: Instant) -> u64 {
    let span = to.saturating_duration_since(from);
    span.as_secs() * 1_000_000 + u64::from(span.subsec_micros())
}

impl Recorder {
    /// A recorder for so many runtime threads (and the pacer's).
    pub(crate) fn new(threads: usize, step_names: Vec<String>, speed: Speed) -> Self {
        let spans = Spans::new(speed);
        let shards = std::iter::repeat_with(|| Shard::new(step_names.len(), spans));
        Self {
            shards: shards.take((threads + 1).next_power_of_two()).collect(),
            step_names,
            spans,
            origin: OnceLock::new(),
            users: AtomicI64::new(0),
            connections: AtomicI64::new(0),
        }
    }

    pub(crate) const fn spans(&self) -> Spans {
        self.spans
    }

    /// The run begins.
    pub(crate) fn start(&self, clock: &RunClock) {
        // A recorder belongs to one run, which starts once.
        let _ = self.origin.set(clock.origin());
    }

    /// Real microseconds since the start; 0 before it.
    pub(crate) fn micros(&self, at: Instant) -> u64 {
        self.origin.get().map_or(0, |origin| micros_between(*origin, at))
    }

    fn shard(&self) -> &Shard {
        &self.shards[thread_number() & (self.shards.len() - 1)]
    }

    /// An arrival is due.
    pub(crate) fn scheduled(&self, due: u64) {
        let mut bins = self.shard().bins.lock();
        bins.at(due, self.spans).scheduled += 1;
    }

    /// A worker took an arrival. Give the ticket back with [`Recorder::arrival`].
    pub(crate) fn take(&self) -> Ticket<'_> {
        Ticket(&self.shard().arrivals_cut)
    }

    /// A request begins. Give the ticket back with [`Recorder::request`].
    pub(crate) fn request_starts(&self) -> Ticket<'_> {
        let shard = self.shard();
        shard.requests_started.fetch_add(1, Relaxed);
        Ticket(&shard.requests_cut)
    }

    /// An arrival ended.
    pub(crate) fn arrival(&self, ticket: Ticket<'_>, sample: &ArrivalSample) {
        ticket.redeem();
        let mut bins = self.shard().bins.lock();
        let bin = bins.at(sample.done, self.spans);
        bin.book(sample);
        bin.dispatch_lag.record_micros(sample.taken.saturating_sub(sample.due));
    }

    /// No worker took an arrival in time.
    pub(crate) fn undispatched(&self, seq: u64, due: u64, done: u64) {
        let sample = ArrivalSample {
            seq,
            journey: 0,
            due,
            taken: done,
            sent: None,
            done,
            outcome: Outcome::Undispatched,
            retries: 0,
            gave_up: false,
        };
        let mut bins = self.shard().bins.lock();
        let bin = bins.at(done, self.spans);
        bin.book(&sample);
        bin.dispatch_lag.record_micros(done.saturating_sub(due));
    }

    /// A request ended. One that was never sent (`sent == done`) has no service time.
    pub(crate) fn request(&self, ticket: Ticket<'_>, sample: &RequestSample) {
        ticket.redeem();
        let mut bins = self.shard().bins.lock();
        if let Some(step) = bins.at(sample.done, self.spans).steps.get_mut(sample.step) {
            step.book(sample);
        }
    }

    /// Two events of a stream came so many microseconds apart; the later one at `at`.
    pub(crate) fn event_gap(&self, step: usize, gap: u64, at: u64) {
        let mut bins = self.shard().bins.lock();
        if let Some(step) = bins.at(at, self.spans).steps.get_mut(step) {
            step.event_gap.record_micros(gap);
        }
    }

    /// A user of a closed load is there until the guard is dropped.
    pub(crate) fn user_came(&self) -> Gauge<'_> {
        Gauge::new(&self.users)
    }

    /// A connection is open until this is called with -1.
    pub(crate) fn connections(&self, change: i64) {
        self.connections.fetch_add(change, Relaxed);
    }

    pub(crate) fn connections_open(&self) -> u64 {
        u64::try_from(self.connections.load(Relaxed)).unwrap_or(0)
    }

    /// What was cut off so far.
    pub(crate) fn cut(&self) -> Cut {
        let mut cut = Cut::default();
        for shard in &self.shards {
            cut.arrivals += shard.arrivals_cut.load(Relaxed);
            cut.requests += shard.requests_cut.load(Relaxed);
            cut.requests_started += shard.requests_started.load(Relaxed);
        }
        cut
    }

    /// Everything up to and with `span` that was not collected before, as one window.
    pub(crate) fn collect(&self, span: u64) -> Window {
        let mut window = Window {
            second: span * self.spans.seconds,
            users: u64::try_from(self.users.load(Relaxed)).unwrap_or(0),
            ..Window::default()
        };
        for name in &self.step_names {
            window.steps.insert(name.clone(), StepWindow::default());
        }
        for shard in &self.shards {
            let ended = shard.bins.lock().end_up_to(span, self.spans);
            for mut bin in ended {
                bin.pour_into(&mut window, &self.step_names);
                shard.bins.lock().spare.push(bin);
            }
        }
        window.retried = window.steps.values().map(|step| step.retried).sum();
        for step in window.steps.values() {
            window.service.merge(&step.service);
        }
        window
    }
}

impl Shard {
    fn new(steps: usize, spans: Spans) -> Self {
        let shard = Self::default();
        let bin = || Bin {
            steps: std::iter::repeat_with(StepBin::default).take(steps).collect(),
            ..Bin::default()
        };
        let mut bins = shard.bins.lock();
        bins.current = bin();
        bins.current.until = spans.end(0);
        bins.spare = vec![bin(), bin()];
        drop(bins);
        shard
    }
}

impl Bins {
    /// The bin of an instant: the current one, a new one if the instant lies beyond it, an older one
    /// if it still waits to be collected.
    fn at(&mut self, micros: u64, spans: Spans) -> &mut Bin {
        if micros >= self.current.until {
            // Rounding may find the old span at its very end.
            self.advance(spans.at(micros).max(self.current.span + 1), spans);
        } else if !self.ended.is_empty() && micros < spans.start(self.current.span) {
            let span = spans.at(micros);
            if let Some(place) = self.ended.iter().position(|bin| bin.span >= span) {
                return &mut self.ended[place];
            }
        }
        &mut self.current
    }

    /// Ends the current bin and begins one for `span`.
    fn advance(&mut self, span: u64, spans: Spans) {
        let steps = self.current.steps.len();
        let mut next = self.spare.pop().unwrap_or_else(|| Bin {
            steps: std::iter::repeat_with(StepBin::default).take(steps).collect(),
            ..Bin::default()
        });
        next.span = span;
        next.until = spans.end(span);
        self.ended.push_back(std::mem::replace(&mut self.current, next));
    }

    fn end_up_to(&mut self, span: u64, spans: Spans) -> Vec<Bin> {
        if self.current.span <= span {
            self.advance(span + 1, spans);
        }
        let count = self.ended.iter().take_while(|bin| bin.span <= span).count();
        self.ended.drain(..count).collect()
    }
}

impl Bin {
    fn book(&mut self, sample: &ArrivalSample) {
        let response = sample.done.saturating_sub(sample.due);
        self.ended.add(sample.outcome);
        self.gave_up += u64::from(sample.gave_up);
        self.response.record_micros(response);
        if sample.outcome.is_ok() {
            self.response_ok.record_micros(response);
        }
    }

    /// Adds all of it to a window, and forgets it.
    fn pour_into(&mut self, window: &mut Window, names: &[String]) {
        window.scheduled += std::mem::take(&mut self.scheduled);
        window.ended.merge(&std::mem::take(&mut self.ended));
        window.gave_up += std::mem::take(&mut self.gave_up);
        pour(&mut self.response, &mut window.response);
        pour(&mut self.response_ok, &mut window.response_ok);
        pour(&mut self.dispatch_lag, &mut window.dispatch_lag);
        for (step, name) in self.steps.iter_mut().zip(names) {
            if let Some(into) = window.steps.get_mut(name) {
                step.pour_into(into);
            }
        }
    }
}

impl StepBin {
    fn book(&mut self, sample: &RequestSample) {
        self.ended.add(sample.outcome);
        self.retried += u64::from(sample.attempt > 0);
        self.bytes += sample.bytes;
        self.response.record_micros(sample.done.saturating_sub(sample.due));
        self.client_wait.record_micros(sample.client_wait);
        if sample.done > sample.sent || sample.first_byte.is_some() {
            self.service.record_micros(sample.done.saturating_sub(sample.sent));
        }
        if let Some(first) = sample.first_byte {
            self.first_byte.record_micros(first.saturating_sub(sample.sent));
        }
        if let Some(stream) = &sample.stream {
            self.events += stream.events;
            if let Some(first) = stream.first_event {
                self.first_event.record_micros(first.saturating_sub(sample.sent));
            }
        }
        if let Some(status) = sample.status {
            match self.statuses.iter_mut().find(|(known, _)| *known == status) {
                Some((_, count)) => *count += 1,
                None => self.statuses.push((status, 1)),
            }
        }
    }

    fn pour_into(&mut self, window: &mut StepWindow) {
        window.ended.merge(&std::mem::take(&mut self.ended));
        window.retried += std::mem::take(&mut self.retried);
        window.bytes += std::mem::take(&mut self.bytes);
        window.events += std::mem::take(&mut self.events);
        let statuses: &mut BTreeMap<u16, u64> = &mut window.statuses;
        for (status, count) in self.statuses.drain(..) {
            *statuses.entry(status).or_default() += count;
        }
        pour(&mut self.response, &mut window.response);
        pour(&mut self.service, &mut window.service);
        pour(&mut self.first_byte, &mut window.first_byte);
        pour(&mut self.first_event, &mut window.first_event);
        pour(&mut self.event_gap, &mut window.event_gap);
        pour(&mut self.client_wait, &mut window.client_wait);
    }
}

/// Merging and clearing touch every slot, so what is empty is left alone.
fn pour(from: &mut Histogram, into: &mut Histogram) {
    if !from.is_empty() {
        into.merge(from);
        from.clear();
    }
}

/// Something that has begun and must end. If it is dropped, it was cut off.
#[must_use = "dropping a ticket counts what it stands for as cut off"]
#[derive(Debug)]
pub(crate) struct Ticket<'r>(&'r AtomicU64);

impl Ticket<'_> {
    fn redeem(self) {
        std::mem::forget(self);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Counts one as long as it lives.
#[derive(Debug)]
pub(crate) struct Gauge<'r>(&'r AtomicI64);

impl<'r> Gauge<'r> {
    fn new(value: &'r AtomicI64) -> Self {
        value.fetch_add(1, Relaxed);
        Self(value)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(due: u64, done: u64) -> ArrivalSample {
        ArrivalSample {
            seq: 0,
            journey: 0,
            due,
            taken: due + 10,
            sent: Some(due + 20),
            done,
            outcome: Outcome::Ok,
            retries: 0,
            gave_up: false,
        }
    }

    fn recorder(speed: f64) -> Recorder {
        Recorder::new(2, vec!["get".to_owned()], Speed::try_new(speed).expect("a speed"))
    }

    #[test]
    fn arrivals_are_scheduled_in_the_second_they_were_due_and_end_in_the_second_they_ended() {
        let recorder = recorder(1.0);
        recorder.scheduled(900_000);
        recorder.arrival(recorder.take(), &sample(900_000, 2_100_000));
        let windows: Vec<Window> = (0..4).map(|span| recorder.collect(span)).collect();
        let scheduled: Vec<u64> = windows.iter().map(|window| window.scheduled).collect();
        let ended: Vec<u64> = windows.iter().map(|window| window.ended.total()).collect();
        assert_eq!(scheduled, [1, 0, 0, 0]);
        assert_eq!(ended, [0, 0, 1, 0]);
        assert_eq!(windows[2].response.count(), 1);
        assert_eq!(windows[3].second, 3);
    }

    #[test]
    fn a_late_record_of_an_uncollected_second_still_finds_it() {
        let recorder = recorder(1.0);
        recorder.arrival(recorder.take(), &sample(0, 1_000_100));
        recorder.scheduled(999_999);
        assert_eq!(recorder.collect(0).scheduled, 1);
        assert_eq!(recorder.collect(1).ended.total(), 1);
    }

    #[test]
    fn what_comes_after_its_second_was_collected_is_counted_in_the_next() {
        let recorder = recorder(1.0);
        assert_eq!(recorder.collect(0).scheduled, 0);
        recorder.scheduled(500_000);
        assert_eq!(recorder.collect(1).scheduled, 1);
    }

    #[test]
    fn at_speed_twenty_a_second_is_fifty_milliseconds() {
        let recorder = recorder(20.0);
        recorder.arrival(recorder.take(), &sample(0, 60_000));
        assert_eq!(recorder.collect(0).ended.total(), 0);
        assert_eq!(recorder.collect(1).ended.total(), 1);
    }

    #[test]
    fn at_speed_hundred_three_seconds_share_a_window() {
        let recorder = recorder(100.0);
        assert_eq!(recorder.spans().seconds, 3);
        recorder.arrival(recorder.take(), &sample(0, 29_000));
        recorder.arrival(recorder.take(), &sample(0, 31_000));
        assert_eq!(recorder.collect(0).ended.total(), 1);
        let second = recorder.collect(1);
        assert_eq!((second.second, second.ended.total()), (3, 1));
    }

    #[test]
    fn a_dropped_ticket_is_counted_as_cut_off() {
        let recorder = recorder(1.0);
        drop(recorder.take());
        recorder.arrival(recorder.take(), &sample(0, 5));
        drop(recorder.request_starts());
        let cut = recorder.cut();
        assert_eq!((cut.arrivals, cut.requests, cut.requests_started), (1, 1, 1));
    }

    #[test]
    fn threads_are_merged() {
        let recorder = recorder(1.0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        recorder.arrival(recorder.take(), &sample(0, 100));
                    }
                });
            }
        });
        let window = recorder.collect(0);
        assert_eq!(window.ended.get(Outcome::Ok), 4_000);
        assert_eq!(window.response_ok.count(), 4_000);
    }
}
