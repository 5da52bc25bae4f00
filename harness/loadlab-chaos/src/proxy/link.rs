//! One connection through a proxy, from accept to end: numbered, counted, dialled, served.

use std::{io, net::IpAddr, sync::Arc, time::Instant};

use loadlab_clock::Sleeper;
use tokio::net::TcpStream;

use super::{Edge, Shared, Watch, edge, listener::Run};

/// A connection with its number, which counts as open if it is no probe.
struct Open<'a>(&'a Shared, u64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counters().closed(self.1);
    }
}

/// Serves one accepted connection, which comes from `peer`, until it ends.
pub(crate) async fn serve(client: TcpStream, peer: IpAddr, shared: Arc<Shared>, run: Arc<Run>) {
    let counters = shared.counters();
    let number = if shared.is_probe(peer) { counters.probed() } else { counters.accepted() };
    let _open = Open(&shared, number);
    let mut watch = shared.watch(run.id);
    // Nothing is dialled when the proxy stops first.
    let Some(dialled) = dial(&run.upstream, &mut watch).await else { return };
    let prepared = dialled.and_then(|upstream| shared.prepare(&client).map(|()| upstream));
    let upstream = match prepared {
        Ok(upstream) => upstream,
        Err(error) => {
            counters.dial_failed(number);
            log::debug!("proxy {}: {}: {error}", shared.name(), run.upstream);
            return;
        }
    };
    watch.look_anew();
    edge::serve(&run, Edge { client, upstream, number, watch }).await;
}

/// The connection to the upstream; `None` when the proxy stops before it stands.
async fn dial(upstream: &str, watch: &mut Watch) -> Option<io::Result<TcpStream>> {
    let shared = Arc::clone(watch.shared());
    tokio::select! {
        biased;
        () = watch.closed() => None,
        dialled = connect(upstream, &shared) => Some(dialled),
    }
}

/// Dials, within the proxy's time for that.
pub(crate) async fn connect(upstream: &str, shared: &Shared) -> io::Result<TcpStream> {
    let deadline = Instant::now() + shared.dial_timeout();
    let dialled = Sleeper::shared().timeout(deadline, TcpStream::connect(upstream)).await;
    let stream = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    shared.prepare(&stream)?;
    Ok(stream)
}
