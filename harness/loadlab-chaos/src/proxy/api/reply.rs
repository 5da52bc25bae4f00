//! Answers, with the headers and line ends that Toxiproxy's have.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::request_id;
use crate::proxy::{ControlError, Lease};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer before it is sent.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(HeaderName, String)>,
    body: Body,
}

impl Reply {
    fn new(status: u16, body: Bytes) -> Self {
        Self { status, headers: Vec::new(), body: Full::new(body).boxed_unsync() }
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn with_request_id(self) -> Self {
        self.with(HeaderName::from_static("x-toxiproxy-request-id"), request_id::fresh())
    }

    /// The status, and what there is of the body.
    pub(super) fn into_parts(mut self) -> (u16, Bytes) {
        let frame = self.body.frame().now_or_never().flatten();
        let data = frame.and_then(|Ok(frame)| frame.into_data().ok());
        (self.status, data.unwrap_or_default())
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            // A path that is no header value has no place to be sent to.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// No body.
pub(super) fn empty(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: Empty::new().boxed_unsync() }
}

/// Text and a line end, as Go's `http.Error` has it.
pub(super) fn plain(status: u16, text: &str) -> Reply {
    Reply::new(status, format!("{text}\n").into())
        .with(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

pub(super) fn moved(path: &str) -> Reply {
    empty(301).with(header::LOCATION, path)
}

/// `{"error":"…","status":N}`, sent as text.
pub(super) fn error(error: &ControlError) -> Reply {
    let status = error.status();
    plain(status, &compact(&json!({ "error": error.to_string(), "status": status })))
}

pub(super) fn json(status: u16, value: &Value) -> Reply {
    Reply::new(status, compact(value).into()).with(header::CONTENT_TYPE, "application/json")
}

pub(super) fn version(version: &str) -> Reply {
    Reply::new(200, format!("{{\"version\": \"{version}\"}}\n").into())
        .with(header::CONTENT_TYPE, "application/json;charset=utf-8")
}

pub(super) fn metrics(text: String) -> Reply {
    Reply::new(200, text.into()).with(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")
}

/// The name of the lease, and then silence for as long as the client stays.
pub(super) fn lease(lease: Lease) -> Reply {
    let first = format!("{}\n", compact(&json!({ "lease": lease.id() })));
    let body = LeaseBody { first: Some(first.into()), _lease: lease };
    Reply { status: 201, headers: Vec::new(), body: body.boxed_unsync() }
        .with(header::CONTENT_TYPE, "application/json")
}

/// A body that holds a lease. Whoever serves it drops it when the client is gone.
struct LeaseBody {
    first: Option<Bytes>,
    _lease: Lease,
}

impl hyper::body::Body for LeaseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            // Nothing ever wakes this: the connection's end is noticed by its reader.
            None => Poll::Pending,
        }
    }
}

/// JSON as Go writes it: what HTML gives a meaning to is escaped. Outside of strings JSON has none
/// of these.
fn compact(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
