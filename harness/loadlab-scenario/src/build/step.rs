//! One request: method, path, headers, body, checks, what is kept.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    Builder, Read,
    template::{Around, Scope, bare, percent_encoded, push_text, raw},
};
use crate::{
    document::{Kind, NodeId, is_null, shortened},
    field::{At, Either, Leaf, Names},
    file::journey::{AnyJson, CheckFile, ExtractFile, FanOutFile, HeaderName, StepFile},
    parse::{FromText, TextError},
    plan::{Body, Check, Extract, FanOut, JsonIs, Step},
    template::{Piece, Template, Value},
};

/// Headers that the client sets by itself.
const OWN_HEADERS: [&str; 4] = ["connection", "content-length", "host", "transfer-encoding"];
const BODY_TYPE: &str = "text/plain; charset=utf-8";
const JSON_TYPE: &str = "application/json";
const FORM_TYPE: &str = "application/x-www-form-urlencoded";
/// Elements of a fan-out if the file does not say how many.
const FAN_OUT_MAX: u32 = 100;
/// More requests at once than this from one user are an attack, not a page.
const FAN_OUT_LIMIT: u32 = 10_000;

impl Builder<'_> {
    /// `default` names a step that has no name of its own.
    pub(super) fn step(self, step: &At<StepFile>, scope: &Scope<'_>, default: Option<&str>) -> Option<Step> {
        let file = step.value.as_ref()?;
        let name = match (file.name, default) {
            (Some(name), _) => self.get(name).map(|name| name.0),
            (None, Some(default)) => Some(default.to_owned()),
            (None, None) => {
                self.wrong(step.node, "the step needs a `name`, since the journey has several");
                None
            }
        };
        let request = self.request(step.node, file, scope);
        let mut headers =
            file.headers.as_ref().map_or(Some(Vec::new()), |headers| self.headers(headers, scope));
        let body = self.body(step.node, file, scope);
        let body = body.map(|body| body.map(|body| typed(body, headers.as_mut())));
        let think = file.think.as_ref().map_or(Some(None), |think| self.draw(think).map(Some));
        let timeout =
            file.timeout.map_or(Some(None), |timeout| self.lasting(timeout, "the time-out").map(Some));
        let stream = self.or(file.stream, false);
        let checks = file.checks.as_ref().map_or(Some(Vec::new()), |checks| self.checks(checks, stream));
        let extract = file.extract.as_ref().map_or(Some(BTreeMap::new()), |extract| self.extracts(extract));
        let fan_out = file.fan_out.as_ref().map_or(Some(None), |fan_out| self.fan_out(fan_out).map(Some));
        self.combination(file, scope, stream);
        let (method, path) = request?;
        Some(Step {
            name: name?,
            method,
            path,
            headers: headers?,
            body: body?,
            think: think?,
            timeout: timeout?,
            checks: checks?,
            extract: extract?,
            fan_out: fan_out?,
            stream: stream?,
        })
    }

    /// What cannot be together in one step.
    fn combination(self, file: &StepFile, scope: &Scope<'_>, stream: Option<bool>) {
        if let Some(fan_out) = &file.fan_out {
            if let Some(extract) = &file.extract {
                let message = "a step that fans out has many answers; nothing can be extracted from them";
                self.wrong(extract.node, message);
            }
            if stream == Some(true) {
                self.wrong(fan_out.node, "a step that fans out cannot be a stream");
            }
        }
        if scope.login {
            let think = file.think.as_ref().and_then(|think| match think {
                Either::Short(leaf) => leaf.node,
                Either::Long(long) => Some(long.node),
            });
            let fan_out = file.fan_out.as_ref().map(|fan_out| fan_out.node);
            let stream = file.stream.filter(|_| stream == Some(true)).and_then(|leaf| leaf.node);
            for (what, node) in [("think", think), ("fan_out", fan_out), ("stream", stream)] {
                if let Some(node) = node {
                    self.wrong(node, format!("a login has no `{what}`"));
                }
            }
        }
    }

    fn request(self, node: NodeId, file: &StepFile, scope: &Scope<'_>) -> Option<(String, Template)> {
        let short = [
            ("GET", file.get),
            ("POST", file.post),
            ("PUT", file.put),
            ("PATCH", file.patch),
            ("DELETE", file.delete),
        ];
        let mut given = short.into_iter().filter_map(|(method, path)| Some((method.to_owned(), path?)));
        let accepted = "one of `get`, `post`, `put`, `patch`, `delete`, or `method` with `path`";
        let first = given.next();
        let long = file.method.is_some() || file.path.is_some();
        if let Some((_, path)) = given.next()
            && let Some(node) = path.node
        {
            self.refuse(node, "a step makes one request, and this is the second", accepted);
        }
        match (first, file.method, file.path) {
            (Some((method, path)), None, None) => Some((method, self.path(path, scope)?)),
            (None, Some(method), Some(path)) => {
                let (method, path) = (self.get(method), self.path(path, scope));
                Some((method?.0, path?))
            }
            (Some(_), ..) if long => {
                self.refuse(node, "`method` and `path` exclude a shorthand beside them", accepted);
                None
            }
            _ => {
                self.refuse(node, "the step makes no request", accepted);
                None
            }
        }
    }

    fn path(self, leaf: Leaf<String>, scope: &Scope<'_>) -> Option<Template> {
        let node = leaf.node?;
        let text = self.read(node, |text| Ok(text.to_owned()))?;
        let refuse = |start: usize, end: usize, message: String| {
            self.text_error(
                node,
                TextError::new(start, end, message).accepted("a path under the target: `/search`"),
            );
        };
        if text.contains("://") && !text.starts_with('/') {
            refuse(0, text.len(), "a path is expected, not a URL; the host is the target's".to_owned());
            return None;
        }
        if !text.starts_with('/') && !text.starts_with("${") {
            refuse(0, text.len(), format!("`{}` does not begin with `/`", shortened(&text)));
            return None;
        }
        let template = self.template(node, scope, Around::Plain)?;
        for piece in &template.pieces {
            match piece {
                Piece::Text(part) => {
                    if let Some(c) = part.chars().find(|c| !in_request_line(*c)) {
                        let start = text.find(c).unwrap_or(0);
                        let encoded = percent_encoded(&c.to_string());
                        let message =
                            format!("`{}` cannot stand in a path; write `{encoded}`", c.escape_default());
                        refuse(start, start + c.len_utf8(), message);
                        return None;
                    }
                }
                Piece::Value(value) => self.path_value(node, &text, value, scope),
            }
        }
        Some(template)
    }

    /// The values of a feed are known: those that no request line can carry need `url:`.
    fn path_value(self, node: NodeId, text: &str, value: &Value, scope: &Scope<'_>) {
        let Value::Feed { feed: name, column } = value else { return };
        let Some(Some(feed)) = scope.feeds.get(name) else { return };
        let unfit =
            feed.rows.iter().filter_map(|row| row.get(*column)).find(|value| !fits_request_line(value));
        let (Some(unfit), Some(column)) = (unfit, feed.columns.get(*column)) else { return };
        let written = format!("{name}.{column}");
        let start = text.find(&written).unwrap_or(0);
        let message =
            format!("a path cannot carry every value of `{written}`, such as `{}`", shortened(unfit));
        let mistake = TextError::new(start, start + written.len(), message);
        self.text_error(node, mistake.suggestion(Some(format!("${{url:{written}}}"))));
    }

    fn headers(
        self,
        headers: &At<Names<Leaf<String>>>,
        scope: &Scope<'_>,
    ) -> Option<Vec<(String, Template)>> {
        let mut built: Vec<(String, Template)> = Vec::new();
        let mut good = true;
        for (name, value) in &headers.value.as_ref()?.0 {
            let name_node = name.node?;
            let template = value.node.and_then(|node| self.template(node, scope, Around::Plain));
            let name = self.read(name_node, HeaderName::from_text).map(|name| name.0);
            let (Some(name), Some(template)) = (name, template) else {
                good = false;
                continue;
            };
            if OWN_HEADERS.contains(&name.as_str()) {
                self.wrong(name_node, format!("`{name}` is set by the client itself"));
            } else if built.iter().any(|(other, _)| *other == name) {
                self.wrong(name_node, format!("the header `{name}` is given twice"));
            }
            let broken =
                |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains(|c: char| c.is_control()));
            if template.pieces.iter().any(broken) {
                self.wrong_leaf(value, "a header's value is one line");
            }
            built.push((name, template));
        }
        good.then_some(built)
    }

    fn body(self, node: NodeId, file: &StepFile, scope: &Scope<'_>) -> Read<Body> {
        let given =
            [file.body.is_some(), file.json.is_some(), file.form.is_some()].iter().filter(|is| **is).count();
        if given > 1 {
            self.refuse(node, "`body`, `json` and `form` exclude each other", "one of them");
        }
        let body = |content_type: &str, text| Body { content_type: content_type.to_owned(), text };
        if let Some(leaf) = file.body {
            return self.template(leaf.node?, scope, Around::Plain).map(|text| Some(body(BODY_TYPE, text)));
        }
        if let Some(leaf) = file.json {
            let mut pieces = Vec::new();
            let good = self.json_body(leaf.node?, scope, &mut pieces);
            return good.then(|| Some(body(JSON_TYPE, Template { pieces })));
        }
        let Some(form) = &file.form else { return Some(None) };
        let mut pieces = Vec::new();
        let mut good = true;
        for (index, (name, value)) in form.value.as_ref()?.0.iter().enumerate() {
            push_text(&mut pieces, if index == 0 { "" } else { "&" });
            push_text(&mut pieces, &percent_encoded(self.text(name)?));
            push_text(&mut pieces, "=");
            match value.node.and_then(|node| self.template(node, scope, Around::Form)) {
                Some(template) => append(&mut pieces, template),
                None => good = false,
            }
        }
        good.then(|| Some(body(FORM_TYPE, Template { pieces })))
    }

    /// Writes a value as JSON; strings are templates. Whether all of them are right.
    fn json_body(self, node: NodeId, scope: &Scope<'_>, pieces: &mut Vec<Piece>) -> bool {
        match &self.document.node(node).kind {
            Kind::Broken => false,
            Kind::List(elements) => {
                let mut good = true;
                push_text(pieces, "[");
                for (index, element) in elements.iter().enumerate() {
                    push_text(pieces, if index == 0 { "" } else { "," });
                    good &= self.json_body(*element, scope, pieces);
                }
                push_text(pieces, "]");
                good
            }
            Kind::Map(entries) => {
                let mut good = true;
                push_text(pieces, "{");
                for (index, (key, value)) in entries.iter().enumerate() {
                    push_text(pieces, if index == 0 { "" } else { "," });
                    good &= self.json_string(*key, scope, pieces);
                    push_text(pieces, ":");
                    good &= self.json_body(*value, scope, pieces);
                }
                push_text(pieces, "}");
                good
            }
            Kind::Scalar { text, plain } => match scalar_json(text, *plain) {
                Json::String(_) => self.json_string(node, scope, pieces),
                other => {
                    push_text(pieces, &other.to_string());
                    true
                }
            },
        }
    }

    fn json_string(self, node: NodeId, scope: &Scope<'_>, pieces: &mut Vec<Piece>) -> bool {
        let text = self.document.scalar(node).unwrap_or_default();
        if let Some((name, start)) = raw(text) {
            return match bare(name, start, scope) {
                Ok(value) => {
                    pieces.push(Piece::Value(value));
                    true
                }
                Err(mistake) => {
                    self.text_error(node, mistake);
                    false
                }
            };
        }
        let (template, mistakes) = super::template::compile(text, scope, Around::JsonString);
        let good = mistakes.is_empty();
        for mistake in mistakes {
            self.text_error(node, mistake);
        }
        push_text(pieces, "\"");
        append(pieces, template);
        push_text(pieces, "\"");
        good
    }

    fn checks(self, checks: &At<Vec<At<CheckFile>>>, stream: Option<bool>) -> Option<Vec<Check>> {
        let mut built = Vec::new();
        let mut good = true;
        for check in checks.value.as_ref()? {
            let of_stream =
                matches!(check.value, Some(CheckFile::EndsWithEvent(_) | CheckFile::EventsMin(_)));
            if of_stream && stream == Some(false) {
                self.refuse(
                    check.node,
                    "this checks a stream, and the step is none",
                    "`stream: true` in the step",
                );
            }
            match check.value.as_ref().and_then(|check| self.check(check)) {
                Some(checks) => built.extend(checks),
                None => good = false,
            }
        }
        good.then_some(built)
    }

    fn check(self, check: &CheckFile) -> Option<Vec<Check>> {
        let check = match check {
            CheckFile::Status(Either::Short(status)) => Check::Status(vec![self.get(*status)?.0]),
            CheckFile::Status(Either::Long(list)) => {
                let leaves = list.value.as_ref()?;
                if leaves.is_empty() {
                    self.refuse(list.node, "no status is named", "`[200, 204]`");
                }
                let statuses: Vec<_> =
                    leaves.iter().map(|leaf| self.get(*leaf).map(|status| status.0)).collect();
                Check::Status(statuses.into_iter().collect::<Option<_>>()?)
            }
            CheckFile::Header(Either::Short(name)) => {
                Check::Header { name: self.get(*name)?.0, equals: None }
            }
            CheckFile::Header(Either::Long(long)) => {
                let file = long.value.as_ref()?;
                let (name, equals) = (self.get(file.name), self.maybe(file.equals));
                Check::Header { name: name?.0, equals: equals? }
            }
            CheckFile::Json(Either::Short(pointer)) => {
                Check::Json { pointer: self.get(*pointer)?.0, is: JsonIs::Present }
            }
            CheckFile::Json(Either::Long(long)) => {
                let file = long.value.as_ref()?;
                let (pointer, length) = (self.get(file.at), self.maybe(file.length_min));
                let value = |leaf: Option<Leaf<AnyJson>>| Some(self.json(leaf?.node?));
                let (equals, different) = (value(file.equals), value(file.differs_from));
                let pointer = pointer?.0;
                let mut is: Vec<JsonIs> = equals.map(JsonIs::Equal).into_iter().collect();
                is.extend(different.map(JsonIs::Different));
                is.extend(length?.map(|length| JsonIs::LengthMin(u64::from(length))));
                if is.is_empty() {
                    is.push(JsonIs::Present);
                }
                return Some(is.into_iter().map(|is| Check::Json { pointer: pointer.clone(), is }).collect());
            }
            CheckFile::Contains(text) => Check::Contains(self.filled(*text)?),
            CheckFile::EndsWithEvent(event) => Check::EndsWithEvent(self.filled(*event)?),
            CheckFile::EventsMin(count) => Check::EventsMin(self.positive(*count, "the number of events")?),
        };
        Some(vec![check])
    }

    /// Text that is not empty.
    fn filled(self, leaf: Leaf<String>) -> Option<String> {
        let text = self.get(leaf)?;
        if text.is_empty() {
            self.wrong_leaf(&leaf, "the text is empty");
            return None;
        }
        Some(text)
    }

    /// A value as JSON, without templates.
    fn json(self, node: NodeId) -> Json {
        match &self.document.node(node).kind {
            Kind::Broken => Json::Null,
            Kind::Scalar { text, plain } => scalar_json(text, *plain),
            Kind::List(elements) => elements.iter().map(|element| self.json(*element)).collect(),
            Kind::Map(entries) => {
                let entry = |(key, value): &(NodeId, NodeId)| {
                    (self.document.scalar(*key).unwrap_or_default().to_owned(), self.json(*value))
                };
                Json::Object(entries.iter().map(entry).collect())
            }
        }
    }

    fn extracts(self, extracts: &At<Names<At<ExtractFile>>>) -> Option<BTreeMap<String, Extract>> {
        let mut built = BTreeMap::new();
        let mut good = true;
        for (name, extract) in &extracts.value.as_ref()?.0 {
            let name = name.node.and_then(|node| self.read(node, crate::parse::quantity::Name::from_text));
            let extract = extract.value.as_ref().and_then(|extract| match extract {
                ExtractFile::Json(pointer) => self.get(*pointer).map(|pointer| Extract::Json(pointer.0)),
                ExtractFile::Header(name) => self.get(*name).map(|name| Extract::Header(name.0)),
            });
            match (name, extract) {
                (Some(name), Some(extract)) => {
                    built.insert(name.0, extract);
                }
                _ => good = false,
            }
        }
        good.then_some(built)
    }

    fn fan_out(self, fan_out: &At<FanOutFile>) -> Option<FanOut> {
        let file = fan_out.value.as_ref()?;
        let over = self.get(file.over);
        let item = file.item.map_or(Some("item".to_owned()), |item| self.get(item).map(|item| item.0));
        let max = file.max.map_or(Some(FAN_OUT_MAX), |leaf| {
            let max = self.positive(leaf, "the number of elements")?;
            if max > FAN_OUT_LIMIT {
                self.wrong_leaf(&leaf, format!("at most {FAN_OUT_LIMIT} requests at once"));
            }
            Some(max)
        });
        Some(FanOut { over: over?.0, item: item?, max: max? })
    }
}

