//! Passing a request to an instance, and its answer back as it comes.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode, Uri, header, uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use loadlab_clock::{Sleeper, Speed};
use prometheus_client::metrics::gauge::Gauge;

use super::metrics::GatewayMetrics;
use crate::{
    metrics::Counted,
    profile::{Balance, Profile},
};

/// Longest request body that is passed on, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Names the arm of a caller whose users are split into `control` and `experiment`.
const ARM: HeaderName = HeaderName::from_static("x-loadlab-arm");
/// Headers that are about one connection and not passed on.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The instances and the connections to them.
pub(super) struct Proxy {
    client: Client<HttpConnector, Full<Bytes>>,
    instances: Vec<Upstream>,
    balance: Balance,
    turn: AtomicUsize,
    speed: Speed,
    timeout: Duration,
    metrics: Arc<GatewayMetrics>,
}

struct Upstream {
    authority: String,
    in_flight: Gauge,
}

/// Why there is no answer of an instance.
#[derive(Debug)]
pub(super) enum ProxyError {
    /// The request's body is too long or broke off.
    Body {
        /// What went wrong.
        reason: String,
    },
    /// No instance takes connections.
    Unreachable {
        /// The last one's reason.
        reason: String,
    },
    /// The instance took the request and closed the connection.
    BrokenOff {
        /// What the client says.
        reason: String,
    },
    /// No answer began within the HTTP time-out.
    TimedOut {
        /// The time-out, in scenario time.
        after: Duration,
    },
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body { reason } => write!(f, "the request's body cannot be read: {reason}"),
            Self::Unreachable { reason } => write!(f, "no instance can be reached: {reason}"),
            Self::BrokenOff { reason } => write!(f, "the instance broke off: {reason}"),
            Self::TimedOut { after } => write!(f, "no answer within {} s", after.as_secs_f64()),
        }
    }
}

impl std::error::Error for ProxyError {}

impl ProxyError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Body { .. } => StatusCode::BAD_REQUEST,
            Self::Unreachable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::BrokenOff { .. } => StatusCode::BAD_GATEWAY,
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What the caller is told.
    pub(super) fn outside(&self) -> &'static str {
        match self {
            Self::Body { .. } => "the request's body cannot be read",
            Self::Unreachable { .. } => "the service is not available",
            Self::BrokenOff { .. } => "the service broke off",
            Self::TimedOut { .. } => "the service did not answer in time",
        }
    }
}

impl Proxy {
    pub(super) fn new(
        profile: &Profile,
        instances: Vec<String>,
        speed: Speed,
        metrics: Arc<GatewayMetrics>,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // Where an instance is to notice slow readers, nothing on the way takes megabytes for them.
        connector.set_recv_buffer_size(profile.service.streams.socket.map(|size| size.bytes() as usize));
        let profile = &profile.gateway;
        connector.set_connect_timeout(Some(speed.real(profile.connect_timeout)));
        let upstream = |authority| Upstream { authority, in_flight: Gauge::default() };
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            instances: instances.into_iter().map(upstream).collect(),
            balance: profile.balance,
            turn: AtomicUsize::new(0),
            speed,
            timeout: profile.http_timeout,
            metrics,
        }
    }

    /// The answer of an instance; its body comes as the instance sends it.
    pub(super) async fn forward(&self, request: Request) -> Result<Response<ProxiedBody>, ProxyError> {
        let deadline = Instant::now() + self.speed.real(self.timeout);
        let gateway = Counted::one_more(&self.metrics.in_flight);
        let forwarded = self.in_order(request, gateway);
        Sleeper::shared()
            .timeout(deadline, forwarded)
            .await
            .unwrap_or(Err(ProxyError::TimedOut { after: self.timeout }))
    }

    /// Asks the instances in the order of preference until one takes the connection.
    async fn in_order(
        &self,
        request: Request,
        gateway: Counted,
    ) -> Result<Response<ProxiedBody>, ProxyError> {
        let (mut parts, body) = request.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| ProxyError::Body { reason: error.to_string() })?.to_bytes();
        strip(&mut parts.headers);
        let mut unreachable = String::new();
        for upstream in self.of_arm(&parts.headers).map_or_else(|| self.preferred(), |one| vec![one]) {
            let mut attempt = http::Request::new(Full::new(body.clone()));
            *attempt.method_mut() = parts.method.clone();
            *attempt.headers_mut() = parts.headers.clone();
            *attempt.uri_mut() = upstream.uri(&parts.uri)?;
            let instance = Counted::one_more(&upstream.in_flight);
            match self.client.request(attempt).await {
                Ok(response) => {
                    let (mut head, body) = response.into_parts();
                    strip(&mut head.headers);
                    return Ok(Response::from_parts(
                        head,
                        ProxiedBody { body, _counted: [gateway, instance] },
                    ));
                }
                Err(error) if error.is_connect() => unreachable = describe(&error),
                Err(error) => return Err(ProxyError::BrokenOff { reason: describe(&error) }),
            }
        }
        Err(ProxyError::Unreachable { reason: unreachable })
    }

    /// The instance of the caller's arm, if the caller has one: control has the first instance, the
    /// experiment the second. It is that one or none: a caller that went to the other instance when its
    /// own is gone would hide what the experiment does.
    fn of_arm(&self, headers: &HeaderMap) -> Option<&Upstream> {
        let place = match headers.get(&ARM)?.as_bytes() {
            b"control" => 0,
            b"experiment" => 1,
            _ => return None,
        };
        self.instances.get(place).filter(|_| self.instances.len() > 1)
    }

    fn preferred(&self) -> Vec<&Upstream> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.instances.len();
        let (before, after) = self.instances.split_at(first);
        let mut preferred: Vec<&Upstream> = after.iter().chain(before).collect();
        if self.balance == Balance::LeastInFlight {
            // A stable sort: equals stay in turn.
            preferred.sort_by_key(|upstream| upstream.in_flight.get());
        }
        preferred
    }
}

impl Upstream {
    fn uri(&self, asked: &Uri) -> Result<Uri, ProxyError> {
        let path = asked.path_and_query().map_or("/", uri::PathAndQuery::as_str);
        let built =
            Uri::builder().scheme("http").authority(self.authority.as_str()).path_and_query(path).build();
        built.map_err(|error| ProxyError::Unreachable { reason: error.to_string() })
    }
}

/// Without what is about one connection only, and without the caller's credentials: instances trust
/// the gateway.
fn strip(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(header::AUTHORIZATION);
    headers.remove(header::HOST);
}

fn describe(error: &hyper_util::client::legacy::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// An instance's body; the request is under way until it ends. Dropping it unread drops the
/// connection to the instance.
pub(super) struct ProxiedBody {
    body: Incoming,
    _counted: [Counted; 2],
}

impl HttpBody for ProxiedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
