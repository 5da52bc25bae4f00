//! A reply's body on its way to the client, with the faults that act on bodies and events.
//!
//! ```text
//!   upstream ─frames─> pending ─scanner─> up to the end of an event ─altered─> client
//!                                              └─ between events: cut? stall?
//! ```

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use hyper::{
    HeaderMap,
    body::{Body, Frame, Incoming, SizeHint},
};
use rand_chacha::ChaCha8Rng;

use super::{
    events::EventScanner,
    hold::Hold,
    link::{Facts, Link},
    trailers,
};
use crate::aware::{
    draw::{Direction, other_printable},
    fault::{Corrupted, OnBody},
    switch::{Active, FaultSet},
};

/// Why a body ends before its time.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The upstream's connection broke.
    Upstream(hyper::Error),
    /// A fault cut the stream.
    Cut,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(_) => f.write_str("the upstream's reply broke off"),
            Self::Cut => f.write_str("a fault cut the reply"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Upstream(error) => Some(error),
            Self::Cut => None,
        }
    }
}

/// Streams, and lets faults act.
pub(super) struct ReplyBody {
    inner: Incoming,
    link: Arc<Link>,
    facts: Arc<Facts>,
    headers: HeaderMap,
    /// The list that `faults` was made from.
    seen: Arc<FaultSet>,
    faults: Vec<BodyFault>,
    events: Option<Events>,
    pending: Bytes,
    hold: Option<Hold>,
    /// The stream is cut as soon as what was sent is on its way.
    cut: bool,
    /// The end of the connection would be a clean end of this body, so a cut has to reset it.
    close_delimited: bool,
    /// The request's body waits for an answer that will not come any more.
    unasked: bool,
}

/// Where an event stream is.
#[derive(Debug, Default)]
struct Events {
    scanner: EventScanner,
    passed: u64,
    /// The last byte that was sent is the last of an event, or nothing was sent.
    within: bool,
}

/// A fault that hits this body.
struct BodyFault {
    active: Arc<Active>,
    rng: ChaCha8Rng,
    touched: bool,
    /// Number of events after which it stalled the stream last, or of the event that it altered last.
    last: Option<u64>,
    corrupted: Option<Corrupted>,
}

/// What to do between two events.
enum Between {
    Go,
    Cut,
    Stall(Hold),
}

impl ReplyBody {
    pub(super) fn new(
        inner: Incoming,
        link: &Arc<Link>,
        facts: &Arc<Facts>,
        reply: &http::response::Parts,
        unasked: bool,
    ) -> Self {
        let events = reads_events(link, reply, &inner).then(Events::default);
        let old = facts.old || reply.version == hyper::Version::HTTP_10;
        let mut body = Self {
            close_delimited: old && inner.size_hint().exact().is_none(),
            inner,
            link: Arc::clone(link),
            facts: Arc::clone(facts),
            headers: reply.headers.clone(),
            seen: Arc::default(),
            faults: Vec::new(),
            events,
            pending: Bytes::new(),
            hold: None,
            cut: false,
            unasked,
        };
        if body.inner.is_end_stream() {
            body.end();
        } else {
            body.refresh();
        }
        body
    }

    /// Finds the faults that hit this body anew if the list was changed; those that stayed go on
    /// where they were.
    fn refresh(&mut self) {
        let now = self.link.faults();
        if Arc::ptr_eq(&now, &self.seen) {
            return;
        }
        let mut before = std::mem::take(&mut self.faults);
        for active in now.iter() {
            if let Some(known) = before.iter().position(|one| Arc::ptr_eq(&one.active, active)) {
                self.faults.push(before.swap_remove(known));
            } else if let Some(what) = active.fault.kind().on_body(self.events.is_some()) {
                let corrupted = match what {
                    OnBody::Bytes(fault) => Some(fault.begin()),
                    _ => None,
                };
                let hit = self.link.hit(active, &self.facts, Direction::Downstream);
                self.faults.extend(hit.map(|rng| BodyFault {
                    active: Arc::clone(active),
                    rng,
                    touched: false,
                    last: None,
                    corrupted,
                }));
            }
        }
        self.seen = now;
    }

    /// Asks the faults what to do now, if the stream is between two events.
    fn between(&mut self) -> Between {
        let ended = self.inner.is_end_stream() && self.pending.is_empty();
        let Some(passed) = self.events.as_ref().filter(|events| !events.within).map(|events| events.passed)
        else {
            return Between::Go;
        };
        if ended {
            return Between::Go;
        }
        for one in &mut self.faults {
            let active = Arc::clone(&one.active);
            match active.fault.kind().on_body(true) {
                Some(OnBody::Cut(cut)) if cut.due(passed) => {
                    one.touch_event(&self.link);
                    if cut.reset() || self.close_delimited {
                        self.link.order_reset_on_failure();
                    }
                    return Between::Cut;
                }
                Some(OnBody::Stall(stall)) => {
                    if let Some(time) = stall.due(passed, one.last, &mut one.rng) {
                        one.last = Some(passed);
                        one.touch_event(&self.link);
                        return Between::Stall(Hold::for_time(&self.link, &active, time));
                    }
                }
                _ => {}
            }
        }
        Between::Go
    }

