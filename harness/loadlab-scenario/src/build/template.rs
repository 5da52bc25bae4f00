//! Text with holes, compiled: which names there are, and what each hole means.

use std::collections::{BTreeMap, BTreeSet};

use super::Builder;
use crate::{
    document::{NodeId, shortened},
    nearest::{listed, nearest},
    parse::TextError,
    plan::Feed,
    template::{Piece, Template, Value},
};

/// Words that every template knows.
pub(crate) const OWN: [&str; 4] = ["user", "arrival", "attempt", "uuid"];

/// The feeds by name; none if a feed is unreadable, which was reported.
pub(crate) type Feeds = BTreeMap<String, Option<Feed>>;

/// The names that a template may mention.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    /// The login belongs to a user: there is no arrival yet.
    pub(crate) login: bool,
    /// The element of a fan-out.
    pub(crate) item: Option<String>,
    /// Extracted before.
    pub(crate) kept: Vec<String>,
    pub(crate) feeds: &'a Feeds,
}

/// What the text around a hole asks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    /// Nothing.
    Plain,
    /// It stands inside a JSON string.
    JsonString,
    /// It stands in a form.
    Form,
}

/// What stands between two holes.
enum Part<'t> {
    Text(String),
    /// The hole's inside and its place in the text.
    Hole(&'t str, usize),
}

impl Scope<'_> {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = if self.login {
            vec!["user".to_owned(), "attempt".to_owned()]
        } else {
            OWN.iter().map(|name| (*name).to_owned()).collect()
        };
        names.extend(self.item.clone());
        names.extend(self.kept.iter().cloned());
        if !self.login {
            for (name, feed) in self.feeds {
                let columns = feed.iter().flat_map(|feed| &feed.columns);
                names.extend(columns.map(|column| format!("{name}.{column}")));
            }
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// What `${name}` means; `start` is its place in the text.
    fn value(&self, name: &str, start: usize) -> Result<Value, TextError> {
        let fail = |message: String| TextError::whole(name, message).shifted(start);
        if self.login && (matches!(name, "arrival" | "uuid") || name.contains('.')) {
            let message = format!("`${{{name}}}` belongs to an arrival; a login is made before there is one");
            return Err(fail(message).accepted("`${user}`"));
        }
        match name {
            "user" => return Ok(Value::User),
            "arrival" => return Ok(Value::Arrival),
            "attempt" => return Ok(Value::Attempt),
            "uuid" => return Ok(Value::Uuid),
            _ => {}
        }
        if self.item.as_deref() == Some(name) || self.kept.iter().any(|kept| kept == name) {
            return Ok(Value::Kept(name.to_owned()));
        }
        if let Some((feed, column)) = name.split_once('.')
            && let Some(known) = self.feeds.get(feed)
        {
            let Some(known) = known else {
                return Ok(Value::Feed { feed: feed.to_owned(), column: 0 });
            };
            if let Some(column) = known.columns.iter().position(|known| known == column) {
                return Ok(Value::Feed { feed: feed.to_owned(), column });
            }
        }
        let names = self.names();
        let known = || names.iter().map(String::as_str);
        Err(fail(format!("nothing is named `{}` here", shortened(name)))
            .accepted(listed(known()))
            .suggestion(nearest(name, known())))
    }
}

/// A template from text, with all its mistakes.
pub(crate) fn compile(text: &str, scope: &Scope<'_>, around: Around) -> (Template, Vec<TextError>) {
    let mut mistakes = Vec::new();
    let mut pieces = Vec::new();
    let parts = match split(text) {
        Ok(parts) => parts,
        Err(mistake) => return (Template::default(), vec![mistake]),
    };
    for part in parts {
        match part {
            Part::Text(text) => push_text(&mut pieces, &encoded(&text, around)),
            Part::Hole(inside, start) => match hole(inside, start, scope) {
                Ok(value) => pieces.push(Piece::Value(wrapped(value, around))),
                Err(mistake) => mistakes.push(mistake),
            },
        }
    }
    (Template { pieces }, mistakes)
}

/// Adds text, joined with the text before it.
pub(crate) fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        last.push_str(text);
    } else {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// The name inside `${raw:name}`, if the text is nothing else.
pub(crate) fn raw(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix("${raw:")?.strip_suffix('}')?;
    (!inside.contains(['$', '{', '}'])).then_some((inside.trim(), "${raw:".len()))
}

/// What a bare name means.
pub(crate) fn bare(name: &str, start: usize, scope: &Scope<'_>) -> Result<Value, TextError> {
    scope.value(name, start)
}

fn split(text: &str) -> Result<Vec<Part<'_>>, TextError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let dollar = at + found;
        literal.push_str(&text[at..dollar]);
        let rest = &text[dollar..];
        if rest.starts_with("$${") {
            literal.push_str("${");
            at = dollar + 3;
        } else if rest.starts_with("${") {
            let Some(length) = rest.find('}') else {
                let mistake = TextError::new(dollar, text.len(), "the hole is not closed");
                return Err(mistake.accepted("`${name}`; `$${` stands for the characters `${`"));
            };
            parts.push(Part::Text(std::mem::take(&mut literal)));
            parts.push(Part::Hole(&rest[2..length], dollar + 2));
            at = dollar + length + 1;
        } else {
            literal.push('$');
            at = dollar + 1;
        }
    }
    literal.push_str(&text[at..]);
    parts.push(Part::Text(literal));
    Ok(parts)
}

