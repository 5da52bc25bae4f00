//! What the runs of two sides say of themselves, and where they do not all say the same.

use std::collections::{BTreeMap, BTreeSet};

use loadlab_record::RunFile;

use super::{Difference, leaves};

/// What stands for nothing.
pub(super) const NONE: &str = "none";

/// One thing about a run, in words.
pub(super) type Fact = (String, String);

/// One thing of which runs do not all say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) what: String,
    /// What the runs before say, and those after, each answer once.
    sides: [BTreeSet<String>; 2],
}

impl Told {
    /// `None` if all say the same.
    fn of(what: &str, sides: [BTreeSet<String>; 2]) -> Option<Self> {
        let differ = sides[0].union(&sides[1]).count() > 1;
        differ.then(|| Self { what: what.to_owned(), sides })
    }

    /// Whether the runs of one side disagree among themselves.
    pub(super) fn mixed(&self) -> bool {
        self.sides.iter().any(|side| side.len() > 1)
    }

    /// In words.
    pub(super) fn difference(&self) -> Difference {
        let [before, after] = self.sides.each_ref().map(|side| {
            let texts: Vec<String> = side.iter().map(|text| leaves::cut(text)).collect();
            texts.join("; ")
        });
        Difference { what: self.what.clone(), before, after }
    }
}

/// Facts of which the runs do not all say the same. One that only some have is equal if those agree.
pub(super) fn different(sides: [&[RunFile]; 2], facts: impl Fn(&RunFile) -> Vec<Fact>) -> Vec<Told> {
    let sides = sides.map(|side| side.iter().flat_map(&facts).collect::<Vec<Fact>>());
    let names: BTreeSet<&String> = sides.iter().flatten().map(|(what, _)| what).collect();
    let found = names.into_iter().filter_map(|what| {
        let said = sides.each_ref().map(|side| {
            side.iter().filter(|(known, _)| known == what).map(|(_, text)| text.clone()).collect()
        });
        Told::of(what, said)
    });
    found.collect()
}

/// Places of flat lists that do not all hold the same. One that is missing holds nothing, which is an answer.
pub(super) fn places(sides: &[Vec<BTreeMap<String, String>>; 2]) -> Vec<Told> {
    let all: BTreeSet<&String> = sides.iter().flatten().flat_map(BTreeMap::keys).collect();
    let found = all.into_iter().filter_map(|place| {
        let held = sides.each_ref().map(|side| {
            side.iter().map(|leaves| leaves.get(place).map_or(NONE, String::as_str).to_owned()).collect()
        });
        Told::of(place, held)
    });
    found.collect()
}
