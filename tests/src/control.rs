//! The control interface of proxies, driven as any Toxiproxy client drives it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

/// Longest time for an answer of a control interface that is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where proxies are controlled: `host:port`.
#[derive(Debug, Clone)]
pub struct Control(pub String);

impl Control {
    /// The one of a run with these logs, once its keeper has one.
    pub fn in_logs(logs: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(logs.join("keeper-ledger.json")).ok()?;
        let ledger: Value = serde_json::from_str(&text).ok()?;
        ledger["control"].as_str().map(|control| Self(control.to_owned()))
    }

    /// One call: status and body; `None` if nobody is there.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
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
    pub fn disturbed(&self, name: &str, upstream: SocketAddr, kind: &str, attributes: &Value) -> String {
        let proxy = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string() });
        let (status, proxy) = self.call("POST", "/proxies", &proxy).expect("it is there");
        assert_eq!(status, 201, "{proxy}");
        let toxic = json!({ "type": kind, "attributes": attributes });
        let (status, toxic) =
            self.call("POST", &format!("/proxies/{name}/toxics"), &toxic).expect("it is there");
        assert_eq!(status, 200, "{toxic}");
        proxy["listen"].as_str().expect("an address").to_owned()
    }

    /// The names of the proxies; `None` if nobody is there.
    pub fn proxies(&self) -> Option<Vec<String>> {
        let (_, proxies) = self.call("GET", "/proxies", &Value::Null)?;
        Some(proxies.as_object()?.keys().cloned().collect())
    }

    /// Where a proxy listens.
    pub fn address(&self, proxy: &str) -> String {
        let (_, view) = self.call("GET", &format!("/proxies/{proxy}"), &Value::Null).expect("it is there");
        view["listen"].as_str().unwrap_or_else(|| panic!("no proxy {proxy}: {view}")).to_owned()
    }

    /// The toxics there are, as `proxy/name`; `None` if nobody is there.
    pub fn toxics(&self) -> Option<Vec<String>> {
        let (_, proxies) = self.call("GET", "/proxies", &Value::Null)?;
        let of = |(name, proxy): (&String, &Value)| -> Vec<String> {
            let toxics = proxy["toxics"].as_array().cloned().unwrap_or_default();
            toxics.iter().map(|toxic| format!("{name}/{}", toxic["name"].as_str().unwrap_or("?"))).collect()
        };
        Some(proxies.as_object()?.iter().flat_map(of).collect())
    }
}
