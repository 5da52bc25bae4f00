//! `loadlab proxy`: the fault proxy alone, until a signal; and `loadlab proxy reset`, which heals a
//! running one.
//!
//! ```text
//!   control port claimed ──> config checked ──> proxies listen ──> control listens ──> signals
//!   (it does not listen)     (or exit 2)         (or exit 7)
//! ```

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use loadlab_chaos::{
    control::{CallError, Toxiproxy},
    proxy::{AddressError, BodyError, ControlError, FieldError, Linger, Options, Proxies, ProxyView, api},
};
use loadlab_clock::{Seed, Sleeper};
use loadlab_stack::raise_descriptor_limit;
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    cli::{ControlArgs, ProxyAction, ProxyArgs},
    exit::Exit,
    output,
    signals::Signals,
};

/// Connections that may wait to be accepted at the control port; what tokio takes by default.
const BACKLOG: u32 = 1024;
/// How long connections have to end in order; what is left ends with the process.
const SHUTDOWN: Duration = Duration::from_millis(100);
/// The toxics that a file may name, for its hint; a test makes one of each.
const TOXICS: &str = "the types are bandwidth, corrupt, latency, limit_data, noop, packet_loss, reset_peer,
        slicer, slow_close, timeout;
        with `protocol: http` also http_corrupt, http_drop, http_latency, http_reset, http_status,
        sse_corrupt, sse_cut, sse_stall;
        with `protocol: resp` also resp_error, resp_latency";
/// A file that is accepted, for the hint.
const ACCEPTED: &str = r#"accepted is a JSON list, as POST /populate takes it:
        [{"name": "db", "listen": "127.0.0.1:5433", "upstream": "127.0.0.1:5432",
          "toxics": [{"type": "latency", "attributes": {"latency": 100}}]}]"#;

/// Serves, or does what else is asked for.
pub(crate) fn execute(arguments: &ProxyArgs) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(Exit::Internal, &format!("no runtime: {error}"), None),
    };
    let done = match &arguments.action {
        Some(ProxyAction::Reset(control)) => runtime.block_on(reset(control)),
        None => serve(runtime, arguments),
    };
    done.unwrap_or_else(|failure| output::fail(failure.exit(), &failure.to_string(), failure.hint()))
}

/// Why there is no proxy, or why it was not reset.
#[derive(Debug)]
enum Failure {
    /// The system does not let signals be heard.
    Signals { source: io::Error },
    /// The host of the control interface is not known.
    Host { host: String, source: io::Error },
    /// It is not of this machine alone.
    NotLoopback { address: SocketAddr },
    /// The control port cannot be had.
    Control { address: SocketAddr, source: io::Error },
    /// The file cannot be read.
    Unreadable { path: PathBuf, source: io::Error },
    /// The file is wrong, or what it asks for cannot be had.
    Config { path: PathBuf, source: ControlError },
    /// Accepting ended.
    Lost { source: io::Error },
    /// Nobody answers where a running proxy was expected.
    NotRunning { address: String, source: CallError },
    /// Somebody answers, and it was not reset.
    NotReset { address: String, source: CallError },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signals { source } => write!(f, "signals: {source}"),
            Self::Host { host, source } => write!(f, "--host {host}: {source}"),
            Self::NotLoopback { address } => {
                write!(f, "--host {}: not an address of this machine alone", address.ip())
            }
            Self::Control { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "the control port is taken: something listens at {address} already")
            }
            Self::Control { address, source } => write!(f, "the control port {address}: {source}"),
            Self::Unreadable { path, source } => write!(f, "{} cannot be read: {source}", path.display()),
            Self::Config { path, source } => write!(f, "{}: {}", path.display(), mistake(source)),
            Self::Lost { source } => write!(f, "the control interface is gone: {source}"),
            Self::NotRunning { address, source: CallError::Unreachable { source, .. } } => {
                write!(f, "no proxy answers at {address}: {source}")
            }
            Self::NotRunning { source, .. } => write!(f, "no proxy answers: {source}"),
            Self::NotReset { address, source } => write!(f, "{address} was not reset: {source}"),
        }
    }
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Signals { .. } | Self::Lost { .. } => Exit::Internal,
            Self::Config { source: ControlError::Bind { .. }, .. }
            | Self::Control { .. }
            | Self::NotRunning { .. }
            | Self::NotReset { .. } => Exit::Target,
            Self::Host { .. } | Self::NotLoopback { .. } | Self::Unreadable { .. } | Self::Config { .. } => {
                Exit::Invalid
            }
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotLoopback { .. } => Some("--any-interface allows it"),
            Self::Control { .. } => Some(
                "another `loadlab proxy` or Toxiproxy may run; --port N takes another port, 0 a free one",
            ),
            Self::Unreadable { .. } => Some(ACCEPTED),
            Self::Config { source, .. } => Some(config_hint(source)),
            Self::NotRunning { .. } => {
                Some("`loadlab proxy` starts one; --host and --port say where a running one is controlled")
            }
            Self::NotReset { .. } => Some("what serves there may be no fault proxy; --port names another"),
            Self::Signals { .. } | Self::Host { .. } | Self::Lost { .. } => None,
        }
    }
}

