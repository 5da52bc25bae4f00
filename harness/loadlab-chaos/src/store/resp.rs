//! A small client of Redis's protocol, version 2: commands in, replies out, in order. A reply that
//! does not come in time is an error.

use std::{
    io,
    time::{Duration, Instant},
};

use bytes::{Buf as _, BytesMut};
use loadlab_clock::Sleeper;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::control::CallError;

/// Longest real time for one exchange: a store that does not answer by then is broken.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Deepest nesting of a reply that is read; no command that is sent here answers deeper.
const DEPTH_MAX: usize = 8;
/// Longest reply that is read.
const REPLY_BYTES_MAX: usize = 64 << 20;
/// The port where an address names none.
const PORT: &str = "6379";

/// What a store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`.
    Simple(String),
    /// `-ERR …`, without the sign.
    Error(String),
    /// `:7`.
    Integer(i64),
    /// `$…`, or nothing.
    Bulk(Option<Vec<u8>>),
    /// `*…`.
    Array(Vec<Self>),
}

/// A connection to a store, with password and database as its address has them.
#[derive(Debug)]
pub(super) struct Connection {
    address: String,
    stream: TcpStream,
    input: BytesMut,
}

/// An address in its parts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    host_and_port: String,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
}

impl Connection {
    pub(super) async fn open(address: &str) -> Result<Self, CallError> {
        let place = Place::read(address);
        let unreachable = |source| CallError::Unreachable { address: place.host_and_port.clone(), source };
        let connect = TcpStream::connect(&place.host_and_port);
        let stream = within(&place.host_and_port, connect).await?.map_err(unreachable)?;
        let _ = stream.set_nodelay(true);
        let mut connection = Self { address: place.host_and_port.clone(), stream, input: BytesMut::new() };
        if let Some(password) = &place.password {
            let user = place.user.as_deref().filter(|user| !user.is_empty());
            let login: Vec<&[u8]> = match user {
                Some(user) => vec![b"AUTH", user.as_bytes(), password.as_bytes()],
                None => vec![b"AUTH", password.as_bytes()],
            };
            connection.call(&login).await?;
        }
        if let Some(database) = &place.database {
            connection.call(&[b"SELECT", database.as_bytes()]).await?;
        }
        Ok(connection)
    }

    /// One command; an error that the store answers is an error.
    pub(super) async fn call(&mut self, command: &[&[u8]]) -> Result<Reply, CallError> {
        let mut replies = self.exchange(&[command]).await?;
        match replies.remove(0) {
            Reply::Error(said) => Err(CallError::Failed { reason: format!("the store refused: {said}") }),
            reply => Ok(reply),
        }
    }

    /// One command that answers with a number.
    pub(super) async fn count(&mut self, command: &[&[u8]]) -> Result<u64, CallError> {
        match self.call(command).await? {
            Reply::Integer(number) => Ok(u64::try_from(number).unwrap_or(0)),
            other => Err(unexpected(&other)),
        }
    }

    /// Commands at once, and their replies in order.
    pub(super) async fn exchange(&mut self, commands: &[&[&[u8]]]) -> Result<Vec<Reply>, CallError> {
        let mut output = Vec::new();
        for command in commands {
            encode(command, &mut output);
        }
        let address = self.address.clone();
        let replies = within(&address, async {
            self.stream.write_all(&output).await?;
            let mut replies = Vec::with_capacity(commands.len());
            while replies.len() < commands.len() {
                replies.push(self.reply().await?);
            }
            Ok(replies)
        });
        replies.await?.map_err(|source: io::Error| CallError::Unreachable { address, source })
    }

