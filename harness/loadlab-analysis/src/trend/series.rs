//! Stored results in series: which may stand beside each other, and whether the newest change is for the worse.
//!
//! ```text
//!   readings ──same scenario and target──> by their start ──like the newest──> series ──trend──> standing
//!                                                            `──else──> left out, with the reason
//! ```
//!
//! A series tells of *days*: whatever changed on the machine between two of them is in it, and what looks like
//! a change of the target may be one of the machine. It says where to look; it proves nothing.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use loadlab_clock::Seed;
use serde::{Deserialize, Serialize};

use super::{Direction, Followed, Reading, Sense, Trend, TrendRules, trend};
use crate::compare;

/// Where the random orders of the test come from: always the same, so that equal results give equal answers.
const SEED: u64 = 1;
/// Things in which a result differs from the newest that are told at most.
const TOLD_MAX: usize = 3;

/// All that is stored, in series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trends {
    /// What is followed.
    pub measure: String,
    /// Which way it is good.
    pub sense: Sense,
    /// A change for the worse within so many of the newest results is a regression.
    pub recent: usize,
    /// A change is told if chance would do as well in at most this share of the cases.
    pub significance: f64,
    /// A change is seen only with so many results before it and after it.
    pub segment_min: usize,
    /// Each scenario on each target.
    pub series: Vec<Series>,
    /// What could not be read.
    pub left_out: Vec<LeftOut>,
}

/// The results of one scenario on one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The scenario.
    pub scenario: String,
    /// What was loaded.
    pub target: String,
    /// The unit of the numbers: `s`, `share`, `/s`, `users` or empty.
    pub unit: String,
    /// The results, in the order of their start. The trend's indices are places in it.
    pub results: Vec<StoredResult>,
    /// What became of the number.
    pub trend: Trend,
    /// What the newest change is.
    pub standing: Standing,
    /// Results that are not in it, in the same order.
    pub left_out: Vec<LeftOut>,
}

/// One result of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredResult {
    /// Where it is stored.
    pub place: String,
    /// When it began.
    pub started: String,
    /// Its seed.
    pub seed: String,
    /// The number.
    pub value: f64,
}

/// A result that is in no series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it is stored.
    pub place: String,
    /// When it began; empty if that cannot be read.
    pub started: String,
    /// Why.
    pub why: String,
}

/// What the newest change of a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There are too few results for any change.
    TooFew,
    /// No change was found.
    Unchanged,
    /// It was for the better.
    Better,
    /// It was for the worse, a while ago.
    Worse,
    /// It was for the worse, just now.
    Regression,
}

impl Trends {
    /// Whether any series became worse just now.
    pub fn regressed(&self) -> bool {
        self.series.iter().any(|series| series.standing == Standing::Regression)
    }
}

impl Series {
    /// The result that would be the newest, if it were not left out.
    pub fn newest_left_out(&self) -> Option<&LeftOut> {
        let newest = self.results.last().map_or("", |result| result.started.as_str());
        self.left_out.last().filter(|left_out| left_out.started.as_str() > newest)
    }
}

/// Looks for changes in everything that is stored. `unreadable` is told, and nothing more.
pub fn trends(
    followed: &Followed,
    readings: Vec<Reading>,
    unreadable: Vec<LeftOut>,
    recent: usize,
) -> Trends {
    let mut groups: BTreeMap<(String, String), Vec<Reading>> = BTreeMap::new();
    for reading in readings {
        groups.entry((reading.scenario.clone(), reading.target.clone())).or_default().push(reading);
    }
    let series = groups.into_iter().map(|(of, readings)| series(of, readings, followed.sense(), recent));
    Trends {
        measure: followed.name(),
        sense: followed.sense(),
        recent,
        significance: TrendRules::default().significance,
        segment_min: TrendRules::default().segment_min,
        series: series.collect(),
        left_out: unreadable,
    }
}

fn series(
    (scenario, target): (String, String),
    mut readings: Vec<Reading>,
    sense: Sense,
    recent: usize,
) -> Series {
    // Starts are written in one form and in UTC, so that their text is in order of time.
    readings.sort_by(|one, other| (&one.started, &one.place).cmp(&(&other.started, &other.place)));
    let newest = readings.iter().rfind(|reading| reading.value.is_ok());
    let (unit, like) = newest.map(|one| (one.unit.clone(), one.setting.clone())).unwrap_or_default();
    let (mut results, mut left_out) = (Vec::new(), Vec::new());
    for reading in readings {
        let usable = usable(&reading, &like, &results);
        let Reading { place, started, seed, .. } = reading;
        match usable {
            Ok(value) => results.push(StoredResult { place, started, seed, value }),
            Err(why) => left_out.push(LeftOut { place, started, why }),
        }
    }
    let values: Vec<f64> = results.iter().map(|result| result.value).collect();
    let trend = trend(&values, sense, Seed::new(SEED), TrendRules::default());
    let standing = standing(&trend, results.len(), recent);
    Series { scenario, target, unit, results, trend, standing, left_out }
}

/// The number of a result, or why it is left out.
fn usable(reading: &Reading, like: &BTreeMap<String, String>, known: &[StoredResult]) -> Result<f64, String> {
    let value = reading.value.clone()?;
    if let Some(unlike) = unlike(&reading.setting, like) {
        return Err(unlike);
    }
    let same = |result: &&StoredResult| result.started == reading.started && result.seed == reading.seed;
    match known.iter().find(same) {
        Some(again) => Err(format!("it is the same result as {}", again.place)),
        None => Ok(value),
    }
}

/// In what a result differs from the newest.
fn unlike(setting: &BTreeMap<String, String>, newest: &BTreeMap<String, String>) -> Option<String> {
    let names: BTreeSet<&String> = setting.keys().chain(newest.keys()).collect();
    let text = |of: &BTreeMap<String, String>, name| {
        of.get(name).map_or_else(|| "none".to_owned(), |value| compare::cut(value))
    };
    let differ: Vec<String> = names
        .into_iter()
        .filter(|name| setting.get(*name) != newest.get(*name))
        .map(|name| format!("{name} {}, not {}", text(setting, name), text(newest, name)))
        .collect();
    let rest = differ.len().saturating_sub(TOLD_MAX);
    let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
    let told = differ[..differ.len() - rest].join("; ");
    (!differ.is_empty()).then(|| format!("it is unlike the newest: {told}{more}"))
}

fn standing(trend: &Trend, results: usize, recent: usize) -> Standing {
    match trend.changes.last() {
        None if trend.note.is_empty() => Standing::Unchanged,
        None => Standing::TooFew,
        Some(change) => match change.direction {
            Direction::Better => Standing::Better,
            Direction::Worse if results - change.index <= recent => Standing::Regression,
            Direction::Worse => Standing::Worse,
        },
    }
}
