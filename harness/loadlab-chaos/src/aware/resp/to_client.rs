//! Replies from the server to the client, with those that faults give put in at their place.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{
    Shared,
    expect::Expect,
    reply::{ReplyParser, Step},
};
use crate::aware::Passed;

/// Room for one read.
const READ: usize = 16 * 1024;

/// Most equal replies of a fault that are put in at once.
const BATCH: u64 = 256;
/// Most that is gathered before it is written, more or less. Without gathering, every reply of a
/// fault would be a packet of its own.
const GATHER: usize = 64 * 1024;

/// One way of a connection.
pub(super) struct ToClient<'a> {
    shared: &'a Shared,
    parser: ReplyParser,
    input: BytesMut,
    output: BytesMut,
    /// Nothing is read any more; all passes.
    raw: bool,
}

impl<'a> ToClient<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            parser: ReplyParser::default(),
            input: BytesMut::new(),
            output: BytesMut::new(),
            raw: false,
        }
    }

    /// Runs until the server has sent all and the client has got it.
    pub(super) async fn run(
        mut self,
        mut server: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        loop {
            while self.gather()? {
                client.write_all_buf(&mut self.output).await?;
            }
            self.input.reserve(READ);
            tokio::select! {
                read = server.read_buf(&mut self.input) => if read? == 0 {
                    return client.shutdown().await;
                },
                () = self.shared.expected.changed(), if !self.raw => {}
            }
        }
    }

    /// Gathers what can be sent now, in its order. Gives whether there is something.
    fn gather(&mut self) -> io::Result<bool> {
        loop {
            self.put_own();
            if self.input.is_empty() || self.output.len() >= GATHER {
                return Ok(!self.output.is_empty());
            }
            let length = self.take_input()?;
            // Nothing is copied as long as no reply of a fault stands between.
            self.output.unsplit(self.input.split_to(length));
        }
    }

    /// Puts in the replies whose turn it is and that the server does not give.
    fn put_own(&mut self) {
        while !self.raw && self.output.len() < GATHER {
            match self.shared.expected.take_own() {
                Some(Expect::Injected(reply, count)) => {
                    let now = count.min(BATCH);
                    self.output.extend_from_slice(&reply.repeat(now as usize));
                    if count > now {
                        self.shared.expected.put_back(reply, count - now);
                    }
                }
                Some(Expect::Rest) => self.raw = true,
                Some(Expect::Replies(_)) | None => return,
            }
        }
    }

    /// Gives how much of the input can be sent before it is the turn of something else.
    fn take_input(&mut self) -> io::Result<usize> {
        let mut at = 0;
        while !self.raw && at < self.input.len() {
            let (length, step) = self.parser.advance(&self.input[at..]);
            at += length;
            match step {
                Step::More => {}
                Step::End => {
                    if self.shared.expected.replied() {
                        self.shared.session.counters().resp.replies.one();
                    }
                    if self.shared.expected.is_own_next() {
                        return Ok(at);
                    }
                }
                Step::Push => self.shared.pass(Passed::Push),
                Step::NotResp => self.pass_rest()?,
            }
        }
        Ok(self.input.len())
    }

    /// The server's bytes cannot be read. If a reply of a fault waits for its turn, nobody can tell
    /// any more when that is.
    fn pass_rest(&mut self) -> io::Result<()> {
        self.shared.pass(Passed::NotResp);
        self.raw = true;
        if self.shared.expected.has_injected() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server's replies cannot be read, and a reply of a fault waits among them",
            ));
        }
        Ok(())
    }
}
