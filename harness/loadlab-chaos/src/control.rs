//! Small calls over HTTP that steer what is disturbed: the fault proxy by Toxiproxy's interface, the
//! stand-ins by their settings.
//!
//! A call has a connection of its own: there are few, and one that is kept could have died meanwhile.

use std::{
    error::Error,
    fmt::{self, Write as _},
    io,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use loadlab_clock::Sleeper;
use loadlab_record::Touched;
use loadlab_scenario::fault::Toxic;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Longest time for a call, real: a control plane that does not answer by then is broken.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a call had no effect, as far as is known.
#[derive(Debug)]
pub enum CallError {
    /// There is nobody, or the connection broke.
    Unreachable {
        /// Who was called.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// There was no answer in time.
    TimedOut {
        /// Who was called.
        address: String,
    },
    /// The answer is a refusal.
    Refused {
        /// Its status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// Who was asked did not do it.
    Failed {
        /// Why.
        reason: String,
    },
    /// The answer is not what the interface promises.
    Answer {
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, .. } => write!(f, "{address} cannot be reached"),
            Self::TimedOut { address } => write!(f, "{address} did not answer within {TIMEOUT:?}"),
            Self::Refused { status, text } => write!(f, "refused with status {status}: {text}"),
            Self::Failed { reason } => f.write_str(reason),
            Self::Answer { reason } => write!(f, "the answer cannot be understood: {reason}"),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreachable { source, .. } => Some(source),
            Self::TimedOut { .. } | Self::Refused { .. } | Self::Failed { .. } | Self::Answer { .. } => None,
        }
    }
}

/// What the names of a run's toxics begin with, so that they are known on somebody's proxy.
pub(crate) const TOXIC_PREFIX: &str = "loadlab-";

/// What a server says of what was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// So much.
    Touched(Touched),
    /// It counts, and does not know that proxy or toxic (any more).
    Unknown,
    /// It does not count, as the original does not.
    ByNobody,
}

/// A server that speaks Toxiproxy's HTTP interface, ours or the original.
#[derive(Debug, Clone)]
pub struct Toxiproxy {
    /// `host:port`.
    address: String,
}

impl Toxiproxy {
    /// The server at `host:port`.
    pub fn at(address: impl Into<String>) -> Self {
        Self { address: address.into() }
    }

    /// The names of its proxies.
    pub async fn names(&self) -> Result<Vec<String>, CallError> {
        let all = self.call(Method::GET, "/proxies", None).await?;
        Ok(all.as_object().into_iter().flat_map(|all| all.keys().cloned()).collect())
    }

