//! Read-after-write: who has just written reads where it was written, and not from a replica.

use std::time::Duration;

use axum::extract::Request;
use http::{HeaderName, HeaderValue, Method};
use moka::sync::Cache;

/// Tells an instance from where to read.
pub const READ_FROM: HeaderName = HeaderName::from_static("x-loadlab-read-from");
/// From the store that is written to.
pub const PRIMARY: &str = "primary";

/// Users that are remembered at most; the one who wrote longest ago is forgotten first.
const USERS_MAX: u64 = 100_000;

/// The users who wrote a short time ago.
#[derive(Debug)]
pub(super) struct RecentWriters(Cache<String, ()>);

impl RecentWriters {
    /// Remembers each for so long, in real time.
    pub(super) fn new(real: Duration) -> Self {
        Self(Cache::builder().max_capacity(USERS_MAX).time_to_live(real).build())
    }

    /// A user has written.
    pub(super) fn wrote(&self, user: String) {
        self.0.insert(user, ());
    }

    /// The request as it is passed on. What the caller itself says of the matter is dropped.
    pub(super) fn marked(&self, user: &str, mut request: Request) -> Request {
        request.headers_mut().remove(READ_FROM);
        if self.0.contains_key(user) {
            request.headers_mut().insert(READ_FROM, HeaderValue::from_static(PRIMARY));
        }
        request
    }
}

/// Whether a request writes documents.
pub(super) fn writes(request: &Request) -> bool {
    request.method() == Method::POST && ["/api/content", "/ingest"].contains(&request.uri().path())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(method: Method, path: &str) -> Request {
        http::Request::builder().method(method).uri(path).body(Body::empty()).expect("a request")
    }

    #[test]
    fn only_who_has_written_reads_from_the_primary_and_nobody_by_saying_so() {
        let writers = RecentWriters::new(Duration::from_secs(60));
        writers.wrote("ada".to_owned());
        let claims = || {
            let mut request = request(Method::GET, "/api/content/1");
            request.headers_mut().insert(READ_FROM, HeaderValue::from_static(PRIMARY));
            request
        };
        assert!(writers.marked("ada", claims()).headers().contains_key(READ_FROM));
        assert!(!writers.marked("bob", claims()).headers().contains_key(READ_FROM));
    }

    #[test]
    fn a_document_and_an_ingestion_are_writes_and_a_batch_is_none() {
        assert!(writes(&request(Method::POST, "/api/content")));
        assert!(writes(&request(Method::POST, "/ingest")));
        for (method, path) in [(Method::POST, "/api/content/batch"), (Method::GET, "/api/content")] {
            assert!(!writes(&request(method, path)), "{path}");
        }
    }
}
