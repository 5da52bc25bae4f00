//! How far chaos reaches: through which proxies, and to which hosts.
//!
//! Never beyond this machine and the stack that the run started, unless a flag names the host.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    time::Duration,
};

use loadlab_chaos::control::{CallError, Toxiproxy};
use loadlab_scenario::{
    Plan,
    arms::EXPERIMENT_LOAD,
    fault::{Disturbance, EdgeName, Fault, Toxic},
    plan::TargetPlan,
};
use loadlab_stack::{ProxyServer, Proxying};

use super::{
    external::External,
    target::{FOREIGN, LOAD},
};

/// Longest time that a keeper's proxies stay when its harness is gone, real time.
const LINGER: Duration = Duration::from_secs(60);

/// The toxics of Toxiproxy 2.12 and their attributes. Everything else is our proxy's own.
const TOXIPROXY: [(&str, &[&str]); 9] = [
    ("bandwidth", &["rate"]),
    ("latency", &["latency", "jitter"]),
    ("limit_data", &["bytes"]),
    ("noop", &[]),
    ("packet_loss", &["loss_rate", "correlation"]),
    ("reset_peer", &["timeout"]),
    ("slicer", &["average_size", "size_variation", "delay"]),
    ("slow_close", &["delay"]),
    ("timeout", &["timeout"]),
];

/// What the user said about it.
#[derive(Debug, Clone)]
pub struct Reach {
    /// A Toxiproxy server that has the edges' proxies instead of the keeper: where it is controlled.
    pub toxiproxy: Option<HostPort>,
    /// How long proxies before somebody else's target stay, without faults, when the harness is gone.
    pub linger: Duration,
    /// Hosts that are not this machine and may be disturbed all the same.
    pub allowed: Vec<String>,
}

impl Default for Reach {
    /// The keeper's own proxies, this machine alone, a minute.
    fn default() -> Self {
        Self { toxiproxy: None, linger: LINGER, allowed: Vec::new() }
    }
}

/// `host:port` of a control interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// From `http://host:port`; 8474 is Toxiproxy's port.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn from_url(text: &str) -> Result<Self, String> {
        let bad = || "http://HOST:PORT is expected".to_owned();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: http::Uri = text.parse().map_err(|_| bad())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        if uri.scheme_str() != Some("http") || uri.path().len() > 1 || uri.query().is_some() {
            return Err(bad());
        }
        Ok(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(8474) })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Why chaos does not go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReachError {
    /// A host that is not this machine, and no flag names it.
    Host {
        /// Which.
        host: String,
    },
    /// The original Toxiproxy has no such toxic, or not that attribute of it.
    Feature {
        /// The fault.
        fault: String,
        /// What it lacks.
        feature: String,
    },
}

impl fmt::Display for ReachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { host } => write!(f, "{host} is not this machine, and chaos was not allowed there"),
            Self::Feature { fault, feature } => {
                write!(f, "fault `{fault}`: a Toxiproxy server has no {feature}")
            }
        }
    }
}

impl std::error::Error for ReachError {}

impl ReachError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Host { host } => {
                format!("--allow-chaos {host} allows it; --no-faults leaves all faults out")
            }
            Self::Feature { .. } => {
                "leave out --toxiproxy, and loadlab's own proxy does it; or use another fault".to_owned()
            }
        }
    }
}

