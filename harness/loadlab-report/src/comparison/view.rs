//! What is said about a comparison, in words: the same for every format.

use loadlab_analysis::compare::{Comparison, FactorKind, Group, Method};
use serde::Serialize;

use super::rows::{self, LATENCY, MEASURE, ObjectiveRow, Table};
use crate::figures;

/// Seeds that are listed; of more only how many is said.
const SEEDS_TOLD: usize = 8;

/// What is told of the runs of a side.
type Told = fn(&Group) -> String;

/// A comparison in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ComparisonView {
    pub(crate) scenario: String,
    /// What differs, as a title.
    pub(crate) title: String,
    /// What it was before, and after.
    pub(crate) factor: (String, String),
    /// What was shown, in a sentence.
    pub(crate) headline: String,
    /// Few words for one line: how many runs, how sure.
    pub(crate) brief: Vec<String>,
    /// What to know before believing it.
    pub(crate) cautions: Vec<String>,
    pub(crate) response: Table,
    pub(crate) measures: Table,
    pub(crate) steps: Table,
    pub(crate) objectives: Vec<ObjectiveRow>,
    pub(crate) cost: Table,
    /// Why the cost is not known; empty if it is.
    pub(crate) cost_note: String,
    /// With which probability an interval holds.
    pub(crate) confidence: String,
    /// How the intervals were made; empty without any.
    pub(crate) method: String,
    /// The runs: what is told of them, before and after.
    runs: Vec<(&'static str, String, String)>,
}

impl ComparisonView {
    /// A comparison.
    pub(crate) fn of(comparison: &Comparison) -> Self {
        let (factor, method) = (&comparison.factor, comparison.method);
        Self {
            scenario: comparison.scenario.clone(),
            title: match factor.kind {
                FactorKind::Nothing => "The same again".to_owned(),
                kind => format!("Before and after: {}", kind.name()),
            },
            factor: (factor.before.clone(), factor.after.clone()),
            headline: comparison.headline.clone(),
            brief: brief(comparison),
            cautions: comparison.cautions.clone(),
            response: rows::table(LATENCY, &comparison.response.percentiles, method),
            measures: rows::table(MEASURE, &comparison.measures, method),
            steps: rows::steps(&comparison.steps, method),
            objectives: rows::objectives(&comparison.objectives),
            cost: rows::table(MEASURE, &comparison.cost, method),
            cost_note: comparison.cost_note.clone(),
            confidence: figures::share(comparison.confidence),
            method: how(comparison),
            runs: runs([&comparison.before, &comparison.after]),
        }
    }
}

fn brief(comparison: &Comparison) -> Vec<String> {
    let (before, after) = (comparison.before.runs, comparison.after.runs);
    let runs = format!("{} before, {} after", counted(before, "run"), counted(after, "run"));
    let intervals = match comparison.method {
        Method::None => "no intervals".to_owned(),
        Method::Paired => format!("intervals from {}", counted(comparison.units, "pair")),
        Method::Welch => format!("intervals from {}", counted(comparison.units, "run")),
    };
    let (of, with) = comparison.response.samples;
    let samples = format!("{} and {} response times", figures::count(of), figures::count(with));
    vec![runs, intervals, samples]
}

/// How sure the intervals are, and where they come from.
fn how(comparison: &Comparison) -> String {
    let confidence = figures::share(comparison.confidence);
    let how = match comparison.method {
        Method::None => return String::new(),
        Method::Paired => {
            format!("from how {} of runs with one seed differ", counted(comparison.units, "pair"))
        }
        Method::Welch => format!("from how {} of both sides differ", counted(comparison.units, "run")),
    };
    format!(
        "Each interval holds the true difference with {confidence}. It comes {how}, never from single arrivals."
    )
}

/// What is told of the runs, with the two sides beside each other.
fn runs(sides: [&Group; 2]) -> Vec<(&'static str, String, String)> {
    let told: [(&'static str, Told); 5] = [
        ("Runs", |group| figures::count(group.runs as u64)),
        ("Seeds", |group| listed(&group.seeds)),
        ("Began", began),
        ("Arrivals", |group| figures::count(group.arrivals)),
        ("Ended well", |group| {
            let share = figures::part(group.completed, group.arrivals);
            format!("{} ({share})", figures::count(group.completed))
        }),
    ];
    told.map(|(what, of)| (what, of(sides[0]), of(sides[1]))).into()
}

fn listed(seeds: &[String]) -> String {
    let mut seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    seeds.dedup();
    match seeds.len() {
        many if many > SEEDS_TOLD => {
            format!("{}, and {} more", seeds[..SEEDS_TOLD].join(", "), many - SEEDS_TOLD)
        }
        _ => seeds.join(", "),
    }
}

fn began(group: &Group) -> String {
    match (group.started.iter().min(), group.started.iter().max()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(first), _) => first.clone(),
        (None, _) => String::new(),
    }
}

/// `1 run`, `4 runs`.
fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {one}s", figures::count(count as u64)) }
}
