//! Addresses of dependencies: `host:port`, or the URL of somebody's own server.

use crate::Protocol;

/// Ports of servers whose URL names none, by scheme.
const PORTS: [(&str, u16); 5] =
    [("redis", 6379), ("postgres", 5432), ("postgresql", 5432), ("http", 80), ("https", 443)];

/// Where to connect to: `host:port`, the port of the scheme where a URL names none.
pub fn host_and_port(address: &str) -> String {
    let Parts { scheme, place, .. } = Parts::of(address);
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.ends_with(']'));
    let default = PORTS.iter().find(|(name, _)| Some(*name) == scheme).map(|(_, port)| port);
    match default {
        Some(port) if !has_port => format!("{}:{port}", place.trim_end_matches(':')),
        _ => place.to_owned(),
    }
}

/// The same address with another `host:port`: login, database and the rest of a URL stay.
pub(crate) fn elsewhere(address: &str, place: &str) -> String {
    let parts = Parts::of(address);
    format!("{}{place}{}", parts.before, parts.after)
}

/// What the server of a URL speaks, if the bytes on the wire are that.
pub(crate) fn protocol(address: &str) -> Option<Protocol> {
    match Parts::of(address).scheme {
        Some("http") => Some(Protocol::Http),
        Some("redis") => Some(Protocol::Resp),
        Some("postgres" | "postgresql") => Some(Protocol::Postgresql),
        // An https server's bytes say nothing to us.
        _ => None,
    }
}

struct Parts<'a> {
    scheme: Option<&'a str>,
    /// Scheme and login.
    before: &'a str,
    place: &'a str,
    after: &'a str,
}

impl<'a> Parts<'a> {
    fn of(address: &'a str) -> Self {
        let Some((scheme, rest)) = address.split_once("://") else {
            return Self { scheme: None, before: "", place: address, after: "" };
        };
        let start = scheme.len() + "://".len();
        let end = rest.find(['/', '?']).map_or(address.len(), |end| start + end);
        // A password may hold an at sign.
        let place = address[start..end].rfind('@').map_or(start, |at| start + at + 1);
        Self {
            scheme: Some(scheme),
            before: &address[..place],
            place: &address[place..end],
            after: &address[end..],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_all_but_its_place_when_it_runs_through_a_proxy() {
        let cases = [
            ("127.0.0.1:6379", "127.0.0.1:6379", "p:1"),
            ("redis://:se@cret@cache:6380/1", "cache:6380", "redis://:se@cret@p:1/1"),
            ("redis://cache", "cache:6379", "redis://p:1"),
            (
                "postgres://me:pw@db/shop?sslmode=disable",
                "db:5432",
                "postgres://me:pw@p:1/shop?sslmode=disable",
            ),
            ("http://[::1]/x", "[::1]:80", "http://p:1/x"),
            ("http://[::1]:8080", "[::1]:8080", "http://p:1"),
        ];
        for (address, place, through) in cases {
            assert_eq!(host_and_port(address), place, "{address}");
            assert_eq!(elsewhere(address, "p:1"), through, "{address}");
        }
    }
}
