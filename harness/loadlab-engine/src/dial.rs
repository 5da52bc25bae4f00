//! Addresses and sockets: from `https://host:port/prefix` to a stream of bytes.
//!
//! The name is resolved once, before the run. Connections have TCP_NODELAY. A slow reader has a small
//! receive buffer and takes bytes from it at its own pace, so that the service feels it.

use std::{
    fmt,
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use http::{HeaderValue, Uri, uri::Scheme};
use loadlab_clock::{Sleep, Sleeper};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName},
    },
};

/// Receive buffer of a slow reader. Linux doubles it and has a minimum of 2,304 bytes (tcp(7)).
const SLOW_BUFFER_BYTES: u32 = 4_096;
/// A slow reader reads at most so often, a little each time.
const SLOW_READ_EVERY: Duration = Duration::from_millis(20);

/// A target that cannot be reached because of what it is called.
#[derive(Debug)]
pub enum DialError {
    /// The address is not `http://host[:port][/prefix]` or the same with `https`.
    Address {
        /// What was given.
        base: String,
    },
    /// The name has no address.
    Resolve {
        /// Host and port.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// TLS cannot be set up.
    Tls {
        /// Why.
        source: tokio_rustls::rustls::Error,
    },
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { base } => {
                write!(f, "`{base}` is not an address of the form http://host:port or https://host:port")
            }
            Self::Resolve { host, .. } => write!(f, "`{host}` cannot be resolved"),
            Self::Tls { .. } => f.write_str("TLS cannot be set up"),
        }
    }
}

impl std::error::Error for DialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address { .. } => None,
            Self::Resolve { source, .. } => Some(source),
            Self::Tls { source } => Some(source),
        }
    }
}

/// Where connections go.
pub(crate) struct Dialer {
    addresses: Vec<SocketAddr>,
    /// The address that answered last: a name may have an IPv6 address where nobody listens.
    preferred: AtomicUsize,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("addresses", &self.addresses)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// The parts of a base address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Empty, or `/prefix` without a slash at its end.
    pub(crate) prefix: String,
    /// `Host`: with the port if it is not the scheme's own.
    pub(crate) host_header: HeaderValue,
}

impl Base {
    pub(crate) fn parse(base: &str) -> Result<Self, DialError> {
        let fail = || DialError::Address { base: base.to_owned() };
        let uri: Uri = base.parse().map_err(|_| fail())?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(fail()),
        };
        let authority = uri.authority().ok_or_else(fail)?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(fail());
        }
        Ok(Self {
            tls,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            host_header: HeaderValue::from_str(authority.as_str()).map_err(|_| fail())?,
        })
    }
}

