//! serde over a [`Document`] that reports a mistake and goes on.
//!
//! ```text
//!   Document --Reader--> derived Deserialize of the file types --> file types with places
//!                 `--> Problems: unknown and missing fields, wrong kinds, unknown variants
//! ```
//!
//! A derived `Deserialize` stops at the first error it is given, so it is given none: unknown fields
//! are reported and skipped before it sees them, fields that are absent are handed to it as such (an
//! optional one becomes `None`, a required one reports itself), and errors inside a part end at that
//! part (see [`crate::field`]).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::{BoolDeserializer, StrDeserializer, U64Deserializer},
    },
    forward_to_deserialize_any,
};

use crate::{
    document::{Document, Kind, NodeId, Problem, Problems, shortened},
    field::{AT, EITHER, LEAF},
    nearest::{listed, nearest},
};

/// Reads the document's root. What is wrong is in `problems` afterwards.
pub(crate) fn read<'de, T: Deserialize<'de>>(document: &'de Document, problems: &'de Problems) -> Option<T> {
    let reader = Reader { document, problems, slot: Slot::Node(document.root), name: None, or_text: false };
    T::deserialize(reader).ok()
}

/// A place in the document from which a part is read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'de> {
    document: &'de Document,
    problems: &'de Problems,
    slot: Slot,
    /// The key under which the node stands.
    name: Option<&'de str>,
    /// A scalar is accepted too: the long form of an [`crate::field::Either`] is read.
    or_text: bool,
}

#[derive(Clone, Copy)]
enum Slot {
    Node(NodeId),
    /// A field of the map `parent` that was not given.
    Absent {
        field: &'static str,
        parent: NodeId,
    },
}

/// Why a part is unreadable; it is pointed at where the part ends.
#[derive(Debug)]
pub(crate) struct Unreadable {
    message: String,
    accepted: Option<String>,
    /// The mistake has been added already.
    reported: bool,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), accepted: None, reported: false }
    }
}

impl<'de> Reader<'de> {
    fn at(self, node: NodeId, name: Option<&'de str>) -> Self {
        Self { slot: Slot::Node(node), name, or_text: false, ..self }
    }

    /// The node, or its parent if it is absent, which is reported.
    fn node(self) -> Result<NodeId, NodeId> {
        match self.slot {
            Slot::Node(node) => Ok(node),
            Slot::Absent { field, parent } => {
                let message = match self.name {
                    Some(name) => format!("`{name}` needs `{field}`"),
                    None => format!("`{field}` is missing"),
                };
                self.problems.add(Problem::new(self.document.place(parent).clone(), message));
                Err(parent)
            }
        }
    }

    fn fail<T>(self, accepted: String) -> Result<T, Unreadable> {
        let Slot::Node(node) = self.slot else {
            return Err(Unreadable { message: String::new(), accepted: None, reported: true });
        };
        let reported = matches!(self.document.node(node).kind, Kind::Broken);
        let found = self.document.describe(node);
        let message = match self.name {
            Some(name) if found == "nothing" => format!("`{name}` has no value"),
            Some(name) => format!("`{name}` cannot be {found}"),
            None => format!("{found} cannot stand here"),
        };
        let accepted = if self.or_text { format!("one value, or {accepted}") } else { accepted };
        Err(Unreadable { message, accepted: Some(accepted), reported })
    }

    fn report(self, node: NodeId, error: Unreadable) {
        if !error.reported {
            let mut problem = Problem::new(self.document.place(node).clone(), error.message);
            problem.accepted = error.accepted;
            self.problems.add(problem);
        }
    }

