//! What the proxies stand before: one process with an echo server, which is one thread, and a source,
//! which sends as fast as it is read.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    thread,
};

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
};

/// Keys of what is not a connection; descriptors of connections are never this large.
const LISTENER: u64 = u64::MAX;
const LEASE: u64 = u64::MAX - 1;
/// What is read or written at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Serves until the parent is gone. Its first line has the addresses of both.
pub(crate) fn serve() -> io::Result<()> {
    let (echo, source) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    println!("{} {}", echo.local_addr()?, source.local_addr()?);
    thread::spawn(move || {
        for stream in source.incoming().flatten() {
            thread::spawn(move || send_on(stream));
        }
    });
    echo_until_lease_ends(&echo)
}

fn send_on(mut stream: TcpStream) {
    let chunk = vec![7; CHUNK_BYTES];
    while stream.write_all(&chunk).is_ok() {}
}

fn echo_until_lease_ends(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    epoll::add(&poll, io::stdin(), EventData::new_u64(LEASE), EventFlags::IN)?;
    let mut connections: HashMap<u64, TcpStream> = HashMap::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut events = Vec::with_capacity(256);
    loop {
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            match event.data.u64() {
                LEASE => return Ok(()),
                LISTENER => {
                    while let Ok((stream, _)) = listener.accept() {
                        stream.set_nodelay(true)?;
                        let key =
                            u64::try_from(stream.as_raw_fd()).expect("an open descriptor is not negative");
                        epoll::add(&poll, &stream, EventData::new_u64(key), EventFlags::IN)?;
                        connections.insert(key, stream);
                    }
                }
                key => {
                    let stream = connections.get_mut(&key);
                    if stream.is_some_and(|stream| answer(stream, &mut buffer).is_err()) {
                        // Closing the descriptor takes it out of the poll as well.
                        connections.remove(&key);
                    }
                }
            }
        }
    }
}

/// Sends back what there is. An error ends the connection.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let read = stream.read(buffer)?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stream.write_all(&buffer[..read])
}
