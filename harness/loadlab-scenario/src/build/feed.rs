//! Feeds: rows from the file, from CSV, or drawn from the seed.

use std::fmt::Write as _;

use loadlab_clock::Seed;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::{Builder, template::Feeds};
use crate::{
    document::{NodeId, Problem, Text},
    field::{At, Either, Leaf, Names},
    file::feed::{FeedFile, GeneratorFile, GeneratorWord, PickFile, PickWord, RowFile},
    nearest::{listed, nearest},
    parse::{FromText, quantity::Name},
    plan::{Feed, Pick},
};

/// Most rows of a feed: they are part of the plan, which is stored with every run.
const ROWS_MAX: usize = 100_000;
/// Rows that are generated if the file does not say how many.
const ROWS: u32 = 1000;
/// Most words of a generated value.
const WORDS_MAX: u32 = 1000;

/// What generated text is made of.
const WORDS: [&str; 40] = [
    "amber", "anchor", "atlas", "beacon", "birch", "canyon", "cedar", "cinder", "comet", "copper", "coral",
    "delta", "ember", "falcon", "fjord", "garnet", "glacier", "harbor", "heron", "indigo", "juniper",
    "lantern", "lichen", "marble", "meadow", "nectar", "onyx", "orchard", "pebble", "quartz", "raven",
    "saffron", "silver", "thistle", "timber", "tundra", "velvet", "walnut", "willow", "zephyr",
];

/// Columns, and rows as long as they.
type Table = (Vec<String>, Vec<Vec<String>>);

/// A column and how its values are drawn.
enum Generator {
    Uuid,
    Ints { min: i64, max: i64 },
    Words { min: u32, max: u32 },
}

