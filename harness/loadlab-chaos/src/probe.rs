//! Asks through a fault's place, to measure when the fault is active and when it is gone again.
//!
//! A probe is one short exchange on a connection of its own, in the protocol that is spoken there. It
//! comes from [`PROBE_SOURCE`], by which our proxy knows it and does not count it as touched.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use loadlab_clock::{Sleeper, Speed};
use loadlab_scenario::fault::{Disturbance, Fault, Toxic};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, lookup_host},
};

/// Where probes on loopback come from.
pub const PROBE_SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Real time after which an answer counts as missing, beyond what is added to it on purpose.
const SILENCE: Duration = Duration::from_millis(500);
/// Real time between two probes.
const PAUSE: Duration = Duration::from_millis(20);

/// What is spoken at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeProtocol {
    /// HTTP/1.1.
    Http,
    /// Redis's protocol.
    Resp,
    /// PostgreSQL's protocol, version 3.
    Postgresql,
}

impl ProbeProtocol {
    /// A question that every server answers at once and that changes nothing.
    const fn question(self) -> &'static [u8] {
        match self {
            // RFC 9110, 9.3.7: a "ping" of the server as a whole.
            Self::Http => b"OPTIONS * HTTP/1.1\r\nhost: loadlab-probe\r\nconnection: close\r\n\r\n",
            Self::Resp => b"PING\r\n",
            // SSLRequest: 8 bytes, code 80877103; the answer is one letter.
            Self::Postgresql => &[0, 0, 0, 8, 4, 210, 22, 47],
        }
    }
}

/// A place where probes are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbePlace {
    /// `host:port` of the edge's proxy.
    pub address: String,
    /// What is spoken there.
    pub protocol: ProbeProtocol,
}

/// How a probe meets a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meets {
    /// Its answer takes at least so long (real time).
    Slower(Duration),
    /// It has no answer.
    NoAnswer,
}

impl Meets {
    /// How one exchange meets a fault; `None` where it does not show in one, or not in every one.
    pub(crate) fn of(fault: &Fault, speed: Speed) -> Option<Self> {
        match &fault.what {
            Disturbance::Toxic { toxic, .. } => Self::toxic(toxic, speed),
            Disturbance::Down { .. } | Disturbance::Process { .. } => Some(Self::NoAnswer),
            Disturbance::Limit { .. }
            | Disturbance::Store { .. }
            | Disturbance::Llm { .. }
            | Disturbance::Clients { .. }
            | Disturbance::Settings { .. }
            | Disturbance::Request { .. } => None,
        }
    }

    fn toxic(toxic: &Toxic, speed: Speed) -> Option<Self> {
        let number = |name: &str| toxic.attributes.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
        let plain = !toxic.attributes.contains_key("distribution");
        match toxic.kind.as_str() {
            "latency" if plain => {
                let least = number("latency").saturating_sub(number("jitter"));
                (least > 0).then(|| Self::Slower(speed.real(Duration::from_millis(least))))
            }
            "timeout" => Some(Self::NoAnswer),
            "reset_peer" if number("timeout") == 0 => Some(Self::NoAnswer),
            _ => None,
        }
    }

    /// Whether an exchange that took so long, or had no answer, has met it.
    fn has_met(self, took: Option<Duration>) -> bool {
        match (self, took) {
            (Self::Slower(least), Some(took)) => took >= least,
            // Whatever else went wrong, it was not this.
            (Self::Slower(_), None) => false,
            (Self::NoAnswer, took) => took.is_none(),
        }
    }

    /// Whether it came back as if there were none.
    fn is_clean(self, took: Option<Duration>) -> bool {
        took.is_some() && !self.has_met(took)
    }

    const fn patience(self) -> Duration {
        match self {
            Self::Slower(least) => least.saturating_add(SILENCE),
            Self::NoAnswer => SILENCE,
        }
    }
}

