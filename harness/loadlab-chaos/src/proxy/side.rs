//! What a direction of a link reads from and writes to: a socket, or the pipe to an aware mode.
//!
//! Bytes are counted where they pass a socket, so those in a pipe are counted at its other end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf},
    net::tcp,
};

/// Where a direction reads.
pub(crate) enum From<'a> {
    Socket(tcp::ReadHalf<'a>),
    Pipe(tokio::io::ReadHalf<DuplexStream>),
}

/// Where a direction writes.
pub(crate) enum To<'a> {
    Socket(tcp::WriteHalf<'a>),
    Pipe(tokio::io::WriteHalf<DuplexStream>),
}

impl From<'_> {
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Socket(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(context, buffer),
        }
    }
}

impl To<'_> {
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Socket(socket) => Pin::new(socket).poll_write(context, data),
            // An aware mode that has ended reads no more, and its last reply may still be on its
            // way: what comes is thrown away, as it is on a socket that nobody reads.
            Self::Pipe(pipe) => {
                Pin::new(pipe).poll_write(context, data).map(|sent| Ok(sent.unwrap_or(data.len())))
            }
        }
    }

    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Socket(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Pipe(pipe) => Pin::new(pipe).poll_shutdown(context),
        }
    }
}
