//! Keywords: what of a text is searched for, and how much it counts.

use std::collections::BTreeMap;

use super::{Document, generate::filler};

/// Words that are in every text and tell nothing, beside those of the content's own sentence forms.
const STOP_WORDS: [&str; 24] = [
    "about", "also", "are", "but", "can", "does", "each", "every", "has", "have", "into", "its", "not",
    "than", "that", "then", "this", "was", "what", "where", "which", "who", "with", "you",
];
/// Fewest letters of a keyword.
const LETTERS_MIN: usize = 3;
/// A word of the title counts as much as this many in the text.
const TITLE_WEIGHT: f64 = 3.0;

/// The keywords of a text, each once, in the order of their first place.
pub fn keywords(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in words(text) {
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

/// How much each keyword of a document counts.
pub fn weights(document: &Document) -> BTreeMap<String, f64> {
    let mut weights = BTreeMap::new();
    for word in words(&document.title) {
        *weights.entry(word).or_insert(0.0) += TITLE_WEIGHT;
    }
    for word in document.chunks.iter().flat_map(|chunk| words(chunk)) {
        *weights.entry(word).or_insert(0.0) += 1.0;
    }
    *weights.entry(document.topic.to_owned()).or_insert(0.0) += 1.0;
    weights
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| word.chars().count() >= LETTERS_MIN)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()) && !filler().contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_lower_case_distinct_and_mean_something() {
        assert_eq!(keywords("How to choose the Telescope, a telescope for Mars?"), ["telescope", "mars"]);
        assert!(keywords("how to do it").is_empty());
    }

    #[test]
    fn the_title_counts_more_than_the_text() {
        let document = Document {
            id: 1,
            title: "Rope".to_owned(),
            chunks: vec!["A rope and a harness.".to_owned()],
            topic: "climbing",
            version: 1,
            updated_at: 0,
        };
        let expected = [("climbing", 1.0), ("harness", 1.0), ("rope", 4.0)];
        assert_eq!(weights(&document), expected.map(|(word, weight)| (word.to_owned(), weight)).into());
    }
}