/// A body whose type the step's headers may override; the header moves into the body then.
fn typed(mut body: Body, headers: Option<&mut Vec<(String, Template)>>) -> Body {
    let Some(headers) = headers else { return body };
    if let Some(at) = headers.iter().position(|(name, _)| name == "content-type")
        && let Some(own) = headers[at].1.as_literal()
    {
        own.clone_into(&mut body.content_type);
        headers.remove(at);
    }
    body
}

fn append(pieces: &mut Vec<Piece>, template: Template) {
    for piece in template.pieces {
        match piece {
            Piece::Text(text) => push_text(pieces, &text),
            Piece::Value(_) => pieces.push(piece),
        }
    }
}

/// RFC 3986: unreserved, reserved and `%`, without the fragment's `#`.
fn in_request_line(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?[]@!$&'()*+,;=%".contains(c)
}

/// Whether a request line can carry the text as it is.
fn fits_request_line(text: &str) -> bool {
    text.chars().all(in_request_line)
}

/// A scalar by the YAML 1.2 core schema, as far as JSON has the value.
pub(crate) fn scalar_json(text: &str, plain: bool) -> Json {
    let string = || Json::String(text.to_owned());
    if !plain {
        return string();
    }
    match text {
        _ if is_null(text) => return Json::Null,
        "true" | "True" | "TRUE" => return Json::Bool(true),
        "false" | "False" | "FALSE" => return Json::Bool(false),
        _ => {}
    }
    let radix =
        |prefix: &str, radix| text.strip_prefix(prefix).and_then(|d| u64::from_str_radix(d, radix).ok());
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return number.into();
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    if !numeric {
        return string();
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = unsigned.parse::<i64>() {
        return number.into();
    }
    if let Ok(number) = unsigned.parse::<u64>() {
        return number.into();
    }
    let number = unsigned.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    number.map_or_else(string, Json::Number)
}
