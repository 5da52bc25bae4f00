//! What the proxies stand before: one process with an echo server, which is one thread, and a source,
//! which sends as fast as it is read.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use crate::bench::one_thread;

/// What the source writes at once.
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
    one_thread::serve(&echo, answer)
}

fn send_on(mut stream: TcpStream) {
    let chunk = vec![7; CHUNK_BYTES];
    while stream.write_all(&chunk).is_ok() {}
}

/// Sends back what there is. An error ends the connection.
fn answer(stream: &mut TcpStream, (): &mut (), buffer: &mut [u8]) -> io::Result<()> {
    let read = stream.read(buffer)?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stream.write_all(&buffer[..read])
}
