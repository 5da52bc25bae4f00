//! The vocabulary of these tests: a proxy with its API, servers with a script, a plain HTTP client.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_chaos::proxy::{self, Options, Proxies, ProxySpec};
use loadlab_clock::{RunClock, Seed, Sleeper, Speed};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Longer than anything here takes on the busiest machine; what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A registry with its API on a free port.
pub(crate) struct Rig {
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) api: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// It is an error as Toxiproxy sends it, byte for byte.
    pub(crate) fn expect_error(&self, status: u16, text: &str) {
        let body = format!("{{\"error\":{},\"status\":{status}}}\n", Value::from(text));
        assert_eq!((self.status, self.body.as_str()), (status, body.as_str()));
        assert_eq!(self.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(self.header("x-toxiproxy-request-id").len(), 20);
    }

    /// It is JSON of this text.
    pub(crate) fn expect_json(&self, status: u16, text: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, text));
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("x-toxiproxy-request-id").len(), 20);
    }

    /// It has no body.
    pub(crate) fn expect_empty(&self, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, ""));
    }
}

pub(crate) async fn rig() -> Rig {
    rig_with(Options::default()).await
}

pub(crate) async fn rig_at(speed: f64, number: u64) -> Rig {
    let clock = RunClock::start(Speed::try_new(speed).expect("a speed"));
    rig_with(Options { clock, seed: Seed::new(number), ..Options::default() }).await
}

pub(crate) async fn rig_with(options: Options) -> Rig {
    let proxies = Proxies::new(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let api = listener.local_addr().expect("bound");
    let registry = Arc::clone(&proxies);
    let serving = tokio::spawn(async move {
        proxy::api::serve(listener, registry, std::future::pending()).await.expect("it serves");
    });
    Rig { proxies, api, serving }
}

impl Rig {
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        self.call_with(method, path, "", body.as_bytes()).await
    }

    /// One request on a connection of its own. `headers` are whole lines.
    pub(crate) async fn call_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        let exchange = async {
            let mut socket = TcpStream::connect(self.api).await?;
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(body).await?;
            let mut all = Vec::new();
            socket.read_to_end(&mut all).await?;
            io::Result::Ok(all)
        };
        let all = within(PATIENCE, exchange).await.expect("an exchange");
        parsed(&all)
    }

    /// A proxy in front of `upstream`; gives its address.
    pub(crate) fn proxy(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let view = self.proxies.create(&ProxySpec::new(name, upstream.to_string())).expect("a proxy");
        view.listen.parse().expect("an address")
    }

    pub(crate) async fn expect_toxic(&self, proxy: &str, body: &str) {
        let reply = self.call("POST", &format!("/proxies/{proxy}/toxics"), body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Waits until `holds` of the stats of the only proxy.
    pub(crate) async fn until(&self, holds: impl Fn(&proxy::ProxyStats) -> bool) -> proxy::ProxyStats {
        let start = Instant::now();
        loop {
            let stats = self.proxies.stats().remove(0);
            if holds(&stats) {
                return stats;
            }
            assert!(start.elapsed() < PATIENCE, "never came: {stats:?}");
            Sleeper::shared().sleep(Duration::from_millis(2)).await;
        }
    }
}

fn parsed(all: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(all);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no reply: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let header =
        |line: &str| line.split_once(": ").map(|(name, text)| (name.to_lowercase(), text.to_owned()));
    Reply {
        status: status.expect("a status"),
        headers: lines.filter_map(header).collect(),
        body: body.to_owned(),
    }
}

/// What `future` gives, which must come in time.
pub(crate) async fn within<F: Future>(patience: Duration, future: F) -> F::Output {
    let deadline = Instant::now() + patience;
    Sleeper::shared().timeout(deadline, future).await.expect("in time")
}

/// A server that runs `script` for each connection.
pub(crate) async fn server<F>(script: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("there are files left for a server");
            stream.set_nodelay(true).expect("nodelay");
            tokio::spawn(script(stream));
        }
    });
    address
}

/// Sends back what it gets.
pub(crate) async fn echo_server() -> SocketAddr {
    server(|mut stream| async move {
        let (mut from, mut to) = stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    })
    .await
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = within(PATIENCE, TcpStream::connect(address)).await.expect("a connection");
    stream.set_nodelay(true).expect("nodelay");
    stream
}

/// Sends and gets back; how long it took.
pub(crate) async fn echo(stream: &mut TcpStream, data: &[u8]) -> io::Result<Duration> {
    let start = Instant::now();
    let mut back = vec![0; data.len()];
    within(PATIENCE, async {
        stream.write_all(data).await?;
        stream.read_exact(&mut back).await
    })
    .await?;
    assert_eq!(back, data);
    Ok(start.elapsed())
}

/// How the stream ends for its reader: the bytes until then, or the error.
pub(crate) async fn end_of(stream: &mut TcpStream) -> Result<usize, io::ErrorKind> {
    let mut all = Vec::new();
    let read = within(PATIENCE, stream.read_to_end(&mut all)).await;
    read.map_err(|error| error.kind())
}
