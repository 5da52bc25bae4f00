//! A link whose protocol is read: the aware mode, and the toxics for bytes between it and the
//! client.
//!
//! ```text
//!   client <─ socket ─> [toxics for bytes] <─ pipe ─> aware mode, its faults <─ socket ─> upstream
//! ```
//!
//! Toxics for bytes stand on the client's side, so there is one chain for each connection of a
//! client, however often the aware mode dials, and what a fault answers passes through them too.
//! All of it is one task.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    net::TcpStream,
};

use super::{
    Direction, Edge, Shared, Watch, counters,
    link::connect,
    listener::Run,
    raw::{End, Link, reset},
    side::{From, To},
};
use crate::aware::{
    Session,
    http::{self, ClientStream, UpstreamGone},
    resp,
};

/// What a pipe holds in each direction: as much as a raw link reads at once.
const PIPE_BYTES: usize = 64 * 1024;

/// How the sockets are to end.
#[derive(Debug, Default)]
struct Ends {
    /// The aware mode asks for an RST to the client.
    resets_client: AtomicBool,
    /// The upstream gets an RST.
    resets_upstream: AtomicBool,
}

/// Serves a connection whose protocol is HTTP/1.1.
pub(crate) async fn http(edge: Edge, run: Arc<Run>) {
    let Edge { client, upstream, number, watch } = edge;
    let (shared, ends) = (Arc::clone(watch.shared()), Arc::<Ends>::default());
    let (pipe, inner) = duplex(PIPE_BYTES);
    let session = session(&shared, number);
    let dialled = Mutex::new(Some(upstream));
    let dial = {
        let ends = Arc::clone(&ends);
        move || {
            let dialled = dialled.lock().take();
            let (run, shared, ends) = (Arc::clone(&run), Arc::clone(&shared), Arc::clone(&ends));
            async move {
                let stream = match dialled {
                    Some(stream) => stream,
                    None => redial(&run, &shared, number).await?,
                };
                Ok(Upstream { stream, shared, ends })
            }
        }
    };
    let client_pipe = ClientPipe { pipe: inner, ends: Arc::clone(&ends) };
    let mode = async {
        http::serve_with(client_pipe, dial, session, UpstreamGone::CloseClient).await;
    };
    serve(client, pipe, number, watch, &ends, Box::pin(mode)).await;
}

async fn redial(run: &Run, shared: &Shared, number: u64) -> io::Result<TcpStream> {
    connect(&run.upstream, shared).await.inspect_err(|error| {
        shared.counters().dial_failed(number);
        log::debug!("proxy {}: {}: {error}", shared.name(), run.upstream);
    })
}

/// What the aware mode knows of the connection.
fn session(shared: &Shared, number: u64) -> Session {
    let edge = shared.aware();
    if counters::is_probe(number) { edge.session_of_probe(number) } else { edge.session(number) }
}

/// Serves a connection whose protocol is RESP.
pub(crate) async fn resp(edge: Edge) {
    let Edge { client, upstream, number, watch } = edge;
    let (shared, ends) = (Arc::clone(watch.shared()), Arc::<Ends>::default());
    let (pipe, inner) = duplex(PIPE_BYTES);
    let session = session(&shared, number);
    let upstream = Upstream { stream: upstream, shared, ends: Arc::clone(&ends) };
    let mode = async {
        if let Err(error) = resp::serve(inner, upstream, session).await {
            // Part of the stream is missing, and the client learns it as it would without a proxy.
            log::debug!("a connection broke: {error}");
            ends.resets_client.store(true, Relaxed);
        }
    };
    serve(client, pipe, number, watch, &ends, Box::pin(mode)).await;
}

/// Drives the aware mode, and the raw link between it and the client.
async fn serve(
    mut client: TcpStream,
    pipe: DuplexStream,
    number: u64,
    mut watch: Watch,
    ends: &Ends,
    mode: BoxFuture<'_, ()>,
) {
    let shared = Arc::clone(watch.shared());
    let mut mode = Some(mode);
    let end = {
        let (from_client, to_client) = client.split();
        let (from_mode, to_mode) = tokio::io::split(pipe);
        let upstream = (From::Socket(from_client), To::Pipe(to_mode));
        let downstream = (From::Pipe(from_mode), To::Socket(to_client));
        let mut link = Link::new(number, &shared, upstream, downstream);
        poll_fn(|context| {
            if mode.as_mut().is_some_and(|mode| mode.as_mut().poll(context).is_ready()) {
                mode = None;
                if ends.resets_client.load(Relaxed) {
                    link.end_with_reset(Direction::Downstream);
                }
            }
            match link.poll(context, &mut watch) {
                Poll::Ready(Some(end)) => Poll::Ready(end),
                // What the client still sends is for nobody.
                _ if mode.is_none() && link.is_done(Direction::Downstream) => Poll::Ready(End::Close),
                _ => Poll::Pending,
            }
        })
        .await
    };
    if end == End::Reset {
        reset(&client);
        ends.resets_upstream.store(true, Relaxed);
    }
    // The upstream's socket is in it, and is told first how to end.
    drop(mode);
}

/// The aware mode's end of the pipe to the client.
struct ClientPipe {
    pipe: DuplexStream,
    ends: Arc<Ends>,
}

impl ClientStream for ClientPipe {
    fn reset_when_dropped(&self) -> io::Result<()> {
        self.ends.resets_client.store(true, Relaxed);
        Ok(())
    }
}

impl AsyncRead for ClientPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientPipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.pipe.is_write_vectored()
    }
}

/// The upstream's socket, which counts what passes.
struct Upstream {
    stream: TcpStream,
    shared: Arc<Shared>,
    ends: Arc<Ends>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if self.ends.resets_upstream.load(Relaxed) {
            reset(&self.stream);
        }
    }
}

impl Upstream {
    fn sent(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.shared.count_sent(Direction::Upstream, *bytes);
        }
    }
}

impl AsyncRead for Upstream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            self.shared.count_received(Direction::Downstream, bytes);
        }
        polled
    }
}

impl AsyncWrite for Upstream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, data);
        self.sent(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, data);
        self.sent(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