    /// Takes from what is pending: all of it, or up to the end of the next event if a fault may act
    /// there.
    fn take_pending(&mut self) -> Bytes {
        let Some(events) = &mut self.events else {
            return std::mem::take(&mut self.pending);
        };
        let stops = self.faults.iter().any(BodyFault::acts_between);
        let mut altered: Option<BytesMut> = None;
        let mut at = 0;
        while at < self.pending.len() {
            let number = events.passed + 1;
            let mut hits = self.faults.iter_mut().find(|one| one.alters(number));
            let rest = &self.pending[at..];
            let pending = &self.pending;
            let mut count = 0;
            let (length, ended) = events.scanner.next(rest, |index| {
                if let Some(one) = &mut hits {
                    let into = altered.get_or_insert_with(|| BytesMut::from(&pending[..]));
                    let byte = &mut into[at + index];
                    *byte = other_printable(*byte, &mut one.rng);
                    count += 1;
                }
            });
            if let Some(one) = hits.filter(|_| count > 0) {
                one.altered(&self.link, number, count);
            }
            at += length;
            events.within = !ended;
            if ended {
                events.passed += 1;
                self.link.session().counters().http.events.one();
                if stops {
                    break;
                }
            }
        }
        let mut whole = altered.map_or_else(|| std::mem::take(&mut self.pending), BytesMut::freeze);
        let taken = whole.split_to(at);
        self.pending = whole;
        taken
    }

    fn corrupt(&mut self, mut data: Bytes) -> Bytes {
        for one in &mut self.faults {
            if let Some(state) = &mut one.corrupted {
                let (altered, count) = state.alter(&data, &mut one.rng);
                data = altered;
                if count > 0 {
                    one.touch(&self.link);
                    self.link.session().touched_by().bytes(&one.active.touched, count);
                }
            }
        }
        data
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(match polled {
            Some(Ok(frame)) => {
                if let Some(all) = frame.trailers_ref()
                    && !(trailers::announced(&self.headers, all) && trailers::wanted(&self.facts.headers))
                {
                    self.link.session().counters().http.trailers_dropped.one();
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(BodyError::Upstream(error))),
            None => {
                self.end();
                None
            }
        })
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.unasked) {
            self.link.upstream().close();
        }
    }
}

impl BodyFault {
    fn touch(&mut self, link: &Link) {
        if !std::mem::replace(&mut self.touched, true) {
            link.touch(&self.active);
        }
    }

    fn touch_event(&mut self, link: &Link) {
        self.touch(link);
        link.session().touched_by().event(&self.active.touched);
    }

    fn acts_between(&self) -> bool {
        matches!(self.active.fault.kind().on_body(true), Some(OnBody::Cut(_) | OnBody::Stall(_)))
    }

    /// Whether it alters the event with this number.
    fn alters(&self, number: u64) -> bool {
        match self.active.fault.kind().on_body(true) {
            Some(OnBody::Event(fault)) => fault.hits(number),
            _ => false,
        }
    }

    /// It altered `count` bytes of an event, which may come in several chunks.
    fn altered(&mut self, link: &Link, number: u64, count: u64) {
        if self.last.replace(number) != Some(number) {
            self.touch_event(link);
        }
        link.session().touched_by().bytes(&self.active.touched, count);
    }
}

/// Whether the body is an event stream that can be read.
fn reads_events(link: &Link, reply: &http::response::Parts, body: &Incoming) -> bool {
    let header = |name| reply.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let kind = header(http::header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("text/event-stream") || body.is_end_stream() {
        return false;
    }
    let plain = header(http::header::CONTENT_ENCODING).is_none_or(|one| one.eq_ignore_ascii_case("identity"));
    if !plain {
        link.session().counters().http.encoded_streams.one();
    }
    plain
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        self.end();
        self.link.progress().end();
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            self.refresh();
            if self.cut {
                return if self.link.client().flushed() {
                    Poll::Ready(Some(Err(BodyError::Cut)))
                } else {
                    Poll::Pending
                };
            }
            let this = &mut *self;
            if let Some(hold) = &mut this.hold {
                std::task::ready!(hold.poll(&this.link, cx));
                this.hold = None;
            }
            match self.between() {
                Between::Go => {}
                Between::Cut => {
                    self.cut = true;
                    self.link.client().expect_flush();
                    continue;
                }
                Between::Stall(hold) => {
                    self.hold = Some(hold);
                    continue;
                }
            }
            if !self.pending.is_empty() {
                let taken = self.take_pending();
                if taken.is_empty() {
                    continue;
                }
                let altered = self.corrupt(taken);
                return Poll::Ready(Some(Ok(Frame::data(altered))));
            }
            match std::task::ready!(self.poll_inner(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.pending = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return Poll::Ready(other),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && self.pending.is_empty() && self.hold.is_none() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
