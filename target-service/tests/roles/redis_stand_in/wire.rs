//! A raw connection to a RESP server, and replies as values that can be compared.

use std::{
    fmt,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// No answer by then is a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A reply of either version of the protocol.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// `+`, `-`, `:`, `,` and `_`, with that sign.
    Line(String),
    /// Bytes, or none.
    Bulk(Option<Vec<u8>>),
    /// `*`, `~`, `>` or `%`, and its items.
    Many(char, Vec<Answer>),
    /// An array that is none.
    NoArray,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line),
            Self::Bulk(None) => f.write_str("nil"),
            Self::Bulk(Some(bytes)) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Many(kind, items) => {
                write!(f, "{kind}")?;
                f.debug_list().entries(items).finish()
            }
            Self::NoArray => f.write_str("no array"),
        }
    }
}

impl Answer {
    /// The same with the items of every list sorted, where the order means nothing.
    pub(crate) fn sorted(self) -> Self {
        match self {
            Self::Many(kind, items) => {
                let mut items: Vec<Self> = items.into_iter().map(Self::sorted).collect();
                items.sort();
                Self::Many(kind, items)
            }
            other => other,
        }
    }
}

/// A connection.
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_nodelay(true).expect("no delay");
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A server that has closed already is what some tests are about.
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// Sends words as a request.
    pub(crate) fn request(&mut self, words: &[&str]) {
        let words: Vec<String> = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        let bytes = format!("*{}\r\n{}", words.len(), words.concat());
        self.send(bytes.as_bytes());
    }

    /// Sends a line of words as a request and gives the answer.
    pub(crate) fn ask(&mut self, line: &str) -> Answer {
        self.request(&line.split(' ').collect::<Vec<_>>());
        self.answer()
    }

    pub(crate) fn answer(&mut self) -> Answer {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("an answer in time");
        let line = line.strip_suffix("\r\n").expect("a whole line").to_owned();
        let number = || line[1..].parse::<i64>().expect("a length");
        match line.as_bytes()[0] {
            b'$' | b'=' => Answer::Bulk(usize::try_from(number()).ok().map(|length| {
                let mut bytes = vec![0; length + 2];
                self.0.read_exact(&mut bytes).expect("the whole bulk");
                bytes.truncate(length);
                bytes
            })),
            kind @ (b'*' | b'~' | b'>' | b'%') => {
                let factor = if kind == b'%' { 2 } else { 1 };
                match usize::try_from(number()) {
                    Ok(count) => {
                        Answer::Many(kind as char, (0..count * factor).map(|_| self.answer()).collect())
                    }
                    Err(_) => Answer::NoArray,
                }
            }
            _ => Answer::Line(line),
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset is an end too.
        let _ = self.0.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        let _ = self.0.get_ref().shutdown(std::net::Shutdown::Write);
    }
}
