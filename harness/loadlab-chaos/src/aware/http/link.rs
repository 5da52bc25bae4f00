//! What the parts that serve one connection share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use hyper::{HeaderMap, Method, Request, body::Incoming, upgrade::OnUpgrade};
use parking_lot::Mutex;

use super::{
    UpstreamGone,
    io::SharedIo,
    upstream::{Dial, Upstream},
};
use crate::aware::{
    Session,
    draw::{Direction, within},
    fault::Protocol,
    switch::{Active, FaultSet, FaultView},
};

/// How far the request that is under way has come. One task sets and reads them; they are atomic
/// only because hyper wants what it holds to be `Send`.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// A request was read and its reply is not complete.
    under_way: AtomicBool,
    /// The body of the request that was read last was not read to its end.
    unread: AtomicBool,
    /// It was given to the upstream's connection.
    sent: AtomicBool,
    /// A fault holds it.
    held: AtomicBool,
}

impl Progress {
    fn begin(&self) {
        self.unread.store(true, Relaxed);
        self.sent.store(false, Relaxed);
        self.under_way.store(true, Relaxed);
    }

    pub(super) fn end(&self) {
        self.under_way.store(false, Relaxed);
    }

    pub(super) fn set_read(&self) {
        self.unread.store(false, Relaxed);
    }

    pub(super) fn set_sent(&self) {
        self.sent.store(true, Relaxed);
    }

    pub(super) fn set_held(&self, held: bool) {
        self.held.store(held, Relaxed);
    }

    /// Whether the client may still be sending a body that nobody reads.
    pub(super) fn unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// hyper does not read from the client, so somebody else should look whether it leaves.
    fn watch(&self) -> bool {
        self.under_way.load(Relaxed) && (!self.unread() || self.held.load(Relaxed))
    }

    fn awaits_reply(&self) -> bool {
        self.under_way.load(Relaxed) && !self.unread() && self.sent.load(Relaxed)
    }
}

/// What selects faults for a request, kept as long as its reply is under way.
#[derive(Debug)]
pub(super) struct Facts {
    method: Method,
    path: String,
    pub(super) headers: HeaderMap,
    number: u64,
    /// HTTP/1.0, where the end of the connection is the end of the reply.
    pub(super) old: bool,
}

/// One client connection and the upstream's behind it.
pub(super) struct Link {
    session: Arc<Session>,
    faults: Mutex<FaultView>,
    client: SharedIo,
    upstream: Upstream,
    progress: Arc<Progress>,
    requests: AtomicU64,
    reset: AtomicBool,
    reset_on_failure: AtomicBool,
    closing: AtomicBool,
    tunnel: Mutex<Option<(OnUpgrade, OnUpgrade)>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(
        session: Arc<Session>,
        client: SharedIo,
        dialled: SharedIo,
        dial: Dial,
        gone: UpstreamGone,
    ) -> Self {
        Self {
            faults: Mutex::new(session.view(Protocol::Http)),
            session,
            client,
            upstream: Upstream::new(dialled, dial, gone),
            progress: Arc::default(),
            requests: AtomicU64::new(0),
            reset: AtomicBool::new(false),
            reset_on_failure: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            tunnel: Mutex::new(None),
        }
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(super) fn client(&self) -> &SharedIo {
        &self.client
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    pub(super) fn faults(&self) -> Arc<FaultSet> {
        Arc::clone(self.faults.lock().current())
    }

    /// A request arrived.
    pub(super) fn begin(&self, request: &Request<Incoming>) -> Arc<Facts> {
        self.progress.begin();
        self.session.counters().http.requests.one();
        Arc::new(Facts {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            headers: request.headers().clone(),
            number: self.requests.fetch_add(1, Relaxed),
            old: request.version() == hyper::Version::HTTP_10,
        })
    }

    /// The draws of a fault for a request, if it selects that request and the share hits it.
    pub(super) fn hit(
        &self,
        fault: &Active,
        facts: &Facts,
        direction: Direction,
    ) -> Option<rand_chacha::ChaCha8Rng> {
        let select = fault.fault.kind().http_select()?;
        if !select.matches(&facts.method, &facts.path, &facts.headers) {
            return None;
        }
        let mut rng = fault.draws.of(direction, self.session.connection(), facts.number);
        within(fault.fault.toxicity(), &mut rng).then_some(rng)
    }

    /// A fault acted on one more request.
    pub(super) fn touch(&self, fault: &Active) {
        self.session.touched_by().request(&fault.touched);
    }

    /// The client's connection is to be reset.
    pub(super) fn order_reset(&self) {
        self.reset.store(true, Relaxed);
    }

    pub(super) fn reset_ordered(&self) -> bool {
        self.reset.load(Relaxed)
    }

    /// The client's connection is to be reset when the reply that is under way fails.
    pub(super) fn order_reset_on_failure(&self) {
        self.reset_on_failure.store(true, Relaxed);
    }

    /// Whether a reply that failed is to end with RST: a fault says so, or the upstream did.
    pub(super) fn failure_resets(&self) -> bool {
        self.reset_ordered() || self.reset_on_failure.load(Relaxed) || self.upstream.was_reset()
    }

    pub(super) fn set_tunnel(&self, client: OnUpgrade, upstream: OnUpgrade) {
        *self.tunnel.lock() = Some((client, upstream));
    }

    pub(super) fn take_tunnel(&self) -> Option<(OnUpgrade, OnUpgrade)> {
        self.tunnel.lock().take()
    }

    /// Looks whether the upstream left between requests, so that the client's connection is to be
    /// closed too. True once.
    pub(super) fn follow_close(&self, cx: &mut Context<'_>) -> bool {
        if self.progress.under_way.load(Relaxed) || self.tunnel.lock().is_some() {
            return false;
        }
        self.upstream.is_gone(cx) && !self.closing.swap(true, Relaxed)
    }

    /// Whether the client's connection is to be closed when the reply that is under way is out.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Looks whether the client left. Ready if its connection is broken.
    pub(super) fn poll_client(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.progress.watch() && matches!(self.client.poll_ahead(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// A client that will send no more, and whose request is on its way whole: the upstream is told,
    /// and decides whether it still answers.
    pub(super) fn forward_half_close(&self, cx: &mut Context<'_>) {
        if self.progress.awaits_reply() && self.client.eof() {
            self.upstream.half_close(cx);
        }
    }
}