    fn entries(self) -> Option<(NodeId, &'de [(NodeId, NodeId)])> {
        match self.slot {
            Slot::Node(node) => match &self.document.node(node).kind {
                Kind::Map(entries) => Some((node, entries)),
                _ => None,
            },
            Slot::Absent { .. } => None,
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unreadable> {
        self.fail("something else".to_owned())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.slot {
            Slot::Absent { .. } => visitor.visit_none(),
            Slot::Node(_) => visitor.visit_some(self),
        }
    }

    /// [`LEAF`].
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        debug_assert_eq!(name, LEAF, "no file type is a unit");
        match self.node() {
            Ok(node) => visitor.visit_u64(node as u64),
            Err(_) => visitor.visit_unit(),
        }
    }

    /// [`AT`] and [`EITHER`].
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        debug_assert!([AT, EITHER].contains(&name), "no file type is a tuple");
        let reader = self;
        if name == EITHER {
            return visitor.visit_seq(EitherParts { reader, asked: false });
        }
        let (node, content) = match self.node() {
            Ok(node) => (node, Some(reader)),
            Err(parent) => (parent, None),
        };
        visitor.visit_seq(AtParts { reader, node, content, asked: false })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let Some((node, entries)) = self.entries() else {
            return self.fail(format!("a map with {}", listed(fields.iter().copied())));
        };
        visitor.visit_map(Fields::new(self, node, entries, fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let accepted = || format!("a map with one of {}", listed(variants.iter().copied()));
        let Some((_, entries)) = self.entries() else {
            return self.fail(accepted());
        };
        let mut chosen: Option<Variant<'de>> = None;
        let mut meant: Option<Variant<'de>> = None;
        for &(key, value) in entries {
            let Some(name) = self.document.scalar(key) else { continue };
            let place = self.document.place(key).clone();
            if !variants.contains(&name) {
                let near = nearest(name, variants.iter().copied());
                meant = near.map(|near| Variant { name: near, reader: self.at(value, Some(name)) });
                let problem = Problem::new(place, format!("`{name}` is not known here"));
                self.problems.add(problem.accepted(accepted()).suggestion(near));
            } else if let Some(chosen) = &chosen {
                let message = format!("`{}` and `{name}` exclude each other", chosen.name);
                self.problems.add(Problem::new(place, message).accepted(accepted()));
            } else {
                chosen = Some(Variant { name, reader: self.at(value, Some(name)) });
            }
        }
        match chosen.or(meant) {
            Some(chosen) => visitor.visit_enum(chosen),
            None if entries.is_empty() => {
                let message = "this is empty".to_owned();
                Err(Unreadable { message, accepted: Some(accepted()), reported: false })
            }
            None => Err(Unreadable { message: String::new(), accepted: None, reported: true }),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if let Slot::Node(node) = self.slot
            && let Kind::List(elements) = &self.document.node(node).kind
        {
            return visitor.visit_seq(Elements { reader: self, rest: elements.iter() });
        }
        self.fail("a list".to_owned())
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.entries() {
            Some((_, entries)) => {
                visitor.visit_map(OwnNames { reader: self, rest: entries.iter(), value: None })
            }
            None => self.fail("a map of names and values".to_owned()),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        newtype_struct tuple identifier ignored_any
    }
}

/// Content, then place.
struct AtParts<'de> {
    reader: Reader<'de>,
    node: NodeId,
    content: Option<Reader<'de>>,
    asked: bool,
}

impl<'de> SeqAccess<'de> for AtParts<'de> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        if std::mem::replace(&mut self.asked, true) {
            return seed.deserialize(U64Deserializer::new(self.node as u64)).map(Some);
        }
        let Some(content) = self.content else { return Ok(None) };
        Ok(seed.deserialize(content).map_err(|error| self.reader.report(self.node, error)).ok())
    }
}

/// Whether it is a scalar, then the part itself.
struct EitherParts<'de> {
    reader: Reader<'de>,
    asked: bool,
}

impl<'de> SeqAccess<'de> for EitherParts<'de> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        if std::mem::replace(&mut self.asked, true) {
            return seed.deserialize(Reader { or_text: true, ..self.reader }).map(Some);
        }
        let short = match self.reader.slot {
            Slot::Node(node) => self.reader.document.scalar(node).is_some(),
            Slot::Absent { .. } => true,
        };
        seed.deserialize(BoolDeserializer::new(short)).map(Some)
    }
}

