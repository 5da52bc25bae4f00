//! What the proxy costs: one request and one reply at a time on some connections, straight to the
//! server and through the proxy, which runs in a process of its own so that its CPU time can be
//! told from the rest.
//!
//! ```text
//!   cargo run --release -p loadlab-chaos --example cost -- [connections] [seconds]
//! ```
//!
//! Prints one JSON object with, for `direct`, `proxy` and `latency_toxic` (a latency of 0 ms, so
//! that its machinery is measured and not its delay): requests per second, the proxy's CPU in µs
//! for each request, and the 50th and 99th percentile of the exchange in µs. The three take turns
//! within the time, so that a drift of the machine falls on all of them.

use std::{
    error::Error,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use loadlab_chaos::proxy::{Direction, Options, Proxies, ProxySpec, ToxicSpec};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

/// Bytes of a request and of a reply: a small command and its answer.
const MESSAGE_BYTES: usize = 64;
/// Turns that each of the three has.
const TURNS: u32 = 4;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, upstream] = &arguments[..]
        && role == "proxy"
    {
        return serve_proxies(upstream);
    }
    let number =
        |index: usize, default: u64| arguments.get(index).map_or(Ok(default), |text| text.parse::<u64>());
    let (connections, seconds) = (number(0, 32)? as usize, number(1, 6)?);
    let upstream = echo_server()?;
    let mut proxy = ProxyProcess::start(upstream)?;
    let sides = [("direct", upstream), ("proxy", proxy.plain), ("latency_toxic", proxy.delayed)];
    let turn = Duration::from_secs(seconds) / (TURNS * sides.len() as u32);
    let mut measured = [Measured::default(), Measured::default(), Measured::default()];
    for _ in 0..TURNS {
        for ((_, address), sum) in sides.iter().zip(&mut measured) {
            let before = proxy.cpu_us()?;
            let (took, exchanges) = exchange(*address, connections, turn)?;
            sum.cpu_us += proxy.cpu_us()? - before;
            sum.seconds += took.as_secs_f64();
            sum.exchanges_us.extend(exchanges);
        }
    }
    let mut all = serde_json::Map::new();
    for ((name, _), measured) in sides.iter().zip(measured) {
        all.insert((*name).to_owned(), measured.into_json());
    }
    writeln!(std::io::stdout(), "{}", Value::Object(all))?;
    Ok(())
}

#[derive(Default)]
struct Measured {
    seconds: f64,
    cpu_us: u64,
    exchanges_us: Vec<u32>,
}

impl Measured {
    fn into_json(mut self) -> Value {
        self.exchanges_us.sort_unstable();
        let count = self.exchanges_us.len();
        let percentile = |share: f64| self.exchanges_us.get((count as f64 * share) as usize).copied();
        json!({
            "requests_per_second": count as f64 / self.seconds,
            "proxy_cpu_us_per_request": self.cpu_us as f64 / count.max(1) as f64,
            "p50_us": percentile(0.5),
            "p99_us": percentile(0.99),
        })
    }
}

/// Exchanges messages on all connections for a time: how long it was, and what each exchange took.
fn exchange(
    address: SocketAddr,
    connections: usize,
    time: Duration,
) -> Result<(Duration, Vec<u32>), Failure> {
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    let one = || -> Result<Vec<u32>, Failure> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut message = [7; MESSAGE_BYTES];
        let mut took = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let sent = Instant::now();
            stream.write_all(&message)?;
            stream.read_exact(&mut message)?;
            took.push(sent.elapsed().as_micros() as u32);
        }
        Ok(took)
    };
    let all: Result<Vec<_>, Failure> = thread::scope(|scope| {
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")?).collect()
    });
    Ok((start.elapsed(), all?.concat()))
}

/// A thread for each connection: the server is not what is measured.
fn echo_server() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || echo(stream));
        }
    });
    Ok(address)
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut message = [0; MESSAGE_BYTES];
    loop {
        stream.read_exact(&mut message)?;
        stream.write_all(&message)?;
    }
}

/// The proxies in a process of their own.
struct ProxyProcess {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    plain: SocketAddr,
    delayed: SocketAddr,
}

impl ProxyProcess {
    fn start(upstream: SocketAddr) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["proxy", &upstream.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asks = child.stdin.take().ok_or("no stdin")?;
        let mut answers = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let mut line = || -> Result<SocketAddr, Failure> {
            let mut line = String::new();
            answers.read_line(&mut line)?;
            Ok(line.trim().parse()?)
        };
        let (plain, delayed) = (line()?, line()?);
        Ok(Self { child, asks, answers, plain, delayed })
    }

    /// CPU time of the process so far, user and system.
    fn cpu_us(&mut self) -> Result<u64, Failure> {
        writeln!(self.asks)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for ProxyProcess {
    fn drop(&mut self) {
        // It is gone already, or this ends it; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process: two proxies on one worker; a line in is answered with the CPU time so far.
fn serve_proxies(upstream: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _inside = runtime.enter();
    let proxies = Proxies::new(Options::default());
    let mut out = std::io::stdout();
    for name in ["plain", "delayed"] {
        let view = proxies.create(&ProxySpec::new(name, upstream))?;
        writeln!(out, "{}", view.listen)?;
    }
    let toxic = |direction| ToxicSpec::new("latency", direction, json!({ "latency": 0 }));
    for direction in Direction::ALL {
        proxies.add_toxic("delayed", &toxic(direction), None)?;
    }
    for line in std::io::stdin().lines() {
        line?;
        let used = getrusage(UsageWho::RUSAGE_SELF)?;
        let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
        writeln!(out, "{}", micros(used.user_time()) + micros(used.system_time()))?;
    }
    Ok(())
}
