//! Which route a path and a method mean.

use http::Method;

/// A resource of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Reset,
    Proxies,
    Populate,
    Proxy(String),
    Toxics(String),
    Toxic(String, String),
    Version,
    Metrics,
    Events,
    Stats,
    Leases,
}

/// What became of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Route(Route),
    /// There is no such path.
    Nothing,
    /// The path is there, for other methods.
    OtherMethods,
    /// The path has empty or dotted segments; this is what it would be without.
    Elsewhere(String),
    /// An escape in the path is no byte.
    NotDecodable,
}

impl Route {
    fn of(segments: &[String], has_metrics: bool) -> Option<Self> {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        Some(match segments[..] {
            ["reset"] => Self::Reset,
            ["proxies"] => Self::Proxies,
            ["populate"] => Self::Populate,
            ["proxies", name] if !name.is_empty() => Self::Proxy(name.to_owned()),
            ["proxies", name, "toxics"] => Self::Toxics(name.to_owned()),
            ["proxies", proxy, "toxics", name] if !name.is_empty() => {
                Self::Toxic(proxy.to_owned(), name.to_owned())
            }
            ["version"] => Self::Version,
            ["metrics"] if has_metrics => Self::Metrics,
            ["events"] => Self::Events,
            ["stats"] => Self::Stats,
            ["leases"] => Self::Leases,
            _ => return None,
        })
    }

    fn takes(&self, method: &Method) -> bool {
        let methods: &[&str] = match self {
            Self::Reset | Self::Populate | Self::Leases => &["POST"],
            Self::Proxies | Self::Toxics(_) => &["GET", "POST"],
            Self::Proxy(_) | Self::Toxic(..) => &["GET", "POST", "PATCH", "DELETE"],
            Self::Version | Self::Events | Self::Stats => &["GET"],
            Self::Metrics => return true,
        };
        methods.contains(&method.as_str())
    }

    pub(super) fn may_look_names_up(&self) -> bool {
        matches!(self, Self::Reset | Self::Proxies | Self::Populate | Self::Proxy(_))
    }
}

/// The route of a path as it was sent.
pub(super) fn find(method: &Method, path: &str, has_metrics: bool) -> Found {
    let clean = cleaned(path);
    if clean != path {
        return Found::Elsewhere(clean);
    }
    let raw = path.strip_prefix('/').unwrap_or(path);
    let Some(segments) = raw.split('/').map(decoded).collect::<Option<Vec<_>>>() else {
        return Found::NotDecodable;
    };
    match Route::of(&segments, has_metrics) {
        None => Found::Nothing,
        Some(route) if route.takes(method) => Found::Route(route),
        Some(_) => Found::OtherMethods,
    }
}

/// The path without empty and dotted segments; a slash at its end stays.
fn cleaned(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

/// A segment with its percent escapes undone; bytes that are no UTF-8 are replaced.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut all = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
            all.push((digit()? * 16 + digit()?) as u8);
        } else {
            all.push(byte);
        }
    }
    Some(String::from_utf8_lossy(&all).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Found {
        find(&Method::GET, path, false)
    }

    #[test]
    fn names_are_decoded() {
        assert_eq!(get("/proxies/a%20b%2Fc"), Found::Route(Route::Proxy("a b/c".to_owned())));
        assert_eq!(get("/proxies/%C3%BC"), Found::Route(Route::Proxy("ü".to_owned())));
        assert_eq!(get("/proxies/%zz"), Found::NotDecodable);
        assert_eq!(get("/proxies/%c"), Found::NotDecodable);
    }

    #[test]
    fn paths_that_are_not_clean_are_sent_elsewhere() {
        assert_eq!(get("//proxies"), Found::Elsewhere("/proxies".to_owned()));
        assert_eq!(get("/a/../proxies/"), Found::Elsewhere("/proxies/".to_owned()));
        assert_eq!(get("/proxies/"), Found::Nothing);
        assert_eq!(get("/"), Found::Nothing);
        assert_eq!(get("/metrics"), Found::Nothing);
    }
}
