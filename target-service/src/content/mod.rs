//! The seeded content: documents, the words they are found by, and the query log.
//!
//! Everything here is a function of two committed files and a fixed seed, so every store of every
//! run holds the same documents, and a query finds the same ones.
//!
//! ```text
//!   topics.txt --generate--> documents --terms--> keyword table
//!        └─────generate--> queries.csv (committed) --> scenario feeds, cache warm-up
//! ```
//!
//! It does not know a store; `sql_server` puts it into tables.

mod generate;
mod terms;

use std::sync::LazyLock;

pub use terms::{keywords, weights};

/// The query log as committed: a header line, then one query a line, most popular first.
const QUERY_LOG: &str = include_str!("../../content/queries.csv");

/// The version of the embeddings that the documents were indexed with.
pub const EMBEDDING_VERSION: &str = "embed-v1";

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its key, from 1 without gaps.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its parts, which are what an answer quotes.
    pub chunks: Vec<String>,
    /// What it is about.
    pub topic: &'static str,
    /// How often it was written.
    pub version: i64,
    /// When it was written last, in milliseconds since 1970.
    pub updated_at: i64,
}

impl Document {
    /// The whole text.
    pub fn body(&self) -> String {
        self.chunks.join(" ")
    }
}

/// All documents, by id.
pub fn documents() -> &'static [Document] {
    static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(generate::documents);
    &DOCUMENTS
}

/// The query log, most popular first.
pub fn queries() -> &'static [String] {
    static QUERIES: LazyLock<Vec<String>> =
        LazyLock::new(|| QUERY_LOG.lines().skip(1).map(str::to_owned).collect());
    &QUERIES
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn the_committed_query_log_is_what_the_generator_writes() {
        let generated = generate::query_log();
        if std::env::var_os("LOADLAB_BLESS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/content/queries.csv");
            std::fs::write(path, &generated).expect("the query log can be written");
        } else {
            assert!(QUERY_LOG == generated, "run with LOADLAB_BLESS=1 and commit content/queries.csv");
        }
    }

    #[test]
    fn the_query_log_has_two_thousand_distinct_queries() {
        let distinct: HashSet<&String> = queries().iter().collect();
        assert_eq!((queries().len(), distinct.len()), (2_000, 2_000));
        assert!(queries().iter().all(|query| query.bytes().all(|b| b.is_ascii_lowercase() || b == b' ')));
    }

    #[test]
    fn every_query_has_a_keyword_that_finds_a_handful_of_documents() {
        let indexed: BTreeSet<String> = documents().iter().flat_map(|d| weights(d).into_keys()).collect();
        for query in queries() {
            let found = keywords(query);
            assert!(!found.is_empty(), "{query}");
            assert!(found.iter().all(|word| indexed.contains(word)), "{query}: {found:?}");
        }
    }

    #[test]
    fn documents_are_numbered_from_one_and_differ() {
        assert_eq!(documents().len(), generate::DOCUMENTS);
        assert!(documents().iter().zip(1..).all(|(document, id)| document.id == id));
        let bodies: HashSet<String> = documents().iter().map(Document::body).collect();
        assert_eq!(bodies.len(), documents().len());
    }
}