impl Dialer {
    /// Resolves the name, or that of the proxy `through` which it is reached, and sets up TLS, trusting
    /// the web's roots and `trusted`.
    pub(crate) async fn new(
        base: &Base,
        through: Option<&str>,
        trusted: &[CertificateDer<'static>],
    ) -> Result<Self, DialError> {
        let host = || through.map_or_else(|| format!("{}:{}", base.host, base.port), str::to_owned);
        let resolved = match through {
            Some(proxy) => tokio::net::lookup_host(proxy).await.map(Vec::from_iter),
            None => tokio::net::lookup_host((base.host.as_str(), base.port)).await.map(Vec::from_iter),
        };
        let addresses: Vec<SocketAddr> =
            resolved.map_err(|source| DialError::Resolve { host: host(), source })?;
        if addresses.is_empty() {
            let source = io::Error::new(io::ErrorKind::NotFound, "no address");
            return Err(DialError::Resolve { host: host(), source });
        }
        let tls = if base.tls { Some(connector(base, trusted)?) } else { None };
        Ok(Self { addresses, preferred: AtomicUsize::new(0), tls })
    }

    /// A new connection; `pace` makes it a slow reader's, in bytes per real second.
    pub(crate) async fn dial(&self, pace: Option<f64>) -> io::Result<Io> {
        let stream = self.connect(pace.is_some()).await?;
        stream.set_nodelay(true)?;
        let transport = match &self.tls {
            None => Transport::Plain(stream),
            Some((connector, name)) => {
                Transport::Tls(Box::new(connector.connect(name.clone(), stream).await?))
            }
        };
        Ok(Io { transport, pace: pace.map(Pace::new) })
    }

    /// The first of the addresses that answers.
    async fn connect(&self, slow: bool) -> io::Result<TcpStream> {
        let first = self.preferred.load(Relaxed);
        let count = self.addresses.len();
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for n in 0..count {
            let place = (first + n) % count;
            match connect(self.addresses[place], slow).await {
                Ok(stream) => {
                    if place != first {
                        self.preferred.store(place, Relaxed);
                    }
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

fn connector(
    base: &Base,
    trusted: &[CertificateDer<'static>],
) -> Result<(TlsConnector, ServerName<'static>), DialError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in trusted {
        roots.add(certificate.clone()).map_err(|source| DialError::Tls { source })?;
    }
    // The provider is named, because a process may hold two and then rustls refuses to choose.
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| DialError::Tls { source })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(base.host.clone());
    let name = name.map_err(|_| DialError::Address { base: base.host.clone() })?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

async fn connect(address: SocketAddr, slow: bool) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if slow {
        // Before the connection is made: the window is offered in its first packet.
        socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
    }
    socket.connect(address).await
}

/// A connection's bytes.
#[derive(Debug)]
pub(crate) struct Io {
    transport: Transport,
    pace: Option<Pace>,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How fast a slow reader may read.
#[derive(Debug)]
struct Pace {
    bytes_per_s: f64,
    /// When reading began: with the first byte that was there.
    since: Option<Instant>,
    read: f64,
    wait: Option<Sleep>,
}

impl Pace {
    fn new(bytes_per_s: f64) -> Self {
        Self { bytes_per_s, since: None, read: 0.0, wait: None }
    }

    /// How many bytes may be read now; at least one.
    fn poll_allowed(&mut self, context: &mut Context<'_>) -> Poll<usize> {
        if let Some(wait) = &mut self.wait {
            ready!(Pin::new(wait).poll(context));
            self.wait = None;
        }
        let Some(since) = self.since else { return Poll::Ready(1) };
        let now = Instant::now();
        let allowed = now.saturating_duration_since(since).as_secs_f64() * self.bytes_per_s - self.read;
        if allowed >= 1.0 {
            return Poll::Ready(allowed as usize);
        }
        let missing = Duration::from_secs_f64(((1.0 - allowed) / self.bytes_per_s).clamp(0.0, 3600.0));
        let mut wait = Sleeper::shared().until(now + missing.max(SLOW_READ_EVERY));
        // Registers the waker; it cannot be over yet.
        let over = Pin::new(&mut wait).poll(context).is_ready();
        self.wait = Some(wait);
        if over { self.poll_allowed(context) } else { Poll::Pending }
    }

    fn took(&mut self, bytes: usize) {
        self.since.get_or_insert_with(Instant::now);
        self.read += bytes as f64;
    }
}

impl Transport {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(pace) = &mut this.pace else { return this.transport.poll_read(context, buffer) };
        let allowed = ready!(pace.poll_allowed(context)).min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(allowed));
        ready!(this.transport.poll_read(context, &mut part))?;
        let bytes = part.filled().len();
        buffer.advance(bytes);
        pace.took(bytes);
        Poll::Ready(Ok(()))
    }
}

// No vectored writes: hyper then copies a small body behind its head, and one plain write sends both.
impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let base = Base::parse("https://example.com/api/").expect("an address");
        assert_eq!(
            (base.tls, base.host.as_str(), base.port, base.prefix.as_str()),
            (true, "example.com", 443, "/api")
        );
        let base = Base::parse("http://[::1]:8080").expect("an address");
        assert_eq!((base.tls, base.host.as_str(), base.port, base.prefix.as_str()), (false, "::1", 8080, ""));
        assert_eq!(base.host_header, "[::1]:8080");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for base in ["", "localhost:80", "ftp://host", "http://", "http://u:p@host", "http://host/?q=1"] {
            assert!(matches!(Base::parse(base), Err(DialError::Address { .. })), "{base}");
        }
    }
}
