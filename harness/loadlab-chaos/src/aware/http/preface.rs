//! Tells from a connection's first bytes whether it is HTTP/1.

use std::{future::poll_fn, io};

use super::io::SharedIo;

/// What an HTTP/2 client that knows its server sends first (RFC 9113, section 3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preface {
    /// A method's first letter, or nothing at all.
    Http1,
    /// HTTP/2's preface.
    Http2,
    /// Something else: TLS, say.
    Other,
}

/// Waits for as many bytes as it takes to tell, and leaves them to be read.
pub(super) async fn sniff(client: &SharedIo) -> io::Result<Preface> {
    loop {
        if let Some(preface) = client.peek(tell) {
            return Ok(preface);
        }
        if client.eof() {
            return Ok(Preface::Http1);
        }
        poll_fn(|cx| client.poll_ahead(cx)).await?;
    }
}

/// None as long as more bytes are needed.
fn tell(bytes: &[u8]) -> Option<Preface> {
    let first = *bytes.first()?;
    // A method is a token; blank lines before it are allowed.
    let may_begin = first.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~\r\n".contains(&first);
    if !may_begin {
        return Some(Preface::Other);
    }
    let length = bytes.len().min(HTTP2.len());
    match bytes[..length] == HTTP2[..length] {
        false => Some(Preface::Http1),
        true if length == HTTP2.len() => Some(Preface::Http2),
        true => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let cases: [(&[u8], Option<Preface>); 8] = [
            (b"", None),
            (b"G", Some(Preface::Http1)),
            (b"P", None),
            (b"PR", None),
            (b"PRO", Some(Preface::Http1)),
            (b"PUT / HTTP/1.1", Some(Preface::Http1)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0", Some(Preface::Http2)),
            (b"\x16\x03\x01", Some(Preface::Other)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(tell(bytes), expected, "{bytes:?}");
        }
    }
}
