//! What a connection through the proxy costs, beside HAProxy and Toxiproxy in one run.
//!
//! ```text
//!   core 0: load ──> echo, source          core 1: one proxy at a time, the others idle
//!           load ──> proxy ──> echo, source
//!   round 1: direct, haproxy, loadlab, loadlab-latency, toxiproxy   round 2: backwards …
//!   after each: twelve short pairs of haproxy and loadlab, forwards and backwards, for their p99
//! ```
//!
//! Machines are shared, so medians count, and CPU time of the proxy's process (`/proc/PID/stat`) counts
//! before requests per second. The load is closed: as many requests are under way as there are
//! connections, so the proxy's core is what limits.

mod contender;
mod duel;
pub(crate) mod load;
pub(crate) mod servers;
mod table;

use std::{fmt, io, net::SocketAddr, path::PathBuf};

use loadlab_stack::CpuTime;
use serde_json::{Value, json};

use self::{
    contender::{Contender, Field, Upstreams, cpu_seconds},
    duel::Duel,
    load::{Exchanged, Streamed},
    table::{Table, Turn},
};
use super::Settings;
use crate::{
    child::{self, ChildError, Server},
    machine::Machine,
    quiet::{self, Noise},
};

/// What load and upstreams are pinned to, and what the proxies.
const LOAD_CORE: usize = 0;
const PROXY_CORE: usize = 1;
/// Seconds of each stream.
const STREAM_SECONDS: f64 = 1.0;
/// loadlab's requests per CPU second, at least this share of HAProxy's.
const FLOOR: f64 = 0.9;
/// The median of loadlab's p99 over HAProxy's, pair by pair, is below this with 95 %: no worse.
const P99_RATIO: f64 = 1.0;
/// Whom loadlab is compared with.
const PEER: &str = "haproxy";
const OURS: &str = "loadlab";

/// Why there is no comparison.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// Proxy and load would share a core.
    OneCore,
    /// A process did not do its work.
    Child(ChildError),
    /// A proxy could not be started.
    Start {
        /// What was to be run.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// A proxy does not say where it listens, or does not.
    NoAddress {
        /// Who.
        name: &'static str,
    },
    /// The program to be measured is not beside this one.
    NotBuilt {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// What a part of the load printed could not be understood.
    NoCount {
        /// Against whom.
        name: &'static str,
    },
    /// The CPU time of a proxy could not be read: it ended.
    Gone {
        /// Who.
        name: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// No folder for configurations, or no free port.
    Folder(io::Error),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneCore => f.write_str("two cores are needed: one for the proxy, one for the load"),
            Self::Child(error) => write!(f, "{error}"),
            Self::Start { program, .. } => write!(f, "{program} could not be started"),
            Self::NoAddress { name } => write!(f, "{name} does not listen"),
            Self::NotBuilt { path } => {
                write!(f, "{} is not there: `cargo build --release -p loadlab` makes it", path.display())
            }
            Self::NoCount { name } => write!(f, "the load on {name} printed no count"),
            Self::Gone { name, .. } => write!(f, "{name} ended, or its CPU time cannot be read"),
            Self::Folder(_) => f.write_str("no temporary folder or no free port"),
        }
    }
}

impl std::error::Error for BenchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Child(error) => error.source(),
            Self::Start { source, .. } | Self::Gone { source, .. } | Self::Folder(source) => Some(source),
            Self::OneCore | Self::NoAddress { .. } | Self::NotBuilt { .. } | Self::NoCount { .. } => None,
        }
    }
}

impl From<ChildError> for BenchError {
    fn from(error: ChildError) -> Self {
        Self::Child(error)
    }
}

/// The comparison, as figures for the evidence and as a table for people.
#[derive(Debug)]
pub(crate) struct Comparison {
    table: Table,
    duel: Duel,
    missing: Vec<&'static str>,
    noise: Noise,
}

/// What makes runs comparable, for the evidence.
pub(crate) fn config(settings: Settings) -> Value {
    let mut config = settings.config();
    config["pairs"] = json!(settings.rounds * duel::PAIRS);
    config["seconds_of_a_pairs_turn"] = json!(duel::TURN_SECONDS);
    config
}

