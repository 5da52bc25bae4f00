//! A stream that hyper reads and writes while its owner keeps an eye on it.
//!
//! hyper does not look at its input while a reply is under way if half-closed connections are
//! allowed, so a client that left would not be noticed before the next write. The owner reads ahead
//! in the meantime, up to a bound, and hyper gets these bytes first.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf as _, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes that are read ahead. What a client pipelines beyond that stays in the kernel.
const AHEAD_MAX: usize = 64 * 1024;
/// Size of one read ahead.
const CHUNK: usize = 4 * 1024;

/// A client's connection, which can be reset.
pub trait ClientStream: AsyncRead + AsyncWrite + Send + Unpin {
    /// From now on, dropping the stream sends RST instead of FIN.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn reset_when_dropped(&self) -> io::Result<()>;
}

impl ClientStream for tokio::net::TcpStream {
    fn reset_when_dropped(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

/// An upstream's connection, which is only ever closed.
struct Upstream<U>(U);

impl<U: AsyncRead + Unpin> AsyncRead for Upstream<U> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<U: AsyncWrite + Unpin> AsyncWrite for Upstream<U> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

impl<U: AsyncRead + AsyncWrite + Send + Unpin> ClientStream for Upstream<U> {
    fn reset_when_dropped(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream with two handles: hyper's, and its owner's. Both are used by one task.
#[derive(Clone)]
pub(super) struct SharedIo(Arc<Mutex<Inner>>);

struct Inner {
    stream: Box<dyn ClientStream>,
    ahead: BytesMut,
    /// The other side will send no more.
    eof: bool,
    /// All that was written has been handed to the system.
    flushed: bool,
    /// The other side reset the connection.
    was_reset: bool,
}

impl fmt::Debug for SharedIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedIo").finish_non_exhaustive()
    }
}

impl SharedIo {
    pub(super) fn client(stream: impl ClientStream + 'static) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            stream: Box::new(stream),
            ahead: BytesMut::new(),
            eof: false,
            flushed: true,
            was_reset: false,
        })))
    }

    pub(super) fn upstream(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::client(Upstream(stream))
    }

    /// Reads ahead until the bound is reached or nothing more is there. Ready if something was
    /// read, or the other side will send no more.
    pub(super) fn poll_ahead(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        let before = inner.ahead.len();
        while !inner.eof && inner.ahead.len() < AHEAD_MAX {
            let mut chunk = [0; CHUNK];
            let mut into = ReadBuf::new(&mut chunk);
            match inner.poll_stream(cx, &mut into) {
                Poll::Ready(Ok(())) => inner.ahead.extend_from_slice(into.filled()),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if inner.eof || inner.ahead.len() > before { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Whether the other side has closed or broken the connection, and left nothing to be read.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> bool {
        let is_broken = matches!(self.poll_ahead(cx), Poll::Ready(Err(_)));
        let inner = self.0.lock();
        is_broken || (inner.eof && inner.ahead.is_empty())
    }

    /// What was read ahead.
    pub(super) fn peek<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.0.lock().ahead)
    }

    pub(super) fn eof(&self) -> bool {
        self.0.lock().eof
    }

    pub(super) fn flushed(&self) -> bool {
        self.0.lock().flushed
    }

    /// Asks to be told, by [`Self::flushed`], when what is written now is on its way.
    pub(super) fn expect_flush(&self) {
        self.0.lock().flushed = false;
    }

    pub(super) fn was_reset(&self) -> bool {
        self.0.lock().was_reset
    }

    pub(super) fn reset_when_dropped(&self) {
        if let Err(error) = self.0.lock().stream.reset_when_dropped() {
            log::warn!("a connection will be closed instead of reset: {error}");
        }
    }
}

impl Inner {
    fn poll_stream(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        match &polled {
            Poll::Ready(Ok(())) => self.eof |= into.filled().len() == before && into.remaining() > 0,
            Poll::Ready(Err(error)) => self.note(error),
            Poll::Pending => {}
        }
        polled
    }

    fn note(&mut self, error: &io::Error) {
        self.was_reset |= error.kind() == io::ErrorKind::ConnectionReset;
    }

    fn noted<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.note(error);
        }
        polled
    }
}

impl AsyncRead for SharedIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        if !inner.ahead.is_empty() {
            let length = inner.ahead.len().min(into.remaining());
            into.put_slice(&inner.ahead[..length]);
            inner.ahead.advance(length);
            return Poll::Ready(Ok(()));
        }
        if inner.eof { Poll::Ready(Ok(())) } else { inner.poll_stream(cx, into) }
    }
}

impl AsyncWrite for SharedIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.0.lock();
        inner.flushed = false;
        let polled = Pin::new(&mut inner.stream).poll_write(cx, from);
        inner.noted(polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        let polled = Pin::new(&mut inner.stream).poll_flush(cx);
        inner.flushed |= matches!(polled, Poll::Ready(Ok(())));
        inner.noted(polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.lock().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.0.lock();
        inner.flushed = false;
        let polled = Pin::new(&mut inner.stream).poll_write_vectored(cx, from);
        inner.noted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.lock().stream.is_write_vectored()
    }
}
