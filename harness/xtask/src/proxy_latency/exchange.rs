//! Round trips over pooled connections: each connection has a thread that sends, waits for the reply,
//! and sends again.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Bytes of a request and of a reply.
const MESSAGE_BYTES: usize = 64;
/// A reply that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who asks how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) connections: usize,
    /// Over all connections; what does not divide evenly is left out.
    pub(super) requests: usize,
    /// Between a reply and the next request.
    pub(super) gap: Duration,
}

/// All round trips in milliseconds. Connections begin one after another within `spread`.
pub(super) fn round_trips(address: SocketAddr, pace: Pace, spread: Duration) -> io::Result<Vec<f64>> {
    let start = Instant::now() + Duration::from_millis(20);
    let each = pace.requests / pace.connections.max(1);
    let one = |number: usize| -> io::Result<Vec<f64>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let begin = start + spread * number as u32 / pace.connections as u32;
        thread::sleep(begin.saturating_duration_since(Instant::now()));
        let mut message = [7; MESSAGE_BYTES];
        // The first shows the way and is not counted.
        exchange(&mut stream, &mut message)?;
        let mut trips = Vec::with_capacity(each);
        for _ in 0..each {
            thread::sleep(pace.gap);
            trips.push(exchange(&mut stream, &mut message)?);
        }
        Ok(trips)
    };
    let all: io::Result<Vec<Vec<f64>>> = thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..pace.connections).map(|number| scope.spawn(move || one(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("an exchange does not panic")).collect()
    });
    Ok(all?.concat())
}

/// One round trip, in milliseconds.
fn exchange(stream: &mut TcpStream, message: &mut [u8]) -> io::Result<f64> {
    let sent = Instant::now();
    stream.write_all(message)?;
    stream.read_exact(message)?;
    Ok(sent.elapsed().as_secs_f64() * 1e3)
}
