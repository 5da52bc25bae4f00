//! YAML text to a [`Document`]. The only module that knows the YAML crate.
//!
//! The event parser below (`granit-parser`, on which serde-saphyr stands) is used rather than a serde
//! front end, because a front end stops at the first mistake, and every node's place is wanted. A
//! syntax error ends the reading, since nothing after it has a certain meaning; everything else is
//! reported and read over.
//!
//! Hostile input is bounded: the size of the text, the depth of nesting, and the number of values
//! that aliases amount to.

use std::{collections::BTreeMap, ops::Range, rc::Rc};

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::document::{Document, Kind, NodeId, Place, Problem, Problems, Text, shortened};

/// Longest text that is read, in bytes. The longest scenario known has 10 kB.
const TEXT_MAX: usize = 1_000_000;
/// Deepest nesting. A scenario needs about ten levels; JSON bodies a few more.
const DEPTH_MAX: usize = 64;
/// Most values that all aliases of a document may amount to when they are written out.
const VALUES_MAX: usize = 100_000;

/// Reads `range` of `text`, which holds one YAML document, and returns its root. Mistakes are added to
/// `problems`; none is returned if nothing could be read.
pub(crate) fn read(
    text: &Rc<Text>,
    range: Range<usize>,
    document: &mut Document,
    problems: &Problems,
) -> Option<NodeId> {
    let place = |range| Place { text: Rc::clone(text), range };
    if range.len() > TEXT_MAX {
        let message = format!("the text has {} bytes; at most {TEXT_MAX} are read", range.len());
        problems.add(Problem::new(place(0..0), message));
        return None;
    }
    let base = range.start;
    let source = &text.content[range];
    let options = granit_parser::options! { emit_unresolved_aliases: true, emit_comments: false };
    let mut builder = Builder {
        text,
        base,
        source,
        document,
        problems,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        aliased: 0,
        root: None,
    };
    for event in Parser::new_from_str_with_options(source, options) {
        match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => {
                let at = builder.byte(error.marker());
                let place = place(base + at..base + at);
                problems.add(Problem::new(place, format!("this is not YAML: {}", error.info())));
                return None;
            }
        }
    }
    builder.root.map(|built| built.node)
}

/// A node with what it amounts to.
#[derive(Debug, Clone, Copy)]
struct Built {
    node: NodeId,
    /// Values, with aliases written out.
    values: usize,
    /// Levels, with aliases written out.
    depth: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    anchor: usize,
    start: usize,
    is_map: bool,
    children: Vec<Built>,
}

