//! Faults by name: `- use: slow-answers` in a scenario stands for the file of that name, before
//! anything of it is read.
//!
//! ```text
//!   chaos/faults/slow-answers.yaml      title: …          the scenario      - use: slow-answers
//!                                       latency:                              edge: service-0/sql
//!                                         add: 100ms                          at: 20s
//!                                                                             for: 20s
//!                                                                             with: { jitter: 10ms }
//!   what is read      { name: slow-answers, at: 20s, for: 20s,
//!                       latency: { add: 100ms, edge: service-0/sql, jitter: 10ms } }
//! ```
//!
//! A named fault says what is disturbed and how much, never when. Every node keeps its place, so a
//! mistake is told in the file in which it was made.

use crate::{
    Source,
    diagnostic::Diagnostics,
    document::{Document, Kind, NodeId, Place, Problem, Problems, Text, shortened},
    nearest::{listed, nearest},
    yaml,
};

/// Keys that say when and where, and so belong to the scenario.
const NOT_HERE: [&str; 10] = ["use", "name", "at", "for", "every", "when", "after", "with", "edge", "role"];
/// Keys of a named fault beside its kind.
const BESIDE: [&str; 3] = ["title", "ramp", "seed"];
/// Keys beside `use` that say where, and belong into the fault's kind.
const PLACES: [&str; 2] = ["edge", "role"];

/// A fault that scenarios may use.
#[derive(Debug, Clone, Copy)]
pub struct NamedFault<'a> {
    /// By this name.
    pub name: &'a str,
    /// Its file.
    pub source: Source<'a>,
}

/// A named fault in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSummary {
    /// One line for people; empty without one.
    pub title: String,
    /// What it does: `latency`.
    pub kind: String,
}

/// What a named fault is, or what is wrong with its shape. Its fields are read where it is used, since
/// its place is known only there.
pub fn named_fault(named: &NamedFault<'_>) -> Result<NamedSummary, Diagnostics> {
    let problems = Problems::default();
    let mut document = Document::new();
    let base = Base::read(named, &mut document, &problems);
    let summary = base.map(|base| NamedSummary {
        title: base.title.and_then(|title| document.scalar(title)).unwrap_or_default().to_owned(),
        kind: document.scalar(base.kind.0).unwrap_or_default().to_owned(),
    });
    let problems = problems.into_vec();
    match summary {
        Some(summary) if problems.is_empty() => Ok(summary),
        _ => Err(Diagnostics::new(problems)),
    }
}