fn hole(inside: &str, start: usize, scope: &Scope<'_>) -> Result<Value, TextError> {
    let lead = inside.len() - inside.trim_start().len();
    let (inside_trimmed, start) = (inside.trim(), start + lead);
    let Some((prefix, name)) = inside_trimmed.split_once(':') else {
        return scope.value(inside_trimmed, start);
    };
    let value = || scope.value(name, start + prefix.len() + 1).map(Box::new);
    match prefix {
        "json" => Ok(Value::Json(value()?)),
        "url" => Ok(Value::Url(value()?)),
        "raw" => {
            Err(TextError::whole(inside_trimmed, "`${raw:…}` stands alone in a string of a `json:` body")
                .shifted(start)
                .accepted("`${name}`, `${json:name}`, `${url:name}`"))
        }
        _ => Err(TextError::whole(prefix, format!("`{}` is not known here", shortened(prefix)))
            .shifted(start)
            .accepted("`${name}`, `${json:name}`, `${url:name}`")
            .suggestion(nearest(prefix, ["json", "url"]))),
    }
}

fn wrapped(value: Value, around: Around) -> Value {
    match (around, &value) {
        (Around::Plain, _) | (_, Value::Json(_) | Value::Url(_)) => value,
        (Around::JsonString, _) => Value::Json(Box::new(value)),
        (Around::Form, _) => Value::Url(Box::new(value)),
    }
}

fn encoded(text: &str, around: Around) -> String {
    match around {
        Around::Plain => text.to_owned(),
        Around::JsonString => {
            let quoted = serde_json::Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Around::Form => percent_encoded(text),
    }
}

/// Every byte but the unreserved ones (RFC 3986, section 2.3) as `%XX`.
pub(crate) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes everything");
        }
    }
    encoded
}

impl Builder<'_> {
    /// The template in a scalar; its mistakes are reported.
    pub(super) fn template(self, node: NodeId, scope: &Scope<'_>, around: Around) -> Option<Template> {
        let text = self.read(node, |text| Ok(text.to_owned()))?;
        let (template, mistakes) = compile(&text, scope, around);
        let good = mistakes.is_empty();
        for mistake in mistakes {
            self.text_error(node, mistake);
        }
        good.then_some(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Pick;

    fn scope(feeds: &Feeds) -> Scope<'_> {
        Scope { login: false, item: Some("item".to_owned()), kept: vec!["token".to_owned()], feeds }
    }

    #[test]
    fn holes_and_text_alternate_and_a_doubled_dollar_is_text() {
        let feeds = Feeds::from([(
            "queries".to_owned(),
            Some(Feed {
                columns: vec!["id".to_owned(), "text".to_owned()],
                rows: Vec::new(),
                pick: Pick::InTurn,
            }),
        )]);
        let (template, mistakes) =
            compile("/a/${item}?q=${url:queries.text}&c=$5$${x}", &scope(&feeds), Around::Plain);
        assert_eq!(mistakes, []);
        let column = Value::Feed { feed: "queries".to_owned(), column: 1 };
        let expected = vec![
            Piece::Text("/a/".to_owned()),
            Piece::Value(Value::Kept("item".to_owned())),
            Piece::Text("?q=".to_owned()),
            Piece::Value(Value::Url(Box::new(column))),
            Piece::Text("&c=$5${x}".to_owned()),
        ];
        assert_eq!(template.pieces, expected);
    }

    #[test]
    fn inside_a_json_string_text_and_holes_are_escaped() {
        let feeds = Feeds::new();
        let (template, mistakes) = compile("say \"${user}\"", &scope(&feeds), Around::JsonString);
        assert_eq!(mistakes, []);
        let hole = Piece::Value(Value::Json(Box::new(Value::User)));
        let expected = vec![Piece::Text("say \\\"".to_owned()), hole, Piece::Text("\\\"".to_owned())];
        assert_eq!(template.pieces, expected);
    }

    #[test]
    fn a_mistake_is_placed_within_the_text() {
        let feeds = Feeds::new();
        let (_, mistakes) = compile("a ${tokne} ${jsn:user}", &scope(&feeds), Around::Plain);
        let places: Vec<_> = mistakes.iter().map(|mistake| (mistake.start, mistake.end)).collect();
        assert_eq!(places, [(4, 9), (13, 16)]);
        assert_eq!(mistakes[0].suggestion.as_deref(), Some("token"));
        assert_eq!(mistakes[1].suggestion.as_deref(), Some("json"));
    }
}
