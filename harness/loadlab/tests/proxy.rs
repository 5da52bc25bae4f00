//! `loadlab proxy` as its users meet it: what it prints, how it ends, what it refuses, and whether
//! clients that were written for Toxiproxy drive it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a registry has to deliver a client.
const INSTALL: Duration = Duration::from_secs(20);

/// A running `loadlab proxy`.
struct Running {
    child: Child,
    /// What it printed: the control interface first, then each proxy.
    lines: Vec<String>,
    /// `host:port` of the control interface.
    control: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it on a free port, and reads the line of the control interface and of `proxies` proxies.
fn start(arguments: &[&str], proxies: usize) -> Running {
    let mut command = loadlab();
    command.args(["proxy", "--port", "0"]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("piped"));
    let lines: Vec<String> = out.lines().take(1 + proxies).map(|line| line.expect("text")).collect();
    let control = lines.first().and_then(|line| line.strip_prefix("control      http://"));
    let control = control.unwrap_or_else(|| panic!("{lines:?}")).to_owned();
    Running { child, lines, control }
}

impl Running {
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        kill_process(Pid::from_raw(id).expect("a process id"), signal).expect("it lives");
    }

    /// Waits for its end.
    fn code(&mut self) -> Option<i32> {
        let ended = until(|| self.child.try_wait().expect("a child"));
        ended.code()
    }

    /// One call of its interface: the status and the body.
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut socket = connect(&self.control);
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        write!(socket, "{head}content-length: {length}\r\n\r\n{body}").expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Makes a proxy.
    fn create(&self) {
        let proxy = json!({ "name": "db", "upstream": "127.0.0.1:9" });
        assert_eq!(self.call("POST", "/proxies", &proxy).0, 201);
    }

    /// Disables it and gives it a toxic.
    fn disturb(&self) {
        assert_eq!(self.call("POST", "/proxies/db", &json!({ "enabled": false })).0, 200);
        assert_eq!(self.call("POST", "/proxies/db/toxics", &json!({ "type": "latency" })).0, 200);
        assert!(!self.is_clean());
    }

    fn is_clean(&self) -> bool {
        let proxy = self.get("/proxies/db");
        proxy["enabled"] == json!(true) && proxy["toxics"] == json!([])
    }
}

fn loadlab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadlab"));
    command.env("NO_COLOR", "1");
    command
}

fn connect(address: &str) -> TcpStream {
    let socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    socket
}

/// Asks until there is an answer.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "never came");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What `loadlab proxy ARGUMENTS`, run in `folder`, says on standard error, and its exit code.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let mut command = loadlab();
    command.arg("proxy").args(arguments).current_dir(folder);
    let output = within(command, PATIENCE).expect("it starts").expect("it ends by itself");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing was started");
    let said = String::from_utf8(output.stderr).expect("text");
    format!("{said}exit code {}\n", output.status.code().expect("it ends by itself"))
}

/// Runs a command to its end; nothing if it takes longer than `patience`, and then it is killed.
fn within(mut command: Command, patience: Duration) -> std::io::Result<Option<Output>> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    if let Ok(output) = receiver.recv_timeout(patience) {
        return output.map(Some);
    }
    let _ = kill_process(id, Signal::KILL);
    Ok(None)
}

fn config(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("faults.json");
    fs::write(&file, text).expect("it is written");
    (folder, file.to_str().expect("text").to_owned())
}

#[test]
fn it_says_where_everything_is_and_the_files_toxics_are_set() {
    let (_folder, file) = config(
        r#"[{"name": "db", "upstream": "127.0.0.1:5432",
             "toxics": [{"type": "latency", "attributes": {"latency": 100}}]},
            {"name": "cache", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:6379", "enabled": false}]"#,
    );
    let running = start(&["--config", &file], 2);
    let db = running.get("/proxies/db");
    let listen = db["listen"].as_str().expect("text");
    assert_eq!(running.lines[1], format!("proxy        db {listen} -> 127.0.0.1:5432"));
    assert_eq!(running.lines[2], "proxy        cache 127.0.0.1:0 -> 127.0.0.1:6379 (disabled)");
    assert_eq!(db["toxics"][0]["attributes"]["latency"], 100);
    assert!(running.control.starts_with("127.0.0.1:"), "{}", running.control);
    connect(listen);
}

#[test]
fn a_signal_ends_it_and_its_connections() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = json!({ "name": "p", "upstream": upstream.local_addr().expect("bound").to_string() });
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut running = start(&[], 0);
        let (status, body) = running.call("POST", "/proxies", &proxy);
        assert_eq!(status, 201, "{body}");
        let made: Value = serde_json::from_str(&body).expect("JSON");
        let mut client = connect(made["listen"].as_str().expect("text"));
        client.write_all(b"x").expect("it reads");
        let (mut server, _) = upstream.accept().expect("a connection");
        server.set_read_timeout(Some(PATIENCE)).expect("a socket");
        server.read_exact(&mut [0]).expect("it is forwarded");
        running.signal(signal);
        assert_eq!(running.code(), Some(code));
        for end in [&mut client, &mut server] {
            let read = end.read(&mut [0]).map_err(|error| error.kind());
            assert!(matches!(read, Ok(0) | Err(std::io::ErrorKind::ConnectionReset)), "{read:?}");
        }
    }
}

