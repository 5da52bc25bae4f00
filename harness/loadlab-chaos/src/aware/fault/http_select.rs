//! Which HTTP requests a fault may hit: by method, path and header.

use hyper::{
    HeaderMap, Method,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Map, Value};

use super::{super::attributes::write_texts, Attributes, FaultError};
use crate::aware::Glob;

/// Selects requests. What is absent selects all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpSelect {
    methods: Vec<Method>,
    path: Option<Glob>,
    headers: Vec<HeaderPattern>,
}

/// A header that must be there, with a value that matches.
#[derive(Debug, Clone, PartialEq)]
struct HeaderPattern {
    name: HeaderName,
    value: Glob,
}

impl HttpSelect {
    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let methods = attributes.texts("method")?;
        let path = attributes.text("path")?.map(Glob::new);
        let headers = attributes.texts("header")?;
        Ok(Self { methods: read_all(methods, read_method)?, path, headers: read_all(headers, read_header)? })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        let methods: Vec<String> = self.methods.iter().map(ToString::to_string).collect();
        write_texts(map, "method", &methods);
        if let Some(path) = &self.path {
            map.insert("path".to_owned(), Value::from(path.as_str()));
        }
        let header = |one: &HeaderPattern| format!("{}: {}", one.name, one.value);
        let headers: Vec<String> = self.headers.iter().map(header).collect();
        write_texts(map, "header", &headers);
    }

    /// Whether a request is one of those. `path` is without the query.
    pub(crate) fn matches(&self, method: &Method, path: &str, headers: &HeaderMap) -> bool {
        (self.methods.is_empty() || self.methods.contains(method))
            && self.path.as_ref().is_none_or(|glob| glob.matches(path.as_bytes()))
            && self.headers.iter().all(|pattern| pattern.matches(headers))
    }
}

impl HeaderPattern {
    fn matches(&self, headers: &HeaderMap) -> bool {
        let matches = |value: &HeaderValue| self.value.matches(value.as_bytes());
        headers.get_all(&self.name).iter().any(matches)
    }
}

fn read_all<T>(
    texts: Vec<String>,
    read: impl Fn(&str) -> Result<T, FaultError>,
) -> Result<Vec<T>, FaultError> {
    texts.into_iter().map(|text| read(&text)).collect()
}

fn read_method(text: &str) -> Result<Method, FaultError> {
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(|_| FaultError::Wrong {
        attribute: "method",
        expected: "a method such as GET",
        found: format!("{text:?}"),
    })
}

fn read_header(text: &str) -> Result<HeaderPattern, FaultError> {
    let (name, value) = text.split_once(':').unwrap_or((text, "*"));
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| FaultError::Wrong {
        attribute: "header",
        expected: "a header's name, or `name: pattern`",
        found: format!("{text:?}"),
    })?;
    Ok(HeaderPattern { name, value: Glob::new(value.trim()) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn select(value: &Value) -> HttpSelect {
        HttpSelect::take(&mut Attributes::of(value).expect("an object")).expect("a selector")
    }

    #[test]
    fn all_that_is_given_must_match() {
        let headers: HeaderMap =
            [(HeaderName::from_static("x-tenant"), HeaderValue::from_static("blue-7"))].into_iter().collect();
        let cases = [
            (json!({}), true),
            (json!({ "method": "get" }), true),
            (json!({ "method": ["POST", "PUT"] }), false),
            (json!({ "path": "/v1/*" }), true),
            (json!({ "path": "/v2/*" }), false),
            (json!({ "header": "X-Tenant" }), true),
            (json!({ "header": "x-tenant: blue-*" }), true),
            (json!({ "header": "x-tenant: red-*" }), false),
            (json!({ "header": ["x-tenant: blue-*", "x-other"] }), false),
            (json!({ "method": "GET", "path": "/v1/items", "header": "x-tenant" }), true),
            (json!({ "method": "POST", "path": "/v1/items", "header": "x-tenant" }), false),
        ];
        for (attributes, expected) in cases {
            let matches = select(&attributes).matches(&Method::GET, "/v1/items", &headers);
            assert_eq!(matches, expected, "{attributes}");
        }
    }
}
