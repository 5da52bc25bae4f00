//! The connection to the upstream behind one client connection: dialled again when it has closed.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Context,
};

use futures::future::BoxFuture;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;

use super::{UpstreamGone, io::SharedIo, request_body::RequestBody};

/// Opens a connection to the upstream.
pub(super) type Dial = Arc<dyn Fn() -> BoxFuture<'static, io::Result<SharedIo>> + Send + Sync>;

/// At most one connection at a time.
pub(super) struct Upstream {
    dial: Dial,
    slot: Mutex<Slot>,
    /// What hyper does on the connection. Taken out while it is polled.
    running: Mutex<Option<BoxFuture<'static, ()>>>,
    half_closed: AtomicBool,
    gone: UpstreamGone,
}

#[derive(Default)]
struct Slot {
    /// Dialled and not used yet.
    fresh: Option<SharedIo>,
    /// The one in use, or the last one.
    io: Option<SharedIo>,
    sender: Option<SendRequest<RequestBody>>,
}

impl Upstream {
    pub(super) fn new(dialled: SharedIo, dial: Dial, gone: UpstreamGone) -> Self {
        let slot = Slot { fresh: Some(dialled), ..Slot::default() };
        Self {
            dial,
            slot: Mutex::new(slot),
            running: Mutex::new(None),
            half_closed: AtomicBool::new(false),
            gone,
        }
    }

    /// Whether the client is not to notice that the upstream closed between requests.
    pub(super) fn hides_close(&self) -> bool {
        self.gone == UpstreamGone::Redial
    }

    /// Whether the upstream closed, of itself and for the client to notice.
    pub(super) fn is_gone(&self, cx: &mut Context<'_>) -> bool {
        if self.hides_close() || self.half_closed.load(Relaxed) {
            return false;
        }
        let slot = self.slot.lock();
        match &slot.fresh {
            Some(fresh) => fresh.poll_gone(cx),
            None => slot.io.is_some() && self.running.lock().is_none(),
        }
    }

    /// A connection that is ready for a request, and whether it was dialled anew for it.
    pub(super) async fn acquire(&self) -> io::Result<(SendRequest<RequestBody>, bool)> {
        let used = self.slot.lock().sender.take();
        let was_used = used.is_some();
        if let Some(mut sender) = used
            && !self.half_closed.load(Relaxed)
        {
            if sender.ready().await.is_ok() {
                return Ok((sender, false));
            }
            if !self.hides_close() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        let fresh = self.slot.lock().fresh.take();
        let redialled = was_used || fresh.is_none();
        let io = match fresh {
            Some(io) => io,
            None => (self.dial)().await?,
        };
        let mut sender = self.begin(io).await.map_err(io::Error::other)?;
        sender.ready().await.map_err(io::Error::other)?;
        Ok((sender, redialled))
    }

    async fn begin(&self, io: SharedIo) -> hyper::Result<SendRequest<RequestBody>> {
        let mut builder = http1::Builder::new();
        builder
            .preserve_header_case(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true);
        let (sender, connection) = builder.handshake(TokioIo::new(io.clone())).await?;
        self.half_closed.store(false, Relaxed);
        self.slot.lock().io = Some(io);
        *self.running.lock() = Some(Box::pin(async move {
            if let Err(error) = connection.with_upgrades().await {
                log::debug!("an upstream's connection ended: {error}");
            }
        }));
        Ok(sender)
    }

    /// The reply's head has arrived; the connection is kept for the next request.
    pub(super) fn keep(&self, sender: SendRequest<RequestBody>) {
        self.slot.lock().sender = Some(sender);
    }

    /// Drops the connection, whatever it is doing.
    pub(super) fn close(&self) {
        self.slot.lock().sender = None;
        *self.running.lock() = None;
    }

    /// Lets hyper work on the connection.
    pub(super) fn poll(&self, cx: &mut Context<'_>) {
        let Some(mut running) = self.running.lock().take() else { return };
        if running.as_mut().poll(cx).is_pending() {
            *self.running.lock() = Some(running);
        }
    }

    /// Tells the upstream, once, that nothing more comes, as soon as all that was written is on its
    /// way. The connection takes no further request.
    pub(super) fn half_close(&self, cx: &mut Context<'_>) {
        let io = self.slot.lock().io.clone();
        let Some(mut io) = io.filter(SharedIo::flushed) else { return };
        if self.half_closed.load(Relaxed) {
            return;
        }
        let shut = tokio::io::AsyncWrite::poll_shutdown(std::pin::Pin::new(&mut io), cx);
        self.half_closed.store(shut.is_ready(), Relaxed);
    }

    /// Whether the upstream reset the connection.
    pub(super) fn was_reset(&self) -> bool {
        let slot = self.slot.lock();
        slot.io.as_ref().or(slot.fresh.as_ref()).is_some_and(SharedIo::was_reset)
    }
}