/// Puts the faults that the document uses by name in the places of their names.
pub(crate) fn resolve(named: &[NamedFault<'_>], document: &mut Document, problems: &Problems) {
    let Some(faults) = document.get(document.root, "faults") else { return };
    let Kind::List(elements) = document.node(faults).kind.clone() else { return };
    let resolved: Vec<NodeId> =
        elements.iter().map(|element| one(*element, named, document, problems)).collect();
    if resolved == elements {
        return;
    }
    let place = document.place(faults).clone();
    let list = document.add(Kind::List(resolved), place);
    let Kind::Map(mut entries) = document.node(document.root).kind.clone() else { return };
    for (_, value) in entries.iter_mut().filter(|(_, value)| *value == faults) {
        *value = list;
    }
    let place = document.place(document.root).clone();
    document.root = document.add(Kind::Map(entries), place);
}

/// A fault of the list, or what it stands for.
fn one(element: NodeId, named: &[NamedFault<'_>], document: &mut Document, problems: &Problems) -> NodeId {
    let Some(used) = document.get(element, "use") else { return element };
    let place = document.place(element).clone();
    let found = named_as(used, named, document, problems);
    let base = found.and_then(|found| Base::read(found, document, problems));
    match base {
        Some(base) => base.used(element, used, document, problems),
        // Reported; about the rest of it nothing is known.
        None => document.add(Kind::Broken, place),
    }
}

fn named_as<'a, 'n>(
    used: NodeId,
    named: &'n [NamedFault<'a>],
    document: &Document,
    problems: &Problems,
) -> Option<&'n NamedFault<'a>> {
    let place = || document.place(used).clone();
    let Some(name) = document.scalar(used) else {
        let message = format!("`use` cannot be {}", document.describe(used));
        problems.add(Problem::new(place(), message).accepted("the name of a fault in `chaos/faults`"));
        return None;
    };
    let found = named.iter().find(|fault| fault.name == name);
    if found.is_none() {
        let known = || named.iter().map(|fault| fault.name);
        let problem = Problem::new(place(), format!("there is no named fault `{}`", shortened(name)));
        let problem = if named.is_empty() { problem } else { problem.accepted(listed(known())) };
        problems.add(problem.suggestion(nearest(name, known())));
    }
    found
}

/// A named fault's file.
struct Base {
    /// Key and value of its kind; the value is a map.
    kind: (NodeId, NodeId),
    /// What stands beside it and goes on to the fault.
    beside: Vec<(NodeId, NodeId)>,
    title: Option<NodeId>,
}

impl Base {
    fn read(named: &NamedFault<'_>, document: &mut Document, problems: &Problems) -> Option<Self> {
        let content = named.source.text.strip_prefix('\u{feff}').unwrap_or(named.source.text);
        let text = Text::file(named.source.path, content);
        let root = yaml::read(&text, 0..text.content.len(), document, problems);
        let fail = |place: Place, message: &str| {
            problems.add(
                Problem::new(place, message)
                    .accepted("one kind of fault, as a map: `latency: { add: 100ms }`"),
            );
        };
        let Some(root) = root else {
            if text.content.trim().is_empty() {
                fail(Place { text, range: 0..0 }, "the file is empty");
            }
            return None;
        };
        let Kind::Map(entries) = document.node(root).kind.clone() else {
            fail(document.place(root).clone(), "a named fault is a map");
            return None;
        };
        let (mut kinds, mut beside, mut title) = (Vec::new(), Vec::new(), None);
        for (key, value) in entries {
            match document.scalar(key).unwrap_or_default() {
                "title" => title = Some(value),
                name if NOT_HERE.contains(&name) => {
                    let message = format!("`{name}` is the scenario's to say, where the fault is used");
                    problems.add(Problem::new(document.place(key).clone(), message));
                }
                name if BESIDE.contains(&name) => beside.push((key, value)),
                _ => kinds.push((key, value)),
            }
        }
        match kinds.as_slice() {
            [kind] if matches!(document.node(kind.1).kind, Kind::Map(_)) => {
                Some(Self { kind: *kind, beside, title })
            }
            [(_, value)] => {
                fail(document.place(*value).clone(), "the kind of a named fault is a map");
                None
            }
            [] => {
                fail(document.place(root).clone(), "the named fault does not say what it does");
                None
            }
            [_, (second, _), ..] => {
                fail(document.place(*second).clone(), "a named fault does one thing");
                None
            }
        }
    }

    /// The fault, as `element` uses it.
    fn used(self, element: NodeId, used: NodeId, document: &mut Document, problems: &Problems) -> NodeId {
        let Kind::Map(own) = document.node(element).kind.clone() else { return element };
        let kind_name = document.scalar(self.kind.0).unwrap_or_default().to_owned();
        let mut whole = self.beside;
        let mut kind = entries(self.kind.1, document);
        for (key, value) in own {
            match document.scalar(key).unwrap_or_default() {
                "use" => {}
                name if name == "with" || name == kind_name => {
                    if !matches!(document.node(value).kind, Kind::Map(_) | Kind::Broken) {
                        let message = format!("`{name}` cannot be {}", document.describe(value));
                        let problem = Problem::new(document.place(value).clone(), message);
                        problems.add(problem.accepted("a map of the fault's fields"));
                    }
                    overlay_all(&mut kind, entries(value, document), document);
                }
                name if PLACES.contains(&name) => overlay(&mut kind, (key, value), document),
                _ => overlay(&mut whole, (key, value), document),
            }
        }
        // What it still lacks is to be said where it is used.
        let place = document.place(used).clone();
        let kind = document.add(Kind::Map(kind), place);
        whole.push((self.kind.0, kind));
        if !whole.iter().any(|(key, _)| document.scalar(*key) == Some("name")) {
            let place = document.place(used).clone();
            let key = document.add(Kind::Scalar { text: "name".to_owned(), plain: true }, place);
            whole.push((key, used));
        }
        let place = document.place(element).clone();
        document.add(Kind::Map(whole), place)
    }
}

fn entries(map: NodeId, document: &Document) -> Vec<(NodeId, NodeId)> {
    match &document.node(map).kind {
        Kind::Map(entries) => entries.clone(),
        _ => Vec::new(),
    }
}

fn overlay_all(base: &mut Vec<(NodeId, NodeId)>, over: Vec<(NodeId, NodeId)>, document: &Document) {
    for entry in over {
        overlay(base, entry, document);
    }
}

/// An entry in the place of the one with its key, or at the end.
fn overlay(base: &mut Vec<(NodeId, NodeId)>, entry: (NodeId, NodeId), document: &Document) {
    let key = document.scalar(entry.0);
    match base.iter_mut().find(|(known, _)| document.scalar(*known) == key) {
        Some(known) => *known = entry,
        None => base.push(entry),
    }
}
