//! A server that does what a script says, byte by byte.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};

/// One thing that the server does in answer to a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    /// Ends the connection in order.
    Close,
    /// Ends it with a reset.
    Reset,
}

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) number: usize,
    pub(crate) connection: usize,
    pub(crate) line: String,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) seen: Vec<Seen>,
    /// When clients closed while an answer was under way, by connection.
    pub(crate) left: Vec<(usize, Instant)>,
    pub(crate) connections: usize,
    pub(crate) busy: usize,
    pub(crate) busy_max: usize,
}

/// A scripted server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) notes: Arc<Mutex<Notes>>,
}

type Script = Arc<dyn Fn(&Seen) -> Vec<Act> + Send + Sync>;

impl Server {
    /// Starts it; `script` gives the acts for each request.
    pub(crate) async fn start(script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { base, notes: Arc::default() };
        let (notes, script): (_, Script) = (Arc::clone(&server.notes), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("nodelay");
                tokio::spawn(serve(stream, Arc::clone(&notes), Arc::clone(&script)));
            }
        });
        server
    }

    /// Serves connections that are made elsewhere.
    pub(crate) fn serve_on(
        &self,
        stream: impl Connection,
        script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static,
    ) {
        tokio::spawn(serve(stream, Arc::clone(&self.notes), Arc::new(script)));
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.notes.lock().seen.iter().map(|seen| seen.path().to_owned()).collect()
    }
}

pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes the end of the connection a reset.
    fn reset_at_end(&self) {}
}

impl Connection for tokio::net::TcpStream {
    fn reset_at_end(&self) {
        self.set_zero_linger().expect("linger");
    }
}

impl Connection for tokio_rustls::server::TlsStream<tokio::net::TcpStream> {}

async fn serve(mut stream: impl Connection, notes: Arc<Mutex<Notes>>, script: Script) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let connection = {
        let mut notes = notes.lock();
        notes.connections += 1;
        notes.connections - 1
    };
    let mut buffer = Vec::new();
    while let Some((line, headers, body)) = request(&mut stream, &mut buffer).await {
        let number = NUMBER.fetch_add(1, SeqCst);
        let seen = Seen { number, connection, line, headers, body, at: Instant::now() };
        {
            let mut notes = notes.lock();
            notes.seen.push(seen.clone());
            notes.busy += 1;
            notes.busy_max = notes.busy_max.max(notes.busy);
        }
        let goes_on = act(&mut stream, &mut buffer, script(&seen), connection, &notes).await;
        notes.lock().busy -= 1;
        if !goes_on {
            return;
        }
    }
}

async fn act(
    stream: &mut impl Connection,
    buffer: &mut Vec<u8>,
    acts: Vec<Act>,
    connection: usize,
    notes: &Mutex<Notes>,
) -> bool {
    for act in acts {
        let left = match act {
            Act::Send(bytes) => stream.write_all(&bytes).await.is_err(),
            Act::Wait(duration) => tokio::select! {
                read = stream.read_buf(buffer) => read.is_err() || matches!(read, Ok(0)),
                () = tokio::time::sleep(duration) => false,
            },
            Act::Close => return false,
            Act::Reset => {
                stream.reset_at_end();
                return false;
            }
        };
        if left {
            notes.lock().left.push((connection, Instant::now()));
            return false;
        }
    }
    true
}

async fn request(stream: &mut impl Connection, buffer: &mut Vec<u8>) -> Option<(String, String, String)> {
    let head_end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let length = headers
        .lines()
        .find_map(|header| header.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let end = head_end + 4 + length.unwrap_or(0);
    while buffer.len() < end {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8_lossy(&buffer[head_end + 4..end]).into_owned();
    buffer.drain(..end);
    Some((line.to_owned(), headers.to_owned(), body))
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A whole answer with a length.
pub(crate) fn answer(status: u16, body: &str) -> Act {
    let length = body.len();
    Act::Send(format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes())
}

/// The head of a stream.
pub(crate) fn stream_head() -> Act {
    Act::Send(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
    )
}

pub(crate) fn chunk(text: &str) -> Act {
    Act::Send(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

pub(crate) fn last_chunk() -> Act {
    Act::Send(b"0\r\n\r\n".to_vec())
}
