//! A proxy of its own for each test, servers that answer, and one exchange through a proxy.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use toxiproxy_rust::client::Client;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running `loadlab proxy`.
pub struct Running {
    child: Child,
    control: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub fn start() -> Self {
        Self::at("0").expect("a free port")
    }

    /// `None` where somebody else listens there.
    pub fn at_the_default_port() -> Option<Self> {
        Self::at("8474")
    }

    fn at(port: &str) -> Option<Self> {
        let program = env::var_os("LOADLAB").expect("LOADLAB names the program, see README.md");
        let mut child = Command::new(&program)
            .args(["proxy", "--port", port])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("text");
        let control = line.trim().strip_prefix("control      http://").map(str::to_owned);
        let Some(control) = control else {
            let _ = child.wait();
            return None;
        };
        Some(Self { child, control })
    }

    pub fn client(&self) -> Client {
        Client::new(self.control.as_str())
    }
}

/// An address that nobody listens at now.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}

/// A server that sends back what it gets, and ends when its client does.
pub fn answering() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut reader = stream.try_clone().expect("a socket");
                let mut writer = stream;
                let _ = io::copy(&mut reader, &mut writer);
            });
        }
    });
    address
}

pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// Sends and gets back, on a connection of its own.
pub fn echo_once(address: &str, data: &[u8]) -> io::Result<()> {
    echo(&mut connect(address), data)
}

/// Sends and gets back.
pub fn echo(stream: &mut TcpStream, data: &[u8]) -> io::Result<()> {
    stream.write_all(data)?;
    let mut back = vec![0; data.len()];
    stream.read_exact(&mut back)?;
    assert_eq!(back, data);
    Ok(())
}
