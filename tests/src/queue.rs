//! A service of known capacity: requests wait for one of `c` servers, each of which takes an exponential
//! time (M/M/c, if they come by chance).
//!
//! ```text
//!   departure = max(arrival, earliest free server) + service        the reply goes out when the clock passes it
//! ```
//!
//! Departures are computed in virtual time, so a timer that is late delays one reply and never lowers the
//! capacity. A client that gave up has used its server all the same.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use loadlab_clock::{Seed, Sleeper};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// What ends a request that has no body.
const END: &[u8] = b"\r\n\r\n";
const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
/// Longest request.
const REQUEST_BYTES: usize = 4096;

/// The service. It ends with this value.
#[derive(Debug)]
pub struct Queue {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
struct Shared {
    servers: Mutex<Servers>,
    hangs: AtomicBool,
    asked: AtomicU64,
}

#[derive(Debug)]
struct Servers {
    /// When each is free, since the start.
    free: BinaryHeap<Reverse<Duration>>,
    began: Instant,
    mean: Duration,
    rng: ChaCha8Rng,
}

impl Servers {
    /// When a request that came at `now` leaves.
    fn departure(&mut self, now: Instant) -> Instant {
        let arrival = now.saturating_duration_since(self.began);
        let earliest = self.free.pop().map_or(arrival, |Reverse(free)| free);
        let even: f64 = self.rng.random();
        let service = self.mean.mul_f64(-(1.0 - even).ln());
        let departure = arrival.max(earliest) + service;
        self.free.push(Reverse(departure));
        self.began + departure
    }
}

impl Queue {
    /// Starts it on a free port of loopback, with so many servers.
    ///
    /// # Errors
    /// If there is no port or no thread.
    pub fn start(servers: usize, mean: Duration, seed: u64) -> io::Result<Self> {
        Self::at(0, servers, mean, seed)
    }

    /// The same on a port of one's choice.
    ///
    /// # Errors
    /// If the port is taken, or there is no thread.
    pub fn at(port: u16, servers: usize, mean: Duration, seed: u64) -> io::Result<Self> {
        let free = std::iter::repeat_n(Reverse(Duration::ZERO), servers).collect();
        let rng = Seed::new(seed).stream("service", 0, 0);
        let servers = Mutex::new(Servers { free, began: Instant::now(), mean, rng });
        let (hangs, asked) = (AtomicBool::new(false), AtomicU64::new(0));
        let shared = Arc::new(Shared { servers, hangs, asked });
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&shared);
        thread::Builder::new().name("queue".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, shared, stop: Some(stop) })
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nothing is answered any more.
    pub fn hang(&self) {
        self.shared.hangs.store(true, Ordering::SeqCst);
    }

    /// How many requests came.
    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// A scenario that loads it: so many arrivals per second for 5 s, of which 99 % have to be answered within
    /// the bound.
    pub fn scenario(&self, rate: u32, bound: Duration) -> String {
        format!(
            "title: A queue of known capacity\nquestion: Where does it break?\ntarget: {{ url: \"{}\" }}\n\
             load: {{ arrivals: {{ rate: {rate}/s, for: 5s }} }}\ndrain: 2s\nclient: {{ timeout: 1s }}\n\
             journeys: [{{ name: ask, steps: [{{ name: ask, get: / }}] }}]\nobjectives: [p99 < {}ms]\n",
            self.url(),
            bound.as_millis()
        )
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It has ended already, or this ends it.
            let _ = stop.send(());
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // Without descriptors for a moment there are some again when others have ended.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        // A client that leaves ends its connection, and nothing else.
        tokio::spawn(async move { serve(stream, &shared).await.ok() });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; REQUEST_BYTES];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if !buffer[..filled].ends_with(END) {
            continue;
        }
        filled = 0;
        shared.asked.fetch_add(1, Ordering::Relaxed);
        let departure =
            shared.servers.lock().unwrap_or_else(PoisonError::into_inner).departure(Instant::now());
        Sleeper::shared().until(departure).await;
        if shared.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        stream.write_all(REPLY).await?;
    }
}