impl ProbePlace {
    /// Probes until one has met the fault.
    pub(crate) async fn until_met(&self, how: Meets) {
        self.until(how, |took| how.has_met(took)).await;
    }

    /// Probes until one comes back as before the fault.
    pub(crate) async fn until_clean(&self, how: Meets) {
        self.until(how, |took| how.is_clean(took)).await;
    }

    async fn until(&self, how: Meets, enough: impl Fn(Option<Duration>) -> bool) {
        while !enough(self.ask(how.patience()).await) {
            Sleeper::shared().sleep(PAUSE).await;
        }
    }

    /// One exchange: how long the answer took from the connection's beginning, if it came in time.
    async fn ask(&self, longest: Duration) -> Option<Duration> {
        let began = Instant::now();
        let answer = Sleeper::shared().timeout(began + longest, self.exchange()).await;
        matches!(answer, Ok(Ok(()))).then(|| began.elapsed())
    }

    async fn exchange(&self) -> io::Result<()> {
        let address = lookup_host(&self.address).await?.next().ok_or(io::ErrorKind::NotFound)?;
        let socket = match address {
            SocketAddr::V4(v4) => {
                let socket = TcpSocket::new_v4()?;
                if v4.ip().is_loopback() {
                    socket.bind(SocketAddr::new(PROBE_SOURCE, 0))?;
                }
                socket
            }
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        let mut stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(self.protocol.question()).await?;
        // One byte of an answer is an answer.
        stream.read_u8().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use loadlab_scenario::{
        fault::{EdgeName, Stream},
        quantity::Share,
    };
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    fn latency(latency: u64, jitter: u64) -> Fault {
        let attributes =
            BTreeMap::from([("latency".to_owned(), json!(latency)), ("jitter".to_owned(), json!(jitter))]);
        let toxic = Toxic {
            kind: "latency".to_owned(),
            stream: Stream::Downstream,
            toxicity: Share::ALL,
            attributes,
        };
        let edge = EdgeName { from: "a".to_owned(), to: "b".to_owned() };
        Fault {
            name: "slow".to_owned(),
            at: Duration::ZERO,
            lasts: Duration::from_secs(1),
            every: None,
            ramp: None,
            seed: None,
            when: None,
            what: Disturbance::Toxic { edge, toxic },
        }
    }

    #[test]
    fn a_probe_meets_the_least_that_a_latency_adds_in_real_time() {
        let double = Speed::try_new(2.0).expect("a speed");
        assert_eq!(Meets::of(&latency(100, 20), double), Some(Meets::Slower(Duration::from_millis(40))));
        assert_eq!(Meets::of(&latency(100, 100), double), None);
    }

    #[test]
    fn slow_is_not_silent_and_silent_is_not_slow() {
        let (slow, gone) = (Meets::Slower(Duration::from_millis(100)), Meets::NoAnswer);
        let cases = [(Some(150), true, false), (Some(50), false, false), (None, false, true)];
        for (took, is_slow, is_gone) in cases {
            let took = took.map(Duration::from_millis);
            assert_eq!((slow.has_met(took), gone.has_met(took)), (is_slow, is_gone), "{took:?}");
        }
        assert!(!slow.is_clean(None), "no answer is not clean either");
    }

    #[tokio::test]
    async fn a_server_that_answers_is_clean_and_one_that_is_gone_is_met() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let place = ProbePlace { address, protocol: ProbeProtocol::Resp };
        let server = tokio::spawn(async move {
            let (mut stream, from) = listener.accept().await.expect("a probe");
            let mut question = [0; 6];
            stream.read_exact(&mut question).await.expect("a question");
            stream.write_all(b"+PONG\r\n").await.expect("an answer");
            (from.ip(), question)
        });
        place.until_clean(Meets::NoAnswer).await;
        let (from, question) = server.await.expect("it served");
        assert_eq!((from, &question), (PROBE_SOURCE, b"PING\r\n"));
        // Its listener is gone with it.
        place.until_met(Meets::NoAnswer).await;
    }
}