/// What is wrong with a file, for its author; the API's own texts are for clients.
fn mistake(error: &ControlError) -> String {
    match error {
        ControlError::Entry { number, source } => format!("proxy {number}: {}", mistake(source)),
        ControlError::MissingField { field } => format!("`{field}` is missing"),
        ControlError::Body(BodyError::Empty) => "it is empty".to_owned(),
        ControlError::Body(BodyError::Truncated) => "it ends in the middle".to_owned(),
        ControlError::Body(BodyError::Syntax { problem }) => format!("it is not JSON: {problem}"),
        ControlError::Body(BodyError::Root { found, wanted }) => {
            format!("{wanted} is expected, found {found}")
        }
        ControlError::Body(BodyError::Field(FieldError::Type { field, found, wanted })) => {
            format!("`{field}` takes {wanted}, found {found}")
        }
        ControlError::Body(BodyError::Field(error)) => error.to_string(),
        other => other.to_string(),
    }
}

fn config_hint(error: &ControlError) -> &'static str {
    match error {
        ControlError::Entry { source, .. } => config_hint(source),
        ControlError::InvalidToxicType => TOXICS,
        ControlError::Address(AddressError::NotLoopback { .. }) => "--any-interface allows it",
        ControlError::Bind { .. } => "end what listens there, or give the proxy another `listen`",
        _ => ACCEPTED,
    }
}

fn serve(runtime: Runtime, arguments: &ProxyArgs) -> Result<Exit, Failure> {
    // Each connection through a proxy takes two; beyond the limit connections wait.
    raise_descriptor_limit();
    let done = runtime.block_on(async {
        // From here on no signal ends the process unheard.
        let signals = Signals::listen().map_err(|source| Failure::Signals { source })?;
        let hangup = signal(SignalKind::hangup()).map_err(|source| Failure::Signals { source })?;
        let serving = start(arguments).await?;
        let lease = arguments.lease.then_some(arguments.linger);
        hold(serving, signals, hangup, lease).await
    });
    runtime.shutdown_timeout(SHUTDOWN);
    done
}

/// Proxies, and the control interface that nobody serves yet.
struct Started {
    proxies: Arc<Proxies>,
    listener: TcpListener,
}

/// Starts all, and says where it is.
async fn start(arguments: &ProxyArgs) -> Result<Started, Failure> {
    let config = arguments.config.as_deref().map(read).transpose()?;
    let address = control_address(&arguments.control, arguments.any_interface).await?;
    let taken = |source| Failure::Control { address, source };
    let claim = claim(address).map_err(taken)?;
    let proxies = Proxies::new(Options {
        seed: Seed::new(arguments.seed),
        any_interface: arguments.any_interface,
        metrics: arguments.proxy_metrics,
        ..Options::default()
    });
    let made = match config {
        None => Vec::new(),
        Some((path, text)) => {
            let wrong = |source| Failure::Config { path: path.to_owned(), source };
            proxies.populate_json(&text).map_err(wrong)?
        }
    };
    let listener = claim.listen(BACKLOG).map_err(taken)?;
    output::result(&format!("control      http://{}", listener.local_addr().map_err(taken)?));
    for proxy in &made {
        output::result(&line(proxy));
    }
    output::say("Ctrl-C ends it");
    Ok(Started { proxies, listener })
}

