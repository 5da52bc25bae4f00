//! HTTP/1.1 with faults: one client connection, and one upstream connection behind it.
//!
//! ```text
//!   client ─ bytes ─> preface ─┬─ HTTP/2, not HTTP ─────────> tunnel, untouched and counted
//!                              └─ hyper's server ─ request ─> faults ─> hyper's client ─> upstream
//!                                   ^─ reply, events <─ faults on bodies <─ reply ─┘
//! ```
//!
//! Both of hyper's connections are driven by one task, so nothing is spawned and dropping the future
//! of [`serve`] closes everything. Bodies stream. What no fault touches arrives as it was sent, but
//! for what hyper normalises: a request or reply with both length headers loses `Content-Length`
//! (RFC 9112, section 6.3), a 204 or 304 loses lengths that say nothing, trailers that were not
//! announced are dropped (and counted), as are interim replies other than 100.

mod events;
mod hold;
mod io;
mod link;
mod preface;
mod reply_body;
mod request_body;
mod service;
mod trailers;
mod upstream;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::{BoxFuture, try_join};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use loadlab_clock::Sleeper;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};

pub use self::io::ClientStream;
use self::{
    io::SharedIo,
    link::Link,
    preface::{Preface, sniff},
    upstream::Dial,
};
use super::{Session, fault::Protocol};

/// Longest that a client which still sends is listened to after the reply (real time): long enough
/// for it to read the reply, which a RST would destroy.
const LINGER_TIME: Duration = Duration::from_secs(1);
/// Most that is read from it in that time.
const LINGER_BYTES: usize = 1024 * 1024;

/// How a connection ended. The client's stream is closed or reset when [`serve`] returns.
#[derive(Debug)]
pub enum Ending {
    /// It was closed, by either side.
    Closed,
    /// It was reset, by a fault or as the upstream's was.
    Reset,
    /// The upstream could not be reached when the client had connected.
    Unreachable(std::io::Error),
}

/// What becomes of a client that stays connected when its upstream's connection has closed between
/// two requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamGone {
    /// It does not notice: the upstream is dialled again for its next request.
    Redial,
    /// Its connection is closed too (or reset, if the upstream's was), as if it were connected to
    /// the upstream itself.
    CloseClient,
}

/// Serves one client connection until it ends, as [`serve_with`] does with [`UpstreamGone::Redial`].
pub async fn serve<C, D, F, U>(client: C, dial: D, session: Session) -> Ending
where
    C: ClientStream + 'static,
    D: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = std::io::Result<U>> + Send + 'static,
    U: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    serve_with(client, dial, session, UpstreamGone::Redial).await
}

/// Serves one client connection until it ends.
///
/// The upstream is dialled at once, as a proxy of bytes would, and again when its connection was
/// closed and the client sends another request, if `gone` wants that. `dial` should have a time-out. Half-close is
/// forwarded both ways. TCP_NODELAY is the caller's to set.
pub async fn serve_with<C, D, F, U>(client: C, dial: D, session: Session, gone: UpstreamGone) -> Ending
where
    C: ClientStream + 'static,
    D: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = std::io::Result<U>> + Send + 'static,
    U: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let dial: Dial = Arc::new(move || {
        let dialling = dial();
        Box::pin(async move { dialling.await.map(SharedIo::upstream) })
    });
    let upstream = match dial().await {
        Ok(upstream) => upstream,
        Err(error) => return Ending::Unreachable(error),
    };
    let client = SharedIo::client(client);
    let counters = &session.counters().http;
    let upstream_left = poll_fn(|cx| if upstream.poll_gone(cx) { Poll::Ready(()) } else { Poll::Pending });
    let sniffed = tokio::select! {
        biased;
        sniffed = sniff(&client) => sniffed,
        () = upstream_left, if gone == UpstreamGone::CloseClient => {
            return follow(upstream.was_reset(), &client);
        }
    };
    match sniffed {
        Err(_) => Ending::Closed,
        Ok(Preface::Http1) => {
            let link = Arc::new(Link::new(Arc::new(session), client, upstream, dial, gone));
            Driver::new(link).run().await
        }
        Ok(preface) => {
            let untouched =
                if preface == Preface::Http2 { &counters.http2_untouched } else { &counters.not_http };
            untouched.one();
            tunnel(client.clone(), upstream, &client).await
        }
    }
}

