//! One HTTP/1 connection of a client, and the set of them that a user holds.
//!
//! hyper splits a connection into a *sender* of requests and a *driver* that moves the bytes. The
//! driver usually is a task of its own; here the worker polls it in its own task, which saves two
//! wake-ups per request. Responses and bodies come only out of the driver, so they are polled right
//! after it, with a waker that does nothing.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::{Body as _, Frame, Incoming},
    client::conn::http1::{Builder, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use loadlab_scenario::arms::{Arm, Cohort};
use parking_lot::Mutex;
use tokio::task::coop::unconstrained;

use crate::{
    alarm::Alarm,
    dial::{Dialer, Io},
    recorder::Recorder,
};

/// hyper's read buffer for a slow reader: no more is taken from the socket than was asked for.
const SLOW_READ_BUFFER_BYTES: usize = 1_024;

type Driver = Connection<TokioIo<Io>, Full<Bytes>>;

/// An open connection.
pub(crate) struct Conn {
    sender: SendRequest<Full<Bytes>>,
    /// Gone once the connection is closed.
    driver: Option<Box<Driver>>,
    /// It belongs to a reader of this rate; none is as fast as can be.
    pace: Option<f64>,
    recorder: Arc<Recorder>,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("open", &self.driver.is_some())
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.recorder.connections(-1);
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The deadline passed.
    Deadline,
    /// The connection was gone before anything was sent: the request may go over another.
    NotSent(Box<Request<Full<Bytes>>>),
    /// The connection ended without an answer.
    Reset,
}

/// What came next of a body.
#[derive(Debug)]
pub(crate) enum Piece {
    Data(Bytes),
    /// The body is complete.
    End,
    /// It ended before its end.
    Broken,
    /// The deadline passed.
    Deadline,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoConnection {
    /// It was refused, or took longer than the client waits for one.
    Failed,
    /// The deadline passed.
    Deadline,
}

impl Conn {
    /// Makes a connection.
    pub(crate) async fn open(
        dialer: &Dialer,
        recorder: &Arc<Recorder>,
        alarm: &mut Alarm,
        until: ConnectUntil,
        pace: Option<f64>,
    ) -> Result<Self, NoConnection> {
        let deadline = until.deadline.map_or(until.connect, |deadline| deadline.min(until.connect));
        let mut opening = pin!(Self::handshake(dialer, recorder, pace));
        poll_fn(|context| {
            if let Poll::Ready(opened) = opening.as_mut().poll(context) {
                return Poll::Ready(opened.ok_or(NoConnection::Failed));
            }
            alarm.poll(context, deadline).map(|()| {
                let gave_up = until.deadline.is_some_and(|deadline| deadline <= until.connect);
                Err(if gave_up { NoConnection::Deadline } else { NoConnection::Failed })
            })
        })
        .await
    }

    async fn handshake(dialer: &Dialer, recorder: &Arc<Recorder>, pace: Option<f64>) -> Option<Self> {
        let io = dialer.dial(pace).await.ok()?;
        let mut builder = Builder::new();
        if pace.is_some() {
            builder.read_buf_exact_size(Some(SLOW_READ_BUFFER_BYTES));
        }
        let (sender, driver) = builder.handshake(TokioIo::new(io)).await.ok()?;
        recorder.connections(1);
        let recorder = Arc::clone(recorder);
        Some(Self { sender, driver: Some(Box::new(driver)), pace, recorder })
    }

    /// Moves bytes. Afterwards whatever the service sent is with the response or the body.
    fn drive(&mut self, context: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && Pin::new(driver.as_mut()).poll(context).is_ready()
        {
            self.driver = None;
        }
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        alarm: &mut Alarm,
        deadline: Instant,
    ) -> Result<Response<Incoming>, NoAnswer> {
        // Unconstrained, because a future that is told to yield asks its waker to be polled again,
        // and this one's waker does nothing. The driver yields in its place.
        let mut answer = pin!(unconstrained(self.sender.try_send_request(request)));
        poll_fn(|context| {
            self.drive(context);
            let mut quiet = Context::from_waker(Waker::noop());
            if let Poll::Ready(answer) = answer.as_mut().poll(&mut quiet) {
                return Poll::Ready(answer.map_err(|mut error| match error.take_message() {
                    Some(request) => NoAnswer::NotSent(Box::new(request)),
                    None => NoAnswer::Reset,
                }));
            }
            alarm.poll(context, deadline).map(|()| Err(NoAnswer::Deadline))
        })
        .await
    }

    /// The next piece of a body.
    pub(crate) async fn next(&mut self, body: &mut Incoming, alarm: &mut Alarm, deadline: Instant) -> Piece {
        poll_fn(|context| {
            if let Some(piece) = poll_piece(body) {
                return Poll::Ready(piece);
            }
            self.drive(context);
            if let Some(piece) = poll_piece(body) {
                return Poll::Ready(piece);
            }
            alarm.poll(context, deadline).map(|()| Piece::Deadline)
        })
        .await
    }

    /// Whether another request may be sent over it, as far as can be seen from here.
    fn is_reusable(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }

    /// After a whole answer: lets the driver come to rest, so that it can be seen whether the
    /// connection stays.
    pub(crate) async fn settle(&mut self) {
        if self.driver.is_some() && !self.sender.is_ready() {
            poll_fn(|context| {
                self.drive(context);
                Poll::Ready(())
            })
            .await;
        }
    }
}

fn poll_piece(body: &mut Incoming) -> Option<Piece> {
    let mut quiet = Context::from_waker(Waker::noop());
    loop {
        return match Pin::new(&mut *body).poll_frame(&mut quiet) {
            Poll::Pending => None,
            Poll::Ready(None) => Some(Piece::End),
            Poll::Ready(Some(Err(_))) => Some(Piece::Broken),
            Poll::Ready(Some(Ok(frame))) => match Frame::into_data(frame) {
                Ok(data) => Some(Piece::Data(data)),
                // Trailers: nothing is made of them.
                Err(_) => continue,
            },
        };
    }
}

/// How long the making of a connection may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectUntil {
    /// The client's time-out for connecting.
    pub(crate) connect: Instant,
    /// The user's patience.
    pub(crate) deadline: Option<Instant>,
}

/// The connections of one user.
///
/// The lock is never contended: all requests of a user run in one task. It is there because futures
/// that share the set must be `Send`.
#[derive(Debug)]
pub(crate) struct Connections {
    max: usize,
    reuse: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Used last at the end.
    idle: VecDeque<Conn>,
    /// Open ones, busy or idle, and those being made.
    count: usize,
    /// Goes up whenever one is given back or given up.
    releases: u64,
}

/// A user's connections: those of each arm apart, since in open load a worker is a user of one arm
/// and then of the other.
#[derive(Debug)]
pub(crate) struct ByArm {
    control: Connections,
    experiment: Connections,
}

impl ByArm {
    pub(crate) fn new(max: usize, reuse: bool) -> Self {
        Self { control: Connections::new(max, reuse), experiment: Connections::new(max, reuse) }
    }

    /// Those of a cohort's arm; without a split there is one set.
    pub(crate) fn of(&self, cohort: Option<Cohort>) -> &Connections {
        match cohort.map(|cohort| cohort.arm) {
            None | Some(Arm::Control) => &self.control,
            Some(Arm::Experiment) => &self.experiment,
        }
    }
}

/// A place among a user's connections.
#[derive(Debug)]
pub(crate) struct Slot<'c> {
    set: &'c Connections,
    /// None while it is being made, and after it was closed.
    pub(crate) conn: Option<Conn>,
}

