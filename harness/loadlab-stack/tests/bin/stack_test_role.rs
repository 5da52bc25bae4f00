//! What the tests of this package run: a keeper, a harness and a role with every bad habit, by argument.
//!
//! `keeper` | `harness REQUEST` | `role ROLE` | `grandchild`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a role speaks by its standard streams")]

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use loadlab_stack::{KEEPER_VARIABLE, RoleReady, RoleSpec, Stack, StackRequest, Via, keeper_main};
use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal, setsid};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

/// A role's configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    name: String,
    listen: SocketAddr,
    edges: BTreeMap<String, SocketAddr>,
    #[serde(default)]
    habit: Habit,
}

/// What it does.
#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Habit {
    #[default]
    Serve,
    /// Takes its time to start.
    Slow,
    /// Talks much and exits with 3.
    ExitEarly,
    /// Never becomes ready.
    Hang,
    /// Prints something else.
    Garbage,
    /// Serves, and has a child of its own in another session that ignores all but SIGKILL.
    Grandchild,
    /// Serves, and does not listen to SIGTERM.
    IgnoreTerm,
    /// Serves, and pauses itself as soon as it is ready.
    Pause,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["keeper"] => keeper_main(),
        ["harness", request] => harness(request, false),
        ["panicking-harness", request] => harness(request, true),
        ["role", _] => role(),
        ["grandchild"] => grandchild(),
        _ => ExitCode::from(2),
    }
}

/// Does what a role owes its keeper, then follows its habit.
fn role() -> ExitCode {
    set_parent_process_death_signal(Some(Signal::KILL)).expect("Linux has it");
    let keeper = std::env::var(KEEPER_VARIABLE).ok().and_then(|pid| pid.parse().ok());
    if getppid().map(Pid::as_raw_pid) != keeper {
        return ExitCode::from(9);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).expect("standard input is text");
    let config: Config = serde_json::from_str(&text).expect("the keeper's configuration is understood");
    match config.habit {
        Habit::ExitEarly => {
            (0..100).for_each(|line| eprintln!("line {line}"));
            return ExitCode::from(3);
        }
        Habit::Hang => park(),
        Habit::Garbage => println!("hello, world"),
        Habit::Slow => thread::sleep(Duration::from_millis(300)),
        Habit::IgnoreTerm => ctrlc::set_handler(|| {}).expect("one handler"),
        Habit::Grandchild => start_grandchild(),
        Habit::Serve | Habit::Pause => {}
    }
    serve(&config)
}

/// Connects to what it depends on, binds, says so and answers.
fn serve(config: &Config) -> ExitCode {
    for (name, address) in &config.edges {
        if let Err(error) = TcpStream::connect(address) {
            eprintln!("{name} at {address}: {error}");
            return ExitCode::from(4);
        }
    }
    let listener = match TcpListener::bind(config.listen) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("{}: {error}", config.listen);
            return ExitCode::from(5);
        }
    };
    let listen = listener.local_addr().expect("it is bound").to_string();
    let ready = RoleReady { role: config.name.clone(), listen, admin: None };
    println!("{}", serde_json::to_string(&ready).expect("it serialises"));
    if config.habit == Habit::Pause {
        kill_process(getpid(), Signal::STOP).expect("it may signal itself");
    }
    for stream in listener.incoming().flatten() {
        if let Err(error) = answer(&stream) {
            eprintln!("{error}");
        }
    }
    ExitCode::SUCCESS
}

/// `/exit` ends it with 6, `/again` with the wish to be started again, `/grow` takes 64 MiB, `/burn` keeps a core busy, `/open` opens 64 files, and
/// anything else is answered with a metric.
fn answer(mut stream: &TcpStream) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if line.contains(" /exit ") {
        std::process::exit(6);
    }
    if line.contains(" /again ") {
        std::process::exit(75);
    }
    if line.contains(" /grow ") {
        // A release build would not take what nobody reads.
        std::mem::forget(std::hint::black_box(vec![1_u8; 64 << 20]));
    }
    if line.contains(" /burn ") {
        thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    let files = if line.contains(" /open ") { 64 } else { 0 };
    let opened = (0..files).flat_map(|_| File::open("/dev/null")).map(std::mem::forget).count();
    let text = format!("up 1\nopened {opened}\n");
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
}

#[expect(clippy::zombie_processes, reason = "it is to be left behind")]
fn start_grandchild() {
    let program = std::env::current_exe().expect("it runs");
    let mut command = Command::new(program);
    command.arg("grandchild").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    // It has left the group by the time it says so.
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
}

fn grandchild() -> ExitCode {
    setsid().expect("it leads no group");
    ctrlc::set_handler(|| {}).expect("one handler");
    println!("here");
    park()
}

fn park() -> ! {
    loop {
        thread::park();
    }
}

/// Brings a stack up, disturbs its first edge, says its keeper's process id, and keeps it until it is
/// killed; or panics once its standard input ends.
fn harness(request: &str, panics: bool) -> ExitCode {
    /// What [`StackRequest`] needs from a test.
    #[derive(Deserialize)]
    struct Request {
        run: String,
        log_dir: PathBuf,
        roles: Vec<RoleSpec>,
    }
    let Request { run, log_dir, roles } = serde_json::from_str(request).expect("a request");
    let request = StackRequest {
        run,
        program: std::env::current_exe().expect("it runs"),
        keeper_args: vec!["keeper".to_owned()],
        role_args: vec!["role".to_owned()],
        roles,
        external: BTreeMap::new(),
        log_dir,
        start_timeout: Duration::from_secs(30),
        speed: loadlab_clock::Speed::REAL,
        seed: loadlab_clock::Seed::new(1),
        proxying: loadlab_stack::Proxying::default(),
        aware: BTreeMap::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stack = Stack::up(request, CancellationToken::new()).await.expect("it comes up");
        let edge = stack.edges().iter().find_map(|edge| match &edge.via {
            Via::Proxy { name } => Some(name.clone()),
            Via::Direct => None,
        });
        disturb(stack.control(), &edge.expect("an edge")).expect("it is disturbed");
        println!("{}", stack.keeper_pid());
        if panics {
            let mut end = String::new();
            io::stdin().read_line(&mut end).expect("it ends");
            panic!("as it was asked to, with everything up");
        }
        std::future::pending().await
    })
}

/// Adds a toxic named `slow` to a proxy, by its control interface.
fn disturb(control: &str, proxy: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(control)?;
    let body = r#"{"name": "slow", "type": "latency", "attributes": {"latency": 60000}}"#;
    write!(
        stream,
        "POST /proxies/{proxy}/toxics HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    if status.contains(" 200 ") { Ok(()) } else { Err(io::Error::other(status)) }
}
