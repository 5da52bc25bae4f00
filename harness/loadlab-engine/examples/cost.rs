//! What a request costs the generator: CPU time of this process over requests, against a trivial
//! server in a process of its own.
//!
//! ```text
//! cargo run --release -p loadlab-engine --example cost -- closed 64 5
//! cargo run --release -p loadlab-engine --example cost -- open 20000 5
//! ```
//!
//! The first number is users, or arrivals a second; the second is seconds; a third is runtime threads
//! (1 without). For profilers: `perf record -g`.
#![expect(clippy::print_stdout, reason = "an example's result is what it prints")]

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use loadlab_clock::Speed;
use loadlab_engine::{EngineOptions, LoadRun, offer};
use loadlab_record::{JournalLine, Window};
use loadlab_scenario::{Plan, Source};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|mode| mode == "serve") {
        serve();
    }
    let number = |place: usize, default: u32| {
        arguments.get(place).and_then(|text| text.parse::<u32>().ok()).unwrap_or(default)
    };
    let seconds = number(2, 5);
    let load = if arguments.first().is_some_and(|mode| mode == "open") {
        format!("{{ arrivals: {{ rate: {}/s, for: {seconds}s }} }}", number(1, 10_000))
    } else {
        format!("{{ users: {{ count: {}, for: {seconds}s }} }}", number(1, 64))
    };
    let threads = number(3, 1) as usize;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut server = Command::new(env::current_exe().expect("this program"))
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a server");
    let mut base = String::new();
    BufReader::new(server.stdout.take().expect("its output")).read_line(&mut base).expect("its address");
    runtime.block_on(measure(&load, base.trim().to_owned()));
    server.kill().expect("the server ends");
    server.wait().expect("the server ends");
}

async fn measure(load: &str, base: String) {
    let (lines, mut receiver) = mpsc::unbounded_channel();
    let (started, start) = oneshot::channel();
    let run = LoadRun {
        plan: Arc::new(plan(load)),
        base,
        lines,
        started,
        stop: CancellationToken::new(),
        options: EngineOptions::default(),
    };
    let running = tokio::spawn(offer(run));
    start.await.expect("it starts");
    let (cpu, began) = (cpu_used(), Instant::now());
    let end = running.await.expect("no panic").expect("a run");
    let (cpu, took) = (cpu_used().saturating_sub(cpu), began.elapsed());
    let mut total = Window::default();
    while let Ok(line) = receiver.try_recv() {
        if let JournalLine::Window(window) = line {
            total.merge(&window);
        }
    }
    let requests = end.balance.requests.ended as f64;
    let micros = |histogram: &loadlab_record::Histogram, percentile| {
        histogram.percentile(percentile, Speed::REAL).unwrap_or_default().as_micros()
    };
    println!(
        "{:.2} us CPU per request, {:.0} requests per CPU second, {:.0} per second, {} not ok; response p50 {} p99 {} us, lag p50 {} p99 {} us",
        cpu.as_secs_f64() * 1e6 / requests,
        requests / cpu.as_secs_f64(),
        requests / took.as_secs_f64(),
        end.balance.failed + end.balance.undispatched,
        micros(&total.response, 50.0),
        micros(&total.response, 99.0),
        micros(&total.dispatch_lag, 50.0),
        micros(&total.dispatch_lag, 99.0),
    );
}

fn cpu_used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

/// Answers every read with as many answers as there are requests in it.
fn serve() -> ! {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("http://{}", listener.local_addr().expect("an address"));
    loop {
        let (stream, _) = listener.accept().expect("a connection");
        thread::spawn(move || answer(stream));
    }
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("nodelay");
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let ends = buffer[..count].windows(4).filter(|window| window == b"\r\n\r\n").count();
        for _ in 0..ends {
            if stream.write_all(ANSWER).is_err() {
                return;
            }
        }
    }
}

/// A plan that asks for `/` and nothing else.
fn plan(load: &str) -> Plan {
    let text = format!(
        "target: {{ url: http://127.0.0.1:1 }}\n\
         load: {load}\n\
         drain: 5s\n\
         journeys: [ {{ name: get, steps: [ {{ name: get, get: / }} ] }} ]\n"
    );
    let no_files = |_: &str| Err("there are no files".to_owned());
    loadlab_scenario::load(&Source { path: "cost", text: &text }, &[], &no_files).expect("a valid plan")
}
