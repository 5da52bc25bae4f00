//! Values that an answer gave and later requests use.

use std::sync::Arc;

use serde_json::Value;

/// One kept value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// A text: a header, a JSON string without its quotes, or another JSON value as written.
    Text(Arc<str>),
    /// A JSON list. Templates see it as JSON; a fan-out makes a request for each element.
    List {
        /// As JSON.
        text: Arc<str>,
        /// Its elements, each as a text.
        items: Arc<[Kept]>,
    },
}

impl Kept {
    /// What templates see.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::List { text, .. } => text,
        }
    }

    /// The elements of a list; a text is a list of itself.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Text(_) => std::slice::from_ref(self),
            Self::List { items, .. } => items,
        }
    }

    fn from_json(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(values) => Self::from_list(values.iter()),
            other => Self::Text(other.to_string().into()),
        }
    }

    fn from_list<'v>(values: impl Iterator<Item = &'v Value> + Clone) -> Self {
        let mut text = String::from("[");
        for (n, value) in values.clone().enumerate() {
            if n > 0 {
                text.push(',');
            }
            text.push_str(&value.to_string());
        }
        text.push(']');
        Self::List { text: text.into(), items: values.map(Self::from_json).collect() }
    }
}

/// The value at an RFC 6901 pointer whose parts `*` take every element of a list; `None` if there is
/// nothing.
pub(crate) fn at_pointer(body: &Value, pointer: &str) -> Option<Kept> {
    let Some((head, tail)) = split_at_star(pointer) else {
        return body.pointer(pointer).map(Kept::from_json);
    };
    let mut found = Vec::new();
    gather(body.pointer(head)?, tail, &mut found)?;
    Some(Kept::from_list(found.into_iter()))
}

/// Every value that `tail` reaches from the elements of `list`.
fn gather<'v>(list: &'v Value, tail: &str, found: &mut Vec<&'v Value>) -> Option<()> {
    for element in list.as_array()? {
        match split_at_star(tail) {
            Some((head, rest)) => gather(element.pointer(head)?, rest, found)?,
            None => found.push(element.pointer(tail)?),
        }
    }
    Some(())
}

/// The parts before and after the first `*`.
fn split_at_star(pointer: &str) -> Option<(&str, &str)> {
    let star = pointer
        .match_indices("/*")
        .map(|(at, _)| at)
        .find(|at| matches!(pointer.as_bytes().get(at + 2), None | Some(b'/')))?;
    Some((&pointer[..star], &pointer[star + 2..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(body: &Value, pointer: &str) -> Option<String> {
        at_pointer(body, pointer).map(|kept| kept.text().to_owned())
    }

    #[test]
    fn pointers_find_values_and_stars_take_every_element() {
        let body =
            json!({"token": "a\"b", "n": 7, "sources": [{"id": 1, "tags": ["x"]}, {"id": 2, "tags": []}]});
        assert_eq!(text(&body, "/token").as_deref(), Some("a\"b"));
        assert_eq!(text(&body, "/n").as_deref(), Some("7"));
        assert_eq!(text(&body, "/sources/*/id").as_deref(), Some("[1,2]"));
        assert_eq!(text(&body, "/sources/*/tags/*").as_deref(), Some("[\"x\"]"));
        assert_eq!(text(&body, "/absent"), None);
        let ids = at_pointer(&body, "/sources/*/id").expect("the ids");
        let items: Vec<&str> = ids.items().iter().map(Kept::text).collect();
        assert_eq!(items, ["1", "2"]);
    }
}
