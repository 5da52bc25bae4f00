//! The server that the generators are compared against: one thread, one fixed answer, as little
//! work a request as the kernel allows.
//!
//! It knows requests without a body only: each ends with an empty line. A client that does not read
//! its answers is dropped.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd as _,
};

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
const END_OF_REQUEST: &[u8] = b"\r\n\r\n";
/// Keys of what is not a connection; descriptors of connections are never this large.
const LISTENER: u64 = u64::MAX;
const LEASE: u64 = u64::MAX - 1;

/// A client, and how much of [`END_OF_REQUEST`] its last bytes were.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    matched: usize,
}

/// Serves until the parent is gone.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    epoll::add(&poll, io::stdin(), EventData::new_u64(LEASE), EventFlags::IN)?;
    println!("{}", listener.local_addr()?);

    let mut connections = HashMap::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut events = Vec::with_capacity(256);
    loop {
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            match event.data.u64() {
                LEASE => return Ok(()),
                LISTENER => accept(&listener, &poll, &mut connections)?,
                key => {
                    let connection = connections.get_mut(&key);
                    if connection.is_some_and(|connection| connection.answer(&mut buffer).is_err()) {
                        // Closing the descriptor takes it out of the poll as well.
                        connections.remove(&key);
                    }
                }
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &impl std::os::fd::AsFd,
    connections: &mut HashMap<u64, Connection>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let key = u64::try_from(stream.as_raw_fd()).expect("an open descriptor is not negative");
        epoll::add(poll, &stream, EventData::new_u64(key), EventFlags::IN)?;
        connections.insert(key, Connection { stream, matched: 0 });
    }
}

impl Connection {
    /// Reads what there is and answers every request that ends in it. An error ends the connection.
    fn answer(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let read = self.stream.read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let requests = ended(&buffer[..read], &mut self.matched);
        if requests == 1 {
            self.stream.write_all(ANSWER)
        } else {
            self.stream.write_all(&ANSWER.repeat(requests))
        }
    }
}

/// How many requests end in `bytes`; `matched` carries a beginning of the end to the next read.
fn ended(bytes: &[u8], matched: &mut usize) -> usize {
    let mut requests = 0;
    for byte in bytes {
        if *byte == END_OF_REQUEST[*matched] {
            *matched += 1;
        } else {
            *matched = usize::from(*byte == END_OF_REQUEST[0]);
        }
        if *matched == END_OF_REQUEST.len() {
            *matched = 0;
            requests += 1;
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_however_they_are_cut() {
        let text = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        for size in 1..text.len() {
            let mut matched = 0;
            let requests: usize = text.chunks(size).map(|chunk| ended(chunk, &mut matched)).sum();
            assert_eq!((requests, matched), (2, 0), "chunks of {size}");
        }
    }
}
