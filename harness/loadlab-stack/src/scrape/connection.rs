//! One kept-alive HTTP connection to one endpoint, made anew when it breaks.

use std::{fmt, io};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, Uri,
    client::conn::http1::{SendRequest, handshake},
    header::{ACCEPT, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::AbortHandle};

/// Largest answer that is read, in bytes; the reference target's are some tens of thousands.
const BODY_MAX: usize = 16 * 1024 * 1024;
/// The formats that are understood.
const FORMATS: &str = "application/openmetrics-text; version=1.0.0, text/plain; version=0.0.4; q=0.5";

/// Why an endpoint could not be read.
#[derive(Debug)]
pub(super) enum FetchError {
    /// The URL is not `http://host:port/path`.
    Url { url: String },
    /// No connection.
    Connect { source: io::Error },
    /// The connection broke, or what came is no HTTP.
    Http { source: hyper::Error },
    /// Another status than 200.
    Status { status: u16 },
    /// The body broke off, is too long or is no text.
    Body { reason: String },
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url } => write!(f, "`{url}` is no address of an endpoint"),
            Self::Connect { source } => write!(f, "no connection: {source}"),
            Self::Http { source } => write!(f, "no answer: {source}"),
            Self::Status { status } => write!(f, "status {status}"),
            Self::Body { reason } => write!(f, "unreadable answer: {reason}"),
        }
    }
}

/// An endpoint, connected or not.
#[derive(Debug)]
pub(super) struct Connection {
    url: String,
    open: Option<Open>,
}

/// A connection and the task that moves its bytes, which ends with it.
#[derive(Debug)]
struct Open {
    sender: SendRequest<Empty<Bytes>>,
    driver: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// To be connected at the first request.
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), open: None }
    }

    /// Breaks it off.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// The endpoint's text. A connection that was kept alive may have been closed by the other side
    /// since; that is no failure of the endpoint, and it is tried once more on a new one.
    pub(super) async fn get(&mut self) -> Result<String, FetchError> {
        if let Some(open) = self.open.take() {
            match self.get_on(open).await {
                Err(FetchError::Http { .. }) => {}
                answered => return answered,
            }
        }
        let open = self.connect().await?;
        self.get_on(open).await
    }

    async fn connect(&self) -> Result<Open, FetchError> {
        let uri = self.uri()?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let stream = TcpStream::connect(authority).await.map_err(|source| FetchError::Connect { source })?;
        stream.set_nodelay(true).map_err(|source| FetchError::Connect { source })?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|source| FetchError::Http { source })?;
        // Its errors come back through the sender.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Open { sender, driver })
    }

    /// One request; the connection is kept if all of the answer came.
    async fn get_on(&mut self, mut open: Open) -> Result<String, FetchError> {
        let uri = self.uri()?;
        let http = |source| FetchError::Http { source };
        let body = |reason: String| FetchError::Body { reason };
        let request = Request::get(uri.path())
            .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
            .header(ACCEPT, FORMATS)
            .body(Empty::new())
            .map_err(|_| FetchError::Url { url: self.url.clone() })?;
        open.sender.ready().await.map_err(http)?;
        let answer = open.sender.send_request(request).await.map_err(http)?;
        let status = answer.status().as_u16();
        let bytes = Limited::new(answer.into_body(), BODY_MAX).collect().await;
        let bytes = bytes.map_err(|error| body(error.to_string()))?.to_bytes();
        self.open = Some(open);
        if status != 200 {
            return Err(FetchError::Status { status });
        }
        String::from_utf8(bytes.into()).map_err(|error| body(error.to_string()))
    }

    fn uri(&self) -> Result<Uri, FetchError> {
        let uri = self.url.parse::<Uri>().ok();
        let usable = |uri: &Uri| uri.scheme_str() == Some("http") && uri.port().is_some();
        uri.filter(usable).ok_or_else(|| FetchError::Url { url: self.url.clone() })
    }
}
