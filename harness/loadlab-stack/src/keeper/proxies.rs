//! The proxies in the keeper: one for each edge, and the control address by which the harness disturbs
//! them. They are the keeper's own, or made on a Toxiproxy server that is there already.
//!
//! They live on a runtime of its own, beside the keeper's main thread, which waits for no connection:
//! a call to the own proxies only changes what their connections read, and one to a server has a limit.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use loadlab_chaos::{
    aware,
    control::{CallError, Toxiproxy},
    probe::PROBE_SOURCE,
    proxy::{ControlError, EventKind, Linger, Options, Proxies, ProxyPatch, ProxySpec, api},
};
use loadlab_clock::RunClock;
use tokio::{net::TcpListener, runtime::Runtime};

use super::voice::note;
use crate::{Edge, LedgerToxic, Protocol, ProxyServer, StackSpec, Via, address};

/// Threads that move the bytes of all edges.
const THREADS: usize = 2;
/// How long the runtime has to end; what is left of it ends with the process.
const SHUTDOWN: Duration = Duration::from_millis(50);
/// How long a server has to be healed. With the rest of the clean-up it must stay under a second.
const SERVER_LIMIT: Duration = Duration::from_millis(700);

/// The proxies of a stack, by the edges that run through them.
pub(super) struct EdgeProxies {
    runtime: Runtime,
    home: Home,
    edges: BTreeMap<(String, String), Edge>,
    /// By `from/to`: what the proxy reads.
    aware: BTreeMap<String, aware::Protocol>,
}

/// Where the proxies are.
enum Home {
    /// Here.
    Keeper { proxies: Arc<Proxies>, control: String },
    /// On a server. What is made there begins with the prefix.
    Server { server: ProxyServer, prefix: String },
}

/// Why an edge has no proxy.
#[derive(Debug)]
pub(super) enum EdgeError {
    /// The keeper's own could not be made.
    Keeper(ControlError),
    /// The server did not make it.
    Server(CallError),
}

impl fmt::Display for EdgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keeper(error) => write!(f, "{error}"),
            Self::Server(error) => write!(f, "the Toxiproxy server: {error}"),
        }
    }
}