#[test]
fn sighup_resets_and_it_serves_on() {
    let running = start(&[], 0);
    running.create();
    for _ in 0..2 {
        running.disturb();
        running.signal(Signal::HUP);
        until(|| running.is_clean().then_some(()));
    }
}

#[test]
fn the_command_reset_resets_a_running_one() {
    let running = start(&[], 0);
    running.create();
    running.disturb();
    let port = running.control.rsplit(':').next().expect("a port");
    let output = loadlab().args(["proxy", "reset", "--port", port]).output().expect("it starts");
    assert_eq!(
        String::from_utf8(output.stdout).expect("text"),
        format!("reset        http://{}: all toxics removed, all proxies enabled\n", running.control)
    );
    assert_eq!(output.status.code(), Some(0));
    assert!(running.is_clean());
}

#[test]
fn reset_says_that_nothing_runs() {
    let here = Path::new(".");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let said = refused(here, &["reset", "--port", &free.port().to_string()]);
    assert!(said.starts_with(&format!("error: no proxy answers at {free}: ")), "{said}");
    assert!(said.contains("hint: `loadlab proxy` starts one"), "{said}");
    assert!(said.ends_with("exit code 7\n"), "{said}");
}

#[test]
fn a_taken_port_is_told_before_any_proxy_listens() {
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|held| Ok((held.local_addr()?, held)));
    let (address, _held) = taken.expect("a port");
    let (folder, file) = config(r#"[{"name": "db", "upstream": "127.0.0.1:5432"}]"#);
    let said = refused(folder.path(), &["--port", &address.port().to_string(), "--config", &file]);
    assert!(
        said.starts_with(&format!(
            "error: the control port is taken: something listens at {address} already\n  hint: "
        )),
        "{said}"
    );
    assert!(said.ends_with("exit code 7\n"), "{said}");

    let entry = json!([{ "name": "db", "upstream": "127.0.0.1:5432", "listen": address.to_string() }]);
    fs::write(&file, entry.to_string()).expect("it is written");
    let said = refused(folder.path(), &["--port", "0", "--config", "faults.json"]);
    let begin = format!("error: faults.json: listen tcp {address}: bind: address already in use\n");
    assert!(said.starts_with(&begin) && said.ends_with("exit code 7\n"), "{said}");
}

#[test]
fn a_wrong_file_is_refused_with_what_is_accepted() {
    let (folder, _) = config("");
    let files = [
        "",
        "[{",
        "name: db",
        r#"{"name": "db"}"#,
        r#"["db"]"#,
        r#"[{"name": "db", "upstream": "127.0.0.1:5432"}, {"name": "cache"}]"#,
        r#"[{"name": "db", "upstream": 5432}]"#,
        r#"[{"name": "db", "upstream": "127.0.0.1:5432", "listen": "5433"}]"#,
        r#"[{"name": "db", "upstream": "127.0.0.1:5432", "listen": "0.0.0.0:0"}]"#,
        r#"[{"name": "db", "upstream": "127.0.0.1:5432", "toxics": [{"type": "slowness"}]}]"#,
        r#"[{"name": "db", "upstream": "127.0.0.1:5432",
             "toxics": [{"type": "bandwidth", "attributes": {"rate": -1}}]}]"#,
    ];
    let said_of = |text: &str| {
        fs::write(folder.path().join("faults.json"), text).expect("it is written");
        let said = refused(folder.path(), &["--port", "0", "--config", "faults.json"]);
        assert!(said.ends_with("exit code 2\n"), "{text}: {said}");
        format!("{text}\n{said}\n")
    };
    let mut all: String = files.into_iter().map(said_of).collect();
    all.push_str(&refused(folder.path(), &["--config", "absent.json"]));
    insta::assert_snapshot!("config", all);
}

