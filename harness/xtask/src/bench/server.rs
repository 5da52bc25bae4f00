//! The server that the generators are compared against: one thread, one fixed answer, as little
//! work a request as the kernel allows.
//!
//! It knows requests without a body only: each ends with an empty line. A client that does not read
//! its answers is dropped.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use super::one_thread;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
const END_OF_REQUEST: &[u8] = b"\r\n\r\n";

/// Serves until the parent is gone.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    one_thread::serve(&listener, answer)
}

/// Reads what there is and answers every request that ends in it. `matched` is how much of
/// [`END_OF_REQUEST`] the client's last bytes were. An error ends the connection.
fn answer(stream: &mut TcpStream, matched: &mut usize, buffer: &mut [u8]) -> io::Result<()> {
    let read = stream.read(buffer)?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let requests = ended(&buffer[..read], matched);
    if requests == 1 { stream.write_all(ANSWER) } else { stream.write_all(&ANSWER.repeat(requests)) }
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
