//! One attempt of one request: a connection, the request, the answer, the sample.
//!
//! ```text
//!   due ..... begun --client wait--> free --connect--> sent ......... first byte ......... done
//!             '------------------- patience: counted from begun ------------------------------>
//!                                                      '-------- time-out: counted from sent -->
//!                                                                     '-- leaving: from here -->
//! ```
//!
//! Whichever deadline comes first decides; at the same instant patience before leaving before the
//! time-out. A deadline closes the connection: the service sees that the client has gone.
//!
//! Patience counts from when the attempt was taken up, not from when it was due: the generator's own
//! lateness is no one's patience. (The response time counts from due.)

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use loadlab_record::{Outcome, RequestSample, StreamSample};
use loadlab_scenario::arms;

use crate::{
    answer::{Ended, Read, Scratch},
    connection::{Conn, ConnectUntil, Connections, NoAnswer, NoConnection, Slot},
    engine::Engine,
    kept::Kept,
    program::StepProgram,
    render::{Scope, make_path_safe},
};

/// Whoever serves the target sends a user where this says, for as long as the run lasts.
const ARM: HeaderName = HeaderName::from_static(arms::HEADER);

/// What is to be attempted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) step: &'a StepProgram,
    pub(crate) scope: Scope<'a>,
    /// When the step was due, or the extra attempt after its backoff.
    pub(crate) due: Instant,
    /// How the user behaves.
    pub(crate) conduct: Conduct,
}

/// How a user behaves in one attempt. All real.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conduct {
    pub(crate) patience: Option<Duration>,
    pub(crate) leaves_after: Option<Duration>,
    /// Bytes per second of a slow reader.
    pub(crate) pace: Option<f64>,
}

/// How it ended.
#[derive(Debug, Default)]
pub(crate) struct Attempted {
    pub(crate) outcome: Option<Outcome>,
    /// When the request was sent, in real microseconds since the start.
    pub(crate) sent: Option<u64>,
    /// The service asked to wait so long, in seconds of scenario time.
    pub(crate) retry_after: Option<Duration>,
    /// The user left in the middle of the answer: there is no other attempt.
    pub(crate) left: bool,
    pub(crate) kept: Vec<(usize, Kept)>,
}

/// The course of an attempt, for its sample.
#[derive(Debug, Default)]
struct Course {
    client_wait: Duration,
    sent: Option<Instant>,
    first_byte: Option<Instant>,
    status: Option<u16>,
    bytes: u64,
    stream: Option<StreamSample>,
}

/// The deadlines after sending, and what passing one means.
#[derive(Debug, Clone, Copy)]
struct Deadlines {
    patience: Option<Instant>,
    leaves: Option<Instant>,
    timeout: Instant,
}

impl Deadlines {
    fn next(self) -> Instant {
        [self.patience, self.leaves].into_iter().flatten().fold(self.timeout, Instant::min)
    }

    /// The outcome when the next one has passed, and whether the user left.
    fn passed(self) -> (Outcome, bool) {
        let next = self.next();
        if self.patience == Some(next) {
            (Outcome::Abandoned, false)
        } else if self.leaves == Some(next) {
            (Outcome::Abandoned, true)
        } else {
            (Outcome::Timeout, false)
        }
    }
}

