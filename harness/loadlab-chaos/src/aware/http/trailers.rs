//! Which trailers hyper hands on.

use hyper::{
    HeaderMap,
    header::{HeaderValue, TE, TRAILER},
};

/// Whether every trailer was announced by the header `Trailer`; hyper drops the others.
pub(super) fn announced(headers: &HeaderMap, trailers: &HeaderMap) -> bool {
    trailers.keys().all(|name| lists(headers, &TRAILER, name.as_str()))
}

/// Whether the client said `TE: trailers`; without it hyper sends none.
pub(super) fn wanted(headers: &HeaderMap) -> bool {
    lists(headers, &TE, "trailers")
}

fn lists(headers: &HeaderMap, header: &hyper::header::HeaderName, word: &str) -> bool {
    let words = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split(',').any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    headers.get_all(header).iter().any(words)
}
