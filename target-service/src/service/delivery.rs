//! An answer on its way: the search writes, the client reads, neither waits for the other.
//!
//! ```text
//!   search --sources, tokens, end--> Outbox --at most so many events a second--> body of the answer
//! ```
//!
//! What is generated is short (a few kilobytes), so a slow reader holds up nothing but its own
//! connection. Where answers are to be big, excerpts follow the tokens, and
//! [`super::stream_buffer`] says what waits for a slow reader.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::Stream;
use loadlab_clock::Sleeper;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    answer::{Answer, Source},
    error::ServiceError,
    stream_buffer::Excerpts,
};

/// Where a search puts what it has so far.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    written: Mutex<Written>,
    changed: Notify,
    /// Cancelled when nobody reads any more.
    gone: CancellationToken,
}

#[derive(Debug, Default)]
struct Written {
    sources: Option<Vec<Source>>,
    tokens: String,
    end: Option<End>,
}

/// How an answer ended.
type End = Result<Answer, ServiceError>;

impl Outbox {
    /// Everything so far, and the sources in particular.
    pub(super) fn sources(&self, sources: Vec<Source>) {
        self.write(|written| written.sources = Some(sources));
    }

    /// The next piece of the answer.
    pub(super) fn token(&self, text: &str) {
        self.write(|written| written.tokens.push_str(text));
    }

    /// The answer is complete, or there will be none.
    pub(super) fn end(&self, end: Result<Answer, ServiceError>) {
        self.write(|written| written.end = Some(end));
    }

