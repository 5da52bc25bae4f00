//! The fault proxy in the keeper: one proxy for each edge, and the control address by which the
//! harness disturbs them.
//!
//! It lives on a runtime of its own, beside the keeper's main thread, which never waits for it: every
//! call here only changes what the proxies' connections read.

use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_chaos::{
    aware,
    proxy::{ControlError, Options, Proxies, ProxyPatch, ProxySpec, api},
};
use loadlab_clock::RunClock;
use tokio::{net::TcpListener, runtime::Runtime};

use super::voice::note;
use crate::{Edge, Protocol, StackSpec, Via, address};

/// Threads that move the bytes of all edges.
const THREADS: usize = 2;
/// How long the runtime has to end; what is left of it ends with the process.
const SHUTDOWN: Duration = Duration::from_millis(50);

/// The proxies of a stack, by the edges that run through them.
#[derive(Debug)]
pub(super) struct EdgeProxies {
    runtime: Runtime,
    proxies: Arc<Proxies>,
    control: String,
    edges: BTreeMap<(String, String), Edge>,
    /// By `from/to`: what the proxy reads.
    aware: BTreeMap<String, aware::Protocol>,
}

impl EdgeProxies {
    /// No proxies yet; the control address listens.
    pub(super) fn start(spec: &StackSpec) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("proxy")
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let control = listener.local_addr()?.to_string();
        let options = Options {
            clock: RunClock::starting_at(Instant::now(), spec.speed),
            seed: spec.seed,
            metrics: true,
            ..Options::default()
        };
        let proxies = {
            let _runtime = runtime.enter();
            Proxies::new(options)
        };
        runtime.spawn(serve_control(listener, Arc::clone(&proxies)));
        Ok(Self { runtime, proxies, control, edges: BTreeMap::new(), aware: spec.aware.clone() })
    }

    /// Where the proxies are controlled, `host:port`; Toxiproxy's HTTP interface.
    pub(super) fn control(&self) -> &str {
        &self.control
    }

    /// The edge between two, through a proxy that is made when it is asked for first.
    pub(super) fn edge(
        &mut self,
        from: &str,
        to: &str,
        protocol: Option<Protocol>,
        upstream: &str,
    ) -> Result<Edge, ControlError> {
        let key = (from.to_owned(), to.to_owned());
        if let Some(edge) = self.edges.get(&key)
            && edge.upstream == upstream
        {
            return Ok(edge.clone());
        }
        let place = address::host_and_port(upstream);
        let name = proxy_name(from, to);
        let view = if self.edges.contains_key(&key) {
            // A restarted process may serve elsewhere.
            let patch = ProxyPatch { upstream: Some(place), ..ProxyPatch::default() };
            self.proxies.update(&name, &patch, None)?
        } else {
            let mut spec = ProxySpec::new(name.clone(), place);
            if let Some(protocol) = self.aware.get(&format!("{from}/{to}")) {
                spec.protocol = (*protocol).into();
            }
            self.proxies.create(&spec)?
        };
        let edge = Edge {
            from: key.0.clone(),
            to: key.1.clone(),
            protocol,
            upstream: upstream.to_owned(),
            address: address::elsewhere(upstream, &view.listen),
            via: Via::Proxy { name },
        };
        self.edges.insert(key, edge.clone());
        Ok(edge)
    }

    /// Removes every toxic and lets every connection through again.
    pub(super) fn heal(&self) {
        if let Err(error) = self.proxies.reset() {
            note(format_args!("not every edge could be healed: {error}"));
        }
    }

    /// Ends all connections.
    pub(super) fn end(self) {
        self.runtime.shutdown_timeout(SHUTDOWN);
    }
}

async fn serve_control(listener: TcpListener, proxies: Arc<Proxies>) {
    if let Err(error) = api::serve(listener, proxies, std::future::pending()).await {
        note(format_args!("the control address is gone: {error}"));
    }
}

/// The proxy of an edge: no slash, since not every client of the interface encodes it.
fn proxy_name(from: &str, to: &str) -> String {
    format!("{from}.{to}")
}
