//! Data that templates draw on.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    field::{At, Either, Leaf, Names},
    parse::Words,
};

/// Rows of named values: exactly one of `rows`, `csv`, `generate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Feed")]
pub(crate) struct FeedFile {
    /// Rows written here: maps of column and value, all with the same columns.
    pub(crate) rows: Option<At<Vec<At<RowFile>>>>,
    /// A CSV file with a header line; its path is relative to the scenario.
    pub(crate) csv: Option<Leaf<String>>,
    /// Columns drawn from the seed.
    pub(crate) generate: Option<At<Names<Either<GeneratorWord, GeneratorFile>>>>,
    /// How many rows are generated. Default: 1000.
    pub(crate) count: Option<Leaf<u32>>,
    /// How a row is taken. Default: in_turn.
    pub(crate) pick: Option<Either<PickWord, PickFile>>,
}

/// A row: column and value.
pub(crate) type RowFile = Names<Leaf<String>>;

/// A generated column with parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Generator")]
pub(crate) enum GeneratorFile {
    /// Whole numbers, evenly drawn.
    Ints(At<IntsFile>),
    /// Words of a fixed list, evenly drawn, with spaces between.
    Words(At<WordsFile>),
}

/// Whole numbers, evenly drawn.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ints")]
pub(crate) struct IntsFile {
    /// The least. Default: 1.
    pub(crate) min: Option<Leaf<i64>>,
    /// The greatest.
    pub(crate) max: Leaf<i64>,
}

/// Words with spaces between.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RandomWords")]
pub(crate) struct WordsFile {
    /// Fewest words. Default: 1.
    pub(crate) min: Option<Leaf<u32>>,
    /// Most words.
    pub(crate) max: Leaf<u32>,
}

/// How a row is taken, with parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Pick")]
pub(crate) enum PickFile {
    /// Row `k` in proportion to `k^-s`: a few are popular. The value is `s`; 1 is the classic one.
    Zipf(Leaf<f64>),
}

/// A generated column without parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GeneratorWord {
    Uuid,
}

/// How a row is taken, without parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PickWord {
    InTurn,
    Uniform,
}

impl Words for GeneratorWord {
    const WORDS: &'static [(&'static str, Self)] = &[("uuid", Self::Uuid)];
    const OR: Option<&'static str> = Some("`{ ints: { min: 1, max: 100 } }`, `{ words: { max: 3 } }`");
}

impl Words for PickWord {
    const WORDS: &'static [(&'static str, Self)] = &[("in_turn", Self::InTurn), ("uniform", Self::Uniform)];
    const OR: Option<&'static str> = Some("`{ zipf: 1.0 }`");
}
