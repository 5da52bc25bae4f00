//! The vocabulary of these tests: an edge with a proxy on it, and peers that say and expect bytes.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use loadlab_chaos::aware::{AwareEdge, Fault, Touched, http, resp};
use loadlab_clock::{Seed, Speed};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// Longest that anything expected may take. It is no claim: machines that run tests are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a connection was ended by the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

/// One side of a connection.
pub(crate) struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.expect("somebody listens"))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = self.stream.write_all(bytes.as_ref());
        timeout(PATIENCE, sending).await.expect("the other side reads").expect("a connection");
    }

    /// Reads more. Gives how the connection ended if it did.
    async fn more(&mut self) -> Option<End> {
        let mut chunk = vec![0; 64 * 1024];
        let waiting = timeout(PATIENCE, self.stream.read(&mut chunk)).await;
        let text = String::from_utf8_lossy(&self.read[self.read.len().saturating_sub(500)..]).into_owned();
        match waiting.unwrap_or_else(|_| panic!("nothing more after {text:?}")) {
            Ok(0) => Some(End::Closed),
            Ok(length) => {
                self.read.extend_from_slice(&chunk[..length]);
                None
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Some(End::Reset),
            Err(error) => panic!("{error}"),
        }
    }

    /// The next `length` bytes.
    pub(crate) async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            if let Some(end) = self.more().await {
                panic!("{end:?} after {:?}", String::from_utf8_lossy(&self.read));
            }
        }
        self.read.drain(..length).collect()
    }

    /// The next bytes are these.
    pub(crate) async fn expect(&mut self, text: impl AsRef<[u8]>) {
        let expected = String::from_utf8_lossy(text.as_ref()).into_owned();
        let taken = self.take(text.as_ref().len()).await;
        assert_eq!(String::from_utf8_lossy(&taken), expected);
    }

    /// All up to and with `mark`.
    pub(crate) async fn until(&mut self, mark: &str) -> String {
        loop {
            let found = self.read.windows(mark.len()).position(|window| window == mark.as_bytes());
            if let Some(at) = found {
                return String::from_utf8(self.take(at + mark.len()).await).expect("text");
            }
            if let Some(end) = self.more().await {
                panic!("{end:?} before {mark:?}, after {:?}", String::from_utf8_lossy(&self.read));
            }
        }
    }

    /// The head of a request or reply.
    pub(crate) async fn head(&mut self) -> Head {
        Head(self.until("\r\n\r\n").await)
    }

    /// All that still comes, and how it ends.
    pub(crate) async fn end(&mut self) -> (String, End) {
        loop {
            if let Some(end) = self.more().await {
                return (String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned(), end);
            }
        }
    }

    /// Whether nothing was sent so far. It is asked after something that shows that what could have
    /// come would have come.
    pub(crate) fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        let peeked = self.stream.try_read(&mut byte);
        self.read.is_empty() && matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("a connection");
    }

    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("a socket");
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}

/// A head: its first line, and lines whose order says nothing.
#[derive(Debug)]
pub(crate) struct Head(String);

impl Head {
    pub(crate) fn first(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// The value of a header.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The status of a reply.
    pub(crate) fn status(&self) -> u16 {
        self.first().split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// What `Content-Length` says.
    pub(crate) fn length(&self) -> usize {
        self.value("content-length").and_then(|length| length.parse().ok()).expect("a length")
    }

    /// All lines in order of the alphabet.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.0.lines().filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        lines
    }
}

/// The upstream: a port that tests accept from.
pub(crate) struct Upstream(TcpListener);

impl Upstream {
    pub(crate) async fn start() -> Self {
        Self(bind().await)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }

    pub(crate) async fn accept(&self) -> Peer {
        Peer::new(timeout(PATIENCE, self.0.accept()).await.expect("somebody connects").expect("a client").0)
    }