    async fn reply(&mut self) -> io::Result<Reply> {
        loop {
            let mut rest = &self.input[..];
            if let Some(reply) = parse(&mut rest, 0)? {
                let taken = self.input.len() - rest.len();
                self.input.advance(taken);
                return Ok(reply);
            }
            if self.input.len() > REPLY_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply without end"));
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// What a reply should not have been.
pub(super) fn unexpected(reply: &Reply) -> CallError {
    CallError::Answer { reason: format!("{reply:?}").chars().take(120).collect() }
}

async fn within<T>(address: &str, what: impl Future<Output = T>) -> Result<T, CallError> {
    let timed = Sleeper::shared().timeout(Instant::now() + TIMEOUT, what).await;
    timed.map_err(|_| CallError::TimedOut { address: address.to_owned() })
}

fn encode(command: &[&[u8]], output: &mut Vec<u8>) {
    output.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
    for argument in command {
        output.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        output.extend_from_slice(argument);
        output.extend_from_slice(b"\r\n");
    }
}

/// One reply from the front of `input`; `None` if it is not all there.
fn parse(input: &mut &[u8], depth: usize) -> io::Result<Option<Reply>> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "not Redis's protocol");
    let Some(end) = input.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = &input[..end];
    let mut rest = &input[end + 2..];
    let (kind, text) = line.split_first().ok_or_else(bad)?;
    let text = String::from_utf8_lossy(text).into_owned();
    let number = || text.parse::<i64>().map_err(|_| bad());
    let reply = match kind {
        b'+' => Reply::Simple(text),
        b'-' => Reply::Error(text),
        b':' => Reply::Integer(number()?),
        b'$' => match usize::try_from(number()?) {
            Err(_) => Reply::Bulk(None),
            Ok(length) if length > REPLY_BYTES_MAX => return Err(bad()),
            Ok(length) if rest.len() < length + 2 => return Ok(None),
            Ok(length) => {
                let bytes = rest[..length].to_vec();
                rest = &rest[length + 2..];
                Reply::Bulk(Some(bytes))
            }
        },
        b'*' if depth < DEPTH_MAX => {
            let mut parts = Vec::new();
            for _ in 0..number()? {
                match parse(&mut rest, depth + 1)? {
                    Some(part) => parts.push(part),
                    None => return Ok(None),
                }
            }
            Reply::Array(parts)
        }
        _ => return Err(bad()),
    };
    *input = rest;
    Ok(Some(reply))
}

impl Place {
    fn read(address: &str) -> Self {
        let Some((_, rest)) = address.split_once("://") else {
            return Self { host_and_port: with_port(address), ..Self::default() };
        };
        let (login, place) =
            rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let (host, database) = place.split_once('/').unwrap_or((place, ""));
        let database = database.split('?').next().filter(|database| !database.is_empty()).map(str::to_owned);
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (Some(user.to_owned()), Some(password.to_owned())),
            None => (None, None),
        };
        let password = password.filter(|password| !password.is_empty());
        Self { host_and_port: with_port(host), user, password, database }
    }
}

fn with_port(host: &str) -> String {
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    if has_port { host.to_owned() } else { format!("{host}:{PORT}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> io::Result<Option<Reply>> {
        parse(&mut &text[..], 0)
    }

    #[test]
    fn replies_are_read_wherever_the_bytes_end() {
        let text = b"*4\r\n+OK\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n";
        let whole = read(text).expect("a reply").expect("all of it");
        let bulk = Reply::Bulk(Some(b"a\r\n".to_vec()));
        let parts = vec![Reply::Simple("OK".to_owned()), Reply::Integer(-7), bulk, Reply::Bulk(None)];
        assert_eq!(whole, Reply::Array(parts));
        for cut in 0..text.len() {
            assert_eq!(read(&text[..cut]).expect("no error"), None, "cut at {cut}");
        }
        assert_eq!(read(b"-ERR no\r\n").expect("a reply"), Some(Reply::Error("ERR no".to_owned())));
    }

    #[test]
    fn what_is_no_reply_is_an_error_and_no_panic() {
        for text in [&b"hello\r\n"[..], b"\r\n", b":x\r\n", b"$99999999999\r\n", b"*1\r\n!\r\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let deep = b"*1\r\n".repeat(1_000);
        assert!(read(&deep).is_err());
    }

    #[test]
    fn an_address_may_be_a_url_with_a_login() {
        let place = |text| {
            let place = Place::read(text);
            (place.host_and_port, place.user.unwrap_or_default(), place.password, place.database)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(place("127.0.0.1:7"), ("127.0.0.1:7".to_owned(), String::new(), None, None));
        let full = place("redis://me:p@ss@cache:6380/2?timeout=1s");
        assert_eq!(full, ("cache:6380".to_owned(), "me".to_owned(), text("p@ss"), text("2")));
        let short = place("redis://:secret@cache");
        assert_eq!(short, ("cache:6379".to_owned(), String::new(), text("secret"), None));
    }
}
