//! The load: small exchanges on some connections, one under way on each, from one thread; and one
//! stream that is read as fast as it comes. Both print one line of JSON.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
};
use serde::{Deserialize, Serialize};

/// Bytes of a request and of a reply: a small command and its answer.
const MESSAGE_BYTES: usize = 64;
/// Longest silence: a connection that is silent for longer is stuck.
const SILENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// What one read of the stream takes at most.
const STREAM_BYTES: usize = 256 * 1024;

/// What the exchanges came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exchanged {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// What the stream came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Streamed {
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
}

/// A connection with a request under way.
struct Asked {
    stream: TcpStream,
    sent: Instant,
    /// Bytes of the reply that are here.
    read: usize,
}

/// Exchanges messages on all connections for a time.
pub(crate) fn exchange(address: SocketAddr, connections: usize, span: Duration) -> io::Result<Exchanged> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut asked = Vec::with_capacity(connections);
    for key in 0..connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        epoll::add(&poll, stream.as_fd(), EventData::new_u64(key as u64), EventFlags::IN)?;
        asked.push(Asked { stream, sent: Instant::now(), read: 0 });
    }
    let mut message = [7; MESSAGE_BYTES];
    let start = Instant::now();
    for one in &mut asked {
        one.ask(&message)?;
    }
    let mut took_ns: Vec<u32> = Vec::with_capacity(1 << 20);
    let mut events = Vec::with_capacity(connections);
    while start.elapsed() < span {
        if epoll::wait(&poll, spare_capacity(&mut events), Some(&SILENCE))? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no reply for 5 s"));
        }
        for event in events.drain(..) {
            let one = &mut asked[event.data.u64() as usize];
            if one.hears(&mut message)? {
                took_ns.push(one.sent.elapsed().as_nanos() as u32);
                one.ask(&message)?;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    took_ns.sort_unstable();
    let percentile = |share: f64| {
        let rank = ((took_ns.len() as f64 * share).ceil() as usize).saturating_sub(1);
        took_ns.get(rank).map_or(0.0, |ns| f64::from(*ns) / 1e3)
    };
    let (p50_us, p99_us) = (percentile(0.5), percentile(0.99));
    Ok(Exchanged { requests: took_ns.len() as u64, seconds, p50_us, p99_us })
}

impl Asked {
    fn ask(&mut self, message: &[u8]) -> io::Result<()> {
        (self.sent, self.read) = (Instant::now(), 0);
        self.stream.write_all(message)
    }

    /// Reads once, since there is something; whether the reply is whole.
    fn hears(&mut self, buffer: &mut [u8; MESSAGE_BYTES]) -> io::Result<bool> {
        let read = self.stream.read(&mut buffer[self.read..])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read += read;
        Ok(self.read == MESSAGE_BYTES)
    }
}

/// Reads one stream for a time. What passes in the first tenth is not counted: windows still open.
pub(crate) fn stream(address: SocketAddr, span: Duration) -> io::Result<Streamed> {
    let mut stream = TcpStream::connect(address)?;
    let mut buffer = vec![0; STREAM_BYTES];
    let begun = Instant::now();
    while begun.elapsed() < span / 10 {
        if stream.read(&mut buffer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let (start, mut bytes) = (Instant::now(), 0);
    while start.elapsed() < span {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes += read as u64,
        }
    }
    Ok(Streamed { bytes, seconds: start.elapsed().as_secs_f64() })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn exchanges_are_counted_and_timed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut reader = stream.try_clone().expect("a socket");
                    io::copy(&mut reader, &mut stream)
                });
            }
        });
        let done = exchange(address, 3, Duration::from_millis(200)).expect("exchanges");
        assert!(done.requests > 3 && done.seconds >= 0.2, "{done:?}");
        assert!(done.p50_us > 0.0 && done.p50_us <= done.p99_us, "{done:?}");
    }
}
