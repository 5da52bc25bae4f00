//! What a search gives: sources, an answer, and where both came from.

use serde::{Deserialize, Serialize};

use super::truth::Truth;

/// A document that an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its key.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// How well it fits, from 0 to 1.
    pub score: f64,
}

/// What a retrieval found. This is what L1 and L2 hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Best first.
    pub sources: Vec<Source>,
    /// What the sources say, for the prompt.
    pub passages: Vec<String>,
    /// Sources that were chosen but could not be read.
    pub missing: usize,
    /// Those of them that a query's time-out cost.
    #[serde(skip)]
    pub cut: usize,
    /// The embedding model that they were found with, as deployed then.
    #[serde(default)]
    pub embedding: String,
}

/// How the sources were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// With embeddings.
    Full,
    /// By keywords alone, since there were no embeddings.
    Keyword,
    /// Not at all: the whole answer came from the answer cache.
    Cached,
}

impl Mode {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Keyword => "keyword",
            Self::Cached => "cached",
        }
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The prompt it was generated with.
    pub prompt_version: String,
    /// The embeddings its sources were found with.
    pub embedding_version: String,
    /// How they were found.
    pub mode: Mode,
    /// Sources in the answer.
    pub sources_found: usize,
    /// Sources that belong there and could not be read.
    pub sources_missing: usize,
}

/// The whole: the JSON answer, and the data of the event `done` without `answer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The text.
    pub answer: String,
    /// What it rests on.
    pub sources: Vec<Source>,
    /// Where it came from.
    pub provenance: Provenance,
    /// What whoever tests may know beside; never there unless the profile says `truth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Truth>,
}