/// Ends a client's connection as the upstream's ended.
fn follow(was_reset: bool, client: &SharedIo) -> Ending {
    if was_reset {
        client.reset_when_dropped();
        return Ending::Reset;
    }
    Ending::Closed
}

/// Copies bytes both ways. A reset on either side becomes one for the client.
async fn tunnel(
    mut one: impl AsyncRead + AsyncWrite + Unpin,
    mut other: impl AsyncRead + AsyncWrite + Unpin,
    client: &SharedIo,
) -> Ending {
    match copy_bidirectional(&mut one, &mut other).await {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
            client.reset_when_dropped();
            Ending::Reset
        }
        _ => Ending::Closed,
    }
}

/// Drives both of hyper's connections and looks after the client.
struct Driver {
    link: Arc<Link>,
    server: BoxFuture<'static, hyper::Result<()>>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("link", &self.link).finish_non_exhaustive()
    }
}

/// How hyper's connection to the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    /// All was said, or an upgrade is due.
    Whole,
    /// The client's connection broke.
    Broken,
    /// A reply failed, or a fault ended the connection.
    Failed,
}

impl Driver {
    fn new(link: Arc<Link>) -> Self {
        let service = {
            let link = Arc::clone(&link);
            service_fn(move |request: Request<Incoming>| service::answer(Arc::clone(&link), request))
        };
        let connection = http1::Builder::new()
            .half_close(true)
            .preserve_header_case(true)
            .auto_date_header(false)
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(link.client().clone()), service)
            .with_upgrades();
        let closing = Arc::clone(&link);
        let server = async move {
            let mut connection = std::pin::pin!(connection);
            let mut was_told = false;
            poll_fn(|cx| {
                if closing.is_closing() && !was_told {
                    was_told = true;
                    connection.as_mut().graceful_shutdown();
                }
                connection.as_mut().poll(cx)
            })
            .await
        };
        Self { link, server: Box::pin(server) }
    }

    async fn run(mut self) -> Ending {
        let mut faults = self.link.session().view(Protocol::Http);
        let served = loop {
            faults.current();
            tokio::select! {
                biased;
                served = poll_fn(|cx| self.poll(cx)) => break served,
                // What is held back looks again when the faults change: all is one task.
                () = faults.changed() => {}
            }
        };
        self.end(served).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Served> {
        if self.link.poll_client(cx).is_ready() {
            return Poll::Ready(Served::Broken);
        }
        if let Poll::Ready(result) = self.server.as_mut().poll(cx) {
            if let Err(error) = &result {
                log::debug!("a client's connection ended: {error}");
            }
            return Poll::Ready(if result.is_ok() { Served::Whole } else { Served::Failed });
        }
        // After the server: it may just have sent a request.
        self.link.upstream().poll(cx);
        self.link.forward_half_close(cx);
        if self.link.follow_close(cx) {
            // The server is to look.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    async fn end(self, served: Served) -> Ending {
        let link = self.link;
        if served == Served::Whole
            && let Some((client, upstream)) = link.take_tunnel()
        {
            let mut both = std::pin::pin!(try_join(client, upstream));
            let upgraded = poll_fn(|cx| {
                link.upstream().poll(cx);
                both.as_mut().poll(cx)
            });
            return match upgraded.await {
                Ok((client, upstream)) => {
                    tunnel(TokioIo::new(client), TokioIo::new(upstream), link.client()).await
                }
                Err(_) => Ending::Closed,
            };
        }
        if served == Served::Failed && link.failure_resets() {
            link.client().reset_when_dropped();
            return Ending::Reset;
        }
        if link.is_closing() {
            return follow(link.upstream().was_reset(), link.client());
        }
        if served == Served::Whole && link.progress().unread() {
            linger(link.client().clone()).await;
        }
        Ending::Closed
    }
}

/// Closing a connection with unread bytes sends RST, which can overtake the reply. So the client is
/// told that nothing more comes, and listened to for a while.
async fn linger(mut client: SharedIo) {
    let deadline = Instant::now() + LINGER_TIME;
    let listening = async {
        let _ = client.shutdown().await;
        let mut thrown_away = vec![0; 16 * 1024];
        let mut total = 0;
        while total < LINGER_BYTES {
            match client.read(&mut thrown_away).await {
                Ok(read) if read > 0 => total += read,
                _ => return,
            }
        }
    };
    let _ = Sleeper::shared().timeout(deadline, listening).await;
}

/// hyper is polled in place; this keeps the compiler's eye on what must move between threads.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Driver>();
    is_send::<Pin<Box<Driver>>>();
};