/// Runs all rounds.
pub(crate) fn compare(settings: Settings) -> Result<Comparison, BenchError> {
    if Machine::here().cores() < 2 {
        return Err(BenchError::OneCore);
    }
    let folder = std::env::temp_dir().join(format!("loadlab-bench-proxy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(BenchError::Folder)?;
    let server = Server::start(child::pinned(LOAD_CORE, &child::role(&["bench-upstreams"])?)?)?;
    let field = Field::start(upstreams(&server)?, &folder);
    let compared = field.and_then(|field| run(&field, settings));
    // It is a temporary folder; one that stays is no harm.
    let _ = std::fs::remove_dir_all(folder);
    compared
}

fn run(field: &Field, settings: Settings) -> Result<Comparison, BenchError> {
    for name in &field.missing {
        eprintln!("{name} is not installed and is left out");
    }
    let wake_late_p99_ms = quiet::settle(settings.patience);
    let cpu = CpuTime::now();
    let (mut table, mut duel) = (Table::new(&field.contenders), Duel::default());
    for round in 1..=settings.rounds {
        for contender in in_turn(&field.contenders, round) {
            let turn = turn(contender, settings)?;
            eprintln!("round {round}: {:<16} {turn}", contender.name);
            table.add(contender.name, turn);
        }
        pairs(field, settings, &mut duel)?;
    }
    let noise = Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake: 0 };
    Ok(Comparison { table, duel, missing: field.missing.clone(), noise })
}

/// The pairs after a round; none where there is nobody to be paired with.
fn pairs(field: &Field, settings: Settings, duel: &mut Duel) -> Result<(), BenchError> {
    let named = |name| field.contenders.iter().find(|contender| contender.name == name);
    let (Some(ours), Some(theirs)) = (named(OURS), named(PEER)) else { return Ok(()) };
    let p99 = |contender| {
        let exchanged = exchange(contender, settings.connections, duel::TURN_SECONDS)?;
        Ok::<f64, BenchError>(exchanged.p99_us)
    };
    for pair in 0..duel::PAIRS {
        let (ours_us, theirs_us);
        if pair % 2 == 0 {
            theirs_us = p99(theirs)?;
            ours_us = p99(ours)?;
        } else {
            ours_us = p99(ours)?;
            theirs_us = p99(theirs)?;
        }
        eprintln!("pair: p99 {ours_us:.1} us, HAProxy {theirs_us:.1} us");
        duel.add(ours_us, theirs_us);
    }
    Ok(())
}

/// Everyone, forwards and backwards by turns: whoever always followed another would always meet what that
/// one leaves behind, and the hypervisor takes the CPU in bursts that outlast a turn.
fn in_turn(contenders: &[Contender], round: usize) -> Vec<&Contender> {
    let mut order: Vec<_> = contenders.iter().collect();
    if round.is_multiple_of(2) {
        order.reverse();
    }
    order
}

/// Both addresses are in the first line of the server.
fn upstreams(server: &Server) -> Result<Upstreams, BenchError> {
    let line = server.first_line();
    let mut addresses = line.split(' ').filter_map(|text| text.parse::<SocketAddr>().ok());
    match (addresses.next(), addresses.next()) {
        (Some(echo), Some(source)) => Ok(Upstreams { echo, source }),
        _ => Err(BenchError::NoAddress { name: "the echo server" }),
    }
}

fn turn(contender: &Contender, settings: Settings) -> Result<Turn, BenchError> {
    let name = contender.name;
    let cpu = || match contender.process {
        None => Ok(None),
        Some(process) => cpu_seconds(process).map(Some).map_err(|source| BenchError::Gone { name, source }),
    };
    let before = cpu()?;
    let exchanged = exchange(contender, settings.connections, settings.seconds as f64)?;
    let cpu_s = cpu()?.zip(before).map(|(after, before)| after - before);
    let streamed: Streamed = load(&["bench-stream", &contender.source.to_string()], STREAM_SECONDS, name)?;
    Ok(Turn { exchanged, streamed, cpu_s })
}

fn exchange(contender: &Contender, connections: usize, seconds: f64) -> Result<Exchanged, BenchError> {
    let (address, connections) = (contender.echo.to_string(), connections.to_string());
    load(&["bench-exchange", &address, "--connections", &connections], seconds, contender.name)
}

/// Runs a part of the load; what it printed.
fn load<T: serde::de::DeserializeOwned>(
    role: &[&str],
    seconds: f64,
    name: &'static str,
) -> Result<T, BenchError> {
    let mut command = child::role(role)?;
    command.args(["--seconds", &seconds.to_string()]);
    let output = child::output(&mut child::pinned(LOAD_CORE, &command)?)?;
    serde_json::from_str(output.trim()).map_err(|_| BenchError::NoCount { name })
}

impl Comparison {
    /// How many of HAProxy's requests per CPU second loadlab makes. `None` without HAProxy.
    fn efficiency(&self) -> Option<f64> {
        self.table.efficiency(OURS, PEER)
    }

    /// Whether loadlab is at least nearly as efficient as HAProxy, with a p99 that is no worse.
    /// `None` without HAProxy.
    fn floor(&self) -> Option<bool> {
        let no_worse = self.duel.bound().is_some_and(|bound| bound <= P99_RATIO);
        Some(self.efficiency()? >= FLOOR && no_worse)
    }

    /// Whether the floor was reached; not where there was nobody to compare with.
    pub(crate) fn floor_held(&self) -> bool {
        self.floor() == Some(true)
    }

    /// For the evidence.
    pub(crate) fn figures(&self) -> Value {
        let ratios: Vec<f64> = self.duel.ratios().iter().copied().map(table::two_decimals).collect();
        json!({
            "contenders": self.table.figures(),
            "not_installed": self.missing,
            "noise": self.noise,
            "p99_over_haproxys": { "median": self.duel.ratio(), "below": self.duel.bound(), "pairs": ratios },
            "floor": {
                "of_haproxys_requests_per_cpu_second": FLOOR,
                "is": self.efficiency().map(table::two_decimals),
                "p99_over_haproxys_below": P99_RATIO,
                "held": self.floor(),
            },
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        for name in &self.missing {
            writeln!(f, "{name:<16} not installed")?;
        }
        let verdict = match self.floor() {
            None => "not judged: HAProxy is not installed",
            Some(true) => "held",
            Some(false) => "MISSED",
        };
        if let (Some(ratio), Some(bound)) = (self.duel.ratio(), self.duel.bound()) {
            let pairs = self.duel.ratios().len();
            writeln!(
                f,
                "p99 over HAProxy's in {pairs} pairs: median {ratio:.3}, below {bound:.3} with 95 %"
            )?;
        }
        write!(f, "floor: {FLOOR} of HAProxy's requests per CPU second, and a p99 no worse: {verdict}")?;
        match self.efficiency() {
            Some(share) => write!(f, " ({share:.2})"),
            None => Ok(()),
        }
    }
}
