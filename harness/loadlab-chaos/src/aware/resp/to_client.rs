//! Replies from the server to the client, with those that faults give put in at their place.

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{
    Shared,
    expect::Expect,
    reply::{ReplyParser, Step},
};
use crate::aware::Passed;

/// Room for one read.
const READ: usize = 16 * 1024;

/// Most equal replies of a fault that are written at once.
const BATCH: usize = 256;

/// One way of a connection.
pub(super) struct ToClient<'a> {
    shared: &'a Shared,
    parser: ReplyParser,
    input: BytesMut,
    /// Nothing is read any more; all passes.
    raw: bool,
}

impl<'a> ToClient<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, parser: ReplyParser::default(), input: BytesMut::new(), raw: false }
    }

    /// Runs until the server has sent all and the client has got it.
    pub(super) async fn run(
        mut self,
        mut server: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        loop {
            self.give_own(&mut client).await?;
            while !self.input.is_empty() {
                let length = self.take_input()?;
                client.write_all(&self.input[..length]).await?;
                self.input.advance(length);
                self.give_own(&mut client).await?;
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

    /// Gives the replies whose turn it is and that the server does not give.
    async fn give_own(&mut self, client: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while !self.raw {
            match self.shared.expected.take_own() {
                Some(Expect::Injected(reply, count)) => {
                    let mut left = count as usize;
                    while left > 0 {
                        let batch = left.min(BATCH);
                        client.write_all(&reply.repeat(batch)).await?;
                        left -= batch;
                    }
                }
                Some(Expect::Rest) => self.raw = true,
                Some(Expect::Replies(_)) | None => return Ok(()),
            }
        }
        Ok(())
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
