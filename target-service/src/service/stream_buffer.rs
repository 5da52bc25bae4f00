//! Big answers on their way: what is made waits here for its reader.
//!
//! ```text
//!   events of the answer --pump--> chunks in memory --body--> socket --> reader
//!                            |      (bounded or not)
//!                            +-- time is up: the connection is reset
//! ```
//!
//! Unbounded, the whole answer is made at once and stays until it is read: what a service does that
//! writes without waiting. Bounded, the pump waits for room, so a slow reader costs its buffer and
//! no more. The bytes are real: each chunk is memory of its own.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use loadlab_clock::Sleeper;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::profile::StreamBuffer;

/// Bytes of one excerpt: what is written at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// The chunks of one answer.
#[derive(Debug)]
struct Chunks {
    queue: Mutex<Queue>,
    changed: Notify,
    taken: Notify,
    /// Bytes that may wait; a chunk that is longer goes when nothing else waits.
    limit: Option<u64>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<io::Result<Bytes>>,
    bytes: usize,
    /// Nothing more comes.
    whole: bool,
}

impl Chunks {
    /// Waits for room and puts a chunk in.
    async fn push(&self, chunk: io::Result<Bytes>) {
        let length = chunk.as_ref().map_or(0, Bytes::len);
        loop {
            {
                let mut queue = self.queue.lock();
                let fits = self.limit.is_none_or(|limit| (queue.bytes + length) as u64 <= limit);
                if fits || queue.bytes == 0 {
                    queue.bytes += length;
                    self.gauge.inc_by(length as i64);
                    queue.chunks.push_back(chunk);
                    break;
                }
            }
            self.taken.notified().await;
        }
        self.changed.notify_one();
    }

    fn end(&self) {
        self.queue.lock().whole = true;
        self.changed.notify_one();
    }

    /// Waits until everything was taken.
    async fn drained(&self) {
        while !self.queue.lock().chunks.is_empty() {
            self.taken.notified().await;
        }
    }

