//! The server of a calibration: it takes exactly as long as its script says, and keeps for every
//! request what the script said and how long it really held it.
//!
//! `GET /truth` gives both; every other request is part of the load.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use loadlab_clock::Sleeper;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};

use super::script::Script;
use crate::child;

/// Connections that may wait to be accepted: a stalled open load opens a thousand a second.
const BACKLOG: u32 = 4_096;

/// What happened to the requests, in the order of their ends; microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Truth {
    /// What the script gave to each request.
    pub(crate) scripted: Vec<u64>,
    /// How long each was really held: what the server's own timer added is the difference.
    pub(crate) held: Vec<u64>,
    /// From the first to the last request's coming.
    pub(crate) span: u64,
}

/// One server's state.
#[derive(Debug)]
struct Scripted {
    script: Script,
    first: OnceLock<Instant>,
    truth: Mutex<Truth>,
    next: std::sync::atomic::AtomicU64,
}

/// Serves `script` until the parent is gone. Prints its address first.
pub(crate) fn serve(script: Script) -> io::Result<()> {
    loadlab_stack::raise_descriptor_limit();
    // The lease is watched by a thread, since a runtime cannot leave a blocking read behind.
    thread::spawn(|| {
        child::wait_for_end_of_lease();
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(accept(Arc::new(Scripted::new(script))))
}

async fn accept(scripted: Arc<Scripted>) -> io::Result<()> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener: TcpListener = socket.listen(BACKLOG)?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream, Arc::clone(&scripted)));
    }
}

async fn connection(stream: TcpStream, scripted: Arc<Scripted>) {
    let service = service_fn(|request| {
        let scripted = Arc::clone(&scripted);
        async move { Ok::<_, Infallible>(scripted.answer(request).await) }
    });
    // A connection that breaks is seen by the client, which is the one that measures.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Scripted {
    fn new(script: Script) -> Self {
        Self {
            script,
            first: OnceLock::new(),
            truth: Mutex::default(),
            next: std::sync::atomic::AtomicU64::new(0),
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let came = Instant::now();
        if request.uri().path() == "/truth" {
            let truth = self.truth.lock().expect("no holder panics");
            let text = serde_json::to_vec(&*truth).expect("numbers can be written");
            return Response::new(Full::from(text));
        }
        let at = came.saturating_duration_since(*self.first.get_or_init(|| came));
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let wait = self.script.wait(number, at);
        Sleeper::shared().until(came + wait).await;
        self.truth.lock().expect("no holder panics").add(at, wait, came.elapsed());
        Response::new(Full::from("ok"))
    }
}

impl Truth {
    fn add(&mut self, at: Duration, scripted: Duration, held: Duration) {
        self.scripted.push(micros(scripted));
        self.held.push(micros(held));
        self.span = self.span.max(micros(at));
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