impl Attempt<'_> {
    /// Carries it out and records it.
    pub(crate) async fn perform(
        &self,
        engine: &Engine,
        connections: &Connections,
        scratch: &mut Scratch,
    ) -> Attempted {
        let counted = self.step.index != StepProgram::LOGIN;
        let ticket = counted.then(|| engine.recorder.request_starts());
        let mut course = Course::default();
        let mut attempted = self.carry_out(engine, connections, scratch, &mut course).await;
        let outcome = *attempted.outcome.get_or_insert(Outcome::Reset);
        let recorder = &engine.recorder;
        attempted.sent = course.sent.map(|sent| recorder.micros(sent));
        if let Some(ticket) = ticket {
            let done = recorder.micros(Instant::now());
            let sample = RequestSample {
                step: self.step.index,
                due: recorder.micros(self.due),
                sent: attempted.sent.unwrap_or(done),
                client_wait: u64::try_from(course.client_wait.as_micros()).unwrap_or(u64::MAX),
                first_byte: course.first_byte.map(|at| recorder.micros(at)),
                done,
                outcome,
                status: course.status,
                attempt: self.scope.attempt,
                bytes: course.bytes,
                stream: course.stream,
            };
            recorder.request(ticket, &sample);
        }
        attempted
    }

    async fn carry_out(
        &self,
        engine: &Engine,
        connections: &Connections,
        scratch: &mut Scratch,
        course: &mut Course,
    ) -> Attempted {
        let begun = Instant::now();
        let patience = self.conduct.patience.and_then(|patience| begun.checked_add(patience));
        let slot = self.wait_for_slot(connections, scratch, patience).await;
        let Some((mut slot, waited)) = slot else { return ended(Outcome::Abandoned) };
        if waited {
            course.client_wait = begun.elapsed();
        }
        let request = self.build(engine, scratch);
        let sent = self.send(engine, &mut slot, scratch, request, patience, course).await;
        let (answer, mut deadlines) = match sent {
            Ok(sent) => sent,
            Err(attempted) => return attempted,
        };
        let first_byte = Instant::now();
        course.first_byte = Some(first_byte);
        course.status = Some(answer.status().as_u16());
        deadlines.leaves = self.conduct.leaves_after.and_then(|after| first_byte.checked_add(after));
        self.receive(engine, slot, scratch, answer, deadlines, course).await
    }

    /// A place among the user's connections, and whether it had to be waited for.
    async fn wait_for_slot<'c>(
        &self,
        connections: &'c Connections,
        scratch: &mut Scratch,
        patience: Option<Instant>,
    ) -> Option<(Slot<'c>, bool)> {
        let pace = self.conduct.pace;
        if let Some(slot) = connections.take(pace) {
            return Some((slot, false));
        }
        std::future::poll_fn(|context| match (connections.take(pace), patience) {
            (Some(slot), _) => std::task::Poll::Ready(Some((slot, true))),
            (None, Some(patience)) => scratch.alarm.poll(context, patience).map(|()| None),
            // Another request of this user gives its connection back, in the same task.
            (None, None) => std::task::Poll::Pending,
        })
        .await
    }

    /// Sends the request, over a new connection if there is none or the kept one is gone.
    async fn send(
        &self,
        engine: &Engine,
        slot: &mut Slot<'_>,
        scratch: &mut Scratch,
        request: Request<Full<Bytes>>,
        patience: Option<Instant>,
        course: &mut Course,
    ) -> Result<(Response<Incoming>, Deadlines), Attempted> {
        let mut request = request;
        loop {
            let is_new = slot.conn.is_none();
            if is_new {
                slot.conn = Some(self.connect(engine, scratch, patience).await?);
            }
            let Some(conn) = &mut slot.conn else { return Err(ended(Outcome::Connect)) };
            let sent = Instant::now();
            course.sent = Some(sent);
            let deadlines = Deadlines { patience, leaves: None, timeout: sent + self.step.timeout };
            match conn.send(request, &mut scratch.alarm, deadlines.next()).await {
                Ok(answer) => return Ok((answer, deadlines)),
                // The service closed the kept connection while it was idle.
                Err(NoAnswer::NotSent(unsent)) if !is_new => {
                    request = *unsent;
                    slot.conn = None;
                }
                Err(NoAnswer::NotSent(_) | NoAnswer::Reset) => return Err(ended(Outcome::Reset)),
                Err(NoAnswer::Deadline) => return Err(ended(deadlines.passed().0)),
            }
        }
    }

    async fn connect(
        &self,
        engine: &Engine,
        scratch: &mut Scratch,
        patience: Option<Instant>,
    ) -> Result<Conn, Attempted> {
        let until =
            ConnectUntil { connect: Instant::now() + engine.program.connect_timeout, deadline: patience };
        let pace = self.conduct.pace;
        let opened =
            Conn::open(engine.dialer(self.scope.user), &engine.recorder, &mut scratch.alarm, until, pace)
                .await;
        opened.map_err(|failure| match failure {
            NoConnection::Failed => ended(Outcome::Connect),
            NoConnection::Deadline => ended(Outcome::Abandoned),
        })
    }

    /// Reads and judges the answer, and gives the connection back.
    async fn receive(
        &self,
        engine: &Engine,
        mut slot: Slot<'_>,
        scratch: &mut Scratch,
        answer: Response<Incoming>,
        deadlines: Deadlines,
        course: &mut Course,
    ) -> Attempted {
        let (head, body) = answer.into_parts();
        let Some(conn) = &mut slot.conn else { return ended(Outcome::Reset) };
        let read = scratch.read(conn, body, self.step, &engine.recorder, deadlines.next()).await;
        let Read { bytes, stream, ended: how } = read;
        course.bytes = bytes;
        course.stream = stream;
        if how == Ended::Deadline {
            let (outcome, left) = deadlines.passed();
            return Attempted { left, ..ended(outcome) };
        }
        if how == Ended::Whole {
            conn.settle().await;
            slot.release();
        }
        let (outcome, kept) = scratch.judge(self.step, head.status, &head.headers, &read);
        let retry_after = if outcome == Outcome::Shed { retry_after(&head.headers) } else { None };
        Attempted { outcome: Some(outcome), retry_after, kept, ..Attempted::default() }
    }

    fn build(&self, engine: &Engine, scratch: &mut Scratch) -> Request<Full<Bytes>> {
        let Self { step, scope, .. } = self;
        let text = &mut scratch.text;
        let body = match (&step.fixed_body, &step.body) {
            (Some(fixed), _) => fixed.clone(),
            (None, Some(template)) => {
                text.clear();
                template.fill(scope, text);
                Bytes::copy_from_slice(text.as_bytes())
            }
            (None, None) => Bytes::new(),
        };
        let mut headers = step.fixed_headers.clone();
        for (name, template) in &step.filled_headers {
            text.clear();
            template.fill(scope, text);
            headers.insert(name.clone(), header_value(text));
        }
        if let Some(cohort) = engine.program.cohort(scope.user) {
            headers.insert(ARM, HeaderValue::from_static(cohort.arm.name()));
        }
        let uri = step.uri.clone().unwrap_or_else(|| {
            text.clear();
            text.push_str(&engine.common.prefix);
            step.path.fill(scope, text);
            path_uri(text)
        });
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = step.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request
    }
}