impl Connections {
    pub(crate) fn new(max: usize, reuse: bool) -> Self {
        Self { max, reuse, state: Mutex::default() }
    }

    /// An idle connection, or the place for a new one; `None` when all are busy.
    pub(crate) fn take(&self, pace: Option<f64>) -> Option<Slot<'_>> {
        let mut state = self.state.lock();
        while let Some(place) = state.idle.iter().rposition(|conn| conn.pace == pace) {
            let conn = state.idle.remove(place);
            if conn.as_ref().is_some_and(Conn::is_reusable) {
                return Some(Slot { set: self, conn });
            }
            state.count -= 1;
        }
        if state.count >= self.max {
            // An idle one of the other kind makes room.
            state.idle.pop_front()?;
            state.count -= 1;
        }
        state.count += 1;
        Some(Slot { set: self, conn: None })
    }

    /// How often a place became free.
    pub(crate) fn releases(&self) -> u64 {
        self.state.lock().releases
    }
}

impl Slot<'_> {
    /// Gives the connection back for the next request, if it is to be kept.
    pub(crate) fn release(mut self) {
        let conn = self.conn.take().filter(|conn| self.set.reuse && conn.is_reusable());
        if let Some(conn) = conn {
            let mut state = self.set.state.lock();
            // The slot's own end gives its place up; the idle connection needs one.
            state.count += 1;
            state.idle.push_back(conn);
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.set.state.lock();
        state.count -= 1;
        state.releases += 1;
    }
}