fn line(proxy: &ProxyView) -> String {
    let disabled = if proxy.enabled { "" } else { " (disabled)" };
    format!("proxy        {} {} -> {}{disabled}", proxy.name, proxy.listen, proxy.upstream)
}

fn read(path: &Path) -> Result<(&Path, Vec<u8>), Failure> {
    let text = std::fs::read(path);
    text.map(|text| (path, text)).map_err(|source| Failure::Unreadable { path: path.to_owned(), source })
}

/// The address that is meant, if it may be listened at.
async fn control_address(control: &ControlArgs, any_interface: bool) -> Result<SocketAddr, Failure> {
    let unknown = |source| Failure::Host { host: control.host.clone(), source };
    let host = bare(&control.host);
    let mut found = tokio::net::lookup_host((host, control.port)).await.map_err(unknown)?;
    let address = found.next().ok_or_else(|| unknown(io::Error::from(io::ErrorKind::NotFound)))?;
    if any_interface || address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(Failure::NotLoopback { address })
    }
}

/// A host without the brackets that an IPv6 address has in a URL.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Takes the port without listening, so that a taken one is told before any proxy listens, and a
/// wrong file before anything does.
fn claim(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves until a signal, or the end of the lease. Listeners and connections end when `started` is
/// dropped, here.
async fn hold(
    started: Started,
    mut signals: Signals,
    mut hangup: Signal,
    lease: Option<Duration>,
) -> Result<Exit, Failure> {
    let Started { proxies, listener } = started;
    let leased = leased(&proxies, lease);
    tokio::pin!(leased);
    let serving = api::serve(listener, Arc::clone(&proxies), std::future::pending());
    tokio::pin!(serving);
    loop {
        tokio::select! {
            signal = signals.next() => return Ok(Exit::Signal(signal)),
            () = &mut leased => return Ok(Exit::Pass),
            // A name may have to be looked up, and the next signal does not wait for that.
            _ = hangup.recv() => drop(tokio::task::spawn_blocking({
                let proxies = Arc::clone(&proxies);
                move || reset_here(&proxies)
            })),
            ended = &mut serving => {
                let source = ended.err().unwrap_or_else(|| io::Error::other("it ended"));
                return Err(Failure::Lost { source });
            }
        }
    }
}

/// Ends with the lease: heals at once, then stays until nobody was connected for a while.
async fn leased(proxies: &Proxies, linger: Option<Duration>) {
    let Some(linger) = linger else { return std::future::pending().await };
    end_of_input().await;
    reset_here(proxies);
    let mut linger = Linger::begin(linger);
    while linger.goes_on(proxies.open_connections()) {
        Sleeper::shared().sleep(Linger::LOOK).await;
    }
}

/// Waits until standard input ends. What comes before is of no interest; an error is an end. A thread
/// reads, since a runtime that ends would wait for a read of its own.
async fn end_of_input() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        // Nobody waits any more when the program ends.
        let _ = ended.send(());
    });
    drop(end.await);
}

fn reset_here(proxies: &Proxies) {
    match proxies.reset() {
        Ok(()) => output::say("reset: all toxics are removed, all proxies enabled"),
        Err(error) => {
            output::say(&format!("reset: all toxics are removed, not every proxy enabled: {error}"));
        }
    }
}

async fn reset(control: &ControlArgs) -> Result<Exit, Failure> {
    let host = bare(&control.host);
    let address = if host.contains(':') {
        format!("[{host}]:{}", control.port)
    } else {
        format!("{host}:{}", control.port)
    };
    match Toxiproxy::at(&address).reset().await {
        Ok(()) => {
            output::result(&format!(
                "reset        http://{address}: all toxics removed, all proxies enabled"
            ));
            Ok(Exit::Pass)
        }
        Err(source @ (CallError::Unreachable { .. } | CallError::TimedOut { .. })) => {
            Err(Failure::NotRunning { address, source })
        }
        Err(source) => Err(Failure::NotReset { address, source }),
    }
}
