//! A YAML text as a tree of nodes that know where they stand, and the mistakes found in it.
//!
//! Nodes live in one arena, so that an alias is a second mention of a node and costs nothing. Who made
//! the tree, and from what syntax, is the business of [`crate::yaml`] and [`crate::overrides`].

use std::{cell::RefCell, ops::Range, rc::Rc};

/// Index of a node in its document.
pub(crate) type NodeId = usize;

/// A text in which mistakes can be pointed at.
#[derive(Debug)]
pub(crate) struct Text {
    /// A file's path, or a whole command line argument.
    pub(crate) label: String,
    /// What it holds; of an argument, the argument.
    pub(crate) content: String,
    /// It has lines, and the label is its path.
    pub(crate) is_file: bool,
}

/// A stretch of a text.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) text: Rc<Text>,
    /// Bytes, on character borders.
    pub(crate) range: Range<usize>,
}

/// One value of the document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Text; `plain` if it was not quoted, so that it may mean a number, a truth value or nothing.
    Scalar { text: String, plain: bool },
    /// Elements in order.
    List(Vec<NodeId>),
    /// Key and value in order; keys are scalars, and no two are equal.
    Map(Vec<(NodeId, NodeId)>),
    /// Something that has been reported already, and about which no more is said.
    Broken,
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Document {
    nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

/// One mistake.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) accepted: Option<String>,
    pub(crate) suggestion: Option<String>,
}

/// All mistakes so far. Shared by everything that reads, so that nothing has to stop at the first.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Text {
    pub(crate) fn file(path: &str, content: &str) -> Rc<Self> {
        Rc::new(Self { label: path.to_owned(), content: content.to_owned(), is_file: true })
    }

    pub(crate) fn argument(argument: &str) -> Rc<Self> {
        Rc::new(Self { label: argument.to_owned(), content: argument.to_owned(), is_file: false })
    }
}

impl Place {
    /// A part of this place, by byte offsets into the *value* `text` that stands here. Exact if the value
    /// is written as it reads; the whole place if escapes or line folding make that impossible.
    pub(crate) fn part(&self, text: &str, part: Range<usize>) -> Self {
        let written = self.text.content.get(self.range.clone()).unwrap_or_default();
        let shift = if written == text {
            0
        } else if written.len() == text.len() + 2 && written.get(1..=text.len()) == Some(text) {
            1
        } else {
            return self.clone();
        };
        let start = (self.range.start + shift + part.start).min(self.range.end);
        let end = (self.range.start + shift + part.end).clamp(start, self.range.end);
        Self { text: Rc::clone(&self.text), range: start..end }
    }
}

impl Document {
    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new(), root: 0 }
    }

    pub(crate) fn add(&mut self, kind: Kind, place: Place) -> NodeId {
        self.nodes.push(Node { kind, place });
        self.nodes.len() - 1
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(crate) fn place(&self, id: NodeId) -> &Place {
        &self.nodes[id].place
    }

    /// The text of a scalar.
    pub(crate) fn scalar(&self, id: NodeId) -> Option<&str> {
        match &self.nodes[id].kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value under `key`, if this is a map that has it.
    pub(crate) fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        match &self.nodes[map].kind {
            Kind::Map(entries) => {
                entries.iter().find(|(name, _)| self.scalar(*name) == Some(key)).map(|(_, value)| *value)
            }
            _ => None,
        }
    }

    /// What the node is, for a message: `a list`, `` `abc` ``.
    pub(crate) fn describe(&self, id: NodeId) -> String {
        match &self.nodes[id].kind {
            Kind::Scalar { text, plain: true } if is_null(text) => "nothing".to_owned(),
            Kind::Scalar { text, .. } => format!("`{}`", shortened(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
            Kind::Broken => "something unreadable".to_owned(),
        }
    }
}

impl Problem {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), accepted: None, suggestion: None }
    }

    pub(crate) fn accepted(mut self, accepted: impl Into<String>) -> Self {
        self.accepted = Some(accepted.into());
        self
    }

    pub(crate) fn suggestion(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }
}

impl Problems {
    pub(crate) fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// Whether a plain scalar means nothing (YAML 1.2 core schema).
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A value for a message: one line of at most 40 characters.
pub(crate) fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
