//! The servers of the benchmarks: one thread that sleeps until a client has something to say, and
//! answers with as few system calls as there can be.

use std::{
    collections::HashMap,
    io,
    net::{TcpListener, TcpStream},
    os::fd::{AsRawFd as _, OwnedFd},
};

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
};

/// Keys of what is not a connection; descriptors of connections are never this large.
const LISTENER: u64 = u64::MAX;
const LEASE: u64 = u64::MAX - 1;
/// What is read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// Serves until the parent is gone. `answer` is called when a client can be read, with what it left for
/// that client and a buffer; its error ends the connection.
pub(crate) fn serve<S: Default>(
    listener: &TcpListener,
    mut answer: impl FnMut(&mut TcpStream, &mut S, &mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    epoll::add(&poll, io::stdin(), EventData::new_u64(LEASE), EventFlags::IN)?;
    let mut connections = HashMap::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut events = Vec::with_capacity(256);
    loop {
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            match event.data.u64() {
                LEASE => return Ok(()),
                LISTENER => accept(listener, &poll, &mut connections)?,
                key => {
                    let Some((stream, state)) = connections.get_mut(&key) else { continue };
                    if answer(stream, state, &mut buffer).is_err() {
                        // Closing the descriptor takes it out of the poll as well.
                        connections.remove(&key);
                    }
                }
            }
        }
    }
}

fn accept<S: Default>(
    listener: &TcpListener,
    poll: &OwnedFd,
    connections: &mut HashMap<u64, (TcpStream, S)>,
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
        connections.insert(key, (stream, S::default()));
    }
}
