//! Documents and queries from the topic list and a fixed seed.
//!
//! The generator is its own (SplitMix64), so that no change of a library changes the content.

use std::{collections::HashSet, fmt::Write as _, sync::LazyLock};

use super::Document;

/// The topic list: a name and its words on each line.
const TOPICS: &str = include_str!("../../content/topics.txt");
/// How many documents there are: enough that a scan is not an index look-up, few enough that a store
/// is filled in a fraction of a second.
pub(super) const DOCUMENTS: usize = 3_000;
/// How many queries the log holds.
const QUERIES: usize = 2_000;
/// Chunks of a document and sentences of a chunk.
const CHUNKS: usize = 2;
const SENTENCES: usize = 2;
/// The seed of the content; another one is other content, and every committed figure moves.
const SEED: u64 = 0x10ad_1ab0;
/// The first document was written on 1 January 2024; each next one 20 minutes later.
const FIRST_WRITTEN_MS: i64 = 1_704_067_200_000;
const BETWEEN_MS: i64 = 20 * 60 * 1_000;

/// Words on both sides of a topic's own: `{a}`, `{b}`, `{c}` are words of the topic, `{t}` its name.
const TITLES: [&str; 8] = [
    "How to choose a {a} for {t}",
    "{t}: {a}, {b} and {c}",
    "Why the {a} matters in {t}",
    "A beginner guide to the {a}",
    "From {a} to {b}: {t} basics",
    "Common mistakes with the {a} and the {b}",
    "{t} checklist: {a} and {b}",
    "How to care for your {a}",
];
const SENTENCE_FORMS: [&str; 12] = [
    "Start with the {a} and check the {b} before the {c}.",
    "A good {a} makes the {b} easier to use.",
    "Most problems with the {a} come from a neglected {b}.",
    "Keep the {a} away from the {b} until the {c} is ready.",
    "In {t}, the {a} is worth more than an expensive {b}.",
    "Compare one {a} with another, then adjust the {b}.",
    "The {a} tells you when the {b} needs attention.",
    "Beginners often confuse the {a} with the {b}.",
    "Clean the {a} after each use and store it near the {b}.",
    "Without a proper {a} the {b} and the {c} will not last.",
    "Practice with a simple {a} before you buy a {b}.",
    "Write down what the {a} did to the {b} and to the {c}.",
];
const QUERY_FORMS: [&str; 12] = [
    "{a} {b}",
    "best {a} for {t}",
    "how to choose {a}",
    "{t} {a}",
    "{a} and {b} in {t}",
    "{t} for beginners",
    "care for {a}",
    "{a} {b} mistakes",
    "compare {a} and {b}",
    "{a}",
    "clean the {a}",
    "{t} checklist {a}",
];

struct Topic {
    name: &'static str,
    words: Vec<&'static str>,
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

fn topics() -> Vec<Topic> {
    let lines = TOPICS.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, words)| Topic { name, words: words.split_whitespace().collect() })
        .collect()
}

/// Fills a form with three different words of `topic`.
fn filled(form: &str, topic: &Topic, draws: &mut Draws) -> String {
    let count = topic.words.len();
    let first = draws.below(count);
    let second = (first + 1 + draws.below(count - 1)) % count;
    let third = (0..count).find(|n| *n != first && *n != second).unwrap_or(first);
    let third = (third + draws.below(count)) % count;
    let third = if third == first || third == second { (third + 2) % count } else { third };
    form.replace("{t}", topic.name)
        .replace("{a}", topic.words[first])
        .replace("{b}", topic.words[second])
        .replace("{c}", topic.words[third])
}

pub(super) fn documents() -> Vec<Document> {
    let topics = topics();
    let mut draws = Draws(SEED);
    let mut seen = HashSet::new();
    (0..DOCUMENTS)
        .map(|n| {
            loop {
                let document = document(n, &topics[n % topics.len()], &mut draws);
                if seen.insert(document.body()) {
                    break document;
                }
            }
        })
        .collect()
}

fn document(n: usize, topic: &Topic, draws: &mut Draws) -> Document {
    let title = filled(draws.pick(&TITLES), topic, draws);
    let mut letters = title.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let title: String = first.into_iter().chain(letters).collect();
    let chunk = |draws: &mut Draws| {
        let sentences: Vec<String> =
            (0..SENTENCES).map(|_| filled(draws.pick(&SENTENCE_FORMS), topic, draws)).collect();
        sentences.join(" ")
    };
    Document {
        id: n as i64 + 1,
        title,
        chunks: (0..CHUNKS).map(|_| chunk(draws)).collect(),
        topic: topic.name,
        version: 1,
        updated_at: FIRST_WRITTEN_MS + n as i64 * BETWEEN_MS,
    }
}

/// The words of the forms themselves, which are in every third text and tell nothing.
pub(super) fn filler() -> &'static HashSet<String> {
    static FILLER: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let forms = TITLES.iter().chain(&SENTENCE_FORMS).chain(&QUERY_FORMS);
        forms
            .flat_map(|form| form.split_whitespace())
            .filter(|word| !word.contains('{'))
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
            .collect()
    });
    &FILLER
}

/// The text of `content/queries.csv`.
#[cfg_attr(not(test), expect(dead_code, reason = "the file it writes is committed; a test compares"))]
pub(super) fn query_log() -> String {
    let topics = topics();
    let mut draws = Draws(SEED ^ 1);
    let mut seen = HashSet::new();
    let mut text = String::from("text\n");
    while seen.len() < QUERIES {
        let form = draws.pick(&QUERY_FORMS);
        let topic = &topics[draws.below(topics.len())];
        let query = filled(form, topic, &mut draws);
        if seen.insert(query.clone()) {
            let _ = writeln!(text, "{query}");
        }
    }
    text
}
