//! Whether the fault proxy delays by what it is asked for.
//!
//! ```text
//!   connections ──> echo server (process)                      direct round trips: their median is
//!   connections ──> fault proxy (process) ──> echo server      taken off each round trip with a toxic
//! ```
//!
//! Two cases: a constant delay, whose percentiles must be that delay, and a lognormal one, which must
//! come out as that lognormal (Kolmogorov-Smirnov, on all draws of all connections). Connections are
//! pooled: each carries many requests, one at a time, and they take turns so that no burst of
//! replies falls on one moment.

mod case;
mod exchange;
pub(crate) mod role;

use std::{fmt, time::Duration};

use loadlab_stack::CpuTime;
use serde_json::{Value, json};

use self::{
    case::{Case, Judged},
    exchange::{Pace, round_trips},
};
use crate::{
    child::{self, ChildError, Server},
    quiet::{self, Awake, Noise},
};

/// Why there is no measurement.
#[derive(Debug)]
pub(crate) enum LatencyError {
    /// A process did not do its work.
    Child(ChildError),
    /// An exchange broke.
    Exchange(std::io::Error),
    /// A process does not say where it listens.
    NoAddress,
}

impl fmt::Display for LatencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Child(error) => write!(f, "{error}"),
            Self::Exchange(_) => f.write_str("an exchange broke"),
            Self::NoAddress => f.write_str("a server does not say where it listens"),
        }
    }
}

impl std::error::Error for LatencyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Child(error) => error.source(),
            Self::Exchange(error) => Some(error),
            Self::NoAddress => None,
        }
    }
}

impl From<ChildError> for LatencyError {
    fn from(error: ChildError) -> Self {
        Self::Child(error)
    }
}

/// How much is measured, and how far off it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// Pooled connections.
    pub(crate) connections: usize,
    /// Requests with the constant delay, over all connections.
    pub(crate) constant_requests: usize,
    /// Requests with the lognormal delay.
    pub(crate) lognormal_requests: usize,
    /// Milliseconds that the median of the constant delay may be off.
    pub(crate) p50_off_ms: f64,
    /// Milliseconds that its 99th percentile may be off.
    pub(crate) p99_off_ms: f64,
    /// What the Kolmogorov-Smirnov statistic is allowed beside its critical value: 0, except where a
    /// busy machine's lateness is part of what is measured.
    pub(crate) statistic_slack: f64,
}

impl Scale {
    /// The committed evidence: the bounds are those that the fault proxy promises.
    pub(crate) const FULL: Self = Self {
        connections: 50,
        constant_requests: 10_000,
        lognormal_requests: 5_000,
        p50_off_ms: 1.0,
        p99_off_ms: 3.0,
        statistic_slack: 0.0,
    };
    /// A test of a few seconds on a machine that does other things. A proxy that is wrong by design,
    /// in milliseconds or in shape, still misses these.
    pub(crate) const SHORT: Self = Self {
        connections: 20,
        constant_requests: 200,
        lognormal_requests: 2_000,
        p50_off_ms: 10.0,
        p99_off_ms: 60.0,
        statistic_slack: 0.1,
    };

    /// What makes runs comparable, for the evidence.
    pub(crate) fn config(self) -> Value {
        json!({
            "connections": self.connections,
            "constant": { "ms": case::CONSTANT_MS, "requests": self.constant_requests },
            "lognormal": {
                "mean_ms": case::LOGNORMAL_MS.0,
                "deviation_ms": case::LOGNORMAL_MS.1,
                "requests": self.lognormal_requests,
            },
        })
    }
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Measured {
    judged: Vec<Judged>,
    direct_ms: (f64, f64),
    noise: Noise,
    attempts: u32,
}

/// Measures until all holds, at most `attempts` times, each on a machine that is quiet or was not for
/// `patience`. A hypervisor that takes the CPU away in the middle makes any proxy late, a proxy that
/// is wrong misses every time; the last attempt counts, and how many there were is told.
pub(crate) fn measure(scale: &Scale, patience: Duration, attempts: u32) -> Result<Measured, LatencyError> {
    // A short test takes the machine as it is.
    let awake = (attempts > 1).then(Awake::keep);
    let cores_awake = awake.as_ref().map_or(0, Awake::cores);
    let mut attempt = 1;
    loop {
        let wake_late_p99_ms = quiet::settle(patience);
        eprintln!("proxy latency, attempt {attempt} …");
        let cpu = CpuTime::now();
        let (judged, direct_ms) = all_cases(scale)?;
        let noise = Noise { wake_late_p99_ms, stolen: cpu.stolen_since(), cores_awake };
        let measured = Measured { judged, direct_ms, noise, attempts: attempt };
        if measured.held() || attempt >= attempts {
            return Ok(measured);
        }
        eprintln!("{measured}");
        attempt += 1;
    }
}

fn all_cases(scale: &Scale) -> Result<(Vec<Judged>, (f64, f64)), LatencyError> {
    let server = Server::start(child::role(&["bench-upstreams"])?)?;
    let echo = role::first_address(server.first_line()).ok_or(LatencyError::NoAddress)?;
    let case::Direct { p50_ms, p99_ms } = direct(echo, scale)?;
    let judge = |case: Case| {
        let proxy =
            Server::start(child::role(&["proxy-with", &echo.to_string(), &case.toxic().to_string()])?)?;
        let address = role::first_address(proxy.first_line()).ok_or(LatencyError::NoAddress)?;
        let pace =
            Pace { connections: scale.connections, requests: case.requests(scale), gap: Duration::ZERO };
        let trips = round_trips(address, pace, case.typical()).map_err(LatencyError::Exchange)?;
        let injected = trips.into_iter().map(|trip| trip - p50_ms).collect();
        Ok(case.judge(scale, injected))
    };
    let judged = Case::ALL.into_iter().map(judge).collect::<Result<_, LatencyError>>()?;
    Ok((judged, (p50_ms, p99_ms)))
}

/// What a round trip takes without a proxy, at the pace of the constant delay.
fn direct(echo: std::net::SocketAddr, scale: &Scale) -> Result<case::Direct, LatencyError> {
    let gap = Case::Constant.typical();
    let pace = Pace { connections: scale.connections, requests: scale.constant_requests / 5, gap };
    round_trips(echo, pace, gap).map(case::Direct::of).map_err(LatencyError::Exchange)
}

impl Measured {
    /// Whether all is as promised.
    pub(crate) fn held(&self) -> bool {
        self.judged.iter().all(Judged::held)
    }

    /// For the evidence.
    pub(crate) fn figures(&self) -> Value {
        let cases: serde_json::Map<String, Value> =
            self.judged.iter().map(|judged| (judged.name.to_owned(), judged.figures())).collect();
        json!({
            "cases": cases,
            "direct_ms": { "p50": self.direct_ms.0, "p99": self.direct_ms.1 },
            "noise": self.noise,
            "attempts": self.attempts,
            "held": self.held(),
        })
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for judged in &self.judged {
            writeln!(f, "{judged}")?;
        }
        let (p50, p99) = self.direct_ms;
        writeln!(f, "a direct round trip: p50 {p50:.3} ms, p99 {p99:.3} ms")?;
        let Noise { wake_late_p99_ms, stolen, cores_awake } = self.noise;
        writeln!(
            f,
            "the machine: wakes threads {wake_late_p99_ms:.3} ms late (p99), {:.1} % stolen, {cores_awake} cores kept awake, attempt {}",
            stolen * 100.0,
            self.attempts
        )?;
        write!(f, "{}", if self.held() { "all held" } else { "MISSED" })
    }
}