struct Builder<'a> {
    text: &'a Rc<Text>,
    base: usize,
    source: &'a str,
    document: &'a mut Document,
    problems: &'a Problems,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Built>,
    /// Values that all aliases so far amount to.
    aliased: usize,
    root: Option<Built>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) {
        let range = self.range(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let range = self.trimmed(range, style);
                let plain = self.tag(tag.as_deref(), span).unwrap_or(style == ScalarStyle::Plain);
                let kind = Kind::Scalar { text: text.into_owned(), plain };
                self.finish(anchor, kind, range, 1, 1);
            }
            Event::SequenceStart(_, anchor, tag) => self.begin(anchor, tag.as_deref(), span, false),
            Event::MappingStart(_, anchor, tag) => self.begin(anchor, tag.as_deref(), span, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(range.end),
            Event::Alias(id) => self.alias(id, range),
            Event::UnresolvedAlias(name) => {
                let message = format!("nothing is named `&{name}` above");
                self.broken(range, message);
            }
            _ => {}
        }
    }

    fn begin(&mut self, anchor: usize, tag: Option<&Tag>, span: Span, is_map: bool) {
        self.tag(tag, span);
        self.open.push(Open { anchor, start: self.range(span).start, is_map, children: Vec::new() });
    }

    fn end(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let values = open.children.iter().fold(1_usize, |sum, child| sum.saturating_add(child.values));
        let depth = 1 + open.children.iter().map(|child| child.depth).max().unwrap_or(0);
        let range = open.start..end.max(open.start);
        if depth > DEPTH_MAX {
            // Reported once: the level above sees a broken node of depth 1.
            self.broken(
                range.start..range.start,
                format!("this is nested more than {DEPTH_MAX} levels deep"),
            );
            return;
        }
        let kind =
            if open.is_map { self.map(&open.children) } else { Kind::List(nodes(&open.children).collect()) };
        self.finish(open.anchor, kind, range, values, depth);
    }

    /// The entries of a map, without those whose key is not text or came before.
    fn map(&self, children: &[Built]) -> Kind {
        let mut entries = Vec::with_capacity(children.len() / 2);
        let mut first: BTreeMap<&str, NodeId> = BTreeMap::new();
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0].node, pair[1].node);
            let place = self.document.place(key).clone();
            let Some(name) = self.document.scalar(key) else {
                self.problems.add(Problem::new(place, "a key must be text"));
                continue;
            };
            if let Some(before) = first.insert(name, key) {
                let line = line_of(self.document.place(before));
                let message = format!("`{}` is given twice; the first is in line {line}", shortened(name));
                self.problems.add(Problem::new(place, message));
                first.insert(name, before);
            } else {
                entries.push((key, value));
            }
        }
        Kind::Map(entries)
    }

    fn alias(&mut self, id: usize, range: Range<usize>) {
        match self.anchors.get(&id).copied() {
            None => self.broken(range, "the alias stands inside of what it refers to".to_owned()),
            Some(built) => {
                let before = self.aliased;
                self.aliased = before.saturating_add(built.values);
                if self.aliased <= VALUES_MAX {
                    self.place_in_parent(built);
                } else if before <= VALUES_MAX {
                    self.broken(range, format!("aliases amount to more than {VALUES_MAX} values"));
                } else {
                    // Told at the first that was too many.
                    self.finish(0, Kind::Broken, range, 1, 1);
                }
            }
        }
    }

    fn broken(&mut self, range: Range<usize>, message: String) {
        self.problems.add(Problem::new(self.place(range.clone()), message));
        self.finish(0, Kind::Broken, range, 1, 1);
    }

    fn finish(&mut self, anchor: usize, kind: Kind, range: Range<usize>, values: usize, depth: usize) {
        let node = self.document.add(kind, self.place(range));
        let built = Built { node, values, depth };
        if anchor != 0 {
            self.anchors.insert(anchor, built);
        }
        self.place_in_parent(built);
    }

    fn place_in_parent(&mut self, built: Built) {
        if let Some(parent) = self.open.last_mut() {
            parent.children.push(built);
        } else if self.root.is_none() {
            self.root = Some(built);
        } else {
            let place = self.document.place(built.node).clone();
            self.problems.add(Problem::new(place, "a second document begins here; a file holds one"));
        }
    }

    /// Whether the tag makes the scalar plain or not; tags that mean something else are reported.
    fn tag(&self, tag: Option<&Tag>, span: Span) -> Option<bool> {
        let tag = tag?;
        match tag.core_suffix() {
            Some("str") => Some(false),
            Some("map" | "seq" | "int" | "float" | "bool" | "null") => None,
            _ => {
                let message = format!("the tag `{}` has no meaning here", shortened(&tag.original()));
                let place = self.place(self.range(span.tag_span().unwrap_or(span)));
                self.problems.add(Problem::new(place, message));
                None
            }
        }
    }

    /// The span of a scalar without the white space and line breaks after it.
    fn trimmed(&self, range: Range<usize>, style: ScalarStyle) -> Range<usize> {
        if style != ScalarStyle::Plain {
            return range;
        }
        let written = self.source.get(range.clone()).unwrap_or_default();
        range.start..range.start + written.trim_end().len()
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.byte(&span.start);
        let end = self.byte(&span.end).max(start);
        start..end
    }

    /// A marker's byte offset, on a character border of the source.
    fn byte(&self, marker: &granit_parser::Marker) -> usize {
        let offset = marker.byte_offset().unwrap_or_else(|| {
            self.source.char_indices().nth(marker.index()).map_or(self.source.len(), |(at, _)| at)
        });
        let mut offset = offset.min(self.source.len());
        while !self.source.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn place(&self, range: Range<usize>) -> Place {
        Place { text: Rc::clone(self.text), range: self.base + range.start..self.base + range.end }
    }
}

fn nodes(built: &[Built]) -> impl Iterator<Item = NodeId> + '_ {
    built.iter().map(|built| built.node)
}

fn line_of(place: &Place) -> usize {
    1 + place.text.content[..place.range.start].matches('\n').count()
}
