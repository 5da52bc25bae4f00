//! Reads requests from bytes as they arrive.
//!
//! ```text
//!   *2 CRLF $3 CRLF GET CRLF $1 CRLF k CRLF ──> [GET, k]
//!   GET k CRLF ───────────────────────────────> [GET, k]
//! ```
//!
//! Lengths that a client announces reserve nothing: memory grows with the bytes that have come. A
//! request that came in part is kept in part, so each byte is looked at once or twice.

use std::{error::Error, fmt};

use bytes::{Buf as _, Bytes, BytesMut};

use super::{super::number, BULK_MAX, inline};

/// Most arguments of a request. Redis itself stops at 2^31; this was its limit up to version 6.
const ARGUMENTS_MAX: i64 = 1 << 20;
/// Longest line: an inline command, or a length. Redis's `PROTO_INLINE_MAX_SIZE`.
const LINE_MAX: usize = 64 << 10;
/// Most bytes of a request: Redis's `client-query-buffer-limit`.
const REQUEST_MAX: usize = 1 << 30;

/// A command and its arguments.
pub(in super::super) type Arguments = Vec<Bytes>;

/// Bytes that are no request. The connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ProtocolError {
    /// An inline command over the longest line.
    InlineTooLong,
    /// A quote that is not closed.
    Quotes,
    /// A number of arguments over the longest line.
    CountTooLong,
    /// A number of arguments that is none, or too many.
    Count,
    /// Something else where an argument should begin.
    NoBulk(u8),
    /// An argument's length over the longest line.
    LengthTooLong,
    /// An argument's length that is none, or too much.
    Length,
    /// All arguments together are too much.
    TooBig,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::InlineTooLong => "too big inline request",
            Self::Quotes => "unbalanced quotes in request",
            Self::CountTooLong => "too big mbulk count string",
            Self::Count => "invalid multibulk length",
            Self::NoBulk(byte) => return write!(f, "Protocol error: expected '$', got '{}'", *byte as char),
            Self::LengthTooLong => "too big bulk count string",
            Self::Length => "invalid bulk length",
            Self::TooBig => "too big request",
        };
        write!(f, "Protocol error: {what}")
    }
}

impl Error for ProtocolError {}

/// Reads one connection's requests.
#[derive(Debug, Default)]
pub(in super::super) struct RequestParser {
    partial: Option<Partial>,
}

/// A request of which not everything has come.
#[derive(Debug)]
struct Partial {
    arguments: Arguments,
    missing: usize,
    /// The next argument's length, once that has come.
    length: Option<usize>,
    bytes: usize,
}

impl RequestParser {
    /// The next request, taken out of `buffer`, or none until more bytes have come.
    pub(in super::super) fn next(
        &mut self,
        buffer: &mut BytesMut,
    ) -> Result<Option<Arguments>, ProtocolError> {
        loop {
            if let Some(mut partial) = self.partial.take() {
                if partial.fill(buffer)? {
                    return Ok(Some(partial.arguments));
                }
                self.partial = Some(partial);
                return Ok(None);
            }
            match buffer.first() {
                None => return Ok(None),
                Some(b'*') => {
                    let Some(count) = count(buffer)? else { return Ok(None) };
                    // No arguments: nothing to do and nothing to answer.
                    self.partial = (count > 0).then(|| Partial::of(count));
                }
                Some(_) => match inline_request(buffer)? {
                    None => return Ok(None),
                    Some(words) if words.is_empty() => {}
                    Some(words) => return Ok(Some(words)),
                },
            }
        }
    }
}

impl Partial {
    fn of(count: usize) -> Self {
        Self { arguments: Vec::with_capacity(count.min(16)), missing: count, length: None, bytes: 0 }
    }

    /// Takes arguments out of `buffer`; true when none is missing.
    fn fill(&mut self, buffer: &mut BytesMut) -> Result<bool, ProtocolError> {
        while self.missing > 0 {
            let Some(length) = self.length else {
                match buffer.first() {
                    None => return Ok(false),
                    Some(b'$') => {}
                    Some(other) => return Err(ProtocolError::NoBulk(*other)),
                }
                let Some(length) = length(buffer)? else { return Ok(false) };
                self.bytes += length;
                if self.bytes > REQUEST_MAX {
                    return Err(ProtocolError::TooBig);
                }
                self.length = Some(length);
                continue;
            };
            if buffer.len() < length + 2 {
                return Ok(false);
            }
            // A copy, so that a stored value does not hold on to the whole buffer.
            self.arguments.push(Bytes::copy_from_slice(&buffer[..length]));
            buffer.advance(length + 2);
            self.missing -= 1;
            self.length = None;
        }
        Ok(true)
    }
}

/// The number in `*n CRLF`, 0 for a negative one.
fn count(buffer: &mut BytesMut) -> Result<Option<usize>, ProtocolError> {
    let Some(line) = header(buffer, ProtocolError::CountTooLong)? else { return Ok(None) };
    match number::integer(&line[1..]) {
        Some(count) if count <= ARGUMENTS_MAX => Ok(Some(usize::try_from(count).unwrap_or(0))),
        _ => Err(ProtocolError::Count),
    }
}

