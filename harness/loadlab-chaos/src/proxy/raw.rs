//! A link that passes bytes: read, count, write, and one relaxed load per chunk for "something
//! changed". Without toxics a chunk costs no timestamp, channel or allocation.
//!
//! ```text
//!   client ──read──> [chain of upstream toxics] ──write──> upstream
//!   client <─write── [chain of downstream toxics] <──read── upstream
//! ```
//!
//! Both directions are one task. What is read goes through a buffer that the links of a thread
//! share, since it is empty again before another link runs; only what a slow reader leaves over is
//! kept.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use loadlab_clock::{Sleep, Sleeper};
use tokio::{io::ReadBuf, net::TcpStream};

use super::{
    Direction, Edge, Shared, Watch,
    chain::Chain,
    counters::Flow,
    side::{From, To},
};

/// How many chunks one direction passes before the other links of its worker have their turn.
const CHUNKS_IN_A_ROW: usize = 16;
/// What one read takes at most. Larger reads gain nothing over loopback, and this stays in cache.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Both sides are closed.
    Close,
    /// Both sides get an RST.
    Reset,
}

/// Passes bytes until the connection ends.
pub(crate) async fn run(edge: Edge) {
    let Edge { mut client, mut upstream, number, mut watch } = edge;
    let shared = std::sync::Arc::clone(watch.shared());
    let end = {
        let (from_client, to_client) = client.split();
        let (from_upstream, to_upstream) = upstream.split();
        let upstream = (From::Socket(from_client), To::Socket(to_upstream));
        let downstream = (From::Socket(from_upstream), To::Socket(to_client));
        let mut link = Link::new(number, &shared, upstream, downstream);
        poll_fn(|context| link.poll(context, &mut watch)).await
    };
    if end == Some(End::Reset) {
        reset(&client);
        reset(&upstream);
    }
}

/// Makes the coming close an RST.
pub(crate) fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        log::debug!("a connection could not be set to reset: {error}");
    }
}

/// What a direction comes to.
enum Step {
    /// The toxics changed, or the proxy is stopping.
    Changed,
    /// The stream ended, and its end was passed on.
    Done,
    /// The connection ends.
    Ended(End),
}

/// Both directions of a link.
pub(crate) struct Link<'a> {
    directions: [Half<'a>; 2],
    shared: &'a Shared,
    number: u64,
}

impl<'a> Link<'a> {
    /// The link of connection `number`, with the sides of each direction.
    pub(crate) fn new(
        number: u64,
        shared: &'a Shared,
        upstream: (From<'a>, To<'a>),
        downstream: (From<'a>, To<'a>),
    ) -> Self {
        let directions = [
            Half::new(Direction::Upstream, upstream, shared),
            Half::new(Direction::Downstream, downstream, shared),
        ];
        Self { directions, shared, number }
    }

    /// The end of a direction's stream is to be an RST, after all that comes before it.
    pub(crate) fn end_with_reset(&mut self, direction: Direction) {
        self.directions[direction.index()].ends_with_reset = true;
    }

    /// Whether a direction has passed the end of its stream on.
    pub(crate) fn is_done(&self, direction: Direction) -> bool {
        self.directions[direction.index()].is_done
    }

    /// Passes what there is. Ready when the connection is to end, or, with `None`, when both
    /// directions are done.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, watch: &mut Watch) -> Poll<Option<End>> {
        BUFFER.with_borrow_mut(|buffer| self.poll_with(context, watch, buffer))
    }

    fn poll_with(
        &mut self,
        context: &mut Context<'_>,
        watch: &mut Watch,
        buffer: &mut [u8],
    ) -> Poll<Option<End>> {
        loop {
            if watch.poll_changed(context).is_ready() {
                if watch.is_closed() {
                    return Poll::Ready(Some(End::Close));
                }
                for half in &mut self.directions {
                    if let Some(end) = half.follow(self.shared, self.number) {
                        return Poll::Ready(Some(end));
                    }
                }
            }
            let mut has_changed = false;
            for half in self.directions.iter_mut().filter(|half| !half.is_done) {
                match half.poll(context, watch, buffer) {
                    Poll::Pending => {}
                    Poll::Ready(Step::Changed) => has_changed = true,
                    Poll::Ready(Step::Done) => half.is_done = true,
                    Poll::Ready(Step::Ended(end)) => return Poll::Ready(Some(end)),
                }
            }
            if self.directions.iter().all(|half| half.is_done) {
                return Poll::Ready(None);
            }
            if !has_changed {
                return Poll::Pending;
            }
        }
    }
}

/// One direction of a link.
struct Half<'a> {
    direction: Direction,
    from: From<'a>,
    to: To<'a>,
    flow: &'a Flow,
    /// What is to be written before anything else.
    pending: VecDeque<Bytes>,
    chain: Chain,
    /// The source has ended.
    has_ended: bool,
    /// That end is passed on as an RST, which a FIN before it would hide.
    ends_with_reset: bool,
    /// The end was passed on.
    is_done: bool,
    sleep: Option<(Instant, Sleep)>,
}

