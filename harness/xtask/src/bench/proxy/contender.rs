//! Who is measured: each proxy as a process of its own on one core, with one thread for connections.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{BenchError, PROXY_CORE};
use crate::child;

/// How long a proxy may take to listen.
const START: Duration = Duration::from_secs(10);
/// Milliseconds of the latency toxic.
pub(super) const LATENCY_MS: u64 = 1;
/// Ticks in a second of the times in `/proc/PID/stat`: `USER_HZ`, which Linux keeps at 100.
const TICKS_PER_SECOND: f64 = 100.0;

/// Where the upstreams are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upstreams {
    pub(super) echo: SocketAddr,
    pub(super) source: SocketAddr,
}

/// One way to the upstreams.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// What it does, in a few words.
    pub(super) what: &'static str,
    /// Where its echo is.
    pub(super) echo: SocketAddr,
    /// Where its stream is.
    pub(super) source: SocketAddr,
    /// The process whose CPU time counts.
    pub(super) process: Option<u32>,
}

/// A process that ends with this.
#[derive(Debug)]
pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It is gone already, or this ends it; there is nobody to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everyone who can be run here, what runs them, and who is missing.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) contenders: Vec<Contender>,
    pub(super) missing: Vec<&'static str>,
    running: Vec<Running>,
}

impl Field {
    /// Starts all, in the order of a round. `folder` takes their configurations.
    pub(super) fn start(upstreams: Upstreams, folder: &Path) -> Result<Self, BenchError> {
        let mut field = Self::default();
        let Upstreams { echo, source } = upstreams;
        field.contenders.push(Contender { name: "direct", what: "no proxy", echo, source, process: None });
        if is_installed("haproxy") {
            field.haproxy(upstreams, folder)?;
        } else {
            field.missing.push("haproxy");
        }
        field.loadlab(upstreams, folder)?;
        if is_installed("toxiproxy-server") {
            field.toxiproxy(upstreams, folder)?;
        } else {
            field.missing.push("toxiproxy");
        }
        Ok(field)
    }

    fn run(
        &mut self,
        command: &Command,
        change: impl FnOnce(&mut Command),
    ) -> Result<&mut Child, BenchError> {
        let mut pinned = child::pinned(PROXY_CORE, command)?;
        pinned.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        change(&mut pinned);
        let start = |source| BenchError::Start { program: child::program(command), source };
        self.running.push(Running(pinned.spawn().map_err(start)?));
        Ok(&mut self.running.last_mut().expect("it was pushed").0)
    }