    /// Waits until there is something to send; the error if there will be nothing.
    pub(super) async fn head(&self) -> Result<(), ServiceError> {
        loop {
            {
                let mut written = self.written.lock();
                if written.sources.is_some() || matches!(written.end, Some(Ok(_))) {
                    return Ok(());
                }
                if let Some(Err(error)) = written.end.take() {
                    return Err(error);
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits for the end.
    pub(super) async fn whole(&self) -> Result<Answer, ServiceError> {
        loop {
            if let Some(end) = self.take().end {
                return end;
            }
            self.changed.notified().await;
        }
    }

    /// Cancelled when nobody reads any more.
    pub(super) fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// What tells the outbox that its reader is gone, by being dropped.
    pub(super) fn reader(&self) -> DropGuard {
        self.gone.clone().drop_guard()
    }

    fn write(&self, write: impl FnOnce(&mut Written)) {
        write(&mut self.written.lock());
        self.changed.notify_one();
    }

    /// What was written since the last time.
    fn take(&self) -> Written {
        std::mem::take(&mut *self.written.lock())
    }
}

/// How an answer is delivered; real time.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Shortest time between two `token` events.
    pub(super) gap: Duration,
    /// When the delivery is given up.
    pub(super) deadline: Instant,
    /// Length of the whole body, in bytes, at least: excerpts make it up.
    pub(super) bytes: u64,
    /// Tells the outbox when the client is gone.
    pub(super) reader: DropGuard,
}

/// The events of an answer: `sources`, `token`s, `excerpt`s of a big one, `done`. It ends with an error, and without `done`,
/// if the answer did or the time is up.
pub(super) fn events(
    outbox: Arc<Outbox>,
    delivery: Delivery,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    async_stream::stream! {
        let Delivery { gap, deadline, bytes, reader: _reader } = delivery;
        let mut sent = 0;
        let sleeper = Sleeper::shared();
        let mut next_token = Instant::now();
        loop {
            let mut written = outbox.take();
            if written.is_empty() {
                if sleeper.timeout(deadline, outbox.changed.notified()).await.is_err() {
                    yield Err(io::Error::from(io::ErrorKind::TimedOut));
                    return;
                }
                continue;
            }
            // Pieces that come within the gap go out together; the end does not wait for it.
            while written.end.is_none()
                && written.sources.is_none()
                && Instant::now() < next_token
                && sleeper.timeout(next_token, outbox.changed.notified()).await.is_ok()
            {
                let more = outbox.take();
                written.tokens.push_str(&more.tokens);
                written.end = more.end;
            }
            if let Some(sources) = written.sources {
                yield Ok(counted(event("sources", &json!({"sources": sources})), &mut sent));
            }
            if !written.tokens.is_empty() {
                next_token = Instant::now() + gap;
                yield Ok(counted(event("token", &json!({"text": written.tokens})), &mut sent));
            }
            match written.end {
                None => {}
                Some(Ok(answer)) => {
                    for excerpt in Excerpts::new(&answer.answer, bytes, sent) {
                        yield Ok(excerpt);
                    }
                    if let Some(truth) = &answer.truth {
                        yield Ok(event("truth", &json!(truth)));
                    }
                    let done = json!({"sources": answer.sources, "provenance": answer.provenance});
                    yield Ok(event("done", &done));
                    return;
                }
                Some(Err(_)) => {
                    // The head is sent: all that is left to say is that this is not the whole.
                    yield Err(io::Error::from(io::ErrorKind::BrokenPipe));
                    return;
                }
            }
        }
    }
}

/// `events`, with something that is held until the reader has them all or is gone.
pub(super) fn held<T: Send>(
    events: impl Stream<Item = io::Result<Bytes>> + Send,
    open: T,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    async_stream::stream! {
        let _open = open;
        for await event in events {
            yield event;
        }
    }
}

/// An event, with its length added to what is sent.
fn counted(event: Bytes, sent: &mut u64) -> Bytes {
    *sent += event.len() as u64;
    event
}

impl Written {
    fn is_empty(&self) -> bool {
        self.sources.is_none() && self.tokens.is_empty() && self.end.is_none()
    }
}

fn event(name: &str, data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;
    use crate::service::answer::{Mode, Provenance};

    fn delivery(outbox: &Outbox, gap: Duration, life: Duration) -> Delivery {
        Delivery { gap, deadline: Instant::now() + life, bytes: 0, reader: outbox.reader() }
    }

    fn answer(text: &str) -> Answer {
        Answer {
            answer: text.to_owned(),
            sources: Vec::new(),
            provenance: Provenance {
                prompt_version: "p3".to_owned(),
                embedding_version: "e1".to_owned(),
                mode: Mode::Full,
                sources_found: 0,
                sources_missing: 0,
            },
            truth: None,
        }
    }

    fn names(events: &[io::Result<Bytes>]) -> Vec<String> {
        let name = |event: &io::Result<Bytes>| match event {
            Ok(bytes) => String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned(),
            Err(error) => error.kind().to_string(),
        };
        events.iter().map(name).collect()
    }

    #[tokio::test]
    async fn sources_come_first_and_done_last_and_tokens_between_are_joined() {
        let outbox = Arc::new(Outbox::default());
        let delivery = delivery(&outbox, Duration::from_millis(50), Duration::from_secs(60));
        let read = tokio::spawn(events(Arc::clone(&outbox), delivery).collect::<Vec<_>>());
        outbox.sources(Vec::new());
        let mut expected = String::new();
        for n in 0..100 {
            let token = format!("{n} ");
            outbox.token(&token);
            expected.push_str(&token);
            tokio::task::yield_now().await;
        }
        outbox.end(Ok(answer("0 1 2")));
        let events = read.await.expect("no panic");
        let names = names(&events);
        assert_eq!(names.first().map(String::as_str), Some("event: sources"));
        assert_eq!(names.last().map(String::as_str), Some("event: done"));
        let tokens = names.iter().filter(|name| *name == "event: token").count();
        assert!((1..=10).contains(&tokens), "{tokens} token events for 100 tokens within milliseconds");
        let text: String = events
            .iter()
            .filter_map(|event| {
                let event = std::str::from_utf8(event.as_ref().ok()?).ok()?;
                let data = event.strip_prefix("event: token\ndata: ")?;
                let data: serde_json::Value = serde_json::from_str(data.trim()).ok()?;
                Some(data["text"].as_str()?.to_owned())
            })
            .collect();
        assert_eq!(text, expected);
    }

    #[tokio::test]
    async fn a_big_answer_is_as_long_as_it_is_to_be_and_tells_its_truth_only_if_it_has_one() {
        let outbox = Arc::new(Outbox::default());
        let delivery =
            Delivery { bytes: 100_000, ..delivery(&outbox, Duration::ZERO, Duration::from_secs(60)) };
        outbox.sources(Vec::new());
        outbox.token("0 1 2");
        outbox.end(Ok(answer("0 1 2")));
        let events: Vec<_> = events(outbox, delivery).collect().await;
        let length: usize = events.iter().map(|event| event.as_ref().map_or(0, Bytes::len)).sum();
        assert!((100_000..102_000).contains(&length), "{length}");
        let names = names(&events);
        assert_eq!(names.last().map(String::as_str), Some("event: done"));
        assert!(names.iter().all(|name| name != "event: truth"), "{names:?}");
        assert_eq!(names.iter().filter(|name| *name == "event: excerpt").count(), 7);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_has_no_done() {
        let outbox = Arc::new(Outbox::default());
        let delivery = delivery(&outbox, Duration::ZERO, Duration::from_secs(60));
        outbox.sources(Vec::new());
        outbox.end(Err(ServiceError::Lost));
        let events: Vec<_> = events(outbox, delivery).collect().await;
        assert_eq!(names(&events), ["event: sources", "broken pipe"]);
    }

    #[tokio::test]
    async fn a_delivery_ends_at_its_time() {
        let outbox = Arc::new(Outbox::default());
        let delivery = delivery(&outbox, Duration::ZERO, Duration::from_millis(20));
        let events: Vec<_> = events(Arc::clone(&outbox), delivery).collect().await;
        assert_eq!(names(&events), ["timed out"]);
        assert!(outbox.gone().is_cancelled());
    }
}