impl<'a> Half<'a> {
    fn new(direction: Direction, (from, to): (From<'a>, To<'a>), shared: &'a Shared) -> Self {
        Self {
            direction,
            from,
            to,
            flow: shared.flow(direction),
            pending: VecDeque::new(),
            chain: Chain::default(),
            has_ended: false,
            ends_with_reset: false,
            is_done: false,
            sleep: None,
        }
    }

    fn follow(&mut self, shared: &Shared, number: u64) -> Option<End> {
        if self.is_done {
            return None;
        }
        let freed = self.chain.follow(shared, self.direction, number, Instant::now());
        self.pending.extend(freed.data);
        self.sleep = None;
        freed.end
    }

    fn poll(&mut self, context: &mut Context<'_>, watch: &Watch, buffer: &mut [u8]) -> Poll<Step> {
        let step = if self.chain.is_empty() {
            self.poll_plain(context, watch, buffer)
        } else {
            self.poll_chain(context, watch, buffer)
        };
        // A side that fails is gone, and the other learns it as it would without a proxy.
        step.map(|step| step.unwrap_or(Step::Ended(End::Reset)))
    }

    fn poll_plain(
        &mut self,
        context: &mut Context<'_>,
        watch: &Watch,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Step>> {
        for _ in 0..CHUNKS_IN_A_ROW {
            ready!(self.poll_flush(context))?;
            if self.has_ended {
                return self.poll_end(context);
            }
            if watch.is_changed() {
                return Poll::Ready(Ok(Step::Changed));
            }
            let Some(len) = ready!(self.poll_read(context, buffer))? else {
                self.has_ended = true;
                continue;
            };
            let data = &buffer[..len];
            let written = match self.to.poll_write(context, data) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.count_sent(written);
            if written < len {
                self.pending.push_back(Bytes::copy_from_slice(&data[written..]));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_chain(
        &mut self,
        context: &mut Context<'_>,
        watch: &Watch,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Step>> {
        let mut left = CHUNKS_IN_A_ROW;
        loop {
            if watch.is_changed() {
                return Poll::Ready(Ok(Step::Changed));
            }
            let now = Instant::now();
            if let Some(end) = self.chain.cut(now) {
                return Poll::Ready(Ok(Step::Ended(end)));
            }
            if self.poll_flush(context)?.is_ready() {
                if let Some(data) = self.chain.pull(now) {
                    self.pending.push_back(data);
                    continue;
                }
                if self.chain.is_finished(now) {
                    if self.chain.ends_connection() {
                        return Poll::Ready(Ok(Step::Ended(End::Close)));
                    }
                    return self.poll_end(context);
                }
            }
            if left == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !self.has_ended && self.chain.wants() {
                left -= 1;
                match self.poll_read(context, buffer)? {
                    Poll::Ready(Some(len)) => {
                        self.chain.push(Bytes::copy_from_slice(&buffer[..len]), now);
                        continue;
                    }
                    Poll::Ready(None) => {
                        self.has_ended = true;
                        self.chain.finish(now);
                        continue;
                    }
                    Poll::Pending => {}
                }
            }
            ready!(self.poll_time(context, now));
        }
    }

    /// Reads into the buffer and counts; `None` is the end of the stream.
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Option<usize>>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(self.from.poll_read(context, &mut buffer))?;
        let len = buffer.filled().len();
        if self.from.is_socket() {
            self.flow.received(len);
        }
        Poll::Ready(Ok((len > 0).then_some(len)))
    }

    fn count_sent(&self, bytes: usize) {
        if self.to.is_socket() {
            self.flow.sent(bytes);
        }
    }

    /// Writes what is pending.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(data) = self.pending.front_mut() {
            let written = ready!(self.to.poll_write(context, data))?;
            if self.to.is_socket() {
                self.flow.sent(written);
            }
            if written == data.len() {
                self.pending.pop_front();
            } else {
                let _ = data.split_to(written);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Passes the end of the stream on; the other direction goes on.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Step>> {
        if self.ends_with_reset {
            return Poll::Ready(Ok(Step::Ended(End::Reset)));
        }
        // A side that is gone already needs no end.
        let _ = ready!(self.to.poll_shutdown(context));
        Poll::Ready(Ok(Step::Done))
    }

    /// Ready when time has changed something in the chain.
    fn poll_time(&mut self, context: &mut Context<'_>, now: Instant) -> Poll<()> {
        let Some(wake) = self.chain.wake(now) else {
            self.sleep = None;
            return Poll::Pending;
        };
        // A sleep that ends sooner than needed is kept: waking once too often costs less than
        // leaving a deadline in the sleeper for every chunk.
        if self.sleep.as_ref().is_none_or(|(deadline, _)| *deadline > wake) {
            self.sleep = Some((wake, Sleeper::shared().until(wake)));
        }
        let Some((_, sleep)) = &mut self.sleep else { return Poll::Pending };
        ready!(Future::poll(Pin::new(sleep), context));
        self.sleep = None;
        Poll::Ready(())
    }
}