    fn haproxy(&mut self, upstreams: Upstreams, folder: &Path) -> Result<(), BenchError> {
        let (echo, source) = (free_address()?, free_address()?);
        let file = folder.join("haproxy.cfg");
        let text = format!(
            "global\n  nbthread 1\n  maxconn 4096\n\
             defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
             listen echo\n  bind {echo}\n  server upstream {}\n\
             listen source\n  bind {source}\n  server upstream {}\n",
            upstreams.echo, upstreams.source,
        );
        fs::write(&file, text).map_err(BenchError::Folder)?;
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&file);
        let process = Some(self.run(&command, |_| ())?.id());
        expect_to_listen("haproxy", &[echo, source])?;
        let what = "HAProxy in TCP mode, nbthread 1";
        self.contenders.push(Contender { name: "haproxy", what, echo, source, process });
        Ok(())
    }

    fn loadlab(&mut self, upstreams: Upstreams, folder: &Path) -> Result<(), BenchError> {
        let delayed = json!([
            { "type": "latency", "stream": "downstream", "attributes": { "latency": LATENCY_MS } }
        ]);
        let proxy = |name: &str, upstream: SocketAddr, toxics: &Value| json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "toxics": toxics });
        let none = json!([]);
        let config = json!([
            proxy("echo", upstreams.echo, &none),
            proxy("source", upstreams.source, &none),
            proxy("echo-slow", upstreams.echo, &delayed),
            proxy("source-slow", upstreams.source, &delayed),
        ]);
        let file = folder.join("loadlab.json");
        fs::write(&file, config.to_string()).map_err(BenchError::Folder)?;
        let mut command = Command::new(loadlab_program()?);
        command.args(["proxy", "--port", "0", "--config"]).arg(&file);
        let child = self.run(&command, |pinned| {
            // One thread for connections, as HAProxy has; calls have one beside it, which sleeps.
            pinned.env("TOKIO_WORKER_THREADS", "1").stdout(Stdio::piped());
        })?;
        let process = Some(child.id());
        let out = BufReader::new(child.stdout.take().ok_or(BenchError::NoAddress { name: "loadlab" })?);
        // `proxy        echo 127.0.0.1:1234 -> 127.0.0.1:5678`, after the line of the control interface.
        let lines: Vec<String> = out.lines().take(5).map_while(Result::ok).collect();
        let listen = |name: &str| {
            let of_name = |line: &String| {
                let rest = line.strip_prefix("proxy")?.trim_start().strip_prefix(name)?.strip_prefix(' ')?;
                rest.split(' ').next()?.parse::<SocketAddr>().ok()
            };
            lines.iter().find_map(of_name).ok_or(BenchError::NoAddress { name: "loadlab" })
        };
        let (echo, source) = (listen("echo")?, listen("source")?);
        let what = "loadlab proxy, no toxics, one worker";
        self.contenders.push(Contender { name: "loadlab", what, echo, source, process });
        let (echo, source) = (listen("echo-slow")?, listen("source-slow")?);
        let what = "the same with a latency toxic of 1 ms";
        self.contenders.push(Contender { name: "loadlab-latency", what, echo, source, process });
        Ok(())
    }

    fn toxiproxy(&mut self, upstreams: Upstreams, folder: &Path) -> Result<(), BenchError> {
        let (control, echo, source) = (free_address()?, free_address()?, free_address()?);
        let proxy = |name: &str, listen: SocketAddr, upstream: SocketAddr| json!({ "name": name, "listen": listen.to_string(), "upstream": upstream.to_string(), "enabled": true });
        let config = json!([proxy("echo", echo, upstreams.echo), proxy("source", source, upstreams.source)]);
        let file = folder.join("toxiproxy.json");
        fs::write(&file, config.to_string()).map_err(BenchError::Folder)?;
        let mut command = Command::new("toxiproxy-server");
        command.args(["-host", "127.0.0.1", "-port", &control.port().to_string(), "-config"]).arg(&file);
        let child = self.run(&command, |pinned| {
            pinned.env("GOMAXPROCS", "1");
        })?;
        let process = Some(child.id());
        expect_to_listen("toxiproxy", &[echo, source])?;
        let what = "Toxiproxy, no toxics, GOMAXPROCS 1";
        self.contenders.push(Contender { name: "toxiproxy", what, echo, source, process });
        Ok(())
    }
}

fn is_installed(program: &str) -> bool {
    // Whatever it says of its version: that it starts is enough.
    Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The program that was built beside this one.
fn loadlab_program() -> Result<PathBuf, BenchError> {
    let path = std::env::current_exe().map_err(BenchError::Folder)?.with_file_name("loadlab");
    if path.is_file() { Ok(path) } else { Err(BenchError::NotBuilt { path }) }
}

/// An address that nobody listens at now.
fn free_address() -> Result<SocketAddr, BenchError> {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(BenchError::Folder)
}

fn expect_to_listen(name: &'static str, addresses: &[SocketAddr]) -> Result<(), BenchError> {
    let start = Instant::now();
    for address in addresses {
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > START {
                return Err(BenchError::NoAddress { name });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// CPU seconds of a process so far, user and system.
pub(super) fn cpu_seconds(process: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    ticks(&stat).map(|ticks| ticks as f64 / TICKS_PER_SECOND).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// User and system time: the 14th and 15th field. The second, a name, may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_process_are_read_past_its_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 7 8 20 0 1 0 1000 0 0";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("42"), None);
    }
}