fn ended(outcome: Outcome) -> Attempted {
    Attempted { outcome: Some(outcome), ..Attempted::default() }
}

/// Bytes that no header may carry become spaces.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let safe: String = text.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
        HeaderValue::from_bytes(safe.as_bytes()).unwrap_or(HeaderValue::from_static(""))
    })
}

/// A path as the request line takes it; `/` where nothing can be made of the text.
fn path_uri(text: &mut String) -> Uri {
    if !text.starts_with('/') {
        text.insert(0, '/');
    }
    make_path_safe(text);
    Uri::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes())).unwrap_or(Uri::from_static("/"))
}

/// `Retry-After` in seconds, which a service at speed N means as scenario time. A date is ignored:
/// it would be in the service's own time.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_deadline_decides() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let deadlines = Deadlines { patience: Some(at(9)), leaves: Some(at(5)), timeout: at(30) };
        assert_eq!(deadlines.next(), at(5));
        assert_eq!(deadlines.passed(), (Outcome::Abandoned, true));
        let deadlines = Deadlines { leaves: None, ..deadlines };
        assert_eq!(deadlines.passed(), (Outcome::Abandoned, false));
        let deadlines = Deadlines { timeout: at(8), ..deadlines };
        assert_eq!(deadlines.passed(), (Outcome::Timeout, false));
    }

    #[test]
    fn values_from_feeds_cannot_break_a_request() {
        assert_eq!(header_value("a\r\nX: b"), "a  X: b");
        assert_eq!(path_uri(&mut "/q?text=a b".to_owned()), "/q?text=a%20b");
        assert_eq!(path_uri(&mut "doc".to_owned()), "/doc");
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("Fri, 31 Dec 1999 23:59:59 GMT"));
        assert_eq!(retry_after(&headers), None);
    }
}