#[test]
fn every_toxic_that_the_hint_names_is_accepted() {
    let (folder, _) = config(r#"[{"name": "p", "upstream": "h:1", "toxics": [{"type": "x"}]}]"#);
    let said = refused(folder.path(), &["--port", "0", "--config", "faults.json"]);
    let hint = said.split_once("the types are ").and_then(|(_, rest)| rest.split_once("exit code"));
    // `a, b; with `protocol: http` also c, d; …`
    let groups: Vec<(&str, Vec<&str>)> = hint
        .expect("the hint")
        .0
        .split(';')
        .map(|group| {
            let group = group.trim();
            let (protocol, names) = match group.strip_prefix("with `protocol: ") {
                None => ("raw", group),
                Some(rest) => rest.split_once("` also ").expect("a protocol and its types"),
            };
            (protocol, names.split(',').map(str::trim).collect())
        })
        .collect();
    let counts: Vec<(&str, usize)> =
        groups.iter().map(|(protocol, names)| (*protocol, names.len())).collect();
    assert_eq!(counts, [("raw", 10), ("http", 8), ("resp", 2)]);
    // What one or the other cannot do without; toxics for bytes ignore what they do not have.
    let attributes = |name: &str| match name {
        "http_status" => json!({ "status": 503 }),
        "http_latency" | "resp_latency" => json!({ "latency": 1 }),
        "sse_stall" => json!({ "stall": 1 }),
        "sse_cut" => json!({ "after_events": 1 }),
        "resp_error" => json!({ "error": "BUSY" }),
        name if name.contains("http_") || name.contains("sse_") => json!({}),
        _ => json!({ "average_size": 1 }),
    };
    let toxic = |name: &&str| json!({ "type": name, "attributes": attributes(name) });
    let proxy = |(protocol, names): &(&str, Vec<&str>)| {
        let toxics: Vec<Value> = names.iter().map(toxic).collect();
        json!({ "name": protocol, "upstream": "127.0.0.1:9", "protocol": protocol, "toxics": toxics })
    };
    let entries: Vec<Value> = groups.iter().map(proxy).collect();
    let (_folder, file) = config(&Value::from(entries).to_string());
    let running = start(&["--config", &file], groups.len());
    for (protocol, names) in &groups {
        let toxics = running.get(&format!("/proxies/{protocol}/toxics"));
        assert_eq!(toxics.as_array().map(Vec::len), Some(names.len()), "{protocol}");
    }
}

#[test]
fn nothing_but_loopback_is_bound_without_leave() {
    let said = refused(Path::new("."), &["--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(
        said,
        "error: --host 0.0.0.0: not an address of this machine alone\n  hint: --any-interface allows it\n\
         exit code 2\n"
    );
    let wide = json!({ "name": "wide", "upstream": "127.0.0.1:9", "listen": "0.0.0.0:0" });
    let (status, body) = start(&[], 0).call("POST", "/proxies", &wide);
    assert_eq!(status, 400, "{body}");
    let running = start(&["--host", "0.0.0.0", "--any-interface"], 0);
    let port = running.control.strip_prefix("0.0.0.0:").expect("all interfaces");
    connect(&format!("127.0.0.1:{port}"));
    let (status, body) = running.call("POST", "/proxies", &wide);
    assert_eq!(status, 201, "{body}");
}

#[test]
fn metrics_are_served_where_asked_for() {
    assert_eq!(start(&[], 0).call("GET", "/metrics", &Value::Null).0, 404);
    let running = start(&["--proxy-metrics"], 0);
    running.create();
    let (status, text) = running.call("GET", "/metrics", &Value::Null);
    assert_eq!(status, 200);
    assert!(text.contains("toxiproxy_proxy_received_bytes_total{direction=\"upstream\""), "{text}");
}

/// Says that a client was not there. Straight to the stream: libtest keeps what `eprintln!` says.
fn not_run(client: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "NOT RUN: {client}: {}", why.trim().lines().next().unwrap_or(""));
}

/// Whether the client was installed; says so where not.
fn installed(client: &str, install: Command) -> bool {
    match within(install, INSTALL) {
        Ok(Some(output)) if output.status.success() => return true,
        Ok(Some(output)) => not_run(client, &String::from_utf8_lossy(&output.stderr)),
        Ok(None) => not_run(client, "its registry did not deliver it in time"),
        Err(error) => not_run(client, &format!("its installer does not start: {error}")),
    }
    false
}

/// Runs a client's script, which must find every call as it expects.
fn drives(script: Command) {
    let output = within(script, PATIENCE).expect("it starts").expect("it ends by itself");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "every call did what it says\n", "{said}");
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

#[test]
fn the_python_client_drives_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--no-input", "--no-compile", "--retries", "0"]);
    install.args(["--timeout", "5", "--disable-pip-version-check", "--root-user-action", "ignore"]);
    install.arg("--target").arg(folder.path()).arg("toxiproxy-python==0.1.1");
    if !installed("toxiproxy-python", install) {
        return;
    }
    let running = start(&[], 0);
    let (host, port) = running.control.rsplit_once(':').expect("an address");
    let mut client = Command::new("python3");
    client.env("PYTHONPATH", folder.path()).arg(script("python.py")).args([host, port]);
    drives(client);
}

#[test]
fn the_node_client_drives_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut install = Command::new("npm");
    install.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    install.args(["--fetch-retries=0", "--fetch-timeout=5000", "--prefix"]);
    install.arg(folder.path()).arg("toxiproxy-node-client@4.1.0");
    if !installed("toxiproxy-node-client", install) {
        return;
    }
    let running = start(&[], 0);
    let mut client = Command::new("node");
    client.env("NODE_PATH", folder.path().join("node_modules"));
    client.arg(script("node.js")).arg(format!("http://{}", running.control));
    drives(client);
}