    /// Makes a proxy that listens on any free loopback port of the server, and gives its address.
    pub async fn create(&self, name: &str, upstream: &str) -> Result<String, CallError> {
        let body = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream });
        listen_of(&self.call(Method::POST, "/proxies", Some(&body)).await?)
    }

    /// Lets a proxy lead to another upstream. Its connections end; it listens where it did.
    pub async fn lead_to(&self, name: &str, upstream: &str) -> Result<String, CallError> {
        let body = json!({ "upstream": upstream });
        listen_of(&self.call(Method::POST, &format!("/proxies/{}", encoded(name)), Some(&body)).await?)
    }

    /// Deletes a proxy. One that is gone already is deleted.
    pub async fn delete(&self, name: &str) -> Result<(), CallError> {
        gone(self.call(Method::DELETE, &format!("/proxies/{}", encoded(name)), None).await)
    }

    /// Removes the run's toxics from a proxy, and lets connections through it.
    pub async fn release(&self, proxy: &str) -> Result<(), CallError> {
        let toxics = self.call(Method::GET, &format!("/proxies/{}/toxics", encoded(proxy)), None).await?;
        let names = toxics.as_array().into_iter().flatten().filter_map(|toxic| toxic["name"].as_str());
        for name in names.filter(|name| name.starts_with(TOXIC_PREFIX)) {
            self.remove(proxy, name).await?;
        }
        self.enable(proxy, true).await
    }

    /// Adds a toxic to a proxy. Ours removes it by itself after `longest` (scenario time); the
    /// original ignores that.
    pub async fn add(
        &self,
        proxy: &str,
        name: &str,
        toxic: &Toxic,
        longest: Duration,
    ) -> Result<(), CallError> {
        let body = json!({
            "name": name,
            "type": toxic.kind,
            "stream": toxic.stream,
            "toxicity": toxic.toxicity.get(),
            "attributes": toxic.attributes,
            "ttl": u64::try_from(longest.as_millis()).unwrap_or(u64::MAX),
        });
        self.call(Method::POST, &format!("/proxies/{}/toxics", encoded(proxy)), Some(&body)).await.map(drop)
    }

    /// Changes a toxic's attributes. It keeps its connections, its counters and its time to live.
    pub async fn change(&self, proxy: &str, name: &str, toxic: &Toxic) -> Result<(), CallError> {
        let body = json!({ "attributes": toxic.attributes });
        self.call(Method::POST, &format!("/proxies/{proxy}/toxics/{name}"), Some(&body)).await.map(drop)
    }

    /// Removes a toxic. One that is gone already is removed.
    pub async fn remove(&self, proxy: &str, toxic: &str) -> Result<(), CallError> {
        let path = format!("/proxies/{}/toxics/{}", encoded(proxy), encoded(toxic));
        gone(self.call(Method::DELETE, &path, None).await)
    }

    /// Lets connections through, or refuses them and ends those that there are.
    pub async fn enable(&self, proxy: &str, enabled: bool) -> Result<(), CallError> {
        let body = json!({ "enabled": enabled });
        self.call(Method::POST, &format!("/proxies/{}", encoded(proxy)), Some(&body)).await.map(drop)
    }

    /// Removes every toxic and enables every proxy.
    pub async fn reset(&self) -> Result<(), CallError> {
        self.call(Method::POST, "/reset", None).await.map(drop)
    }

    /// What a toxic has touched, or, without a toxic, the connections that are open through a proxy.
    pub async fn touched(&self, proxy: &str, toxic: Option<&str>) -> Result<Counted, CallError> {
        let stats = match self.call(Method::GET, "/stats", None).await {
            Ok(stats) => stats,
            Err(CallError::Refused { status: 404, .. }) => return Ok(Counted::ByNobody),
            Err(error) => return Err(error),
        };
        let named = |list: &Value, name: &str| {
            list.as_array().and_then(|all| all.iter().find(|one| one["name"] == name)).cloned()
        };
        let of_proxy = named(&stats, proxy);
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let touched = match toxic {
            None => of_proxy.map(|proxy| Touched {
                connections: number(&proxy["connections"]["open"]),
                ..Touched::default()
            }),
            Some(toxic) => of_proxy.and_then(|proxy| named(&proxy["toxics"], toxic)).map(|toxic| Touched {
                connections: number(&toxic["touched"]["connections"]),
                bytes: number(&toxic["touched"]["bytes"]),
                requests: number(&toxic["touched"]["requests"]),
                ..Touched::default()
            }),
        };
        Ok(touched.map_or(Counted::Unknown, Counted::Touched))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CallError> {
        call(&self.address, method, path, body).await
    }
}

/// Where a proxy listens.
fn listen_of(proxy: &Value) -> Result<String, CallError> {
    let listen = proxy["listen"].as_str().map(str::to_owned);
    listen.ok_or_else(|| CallError::Answer { reason: "the proxy does not say where it listens".to_owned() })
}

/// What is gone already is gone.
fn gone(answer: Result<Value, CallError>) -> Result<(), CallError> {
    match answer {
        Ok(_) | Err(CallError::Refused { status: 404, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A name as a part of a path, percent-encoded as RFC 3986 has it.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            // Nothing can go wrong when a string is written.
            other => drop(write!(text, "%{other:02X}")),
        }
    }
    text
}

/// A stand-in's settings as they are, at its admin address `host:port`.
pub(crate) async fn settings(address: &str) -> Result<Value, CallError> {
    call(address, Method::GET, "/admin/settings", None).await
}

/// Changes some of a stand-in's settings.
pub(crate) async fn change_settings(address: &str, patch: &Value) -> Result<(), CallError> {
    call(address, Method::PATCH, "/admin/settings", Some(patch)).await.map(drop)
}

/// Asks a role for something by a POST.
pub(crate) async fn post(address: &str, path: &str, body: &Value) -> Result<(), CallError> {
    call(address, Method::POST, path, Some(body)).await.map(drop)
}

/// One call; an empty answer is null.
async fn call(address: &str, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CallError> {
    let answer = Sleeper::shared().timeout(Instant::now() + TIMEOUT, exchange(address, method, path, body));
    let (status, bytes) = answer.await.map_err(|_| CallError::TimedOut { address: address.to_owned() })??;
    if !status.is_success() {
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        return Err(CallError::Refused { status: status.as_u16(), text });
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|error| CallError::Answer { reason: error.to_string() })
}

async fn exchange(
    address: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(StatusCode, Bytes), CallError> {
    let unreachable = |source: io::Error| CallError::Unreachable { address: address.to_owned(), source };
    let broken = |error: hyper::Error| unreachable(io::Error::other(error));
    let stream = TcpStream::connect(address).await.map_err(unreachable)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let text = body.map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, address)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| CallError::Answer { reason: error.to_string() })?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
    connection.abort();
    let body = body.map_err(|error| CallError::Answer { reason: error.to_string() })?;
    Ok((status, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_of_a_path_whatever_is_in_them() {
        assert_eq!(encoded("service-0.redis"), "service-0.redis");
        assert_eq!(encoded("my db/Ü"), "my%20db%2F%C3%9C");
    }
}
