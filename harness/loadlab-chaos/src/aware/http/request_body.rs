//! A request's body on its way to the upstream.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    body::{Body, Frame, Incoming, SizeHint},
};
use loadlab_clock::{Sleep, Sleeper};
use rand_chacha::ChaCha8Rng;

use super::{
    link::{Facts, Link, Progress},
    trailers,
};
use crate::aware::{Session, draw::Direction, fault::Corrupted, switch::Active};

/// How long the upstream may keep a client waiting that asked whether to go on, before the body is
/// sent all the same (real time). It is what curl waits; some servers never answer the question.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// Streams, and waits for `100 Continue` where the client asked for it.
pub(super) struct RequestBody {
    inner: Incoming,
    progress: Arc<Progress>,
    session: Arc<Session>,
    headers: HeaderMap,
    gate: Option<Gate>,
    corrupt: Vec<Corrupting>,
}

struct Corrupting {
    fault: Arc<Active>,
    state: Corrupted,
    rng: ChaCha8Rng,
    touched: bool,
}

/// Holds the body until the upstream wants it. hyper tells the client to go on when the body is
/// read for the first time, so the upstream's answer reaches the client when it is given.
#[derive(Debug)]
struct Gate {
    open: Arc<AtomicBool>,
    wait: Sleep,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, link: &Link, facts: &Facts) -> Self {
        if inner.is_end_stream() {
            link.progress().set_read();
        }
        let faults = link.faults();
        let corrupt = faults.iter().filter(|_| !inner.is_end_stream()).filter_map(|fault| {
            let state = fault.fault.kind().on_request_body()?.begin();
            let rng = link.hit(fault, facts, Direction::Upstream)?;
            Some(Corrupting { fault: Arc::clone(fault), state, rng, touched: false })
        });
        Self {
            corrupt: corrupt.collect(),
            inner,
            progress: Arc::clone(link.progress()),
            session: Arc::clone(link.session()),
            headers: facts.headers.clone(),
            gate: None,
        }
    }

    /// Waits for the upstream's `100 Continue`. Gives whether it has come.
    pub(super) fn wait_for_continue(request: &mut hyper::Request<Self>) -> Arc<AtomicBool> {
        let open = Arc::new(AtomicBool::new(false));
        let wait = Sleeper::shared().sleep(CONTINUE_WAIT);
        request.body_mut().gate = Some(Gate { open: Arc::clone(&open), wait });
        let answered = Arc::clone(&open);
        hyper::ext::on_informational(request, move |reply| {
            if reply.status() == StatusCode::CONTINUE {
                answered.store(true, Relaxed);
            }
        });
        open
    }

    fn passed(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if self.inner.is_end_stream() {
            self.progress.set_read();
        }
        match frame.into_data() {
            Ok(data) => Frame::data(self.corrupted(data)),
            Err(frame) => {
                let counters = &self.session.counters().http;
                if frame.trailers_ref().is_some_and(|all| !trailers::announced(&self.headers, all)) {
                    counters.trailers_dropped.one();
                }
                frame
            }
        }
    }

    fn corrupted(&mut self, mut data: Bytes) -> Bytes {
        for one in &mut self.corrupt {
            let (altered, count) = one.state.alter(&data, &mut one.rng);
            data = altered;
            if count > 0 && !std::mem::replace(&mut one.touched, true) {
                self.session.touched_by().request(&one.fault.touched);
            }
            self.session.touched_by().bytes(&one.fault.touched, count);
        }
        data
    }
}

impl Gate {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.open.load(Relaxed) {
            return Poll::Ready(());
        }
        let waited = Pin::new(&mut self.wait).poll(cx);
        if waited.is_ready() {
            self.open.store(true, Relaxed);
        }
        waited
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Some(gate) = &mut self.gate {
            std::task::ready!(gate.poll(cx));
            self.gate = None;
        }
        let polled = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(match polled {
            Some(Ok(frame)) => Some(Ok(self.passed(frame))),
            Some(Err(error)) => Some(Err(error)),
            None => {
                self.progress.set_read();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