impl Builder<'_> {
    pub(super) fn feeds(self, feeds: Option<&At<Names<At<FeedFile>>>>, seed: Option<Seed>) -> Feeds {
        let entries =
            feeds.and_then(|feeds| feeds.value.as_ref()).map_or(&[][..], |names| names.0.as_slice());
        let mut built = Feeds::new();
        for (name, feed) in entries {
            let Some(node) = name.node else { continue };
            let rows = feed.value.as_ref().and_then(|file| self.feed(node, feed.node, file, seed));
            if let Some(text) = self.text(name) {
                self.read(node, Name::from_text);
                built.insert(text.to_owned(), rows);
            }
        }
        built
    }

    fn feed(self, name: NodeId, node: NodeId, file: &FeedFile, seed: Option<Seed>) -> Option<Feed> {
        let pick = file.pick.as_ref().map_or(Some(Pick::InTurn), |pick| self.pick(pick));
        let sources = [file.rows.is_some(), file.csv.is_some(), file.generate.is_some()];
        if sources.iter().filter(|is| **is).count() != 1 {
            let accepted = "exactly one of `rows`, `csv`, `generate`";
            self.refuse(node, "where the feed's rows come from is not clear", accepted);
        }
        if let Some(count) = file.count.filter(|_| file.generate.is_none()) {
            self.wrong_leaf(&count, "`count` is for generated rows only");
        }
        let table = if let Some(rows) = &file.rows {
            self.inline(rows)
        } else if let Some(csv) = file.csv {
            self.csv(csv)
        } else if let Some(generate) = &file.generate {
            let count = file.count.map_or(Some(ROWS), |count| self.positive(count, "the number of rows"));
            self.generated(name, generate, count, file.count, seed)
        } else {
            None
        };
        let (columns, rows) = table?;
        Some(Feed { columns, rows, pick: pick? })
    }

    fn pick(self, pick: &Either<PickWord, PickFile>) -> Option<Pick> {
        match pick {
            Either::Short(word) => self.get(*word).map(|word| match word {
                PickWord::InTurn => Pick::InTurn,
                PickWord::Uniform => Pick::Uniform,
            }),
            Either::Long(long) => {
                let PickFile::Zipf(leaf) = long.value.as_ref()?;
                let s = self.get(*leaf)?;
                if !(s > 0.0 && s <= 10.0) {
                    self.wrong_leaf(leaf, format!("the exponent {s} is not above 0 and at most 10"));
                }
                Some(Pick::Zipf { s })
            }
        }
    }

    fn inline(self, rows: &At<Vec<At<RowFile>>>) -> Option<Table> {
        let files = rows.value.as_ref()?;
        let Some(first) = files.first() else {
            self.refuse(rows.node, "the feed has no row", "`- { text: first }`");
            return None;
        };
        let first = &first.value.as_ref()?.0;
        let mut columns = Vec::new();
        for (name, _) in first {
            columns.push(self.read(name.node?, Name::from_text).map(|name| name.0));
        }
        let columns: Vec<String> = columns.into_iter().collect::<Option<_>>()?;
        let built: Vec<Option<Vec<String>>> =
            files.iter().map(|row| self.inline_row(row, &columns)).collect();
        self.few_enough_rows(rows.node, built.len())?;
        Some((columns, built.into_iter().collect::<Option<_>>()?))
    }

    fn inline_row(self, row: &At<RowFile>, columns: &[String]) -> Option<Vec<String>> {
        let names = &row.value.as_ref()?.0;
        let mut values: Vec<Option<String>> = vec![None; columns.len()];
        let known = || columns.iter().map(String::as_str);
        for (name, value) in names {
            let text = self.text(name)?;
            if let Some(at) = columns.iter().position(|column| column == text) {
                values[at] = self.get(*value);
                continue;
            }
            let place = self.document.place(name.node?).clone();
            let problem = Problem::new(place, format!("the first row has no column `{text}`"));
            self.problems.add(problem.accepted(listed(known())).suggestion(nearest(text, known())));
        }
        let given = |column: &str| names.iter().any(|(name, _)| self.text(name) == Some(column));
        for column in columns.iter().filter(|column| !given(column)) {
            self.wrong(row.node, format!("the row has no `{column}`"));
        }
        values.into_iter().collect()
    }

    fn few_enough_rows(self, node: NodeId, rows: usize) -> Option<()> {
        if rows > ROWS_MAX {
            self.wrong(
                node,
                format!("{rows} rows are too many; at most {ROWS_MAX}, since a run stores its plan"),
            );
            return None;
        }
        Some(())
    }

    fn csv(self, leaf: Leaf<String>) -> Option<Table> {
        let (node, path) = (leaf.node?, self.get(leaf)?);
        let content = match (self.read_file)(&path) {
            Ok(content) => content,
            Err(reason) => {
                self.wrong(node, format!("`{path}` cannot be read: {reason}"));
                return None;
            }
        };
        let text = Text::file(&beside(self.path, &path), &content);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(content.as_bytes());
        let mut columns: Vec<String> = Vec::new();
        let mut good = true;
        let fail = |at: usize, message: String| self.elsewhere(&text, at, message);
        for header in reader.headers().ok().into_iter().flatten() {
            let name = header.trim_start_matches('\u{feff}').trim();
            if let Err(error) = Name::from_text(name) {
                fail(0, format!("a column cannot be named so: {}", error.message));
                good = false;
            } else if columns.iter().any(|column| column == name) {
                fail(0, format!("two columns are named `{name}`"));
                good = false;
            }
            columns.push(name.to_owned());
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let at = error.position().map_or(0, |position| position.byte() as usize);
                    fail(at, format!("this is not CSV: {error}"));
                    return None;
                }
            };
            let at = record.position().map_or(0, |position| line_start(&content, position.byte() as usize));
            if record.len() != columns.len() {
                fail(at, format!("fields in this row: {}; in the header: {}", record.len(), columns.len()));
                good = false;
            }
            rows.push(record.iter().map(str::to_owned).collect());
        }
        if rows.is_empty() {
            fail(0, "the file has no rows below its header".to_owned());
            return None;
        }
        self.few_enough_rows(node, rows.len())?;
        good.then_some((columns, rows))
    }

    fn generated(
        self,
        name: NodeId,
        generate: &At<Names<Either<GeneratorWord, GeneratorFile>>>,
        count: Option<u32>,
        count_leaf: Option<Leaf<u32>>,
        seed: Option<Seed>,
    ) -> Option<Table> {
        let mut columns = Vec::new();
        for (column, generator) in &generate.value.as_ref()?.0 {
            let generator = self.generator(generator);
            let column = column.node.and_then(|node| self.read(node, Name::from_text));
            columns.push(Some((column, generator)));
        }
        if columns.is_empty() {
            self.refuse(generate.node, "the feed has no column", "`{ id: { ints: { max: 100 } } }`");
            return None;
        }
        let rows = count? as usize;
        self.few_enough_rows(count_leaf.and_then(|leaf| leaf.node).unwrap_or(name), rows)?;
        let feed = self.document.scalar(name)?;
        let mut table = vec![Vec::with_capacity(columns.len()); rows];
        let mut names = Vec::with_capacity(columns.len());
        for (index, column) in columns.into_iter().enumerate() {
            let (Some(name), Some(generator)) = column? else { return None };
            let mut rng = seed?.stream(&format!("feed {feed}"), index as u64, 0);
            for row in &mut table {
                row.push(generator.value(&mut rng));
            }
            names.push(name.0);
        }
        Some((names, table))
    }

    fn generator(self, generator: &Either<GeneratorWord, GeneratorFile>) -> Option<Generator> {
        let long = match generator {
            Either::Short(word) => return self.get(*word).map(|GeneratorWord::Uuid| Generator::Uuid),
            Either::Long(long) => long.value.as_ref()?,
        };
        match long {
            GeneratorFile::Ints(ints) => {
                let file = ints.value.as_ref()?;
                let (min, max) = (self.or(file.min, 1), self.get(file.max));
                let (min, max) = (min?, max?);
                if min > max {
                    self.wrong_leaf(&file.max, format!("`max` is below `min`, {min}"));
                    return None;
                }
                Some(Generator::Ints { min, max })
            }
            GeneratorFile::Words(words) => {
                let file = words.value.as_ref()?;
                let (min, max) = (self.or(file.min, 1), self.get(file.max));
                let (min, max) = (min?, max?);
                if min > max || max == 0 || max > WORDS_MAX {
                    let message = format!("`max` is not between `min`, {min}, and {WORDS_MAX}");
                    self.wrong_leaf(&file.max, message);
                    return None;
                }
                Some(Generator::Words { min, max })
            }
        }
    }
}