/// The number in `$n CRLF`.
fn length(buffer: &mut BytesMut) -> Result<Option<usize>, ProtocolError> {
    let Some(line) = header(buffer, ProtocolError::LengthTooLong)? else { return Ok(None) };
    number::integer(&line[1..])
        .and_then(|length| usize::try_from(length).ok())
        .filter(|length| *length <= BULK_MAX)
        .map(Some)
        .ok_or(ProtocolError::Length)
}

/// A line that ends with CRLF, without it. As Redis does, the byte after CR is taken for LF.
fn header(buffer: &mut BytesMut, too_long: ProtocolError) -> Result<Option<BytesMut>, ProtocolError> {
    let end = buffer.iter().take(LINE_MAX).position(|byte| *byte == b'\r');
    match end {
        None if buffer.len() >= LINE_MAX => Err(too_long),
        Some(end) if buffer.len() >= end + 2 => {
            let line = buffer.split_to(end);
            buffer.advance(2);
            Ok(Some(line))
        }
        _ => Ok(None),
    }
}

fn inline_request(buffer: &mut BytesMut) -> Result<Option<Arguments>, ProtocolError> {
    let Some(end) = buffer.iter().take(LINE_MAX).position(|byte| *byte == b'\n') else {
        return if buffer.len() >= LINE_MAX { Err(ProtocolError::InlineTooLong) } else { Ok(None) };
    };
    let line = buffer.split_to(end);
    buffer.advance(1);
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    inline::words(line).map(Some).ok_or(ProtocolError::Quotes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8], chunk: usize) -> (Vec<Arguments>, Option<ProtocolError>) {
        let (mut parser, mut buffer, mut found) = (RequestParser::default(), BytesMut::new(), Vec::new());
        for part in bytes.chunks(chunk.max(1)) {
            buffer.extend_from_slice(part);
            loop {
                match parser.next(&mut buffer) {
                    Ok(Some(arguments)) => found.push(arguments),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error)),
                }
            }
        }
        (found, None)
    }

    fn encoded(requests: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for arguments in requests {
            bytes.extend(format!("*{}\r\n", arguments.len()).into_bytes());
            for argument in arguments {
                bytes.extend(format!("${}\r\n", argument.len()).into_bytes());
                bytes.extend(argument);
                bytes.extend(b"\r\n");
            }
        }
        bytes
    }

    #[test]
    fn announced_lengths_reserve_nothing() {
        let mut parser = RequestParser::default();
        let mut buffer = BytesMut::from(&b"*1048576\r\n$536870912\r\nx"[..]);
        assert_eq!(parser.next(&mut buffer), Ok(None));
        let partial = parser.partial.expect("it waits for more");
        assert!(partial.arguments.capacity() <= 16);
        assert!(buffer.capacity() < 1024);
    }

    #[test]
    fn what_is_no_request_is_named() {
        let long = "9".repeat(LINE_MAX);
        let cases = [
            ("*1048577\r\n".to_owned(), ProtocolError::Count),
            ("*x\r\n".to_owned(), ProtocolError::Count),
            ("*1\r\n$536870913\r\n".to_owned(), ProtocolError::Length),
            ("*1\r\n$-1\r\n".to_owned(), ProtocolError::Length),
            ("*1\r\n$abc\r\n".to_owned(), ProtocolError::Length),
            ("*1\r\nGET\r\n".to_owned(), ProtocolError::NoBulk(b'G')),
            (format!("*{long}"), ProtocolError::CountTooLong),
            (format!("*1\r\n${long}"), ProtocolError::LengthTooLong),
            (long.clone(), ProtocolError::InlineTooLong),
            ("get 'a\r\n".to_owned(), ProtocolError::Quotes),
        ];
        for (bytes, error) in &cases {
            assert_eq!(all(bytes.as_bytes(), usize::MAX).1, Some(*error), "{bytes:.40}");
        }
        let almost = Partial { bytes: REQUEST_MAX - 9, ..Partial::of(2) };
        let mut parser = RequestParser { partial: Some(almost) };
        assert_eq!(parser.next(&mut BytesMut::from("$10\r\n")), Err(ProtocolError::TooBig));
    }

    proptest! {
        #[test]
        fn requests_are_read_however_they_are_cut(
            requests in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..6),
            chunk in 1_usize..64,
        ) {
            let (found, error) = all(&encoded(&requests), chunk);
            prop_assert_eq!(error, None);
            let found: Vec<Vec<Vec<u8>>> =
                found.into_iter().map(|request| request.iter().map(|word| word.to_vec()).collect()).collect();
            prop_assert_eq!(found, requests);
        }

        #[test]
        fn no_bytes_panic_and_cuts_do_not_matter(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(&b"*$\r\n0123456789-"[..])], 0..200),
            chunk in 1_usize..20,
        ) {
            prop_assert_eq!(all(&bytes, chunk), all(&bytes, usize::MAX));
        }
    }
}
