//! Values from the command line, laid over the document before it is checked.
//!
//! A path walks maps by key and lists by position or by the `name` of an element:
//! `load.burst.users`, `journeys.search.weight`, `objectives.0`. What is missing on the way is made.
//! What follows `target.set.` or `arms.set.` is one key, since the profile has dotted paths of its own.
//! A value that begins with `{`, `[` or a quote is YAML; anything else is taken as it stands.

use std::rc::Rc;

use serde::Serialize;

use crate::{
    document::{Document, Kind, NodeId, Place, Problem, Problems, Text, shortened},
    nearest::{listed, nearest},
    yaml,
};

/// Longest path; the longest that means something has about ten parts.
const PARTS_MAX: usize = 32;

/// Where settings of the profile are, and what stands before them.
const SETTINGS: [(&str, &str); 2] = [("target", "target.set."), ("arms", "arms.set.")];

/// A value that stands in the place of the file's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Override {
    /// Dotted path into the YAML: `load.burst.users`.
    pub path: String,
    /// The value, as YAML.
    pub value: String,
}

impl Override {
    /// As it is cited in messages, and where the value begins in that.
    fn argument(&self) -> (String, usize) {
        let flag = match self.path.as_str() {
            "speed" => "--speed ".to_owned(),
            "seed" => "--seed ".to_owned(),
            "target" => "--target ".to_owned(),
            "target.profile" => "--profile ".to_owned(),
            "target.with" => "--with ".to_owned(),
            path => format!("--set {path}="),
        };
        (format!("{flag}{}", self.value), flag.len())
    }
}

/// Lays all of them over the document, in order.
pub(crate) fn apply(overrides: &[Override], document: &mut Document, problems: &Problems) {
    for one in overrides {
        let (argument, value_at) = one.argument();
        let text = Text::argument(&argument);
        let parts = parts(&one.path);
        let path_at = argument.find(&one.path).unwrap_or(0);
        let path_place =
            Place { text: Rc::clone(&text), range: path_at..(path_at + one.path.len()).min(argument.len()) };
        if parts.len() > PARTS_MAX || parts.iter().any(|part| part.is_empty()) {
            let message = format!("`{}` is not a path", shortened(&one.path));
            problems.add(Problem::new(path_place, message).accepted("a dotted path: `load.burst.users`"));
            continue;
        }
        let Some(value) = value(&text, value_at, document, problems) else { continue };
        let mut root = Ok(document.root);
        if ["target.profile", "target.with"].contains(&one.path.as_str()) && is_url(document) {
            // Somebody's URL gives way to the reference target.
            let nothing = document.add(Kind::Map(Vec::new()), path_place.clone());
            root = set(document, document.root, &parts[..1], nothing, &path_place);
        }
        match root.and_then(|root| set(document, root, &parts, value, &path_place)) {
            Ok(root) => document.root = root,
            Err(problem) => problems.add(problem),
        }
    }
}

/// The keys on the way. A setting of the profile is one key, dots and all: `target.set.pool.max`.
fn parts(path: &str) -> Vec<&str> {
    let setting = SETTINGS.iter().find_map(|(of, before)| Some((*of, path.strip_prefix(before)?)));
    match setting.filter(|(_, setting)| !setting.is_empty()) {
        Some((of, setting)) => vec![of, "set", setting],
        None => path.split('.').collect(),
    }
}

fn is_url(document: &Document) -> bool {
    let target = document.get(document.root, "target");
    target.is_some_and(|target| document.scalar(target).is_some() || document.get(target, "url").is_some())
}

fn value(text: &Rc<Text>, at: usize, document: &mut Document, problems: &Problems) -> Option<NodeId> {
    let written = &text.content[at..];
    if written.starts_with(['{', '[', '"', '\'']) {
        return yaml::read(text, at..text.content.len(), document, problems);
    }
    let place = Place { text: Rc::clone(text), range: at..text.content.len() };
    Some(document.add(Kind::Scalar { text: written.to_owned(), plain: true }, place))
}

/// The node like `node` in which `parts` lead to `value`. What changes is copied, since an alias may
/// share it.
fn set(
    document: &mut Document,
    node: NodeId,
    parts: &[&str],
    value: NodeId,
    argument: &Place,
) -> Result<NodeId, Problem> {
    let Some((part, rest)) = parts.split_first() else { return Ok(value) };
    let kind = match document.node(node).kind.clone() {
        Kind::Map(mut entries) => {
            let at = entries.iter().position(|(key, _)| document.scalar(*key) == Some(*part));
            match at {
                Some(at) => entries[at].1 = set(document, entries[at].1, rest, value, argument)?,
                None => entries.push(fresh(document, part, rest, value, argument)?),
            }
            Kind::Map(entries)
        }
        Kind::List(mut elements) => {
            let at = element(document, &elements, part, argument)?;
            elements[at] = set(document, elements[at], rest, value, argument)?;
            Kind::List(elements)
        }
        // A shorthand gives way to the long form.
        Kind::Scalar { .. } => Kind::Map(vec![fresh(document, part, rest, value, argument)?]),
        Kind::Broken => return Ok(node),
    };
    let place = document.place(node).clone();
    Ok(document.add(kind, place))
}

/// A new entry that leads to `value`. Its key is the argument's, so that an unknown one is cited there.
fn fresh(
    document: &mut Document,
    part: &str,
    rest: &[&str],
    value: NodeId,
    argument: &Place,
) -> Result<(NodeId, NodeId), Problem> {
    let key = document.add(Kind::Scalar { text: part.to_owned(), plain: true }, argument.clone());
    if rest.is_empty() {
        return Ok((key, value));
    }
    let empty = document.add(Kind::Map(Vec::new()), argument.clone());
    Ok((key, set(document, empty, rest, value, argument)?))
}

/// The element of a list by its position or its name.
fn element(document: &Document, elements: &[NodeId], part: &str, argument: &Place) -> Result<usize, Problem> {
    let name = |element: NodeId| document.get(element, "name").and_then(|name| document.scalar(name));
    if let Some(at) = elements.iter().position(|element| name(*element) == Some(part)) {
        return Ok(at);
    }
    if let Some(at) = part.parse().ok().filter(|at| *at < elements.len()) {
        return Ok(at);
    }
    let names: Vec<&str> = elements.iter().filter_map(|element| name(*element)).collect();
    let mut accepted = listed(names.iter().copied());
    if let Some(last) = elements.len().checked_sub(1) {
        let or = if accepted.is_empty() { "" } else { ", or " };
        accepted = format!("{accepted}{or}a position from 0 to {last}");
    }
    let problem = Problem::new(argument.clone(), format!("the list has no element `{}`", shortened(part)));
    let problem = if accepted.is_empty() { problem } else { problem.accepted(accepted) };
    Err(problem.suggestion(nearest(part, names)))
}