impl EdgeProxies {
    /// No proxies yet; the control address listens.
    pub(super) fn start(spec: &StackSpec) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("proxy")
            .enable_all()
            .build()?;
        let home = match &spec.proxying.server {
            Some(server) => Home::Server { server: server.clone(), prefix: format!("loadlab-{}.", spec.run) },
            None => own(&runtime, spec)?,
        };
        Ok(Self { runtime, home, edges: BTreeMap::new(), aware: spec.aware.clone() })
    }

    /// Where the proxies are controlled, `host:port`; Toxiproxy's HTTP interface.
    pub(super) fn control(&self) -> &str {
        match &self.home {
            Home::Keeper { control, .. } => control,
            Home::Server { server, .. } => &server.control,
        }
    }

    /// The edge between two, through a proxy that is made when it is asked for first.
    pub(super) fn edge(
        &mut self,
        from: &str,
        to: &str,
        protocol: Option<Protocol>,
        upstream: &str,
    ) -> Result<Edge, EdgeError> {
        let key = (from.to_owned(), to.to_owned());
        if let Some(edge) = self.edges.get(&key)
            && edge.upstream == upstream
        {
            return Ok(edge.clone());
        }
        let place = address::host_and_port(upstream);
        // A restarted process may serve elsewhere.
        let is_there = self.edges.contains_key(&key);
        let reads = self.aware.get(&format!("{from}/{to}")).copied();
        let (name, listen) = self.proxy(&proxy_name(from, to), &place, reads, is_there)?;
        let edge = Edge {
            from: key.0.clone(),
            to: key.1.clone(),
            protocol,
            upstream: upstream.to_owned(),
            address: address::elsewhere(upstream, &listen),
            via: Via::Proxy { name },
        };
        self.edges.insert(key, edge.clone());
        Ok(edge)
    }

    /// Makes a proxy, or leads the one that is there to another place. Gives its name and address.
    fn proxy(
        &self,
        name: &str,
        place: &str,
        reads: Option<aware::Protocol>,
        is_there: bool,
    ) -> Result<(String, String), EdgeError> {
        match &self.home {
            Home::Keeper { proxies, .. } => {
                let view = if is_there {
                    let patch = ProxyPatch { upstream: Some(place.to_owned()), ..ProxyPatch::default() };
                    proxies.update(name, &patch, None)
                } else {
                    let mut spec = ProxySpec::new(name, place);
                    if let Some(protocol) = reads {
                        spec.protocol = protocol.into();
                    }
                    proxies.create(&spec)
                };
                view.map(|view| (view.name, view.listen)).map_err(EdgeError::Keeper)
            }
            Home::Server { server, prefix } => {
                let (client, name) = (Toxiproxy::at(&server.control), format!("{prefix}{name}"));
                let listen = self.runtime.block_on(async {
                    if is_there {
                        client.lead_to(&name, place).await
                    } else {
                        client.create(&name, place).await
                    }
                });
                listen.map(|listen| (name, listen)).map_err(EdgeError::Server)
            }
        }
    }

    /// Removes every toxic of the run and lets every connection through again.
    pub(super) fn heal(&self) {
        let healed = match &self.home {
            Home::Keeper { proxies, .. } => proxies.reset().map_err(|error| error.to_string()),
            Home::Server { server, .. } => self.at_server(server, async |client: &Toxiproxy| {
                for proxy in self.names().chain(server.borrowed.iter().map(String::as_str)) {
                    client.release(proxy).await?;
                }
                Ok(())
            }),
        };
        if let Err(error) = healed {
            note(format_args!("not every edge could be healed: {error}"));
        }
    }

    /// Stays as it is until nobody was connected for a while, at most so long.
    pub(super) fn linger(&self, longest: Duration) {
        let mut linger = Linger::begin(longest);
        while linger.goes_on(self.open_connections()) {
            thread::sleep(Linger::LOOK);
        }
    }

    fn open_connections(&self) -> u64 {
        match &self.home {
            Home::Keeper { proxies, .. } => proxies.open_connections(),
            // The original does not say who is connected; its proxies stay for as long as may be.
            Home::Server { .. } => 1,
        }
    }

    /// The toxics that there were, as the ledger has them.
    pub(super) fn toxics(&self) -> Vec<LedgerToxic> {
        let Home::Keeper { proxies, .. } = &self.home else { return Vec::new() };
        let mut toxics: Vec<LedgerToxic> = Vec::new();
        for event in proxies.events_after(0) {
            let (Some(proxy), Some(name)) = (event.proxy, event.toxic) else { continue };
            if event.kind == EventKind::Created {
                let ended_us = None;
                toxics.push(LedgerToxic {
                    proxy,
                    name,
                    began_us: event.at_us,
                    ended_us,
                    how: None,
                    detail: event.detail,
                });
            } else if let Some(toxic) =
                toxics.iter_mut().rfind(|toxic| toxic.proxy == proxy && toxic.name == name)
                && event.kind != EventKind::Changed
            {
                toxic.ended_us = Some(event.at_us);
                toxic.how = Some(event.kind.name().to_owned());
                toxic.detail = event.detail;
            }
        }
        toxics
    }

    /// Ends all connections.
    pub(super) fn end(self) {
        if let Home::Server { server, .. } = &self.home {
            let deleted = self.at_server(server, async |client: &Toxiproxy| {
                for proxy in self.names() {
                    client.delete(proxy).await?;
                }
                Ok(())
            });
            if let Err(error) = deleted {
                note(format_args!("not every proxy could be deleted: {error}"));
            }
        }
        self.runtime.shutdown_timeout(SHUTDOWN);
    }

    /// The names of the proxies that were made.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.edges.values().filter_map(|edge| match &edge.via {
            Via::Proxy { name } => Some(name.as_str()),
            Via::Direct => None,
        })
    }

    /// Calls to the server, within a limit.
    fn at_server(
        &self,
        server: &ProxyServer,
        calls: impl AsyncFnOnce(&Toxiproxy) -> Result<(), CallError>,
    ) -> Result<(), String> {
        let client = Toxiproxy::at(&server.control);
        let done = self.runtime.block_on(async { tokio::time::timeout(SERVER_LIMIT, calls(&client)).await });
        match done {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {SERVER_LIMIT:?}")),
        }
    }
}

/// The keeper's own proxies, none of them made yet.
fn own(runtime: &Runtime, spec: &StackSpec) -> io::Result<Home> {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let control = listener.local_addr()?.to_string();
    let options = Options {
        clock: RunClock::starting_at(Instant::now(), spec.speed),
        seed: spec.seed,
        socket_buffer: spec.proxying.socket_buffer,
        metrics: true,
        probes: Some(PROBE_SOURCE),
        ..Options::default()
    };
    let proxies = {
        let _runtime = runtime.enter();
        Proxies::new(options)
    };
    runtime.spawn(serve_control(listener, Arc::clone(&proxies)));
    Ok(Home::Keeper { proxies, control })
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