impl Reach {
    /// Checks a plan's faults, before anything starts.
    ///
    /// # Errors
    /// See [`ReachError`].
    pub fn check(&self, plan: &Plan, external: &External) -> Result<(), ReachError> {
        if plan.faults.is_empty() {
            return Ok(());
        }
        if let TargetPlan::Url { base, .. } = &plan.target {
            self.check_host(base.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)))?;
        }
        // What is done to a store is done to all who use it.
        for (role, url) in external.by_role() {
            let is_disturbed =
                |fault: &Fault| matches!(&fault.what, Disturbance::Store { role: of, .. } if *of == role);
            if plan.faults.iter().any(is_disturbed) {
                self.check_host(url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)))?;
            }
        }
        let Some(server) = &self.toxiproxy else { return Ok(()) };
        self.check_host(Some(server.host.clone()))?;
        plan.faults.iter().try_for_each(|fault| match &fault.what {
            Disturbance::Toxic { toxic, .. } => check_feature(fault, toxic),
            _ => Ok(()),
        })
    }

    fn check_host(&self, host: Option<String>) -> Result<(), ReachError> {
        let Some(host) = host else { return Ok(()) };
        if is_this_machine(&host) || self.allowed.contains(&host) {
            return Ok(());
        }
        Err(ReachError::Host { host })
    }

    /// How the keeper has the edges of a plan.
    pub(crate) fn proxying(&self, plan: &Plan, borrowed: &BTreeMap<EdgeName, String>) -> Proxying {
        let foreign = matches!(plan.target, TargetPlan::Url { .. });
        let linger_ms = u64::try_from(self.linger.as_millis()).unwrap_or(u64::MAX);
        let server = self.toxiproxy.as_ref().map(|server| ProxyServer {
            control: server.to_string(),
            borrowed: borrowed.values().cloned().collect(),
        });
        Proxying {
            loaded: if foreign { loaded(plan) } else { BTreeMap::new() },
            linger_ms: foreign.then_some(linger_ms),
            socket_buffer: None,
            server,
        }
    }

    /// The server's own proxies on which a plan's faults act: edge `app/redis` is its proxy
    /// `app.redis`, or `redis`.
    ///
    /// # Errors
    /// The server does not answer, or has no such proxy.
    pub(crate) async fn borrow(&self, plan: &Plan) -> Result<BTreeMap<EdgeName, String>, BorrowError> {
        let (Some(server), TargetPlan::Url { .. }) = (&self.toxiproxy, &plan.target) else {
            return Ok(BTreeMap::new());
        };
        let edges: BTreeSet<&EdgeName> = plan.faults.iter().filter_map(|fault| fault.what.edge()).collect();
        let control = server.to_string();
        let unreachable = |source| BorrowError::Server { control: control.clone(), source };
        let names = Toxiproxy::at(&control).names().await.map_err(unreachable)?;
        let proxy = |edge: &EdgeName| {
            let candidates = [format!("{}.{}", edge.from, edge.to), edge.to.clone()];
            let name = candidates.into_iter().find(|name| names.contains(name));
            let unknown = || BorrowError::Proxy { edge: edge.to_string(), known: names.clone() };
            name.map(|name| (edge.clone(), name)).ok_or_else(unknown)
        };
        let own = fronts(plan);
        edges.into_iter().filter(|edge| !own.contains(edge)).map(proxy).collect()
    }
}

/// Why a fault has no proxy on somebody's server.
#[derive(Debug)]
pub enum BorrowError {
    /// The server does not answer as it should.
    Server {
        /// Where it is controlled.
        control: String,
        /// What went wrong.
        source: CallError,
    },
    /// It has no proxy for an edge.
    Proxy {
        /// The edge.
        edge: String,
        /// What it has.
        known: Vec<String>,
    },
}

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { control, source } => write!(f, "the Toxiproxy server at {control}: {source}"),
            Self::Proxy { edge, known } if known.is_empty() => {
                write!(f, "the Toxiproxy server has no proxy for the edge `{edge}`: it has none at all")
            }
            Self::Proxy { edge, known } => write!(
                f,
                "the Toxiproxy server has no proxy for the edge `{edge}`; it has {}",
                known.join(", ")
            ),
        }
    }
}

impl std::error::Error for BorrowError {}

/// The edges between the load and a target that the run did not start: one for each arm.
pub(crate) fn fronts(plan: &Plan) -> Vec<EdgeName> {
    loaded(plan).into_iter().map(|(from, to)| EdgeName { from, to }).collect()
}

fn loaded(plan: &Plan) -> BTreeMap<String, String> {
    let experiment = plan.arms.is_some().then_some(EXPERIMENT_LOAD);
    [LOAD].into_iter().chain(experiment).map(|load| (load.to_owned(), FOREIGN.to_owned())).collect()
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn check_feature(fault: &Fault, toxic: &Toxic) -> Result<(), ReachError> {
    let lacks = |feature| Err(ReachError::Feature { fault: fault.name.clone(), feature });
    let Some((_, known)) = TOXIPROXY.iter().find(|(kind, _)| *kind == toxic.kind) else {
        return lacks(format!("toxic `{}`", toxic.kind));
    };
    match toxic.attributes.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => lacks(format!("attribute `{name}` of `{}`", toxic.kind)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_interface_is_a_plain_url() {
        let shown = |text| HostPort::from_url(text).map(|server| server.to_string());
        assert_eq!(shown("http://127.0.0.1:8475"), Ok("127.0.0.1:8475".to_owned()));
        assert_eq!(shown("http://[::1]/"), Ok("[::1]:8474".to_owned()));
        assert_eq!(shown("toxi:1"), Ok("toxi:1".to_owned()));
        for bad in ["https://a", "http://a/proxies", "http://", ""] {
            assert_eq!(shown(bad), Err("http://HOST:PORT is expected".to_owned()), "{bad}");
        }
    }

    #[test]
    fn only_this_machine_is_disturbed_unless_a_host_is_named() {
        let reach = Reach { allowed: vec!["shop.example".to_owned()], ..Reach::default() };
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "shop.example"] {
            assert_eq!(reach.check_host(Some(host.to_owned())), Ok(()), "{host}");
        }
        let other = reach.check_host(Some("db.example".to_owned())).expect_err("not named");
        assert_eq!(other.to_string(), "db.example is not this machine, and chaos was not allowed there");
        assert_eq!(other.hint(), "--allow-chaos db.example allows it; --no-faults leaves all faults out");
    }
}
