//! The parts that file types are made of. Each knows its place and survives a mistake in itself, so
//! that one derived `Deserialize` reads a whole file with all its mistakes.
//!
//! | part | in the file | holds |
//! |---|---|---|
//! | [`Leaf<T>`] | a scalar | its place; what it means is read when the plan is built |
//! | [`At<T>`] | a map, list or variant | its place and, unless it was reported, its content |
//! | [`Either<T, U>`] | a scalar or something longer | a `Leaf` or an `At` |
//! | [`Names<V>`] | a map with names of one's own | name and value in order |
//!
//! They deserialise from [`crate::read::Reader`] only: its side of the protocol is chosen by the names
//! [`LEAF`], [`AT`] and [`EITHER`].

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::{document::NodeId, parse::FromText};

/// Protocol name: the visitor gets the node's number, or nothing if a missing one was reported.
pub(crate) const LEAF: &str = "loadlab leaf";
/// Protocol name: the visitor gets the content if it is readable, then the node's number.
pub(crate) const AT: &str = "loadlab at";
/// Protocol name: the visitor gets whether it is a scalar, then the part.
pub(crate) const EITHER: &str = "loadlab either";

/// A scalar that means a `T`, still unread; none if a required one is missing, which was reported.
pub(crate) struct Leaf<T> {
    pub(crate) node: Option<NodeId>,
    means: PhantomData<T>,
}

/// A value and where it stands; none if it is unreadable, which was reported.
#[derive(Debug)]
pub(crate) struct At<T> {
    pub(crate) node: NodeId,
    pub(crate) value: Option<T>,
}

/// Short or long.
#[derive(Debug)]
pub(crate) enum Either<T, U> {
    Short(Leaf<T>),
    Long(At<U>),
}

/// A map whose keys are names of one's own.
#[derive(Debug)]
pub(crate) struct Names<V>(pub(crate) Vec<(Leaf<String>, V)>);

impl<T> Clone for Leaf<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Leaf<T> {}

impl<T> fmt::Debug for Leaf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leaf({:?})", self.node)
    }
}

impl<'de, T> Deserialize<'de> for Leaf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LeafVisitor<T>(PhantomData<T>);

        impl<T> Visitor<'_> for LeafVisitor<T> {
            type Value = Leaf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place")
            }

            fn visit_u64<E>(self, node: u64) -> Result<Leaf<T>, E> {
                Ok(Leaf { node: Some(node as NodeId), means: PhantomData })
            }

            fn visit_unit<E>(self) -> Result<Leaf<T>, E> {
                Ok(Leaf { node: None, means: PhantomData })
            }
        }

        deserializer.deserialize_unit_struct(LEAF, LeafVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
            type Value = At<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value and its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
                let value = parts.next_element()?;
                let node = parts.next_element()?.ok_or_else(|| A::Error::custom("no place"))?;
                Ok(At { node, value })
            }
        }

        deserializer.deserialize_tuple_struct(AT, 2, AtVisitor(PhantomData))
    }
}

impl<'de, T, U: Deserialize<'de>> Deserialize<'de> for Either<T, U> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherVisitor<T, U>(PhantomData<(T, U)>);

        impl<'de, T, U: Deserialize<'de>> Visitor<'de> for EitherVisitor<T, U> {
            type Value = Either<T, U>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or more")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Either<T, U>, A::Error> {
                let missing = || A::Error::custom("no value");
                let short = parts.next_element()?.ok_or_else(missing)?;
                if short {
                    Ok(Either::Short(parts.next_element()?.ok_or_else(missing)?))
                } else {
                    Ok(Either::Long(parts.next_element()?.ok_or_else(missing)?))
                }
            }
        }

        deserializer.deserialize_tuple_struct(EITHER, 2, EitherVisitor(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Names<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for NamesVisitor<V> {
            type Value = Names<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Names(entries))
            }
        }

        deserializer.deserialize_map(NamesVisitor(PhantomData))
    }
}

impl<T: FromText> JsonSchema for Leaf<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Leaf".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: FromText, U: JsonSchema> JsonSchema for Either<T, U> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Either".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [T::schema(), generator.subschema_for::<U>()] })
    }
}

impl<V: JsonSchema> JsonSchema for Names<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<V>() })
    }
}
