//! The listening socket of a proxy: accepts until it is closed, which frees the address at once.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::task::AtomicWaker;
use loadlab_clock::Sleeper;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Protocol, Shared, link};

/// Connections that the system holds ready: more than any test here opens at once.
const BACKLOG: u32 = 4096;
/// How long accepting rests after an error, which is that of having no file descriptors left.
const REST: Duration = Duration::from_millis(10);

/// What a run of a proxy needs, from start to stop.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) upstream: String,
    pub(crate) protocol: Protocol,
}

/// An open listener, or one that was closed.
#[derive(Debug)]
pub(crate) struct Listener {
    slot: Mutex<Option<TcpListener>>,
    waker: AtomicWaker,
}

impl Listener {
    /// Binds `address`; port 0 is any. Must be called within a runtime.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<(Arc<Self>, SocketAddr)> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let local = listener.local_addr()?;
        Ok((Arc::new(Self { slot: Mutex::new(Some(listener)), waker: AtomicWaker::new() }), local))
    }

    /// Closes the socket now, so that the address is free when this returns.
    pub(crate) fn close(&self) {
        drop(self.slot.lock().take());
        self.waker.wake();
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Option<io::Result<(TcpStream, SocketAddr)>>> {
        self.waker.register(context.waker());
        match &*self.slot.lock() {
            None => Poll::Ready(None),
            Some(listener) => listener.poll_accept(context).map(Some),
        }
    }

    /// Accepts until [`Listener::close`]. Every connection is a task of its own, so that a dial
    /// that hangs holds up nobody else.
    pub(crate) async fn serve(self: Arc<Self>, shared: Arc<Shared>, run: Run) {
        let run = Arc::new(run);
        while let Some(accepted) = poll_fn(|context| self.poll_accept(context)).await {
            match accepted {
                Ok((client, peer)) => {
                    // An IPv6 listener sees an IPv4 peer in a mapping.
                    let peer = peer.ip().to_canonical();
                    tokio::spawn(link::serve(client, peer, Arc::clone(&shared), Arc::clone(&run)));
                }
                Err(error) => {
                    log::warn!("proxy {}: accept failed: {error}", shared.name());
                    Sleeper::shared().sleep(REST).await;
                }
            }
        }
    }
}