    /// Answers every request that has no body with 200, its path as body.
    pub(crate) fn echo_paths(self) {
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.0.accept().await {
                tokio::spawn(echo_paths(stream));
            }
        });
    }

    /// Answers every command, which must be an array of one or two short strings, with `+OK`.
    pub(crate) fn say_ok(self) {
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = self.0.accept().await {
                stream.set_nodelay(true).expect("a socket");
                tokio::spawn(async move {
                    let mut chunk = vec![0; 64 * 1024];
                    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                        let commands = chunk[..length].split(|byte| *byte == b'*').count() - 1;
                        if stream.write_all("+OK\r\n".repeat(commands).as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
    }
}

async fn echo_paths(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        read.extend_from_slice(&chunk[..length]);
        while let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = read.drain(..end + 4).collect();
            let path = String::from_utf8(head).expect("text").split(' ').nth(1).expect("a path").to_owned();
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// An edge with its proxy.
pub(crate) struct Stage {
    pub(crate) edge: Arc<AwareEdge>,
    pub(crate) address: SocketAddr,
    endings: mpsc::UnboundedReceiver<http::Ending>,
}

/// Seed of the tests that do not choose one.
const SEED: u64 = 42;

impl Stage {
    pub(crate) async fn http(upstream: SocketAddr) -> Self {
        Self::http_with(upstream, SEED, Speed::REAL).await
    }

    pub(crate) async fn http_with(upstream: SocketAddr, seed: u64, pace: Speed) -> Self {
        let edge = AwareEdge::new("gateway/service", Seed::new(seed), pace);
        let listener = bind().await;
        let address = listener.local_addr().expect("an address");
        let (sender, endings) = mpsc::unbounded_channel();
        let serving = Arc::clone(&edge);
        tokio::spawn(async move {
            for connection in 1.. {
                let (client, _) = listener.accept().await.expect("a client");
                client.set_nodelay(true).expect("a socket");
                let session = serving.session(connection);
                let sender = sender.clone();
                tokio::spawn(async move {
                    let ending = http::serve(client, move || dial(upstream), session).await;
                    let _ = sender.send(ending);
                });
            }
        });
        Self { edge, address, endings }
    }

    pub(crate) async fn resp(upstream: SocketAddr) -> Self {
        Self::resp_with(upstream, SEED, Speed::REAL).await
    }

    pub(crate) async fn resp_with(upstream: SocketAddr, seed: u64, pace: Speed) -> Self {
        let edge = AwareEdge::new("service/redis", Seed::new(seed), pace);
        let listener = bind().await;
        let address = listener.local_addr().expect("an address");
        let serving = Arc::clone(&edge);
        let (_, endings) = mpsc::unbounded_channel();
        let connections = AtomicU64::new(0);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                client.set_nodelay(true).expect("a socket");
                let session = serving.session(connections.fetch_add(1, Relaxed) + 1);
                tokio::spawn(async move {
                    if let Ok(server) = dial(upstream).await {
                        let _ = resp::serve(client, server, session).await;
                    }
                });
            }
        });
        Self { edge, address, endings }
    }

    pub(crate) async fn client(&self) -> Peer {
        Peer::connect(self.address).await
    }

    /// How the next connection of an HTTP edge ended.
    pub(crate) async fn ending(&mut self) -> http::Ending {
        timeout(PATIENCE, self.endings.recv()).await.expect("a connection ends").expect("a proxy")
    }

    /// Sets one fault, hitting all requests that it selects.
    pub(crate) fn fault(&self, kind: &str, attributes: &Value) -> Arc<Touched> {
        self.fault_share(kind, 1.0, attributes)
    }

    pub(crate) fn fault_share(&self, kind: &str, share: f64, attributes: &Value) -> Arc<Touched> {
        self.edge.set_faults(vec![Fault::parse(kind, kind, share, attributes).expect("a fault")]);
        Arc::clone(&self.edge.faults()[0].touched)
    }

    pub(crate) fn heal(&self) {
        self.edge.set_faults(Vec::new());
    }
}

/// A port that nobody else has.
pub(crate) async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

async fn dial(upstream: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What a fault touched: connections, requests, events, bytes.
pub(crate) fn touched(touched: &Touched) -> (u64, u64, u64, u64) {
    (touched.connections(), touched.requests(), touched.events(), touched.bytes())
}
