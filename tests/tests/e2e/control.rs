//! The control interface of proxies, driven as any Toxiproxy client drives it; and connections that
//! make their lives hard.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType, bind, connect, getsockname, listen, socket};
use serde_json::{Value, json};

use crate::lab::{Lab, wait_for};

/// Longest time for an answer of a control interface that is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where proxies are controlled: `host:port`.
#[derive(Debug, Clone)]
pub(crate) struct Control(pub(crate) String);

impl Control {
    /// The one of the lab's run, once its stack is up.
    pub(crate) fn of(lab: &Lab) -> Self {
        wait_for("a ledger with a control address", Duration::from_secs(60), || {
            let text = std::fs::read_to_string(lab.run_folder()?.join("logs/keeper-ledger.json")).ok()?;
            let ledger: Value = serde_json::from_str(&text).ok()?;
            ledger["control"].as_str().map(|control| Self(control.to_owned()))
        })
    }

    /// One call: status and body; `None` if nobody is there.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.0).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).unwrap_or_default()))
    }

    /// Makes a proxy to `upstream` with a toxic, and gives its address.
    pub(crate) fn disturbed(
        &self,
        name: &str,
        upstream: SocketAddr,
        kind: &str,
        attributes: &Value,
    ) -> String {
        let proxy = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string() });
        let (status, proxy) = self.call("POST", "/proxies", &proxy).expect("it is there");
        assert_eq!(status, 201, "{proxy}");
        let toxic = json!({ "type": kind, "attributes": attributes });
        let (status, toxic) =
            self.call("POST", &format!("/proxies/{name}/toxics"), &toxic).expect("it is there");
        assert_eq!(status, 200, "{toxic}");
        proxy["listen"].as_str().expect("an address").to_owned()
    }

    /// Where a proxy listens.
    pub(crate) fn address(&self, proxy: &str) -> String {
        let (_, view) = self.call("GET", &format!("/proxies/{proxy}"), &Value::Null).expect("it is there");
        view["listen"].as_str().unwrap_or_else(|| panic!("no proxy {proxy}: {view}")).to_owned()
    }

    /// The toxics there are, as `proxy/name`; `None` if nobody is there.
    pub(crate) fn toxics(&self) -> Option<Vec<String>> {
        let (_, proxies) = self.call("GET", "/proxies", &Value::Null)?;
        let of = |(name, proxy): (&String, &Value)| -> Vec<String> {
            let toxics = proxy["toxics"].as_array().cloned().unwrap_or_default();
            toxics.iter().map(|toxic| format!("{name}/{}", toxic["name"].as_str().unwrap_or("?"))).collect()
        };
        Some(proxies.as_object()?.iter().flat_map(of).collect())
    }
}

/// A server that writes without end to everybody who connects.
pub(crate) fn flood() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        // The writes block as soon as nobody reads; that many threads cost little.
        for mut stream in listener.incoming().flatten() {
            let flood = vec![b'x'; 65_536];
            let flooding = move || while stream.write_all(&flood).is_ok() {};
            thread::Builder::new().stack_size(128 * 1024).spawn(flooding).expect("a thread");
        }
    });
    address
}

/// A server whose queue is full and who never accepts: whoever connects waits.
pub(crate) struct Stuck {
    pub(crate) address: SocketAddr,
    _sockets: Vec<OwnedFd>,
}

impl Stuck {
    pub(crate) fn new() -> Self {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        listen(&listener, 0).expect("it listens");
        let address: SocketAddr =
            getsockname(&listener).expect("an address").try_into().expect("an internet address");
        let mut sockets = vec![listener];
        // A queue of length 0 holds one; the next wait in vain, which must not make this wait.
        for _ in 0..2 {
            let client = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
            rustix::io::ioctl_fionbio(&client, true).expect("a socket");
            let _ = connect(&client, &address);
            sockets.push(client);
        }
        Self { address, _sockets: sockets }
    }
}

/// Connections that are held and never read from.
pub(crate) fn links(address: &str, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(address).expect("it listens")).collect()
}
