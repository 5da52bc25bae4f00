//! One connection: requests in, replies out, in order.
//!
//! ```text
//!   bytes ──parse──> waiting, each with the time it is due ──> execute ──> output ──> bytes
//!                                                     messages ──────────────^
//! ```
//!
//! A command is due its service time after it arrived, and not before the one ahead of it. Commands
//! of one pipeline so wait side by side. What waits is bounded; beyond that, nothing more is read.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use loadlab_clock::{Distribution, Sleeper};
use rand_chacha::ChaCha8Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
};

use super::{
    channels::{Inbox, Message},
    commands,
    protocol::{Arguments, ProtocolError, Reply, RequestParser},
    server::Server,
    session::Session,
};

/// Requests of a connection that may wait for their time.
const WAITING_MAX: usize = 16_384;
/// Bytes of such requests.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// Bytes of output after which it is written before the next command is executed.
const OUTPUT_MAX: usize = 256 << 10;
/// Room kept for input while a connection is idle.
const INPUT_KEPT: usize = 64 << 10;
/// How long a closed connection's last bytes are awaited, so that its last reply is not lost with them.
const LINGER: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub(super) async fn run(server: Arc<Server>, mut stream: TcpStream, address: SocketAddr) {
    let (session, inbox) = server.open(address);
    let rng = server.seed.stream("redis service time", session.id, 0);
    let mut connection = Connection {
        server,
        session,
        inbox,
        rng,
        parser: RequestParser::default(),
        input: BytesMut::new(),
        arrived: Instant::now(),
        output: BytesMut::new(),
        waiting: VecDeque::new(),
        waiting_bytes: 0,
        end: End::Open,
    };
    let overflow = connection.inbox.overflow();
    let (reader, writer) = stream.split();
    tokio::select! {
        ended = connection.serve(reader, writer) => if let Err(error) = ended {
            log::debug!("connection {}: {error}", connection.session.id);
        },
        // A subscriber who reads too slowly, perhaps while a reply is being written.
        () = overflow.cancelled() => {}
    }
}

struct Connection {
    server: Arc<Server>,
    session: Session,
    inbox: Inbox,
    rng: ChaCha8Rng,
    parser: RequestParser,
    input: BytesMut,
    /// When the latest input came.
    arrived: Instant,
    output: BytesMut,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    end: End,
}

/// A request that is not yet executed.
struct Waiting {
    arguments: Arguments,
    bytes: usize,
    due: Instant,
}

/// How far a connection is from its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Requests may come.
    Open,
    /// The client sends no more; what waits is still answered.
    Eof,
    /// What came cannot be read, which is said after what waits was answered.
    Broken(ProtocolError),
}

/// Takes the connection off the server's books, also when its task is dropped.
impl Drop for Connection {
    fn drop(&mut self) {
        self.server.close(&mut self.session);
    }
}

impl Connection {
    async fn serve(&mut self, mut reader: ReadHalf<'_>, mut writer: WriteHalf<'_>) -> io::Result<()> {
        loop {
            let more = self.take_requests();
            self.execute_due(&mut writer).await?;
            if let End::Broken(error) = self.end
                && self.waiting.is_empty()
                && !self.session.closing
            {
                self.reply(&Reply::Error(error.into()));
                self.session.closing = true;
            }
            if self.session.closing {
                self.flush(&mut writer).await?;
                return linger(reader, writer).await;
            }
            self.flush(&mut writer).await?;
            if self.end == End::Eof && self.waiting.is_empty() && !more {
                return Ok(());
            }
            if more && !self.is_full() {
                continue;
            }
            self.wait(&mut reader).await?;
        }
    }

    /// Waits for whatever comes first: input, a message, the time of the next command.
    async fn wait(&mut self, reader: &mut ReadHalf<'_>) -> io::Result<()> {
        let due = self.waiting.front().map(|next| next.due);
        let reads = self.end == End::Open && !self.is_full();
        if self.input.is_empty() && self.input.capacity() > INPUT_KEPT {
            self.input = BytesMut::new();
        }
        self.input.reserve(4096);
        tokio::select! {
            read = reader.read_buf(&mut self.input), if reads => {
                self.arrived = Instant::now();
                if read? == 0 {
                    self.end = End::Eof;
                }
            }
            () = until(due) => {}
            message = self.inbox.next() => self.deliver(message),
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX || self.waiting_bytes >= WAITING_BYTES_MAX
    }

    /// Moves complete requests from the input to those that wait; true when some had no room.
    fn take_requests(&mut self) -> bool {
        if matches!(self.end, End::Broken(_)) {
            return false;
        }
        let profile = self.server.settings.get();
        while !self.input.is_empty() {
            if self.is_full() {
                return true;
            }
            match self.parser.next(&mut self.input) {
                Ok(Some(arguments)) => self.accept(arguments, &profile.service_time),
                Ok(None) => break,
                Err(error) => {
                    self.end = End::Broken(error);
                    break;
                }
            }
        }
        false
    }

    fn accept(&mut self, arguments: Arguments, service_time: &Distribution) {
        let takes = self.server.speed.real(service_time.sample(&mut self.rng));
        let due = self.arrived.checked_add(takes).unwrap_or(self.arrived + Duration::from_secs(86_400));
        let bytes = arguments.iter().map(Bytes::len).sum();
        self.waiting_bytes += bytes;
        self.waiting.push_back(Waiting { arguments, bytes, due });
    }

    /// Executes what is due, in order.
    async fn execute_due(&mut self, writer: &mut WriteHalf<'_>) -> io::Result<()> {
        while !self.session.closing
            && self.waiting.front().is_some_and(|next| next.due <= Instant::now())
            && let Some(next) = self.waiting.pop_front()
        {
            self.waiting_bytes -= next.bytes;
            // Messages published before this command come before its reply.
            if self.session.subscriptions() > 0 {
                while let Some(message) = self.inbox.take() {
                    self.deliver(message);
                }
            }
            let reply = commands::execute(&self.server, &mut self.session, next.arguments);
            self.reply(&reply);
            if self.output.len() >= OUTPUT_MAX {
                self.flush(writer).await?;
            }
        }
        Ok(())
    }

    fn deliver(&mut self, message: Message) {
        let mut parts = Vec::with_capacity(4);
        match message.pattern {
            None => parts.push(Reply::name("message")),
            Some(pattern) => parts.extend([Reply::name("pmessage"), Reply::Bulk(pattern)]),
        }
        parts.extend([Reply::Bulk(message.channel), Reply::Bulk(message.content)]);
        self.reply(&Reply::Push(parts));
    }

    fn reply(&mut self, reply: &Reply) {
        reply.encode(self.session.version, &mut self.output);
    }

    async fn flush(&mut self, writer: &mut WriteHalf<'_>) -> io::Result<()> {
        if !self.output.is_empty() {
            let output = self.output.split();
            writer.write_all(&output).await?;
            if output.len() > OUTPUT_MAX * 4 {
                self.output = BytesMut::new();
            }
        }
        Ok(())
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => Sleeper::shared().until(due).await,
        None => std::future::pending().await,
    }
}

/// Closes from this side first. A socket closed with input unread would take its last reply along.
async fn linger(mut reader: ReadHalf<'_>, mut writer: WriteHalf<'_>) -> io::Result<()> {
    writer.shutdown().await?;
    let mut rest = [0; 4096];
    let drained = async { while reader.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
    // Who goes on sending after that has been told.
    let _ = Sleeper::shared().timeout(Instant::now() + LINGER, drained).await;
    Ok(())
}