struct Elements<'de> {
    reader: Reader<'de>,
    rest: std::slice::Iter<'de, NodeId>,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        let reader = self.reader;
        self.rest.next().map(|node| seed.deserialize(reader.at(*node, None))).transpose()
    }
}

struct OwnNames<'de> {
    reader: Reader<'de>,
    rest: std::slice::Iter<'de, (NodeId, NodeId)>,
    value: Option<Reader<'de>>,
}

impl<'de> MapAccess<'de> for OwnNames<'de> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        let Some(&(key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(self.reader.at(value, self.reader.document.scalar(key)));
        seed.deserialize(self.reader.at(key, None)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unreadable> {
        let value =
            self.value.take().ok_or_else(|| de::Error::custom("a value was asked for before its key"))?;
        seed.deserialize(value)
    }
}

/// The fields of a struct: those given, then those that are not.
struct Fields<'de> {
    reader: Reader<'de>,
    given: Vec<(&'static str, NodeId)>,
    absent: Vec<Slot>,
    value: Option<Reader<'de>>,
}

impl<'de> Fields<'de> {
    fn new(
        reader: Reader<'de>,
        parent: NodeId,
        entries: &'de [(NodeId, NodeId)],
        fields: &'static [&'static str],
    ) -> Self {
        let named = |name: &str| fields.iter().copied().find(|field| *field == name);
        let is_there =
            |field: &str| entries.iter().any(|(key, _)| reader.document.scalar(*key) == Some(field));
        let mut given: Vec<(&'static str, NodeId)> = Vec::with_capacity(fields.len());
        for &(key, value) in entries {
            let Some(name) = reader.document.scalar(key) else { continue };
            if let Some(field) = named(name) {
                given.push((field, value));
                continue;
            }
            let near = nearest(name, fields.iter().copied()).and_then(named);
            let place = reader.document.place(key).clone();
            let message = format!("unknown field `{}`", shortened(name));
            let accepted = listed(fields.iter().copied());
            reader.problems.add(Problem::new(place, message).accepted(accepted).suggestion(near));
            // A misspelt field is read as what was meant, for the mistakes in it, and is not missing.
            if let Some(near) = near.filter(|near| !is_there(near))
                && !given.iter().any(|(field, _)| *field == near)
            {
                given.push((near, value));
            }
        }
        given.reverse();
        let is_given = |field: &str| given.iter().any(|(name, _)| *name == field);
        let absent = |field: &&'static str| Slot::Absent { field, parent };
        let absent = fields.iter().filter(|field| !is_given(field)).map(absent).collect();
        Self { reader, given, absent, value: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        let (field, value) = if let Some((field, node)) = self.given.pop() {
            (field, self.reader.at(node, Some(field)))
        } else if let Some(slot) = self.absent.pop() {
            let Slot::Absent { field, .. } = slot else { return Ok(None) };
            (field, Reader { slot, ..self.reader })
        } else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(StrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unreadable> {
        let value =
            self.value.take().ok_or_else(|| de::Error::custom("a value was asked for before its key"))?;
        seed.deserialize(value)
    }
}

/// The variant that a map's key names.
struct Variant<'de> {
    name: &'de str,
    reader: Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Unreadable;
    type Variant = Reader<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader<'de>), Unreadable> {
        let name = seed.deserialize(StrDeserializer::<Unreadable>::new(self.name))?;
        Ok((name, self.reader))
    }
}

/// All variants of file types hold one part.
impl<'de> VariantAccess<'de> for Reader<'de> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        self.fail("nothing".to_owned())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unreadable> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unreadable> {
        self.fail("something else".to_owned())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_struct("", fields, visitor)
    }
}
