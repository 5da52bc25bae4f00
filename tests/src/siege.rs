//! A thousand connections that make the life of a run's proxies hard: readers that never read, and an
//! upstream that never accepts.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread,
};

use rustix::net::{
    AddressFamily, SocketType, bind, connect, getsockname, listen, socket,
    sockopt::set_socket_recv_buffer_size,
};
use serde_json::json;

use crate::Control;

/// Links to an upstream that never accepts.
const STUCK: usize = 350;
/// Links that never read what a server writes without end.
const FLOODED: usize = 350;
/// Links through an edge of the run's own.
const OWN: usize = 300;
/// Bytes that the kernel takes in for a reader that never reads.
const SMALL: usize = 4096;

/// A thousand links through proxies of a run's keeper. All that they pass comes a minute late.
#[derive(Debug)]
pub struct Siege {
    /// The address of the edge to a server that writes without end.
    pub flooded: String,
    links: Vec<TcpStream>,
    _stuck: Stuck,
}

impl Siege {
    /// Besieges the proxies behind a control interface. `front` is one that the run has made.
    pub fn lay(control: &Control, front: &str) -> Self {
        let late = json!({ "latency": 60_000 });
        let stuck = Stuck::new();
        let never = control.disturbed("stuck", stuck.address, "latency", &late);
        let flooded = control.disturbed("flooded", flood(), "latency", &late);
        let places = [(&never, STUCK), (&flooded, FLOODED), (&control.address(front), OWN)];
        let links = places.into_iter().flat_map(|(address, count)| links(address, count)).collect();
        Self { flooded, links, _stuck: stuck }
    }

    /// Lets go of all links.
    pub fn lift(&mut self) {
        self.links.clear();
    }
}

/// A server that writes without end to everybody who connects.
fn flood() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        // The writes block as soon as nobody reads; that many threads cost little.
        for mut stream in listener.incoming().flatten() {
            let flood = vec![b'x'; 65_536];
            let flooding = move || while stream.write_all(&flood).is_ok() {};
            thread::Builder::new().stack_size(128 * 1024).spawn(flooding).expect("a thread");
        }
    });
    address
}

/// A server whose queue is full and who never accepts: whoever connects waits.
#[derive(Debug)]
struct Stuck {
    address: SocketAddr,
    _sockets: Vec<OwnedFd>,
}

impl Stuck {
    fn new() -> Self {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        listen(&listener, 0).expect("it listens");
        let address: SocketAddr =
            getsockname(&listener).expect("an address").try_into().expect("an internet address");
        let mut sockets = vec![listener];
        // A queue of length 0 holds one; the next wait in vain, which must not make this wait.
        for _ in 0..2 {
            let client = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
            rustix::io::ioctl_fionbio(&client, true).expect("a socket");
            let _ = connect(&client, &address);
            sockets.push(client);
        }
        Self { address, _sockets: sockets }
    }
}

/// Connections that are held and never read from. The kernel takes little in for them: megabytes for each would
/// keep the machine busy for nobody.
fn links(address: &str, count: usize) -> Vec<TcpStream> {
    let address: SocketAddr = address.parse().expect("an address");
    let link = || {
        let reader = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        set_socket_recv_buffer_size(&reader, SMALL).expect("a buffer");
        connect(&reader, &address).expect("it listens");
        TcpStream::from(reader)
    };
    (0..count).map(|_| link()).collect()
}