    async fn pop(&self) -> Option<io::Result<Bytes>> {
        loop {
            {
                let mut queue = self.queue.lock();
                if let Some(chunk) = queue.chunks.pop_front() {
                    let length = chunk.as_ref().map_or(0, Bytes::len);
                    queue.bytes -= length;
                    self.gauge.dec_by(length as i64);
                    self.taken.notify_one();
                    return Some(chunk);
                }
                if queue.whole {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.gauge.dec_by(self.queue.get_mut().bytes as i64);
    }
}

/// How a big answer is delivered.
#[derive(Debug)]
pub(super) struct Buffering {
    /// What may wait.
    pub(super) buffer: StreamBuffer,
    /// Counts what waits.
    pub(super) gauge: Gauge,
    /// When the delivery is given up, in real time.
    pub(super) deadline: Instant,
    /// Cancelled then: the connection is to be reset.
    pub(super) cut: CancellationToken,
}

/// `events` through a buffer. A task of the caller's event loop fills it. `open` is held until the
/// reader has it all or is gone.
pub(super) fn buffered<T: Send>(
    events: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    how: Buffering,
    open: T,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let Buffering { buffer, gauge, deadline, cut } = how;
    let limit = match buffer {
        StreamBuffer::Unbounded => None,
        StreamBuffer::Bytes(size) => Some(size.bytes()),
    };
    let chunks = Arc::new(Chunks {
        queue: Mutex::default(),
        changed: Notify::new(),
        taken: Notify::new(),
        limit,
        gauge,
    });
    let gone = CancellationToken::new();
    let reader = gone.clone().drop_guard();
    let pumped = pump(events, Arc::clone(&chunks));
    tokio::spawn(async move {
        tokio::select! {
            delivered = Sleeper::shared().timeout(deadline, pumped) => {
                if delivered.is_err() {
                    cut.cancel();
                }
            }
            () = gone.cancelled() => {}
        }
    });
    async_stream::stream! {
        let _held = (open, reader);
        while let Some(chunk) = chunks.pop().await {
            yield chunk;
        }
    }
}

async fn pump(events: impl Stream<Item = io::Result<Bytes>>, chunks: Arc<Chunks>) {
    {
        let mut events = std::pin::pin!(events);
        while let Some(chunk) = events.next().await {
            chunks.push(chunk).await;
        }
    }
    chunks.end();
    chunks.drained().await;
}

/// What makes an answer as long as it is to be: excerpts of what it says.
#[derive(Debug)]
pub(super) struct Excerpts {
    text: String,
    left: u64,
}

impl Excerpts {
    /// `bytes` of body in all, of which `sent` are sent.
    pub(super) fn new(answer: &str, bytes: u64, sent: u64) -> Self {
        // Letters, digits and spaces only: what needs no escape can be cut anywhere.
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { ' ' };
        let words: String = answer.chars().map(plain).collect();
        let words = if words.is_empty() { "nothing ".to_owned() } else { words };
        let text = words.repeat(CHUNK_BYTES / words.len() + 1);
        Self { text, left: bytes.saturating_sub(sent) }
    }
}

impl Iterator for Excerpts {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let length = (CHUNK_BYTES as u64).min(self.left) as usize;
        self.left -= length as u64;
        Some(Bytes::from(format!("event: excerpt\ndata: {{\"text\": \"{}\"}}\n\n", &self.text[..length])))
    }
}

/// The places for streams of an instance.
#[derive(Debug)]
pub struct StreamPlaces {
    max: Option<usize>,
    taken: Arc<AtomicUsize>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct StreamPlace(Arc<AtomicUsize>);

impl StreamPlaces {
    /// So many; none is no limit.
    pub(super) fn new(max: Option<usize>) -> Self {
        Self { max, taken: Arc::default() }
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<StreamPlace> {
        let most = self.max.unwrap_or(usize::MAX);
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(StreamPlace(Arc::clone(&self.taken)))
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::stream;

    use super::*;
    use crate::profile::Size;

    fn answer(bytes: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::iter(Excerpts::new("Ropes age; \"look\" at them.", bytes, 0).map(Ok))
    }

    fn how(buffer: StreamBuffer, gauge: &Gauge, life: Duration, cut: &CancellationToken) -> Buffering {
        Buffering { buffer, gauge: gauge.clone(), deadline: Instant::now() + life, cut: cut.clone() }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn excerpts_are_events_of_the_length_that_is_left_and_their_data_is_json() {
        let mut length = 0;
        for chunk in Excerpts::new("Ropes age; \"look\" at them.", 50_000, 10_000) {
            let text = std::str::from_utf8(&chunk).expect("text");
            let data = text.strip_prefix("event: excerpt\ndata: ").expect("an event");
            let data: serde_json::Value = serde_json::from_str(data.trim()).expect("JSON");
            length += data["text"].as_str().expect("text").len();
        }
        assert_eq!(length, 40_000);
        assert_eq!(Excerpts::new("", 5, 9).count(), 0);
    }

    #[tokio::test]
    async fn unbounded_the_whole_answer_waits_for_a_reader_who_does_not_read() {
        let (gauge, cut) = (Gauge::default(), CancellationToken::new());
        let body = buffered(answer(3_000_000), how(StreamBuffer::Unbounded, &gauge, LONG, &cut), ());
        while gauge.get() < 3_000_000 {
            tokio::task::yield_now().await;
        }
        drop(body);
        while gauge.get() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn bounded_no_more_than_the_limit_waits_and_everything_arrives() {
        let (gauge, cut) = (Gauge::default(), CancellationToken::new());
        let limit = StreamBuffer::Bytes(Size::new(64_000));
        let mut body = Box::pin(buffered(answer(1_000_000), how(limit, &gauge, LONG, &cut), ()));
        let (mut read, mut most) = (0, 0);
        while let Some(chunk) = body.next().await {
            read += chunk.expect("no error").len();
            tokio::task::yield_now().await;
            most = most.max(gauge.get());
        }
        assert!(read > 1_000_000, "{read}");
        assert!((16_000..=64_000).contains(&most), "{most}");
        assert_eq!(gauge.get(), 0);
    }

    #[tokio::test]
    async fn a_reader_who_does_not_take_it_in_time_is_cut_off_and_one_who_does_is_not() {
        let (gauge, cut) = (Gauge::default(), CancellationToken::new());
        let short = Duration::from_millis(20);
        let _unread = buffered(answer(100_000), how(StreamBuffer::Unbounded, &gauge, short, &cut), ());
        cut.cancelled().await;
        let cut = CancellationToken::new();
        let read = buffered(answer(100_000), how(StreamBuffer::Unbounded, &gauge, LONG, &cut), ());
        assert!(read.all(async |chunk| chunk.is_ok()).await);
        assert!(!cut.is_cancelled());
    }

    #[test]
    fn places_are_as_many_as_there_are_and_come_back() {
        let places = StreamPlaces::new(Some(2));
        let (first, second) = (places.take(), places.take());
        assert!(first.is_some() && second.is_some() && places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
        assert!(StreamPlaces::new(None).take().is_some());
    }
}