impl Generator {
    fn value(&self, rng: &mut ChaCha8Rng) -> String {
        match *self {
            Self::Uuid => uuid(rng.random()),
            Self::Ints { min, max } => rng.random_range(min..=max).to_string(),
            Self::Words { min, max } => {
                let count = rng.random_range(min..=max);
                let words: Vec<&str> = (0..count).map(|_| WORDS[rng.random_range(0..WORDS.len())]).collect();
                words.join(" ")
            }
        }
    }
}

/// A version-4 UUID (RFC 9562) of random bits.
fn uuid(bits: u128) -> String {
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (index, part) in [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].iter().enumerate() {
        write!(text, "{}{part}", if index == 0 { "" } else { "-" }).expect("a string takes everything");
    }
    text
}

/// `path` as it is named beside `scenario`.
fn beside(scenario: &str, path: &str) -> String {
    match scenario.rfind('/') {
        Some(at) if !path.starts_with('/') => format!("{}/{path}", &scenario[..at]),
        _ => path.to_owned(),
    }
}

/// The CSV reader counts the line break before a record to the record.
fn line_start(content: &str, at: usize) -> usize {
    let rest = content.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start_matches(['\r', '\n']).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn a_csv_file_is_named_as_it_lies_beside_the_scenario() {
        assert_eq!(beside("scenarios/a.yaml", "../data/q.csv"), "scenarios/../data/q.csv");
        assert_eq!(beside("a.yaml", "q.csv"), "q.csv");
        assert_eq!(beside("scenarios/a.yaml", "/data/q.csv"), "/data/q.csv");
    }
}
