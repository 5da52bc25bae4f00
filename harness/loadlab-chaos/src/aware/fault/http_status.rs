//! `http_status`: answers in place of the upstream with an error.
//!
//! The request does not reach the upstream. A bounded part of its body is read and thrown away;
//! if there is more, the connection is closed after the reply.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, header, header::HeaderValue};
use loadlab_clock::Speed;
use serde_json::{Map, Value};

use super::{super::attributes::millis_value, Attributes, FaultError, HttpSelect};

/// Names the fault in a reply that it injected, so that nobody takes it for the upstream's.
const MARK: &str = "x-loadlab-fault";

/// Answers with an error status. `Touched::bytes` stays 0.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpStatus {
    status: StatusCode,
    retry_after: Option<Duration>,
    select: HttpSelect,
}

impl HttpStatus {
    /// Its name.
    pub const TYPE: &'static str = "http_status";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let status = attributes.whole("status", 400..=599, "a status from 400 to 599")?;
        let retry_after = attributes.millis("retry_after")?;
        let select = HttpSelect::take(attributes)?;
        let status = status.and_then(|status| StatusCode::from_u16(status as u16).ok());
        let status = status.ok_or(FaultError::Missing { attribute: "status", or: None })?;
        Ok(Self { status, retry_after, select })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        map.insert("status".to_owned(), Value::from(self.status.as_u16()));
        if let Some(after) = self.retry_after {
            map.insert("retry_after".to_owned(), millis_value(after));
        }
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &HttpSelect {
        &self.select
    }

    /// The reply. `Retry-After` has whole seconds of real time, which is rounded up: a client that
    /// waits for less would come too early.
    pub(crate) fn reply(&self, name: &str, speed: Speed) -> Response<Full<Bytes>> {
        let text = Bytes::from(format!("{} by fault {name}\n", self.status.as_u16()));
        let mut reply = Response::new(Full::new(text));
        *reply.status_mut() = self.status;
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Ok(name) = HeaderValue::from_str(name) {
            headers.insert(MARK, name);
        }
        if let Some(after) = self.retry_after {
            let seconds = speed.real(after).as_secs_f64().ceil() as u64;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_real_seconds() {
        let attributes = json!({ "status": 429, "retry_after": 30_500 });
        let mut attributes = Attributes::of(&attributes).expect("an object");
        let fault = HttpStatus::take(&mut attributes).expect("a fault");
        let after = |speed| {
            let reply = fault.reply("limit", Speed::try_new(speed).expect("a speed"));
            assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS);
            reply.headers()[header::RETRY_AFTER].to_str().expect("text").to_owned()
        };
        assert_eq!((after(1.0), after(20.0)), ("31".to_owned(), "2".to_owned()));
    }
}
