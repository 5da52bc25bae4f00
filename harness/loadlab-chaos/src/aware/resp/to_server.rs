//! Commands from the client to the server, with faults on the way.
//!
//! Reading goes on while a command is held back, up to a bound: so it is known which commands wait
//! behind it, and when each of them arrived.

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use loadlab_clock::Sleeper;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{
    Shared,
    command::{CommandParser, Step},
    expect::Expect,
    outbox::{Front, Held, Outbox},
    table::Head,
};
use crate::aware::{
    draw::{Direction, within},
    fault::{OnCommand, Protocol},
    switch::{Active, FaultSet, FaultView},
};

/// Most bytes that wait to be sent before no more are read. A pipeline of thousands fits in.
const OUTBOX_MAX: usize = 1024 * 1024;
/// Room for one read.
const READ: usize = 16 * 1024;

/// One way of a connection.
pub(super) struct ToServer<'a> {
    shared: &'a Shared,
    faults: FaultView,
    parser: CommandParser,
    input: BytesMut,
    /// How much of the input belongs to a command of which it is not decided what happens to it.
    undecided: usize,
    current: Current,
    outbox: Outbox,
    commands: u64,
    arrived: Instant,
}

/// What happens to the bytes of the command that is being read.
#[derive(Debug)]
enum Current {
    /// They pass.
    Pass,
    /// They are withheld, and counted for the fault that answered.
    Withhold(Arc<Active>),
    /// They are held back; each piece is counted for the faults.
    Delay(Vec<Arc<Active>>),
    /// Nothing is read any more; all passes.
    Raw,
}

impl<'a> ToServer<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            faults: shared.session.view(Protocol::Resp),
            parser: CommandParser::default(),
            input: BytesMut::new(),
            undecided: 0,
            current: Current::Pass,
            outbox: Outbox::default(),
            commands: 0,
            arrived: Instant::now(),
        }
    }

    /// Runs until the client has sent all and the server has got it.
    pub(super) async fn run(
        mut self,
        mut client: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut eof = false;
        loop {
            let faults = Arc::clone(self.faults.current());
            let front = self.outbox.front(&faults);
            if eof && front == Front::Empty {
                return server.shutdown().await;
            }
            let full = self.outbox.len() >= OUTBOX_MAX || self.shared.expected.is_full();
            self.input.reserve(READ);
            tokio::select! {
                read = client.read_buf(&mut self.input), if !eof && !full => {
                    eof = read? == 0;
                    self.arrived = Instant::now();
                    // They may have changed while nothing came.
                    let faults = Arc::clone(self.faults.current());
                    self.take_input(&faults);
                    if eof {
                        self.outbox.push(std::mem::take(&mut self.input));
                    }
                }
                sent = server.write(self.outbox.ready()), if front == Front::Ready => {
                    match sent? {
                        0 => return Err(io::ErrorKind::WriteZero.into()),
                        sent => self.outbox.sent(sent),
                    }
                }
                () = wait_until(front) => {}
                () = self.faults.changed(), if matches!(front, Front::At(_)) => {}
                () = self.shared.expected.room(), if full => {}
            }
        }
    }

    /// Reads as many commands as there are, and puts them into the outbox.
    fn take_input(&mut self, faults: &FaultSet) {
        loop {
            if self.parser.at_start() && self.shared.raw.load(Relaxed) {
                self.pass_rest();
            }
            if matches!(self.current, Current::Raw) {
                let all = self.input.split();
                return self.outbox.push(all);
            }
            let (read, step) = self.parser.advance(&self.input[self.undecided..]);
            self.undecided += read;
            match step {
                Step::More => {
                    if self.parser.is_decided() {
                        self.dispose();
                    }
                    return;
                }
                Step::Head(head) => self.decide(&head, faults),
                Step::End => {
                    self.dispose();
                    self.current = Current::Pass;
                }
                Step::Blank => self.dispose(),
                Step::NotResp => {
                    self.shared.pass(crate::aware::Passed::NotResp);
                    self.pass_rest();
                }
            }
        }
    }

    /// From here on nothing is read. Whatever the server says after the replies that are due
    /// passes too.
    fn pass_rest(&mut self) {
        if !matches!(self.current, Current::Raw) {
            self.current = Current::Raw;
            self.undecided = 0;
            self.shared.expected.push(Expect::Rest);
        }
    }

    /// Finds out what happens to a command.
    fn decide(&mut self, head: &Head, faults: &FaultSet) {
        let counters = &self.shared.session.counters().resp;
        counters.commands.one();
        let number = self.commands;
        self.commands += 1;
        if let Some(reason) = head.passes {
            if self.outbox.holds() {
                counters.collateral.one();
            }
            self.shared.pass(reason);
            return self.pass_rest();
        }
        let mut hold = Held::new(self.arrived);
        let mut delayed = Vec::new();
        for fault in faults.iter() {
            match self.hit(fault, head, number) {
                None => {}
                Some(Hit::Error(reply)) => {
                    self.shared.session.touched_by().request(&fault.touched);
                    self.shared.expected.push(Expect::Injected(reply, 1));
                    self.current = Current::Withhold(Arc::clone(fault));
                    return self.dispose();
                }
                Some(Hit::Wait(real)) => {
                    hold.add(fault, real);
                    delayed.push(Arc::clone(fault));
                }
            }
        }
        self.shared.expected.push(Expect::Replies(1));
        if hold.is_free() {
            if self.outbox.holds() {
                counters.collateral.one();
            }
            self.current = Current::Pass;
            return self.dispose();
        }
        for fault in &delayed {
            self.shared.session.touched_by().request(&fault.touched);
        }
        self.current = Current::Delay(delayed);
        self.outbox.hold(BytesMut::new(), hold);
        self.dispose();
    }

    fn hit(&self, fault: &Active, head: &Head, number: u64) -> Option<Hit> {
        let kind = fault.fault.kind();
        if !kind.resp_select()?.matches(&head.name, &head.keys) {
            return None;
        }
        let session = &self.shared.session;
        let mut rng = fault.draws.of(Direction::Upstream, session.connection(), number);
        if !within(fault.fault.toxicity(), &mut rng) {
            return None;
        }
        Some(match kind.on_command(&mut rng)? {
            OnCommand::Wait(time) => Hit::Wait(session.speed().real(time)),
            OnCommand::Error(fault) => Hit::Error(fault.reply().clone()),
        })
    }

    /// Does with the bytes of the current command that were read what was decided.
    fn dispose(&mut self) {
        let bytes = self.input.split_to(self.undecided);
        self.undecided = 0;
        match &self.current {
            Current::Pass | Current::Raw => self.outbox.push(bytes),
            Current::Withhold(fault) => {
                self.shared.session.touched_by().bytes(&fault.touched, bytes.len() as u64);
            }
            Current::Delay(faults) => {
                for fault in faults {
                    self.shared.session.touched_by().bytes(&fault.touched, bytes.len() as u64);
                }
                self.outbox.push_to_last(bytes);
            }
        }
    }
}

/// What a fault does to one command.
enum Hit {
    Wait(std::time::Duration),
    Error(Bytes),
}

/// Ends when what is in front may be sent; never if nothing is held back.
async fn wait_until(front: Front) {
    match front {
        Front::At(due) => Sleeper::shared().until(due).await,
        Front::Empty | Front::Ready => std::future::pending().await,
    }
}
