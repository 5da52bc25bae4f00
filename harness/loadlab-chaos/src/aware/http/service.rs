//! What happens to one request: faults before it, the upstream's reply, faults on its body.

use std::{
    fmt,
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING},
};
use loadlab_clock::Sleeper;

use super::{
    hold::{Hold, Over},
    link::{Facts, Link},
    reply_body::ReplyBody,
    request_body::RequestBody,
};
use crate::aware::{
    draw::Direction,
    fault::{BeforeRequest, HttpStatus},
    switch::Active,
};

/// Most of a request's body that is read and thrown away before an injected reply: as much as
/// nginx's default buffers hold several times over, and too little to matter.
const DRAIN_MAX: usize = 64 * 1024;
/// Longest that this may take, in real time.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// A reply to the client.
pub(super) type Reply = Response<Either<ReplyBody, Full<Bytes>>>;

/// Why there is no reply, so that the client's connection ends.
#[derive(Debug)]
pub(super) enum ServiceError {
    /// The upstream cannot be reached.
    Dial(io::Error),
    /// The upstream's connection broke before its reply.
    Upstream(hyper::Error),
    /// A fault dropped or reset the request.
    Fault,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dial(_) => "the upstream cannot be reached",
            Self::Upstream(_) => "the upstream gave no reply",
            Self::Fault => "a fault ended the request",
        })
    }
}

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Dial(error) => Some(error),
            Self::Upstream(error) => Some(error),
            Self::Fault => None,
        }
    }
}

/// Answers one request.
pub(super) async fn answer(link: Arc<Link>, request: Request<Incoming>) -> Result<Reply, ServiceError> {
    let facts = link.begin(&request);
    if request.body().is_end_stream() {
        link.progress().set_read();
    }
    for fault in link.faults().iter() {
        let Some(mut rng) = link.hit(fault, &facts, Direction::Upstream) else { continue };
        match fault.fault.kind().before_request(&mut rng) {
            None => {}
            Some(BeforeRequest::Wait(time)) => wait(&link, fault, time).await,
            Some(BeforeRequest::Reply(status)) => return Ok(inject(&link, fault, status, request).await),
            Some(BeforeRequest::Drop) => return Err(drop_request(&link, fault).await),
            Some(BeforeRequest::Reset) => {
                link.touch(fault);
                link.order_reset();
                return Err(ServiceError::Fault);
            }
        }
    }
    forward(link, request, facts).await
}

async fn wait(link: &Link, fault: &Arc<Active>, time: Duration) {
    link.touch(fault);
    link.progress().set_held(true);
    let mut hold = Hold::for_time(link, fault, time);
    let over = poll_fn(|cx| hold.poll(link, cx)).await;
    link.progress().set_held(false);
    if over == Over::Healed {
        log::debug!("a request was let go: its fault is gone");
    }
}

/// Waits until the client gives up or the fault is gone.
async fn drop_request(link: &Link, fault: &Arc<Active>) -> ServiceError {
    link.touch(fault);
    link.progress().set_held(true);
    let mut hold = Hold::while_active(fault);
    poll_fn(|cx| if link.client().eof() { std::task::Poll::Ready(Over::Time) } else { hold.poll(link, cx) })
        .await;
    ServiceError::Fault
}

/// Answers in place of the upstream.
async fn inject(link: &Link, fault: &Active, status: &HttpStatus, request: Request<Incoming>) -> Reply {
    link.touch(fault);
    let mut reply = status.reply(fault.fault.name(), link.session().speed());
    // A client that asked whether to go on is not told to: reading the body would do that.
    let asked = expects_continue(&request);
    if !asked && drained(request.into_body()).await {
        link.progress().set_read();
    }
    if link.progress().unread() {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    link.progress().end();
    reply.map(Either::Right)
}

/// Reads a bounded part of a body. Gives whether that was all of it.
async fn drained(mut body: Incoming) -> bool {
    let deadline = Instant::now() + DRAIN_TIME;
    let all = async {
        let mut read = 0;
        while read <= DRAIN_MAX {
            match body.frame().await {
                None => return true,
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => return false,
            }
        }
        false
    };
    Sleeper::shared().timeout(deadline, all).await.unwrap_or(false)
}

fn expects_continue<B>(request: &Request<B>) -> bool {
    let expect = request.headers().get(EXPECT);
    expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Sends the request to the upstream and hands its reply on.
async fn forward(
    link: Arc<Link>,
    mut request: Request<Incoming>,
    facts: Arc<Facts>,
) -> Result<Reply, ServiceError> {
    let client_upgrade = hyper::upgrade::on(&mut request);
    let method = request.method().clone();
    let asks = expects_continue(&request) && !request.body().is_end_stream();
    let mut request = request.map(|body| RequestBody::new(body, &link, &facts));
    let answered = asks.then(|| RequestBody::wait_for_continue(&mut request));
    let mut reply = send(&link, request).await?;
    if switches(&method, reply.status()) {
        link.session().counters().http.tunnels.one();
        link.set_tunnel(client_upgrade, hyper::upgrade::on(&mut reply));
    }
    // The body was not asked for and never will be: the connection cannot be used after the reply.
    let unasked = answered.is_some_and(|answered: Arc<AtomicBool>| !answered.load(Relaxed));
    let (mut parts, body) = reply.into_parts();
    if unasked {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        // Where both lengths are given, the other one counts (RFC 9112, section 6.3), and a proxy
        // removes this one.
        parts.headers.remove(CONTENT_LENGTH);
    }
    let body = ReplyBody::new(body, &link, &facts, &parts, unasked);
    Ok(Response::from_parts(parts, Either::Left(body)))
}

/// A reply after which both connections speak something else.
fn switches(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

/// Sends on the connection there is, or on a new one if that closed before it took the request.
/// A request that may have arrived is never sent again.
async fn send(link: &Link, request: Request<RequestBody>) -> Result<Response<Incoming>, ServiceError> {
    let mut request = request;
    loop {
        let (mut sender, redialled) = link.upstream().acquire().await.map_err(ServiceError::Dial)?;
        if redialled {
            link.session().counters().http.redialled.one();
        }
        link.progress().set_sent();
        match sender.try_send_request(request).await {
            Ok(reply) => {
                link.upstream().keep(sender);
                return Ok(reply);
            }
            Err(mut error) => match error.take_message() {
                Some(unsent) if !redialled && link.upstream().hides_close() => request = unsent,
                _ => return Err(ServiceError::Upstream(error.into_error())),
            },
        }
    }
}
