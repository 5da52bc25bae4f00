//! What is said about a gate, in words: the same for every format.

use loadlab_analysis::gate::{GateJob, Limits, Tier};
use serde::Serialize;

use super::{
    beside::{self, BoundRow, MeasureRow},
    conclusions,
    evidence::{self, LookRow, PairRow, SearchRow, SideRow},
    noise::{self, NoiseView},
    setting, tiles,
    trials::{self, TrialRow},
    verdict::{Verdict, verdict},
    words,
};
use crate::{
    facts::{Fact, Tone},
    figures,
    search::words as search_words,
};

/// A gate in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GateView {
    /// The scenario's name.
    pub(crate) scenario: String,
    pub(crate) title: String,
    /// Of tier 2.
    nightly: bool,
    /// What is asked.
    question: String,
    /// The answer in a word, and its tone.
    pub(crate) word: &'static str,
    pub(crate) tone: Tone,
    /// The answer in a sentence without its full stop.
    pub(crate) headline: String,
    /// Why else, and what must not be overlooked.
    pub(crate) notes: Vec<String>,
    /// Few words for one line: tier, seed, speed, trials, length.
    pub(crate) brief: Vec<String>,
    /// The numbers to see first.
    tiles: Vec<Fact>,
    /// Base, head, and what they differ in.
    pub(crate) compared: Vec<Fact>,
    /// What both were offered and lost.
    pub(crate) sides: Vec<SideRow>,
    /// The pairs of trials, in order.
    pub(crate) pairs: Vec<PairRow>,
    /// What their sum is held against.
    pub(crate) held_against: String,
    /// The pairs of searches, in order.
    pub(crate) searches: Vec<SearchRow>,
    /// The looks at them.
    pub(crate) looks: Vec<LookRow>,
    /// Measures at a fixed load.
    pub(crate) measures: Vec<MeasureRow>,
    /// Costs with their bounds.
    pub(crate) bounds: Vec<BoundRow>,
    /// The noise, and what is found in spite of it.
    pub(crate) noise: NoiseView,
    /// The trials, in order.
    trials: Vec<TrialRow>,
    /// Those at the fixed load.
    beside: Vec<TrialRow>,
    /// That load.
    pub(crate) beside_load: String,
    /// What a reader may conclude.
    may: Vec<String>,
    /// What not.
    pub(crate) may_not: Vec<String>,
    /// How it was measured.
    setting: Vec<Fact>,
}

impl GateView {
    /// A gate, decided or not.
    pub(crate) fn of(job: &GateJob) -> Self {
        let Verdict { word, tone, headline, notes } = verdict(job);
        let (may, may_not) = conclusions::conclusions(job);
        let held_against = match &job.result.limits {
            Limits::Fast(rules) => evidence::held_against(rules),
            Limits::Nightly(_) => String::new(),
        };
        Self {
            scenario: job.scenario.clone(),
            title: job.title.clone(),
            nightly: job.result.tier == Tier::Nightly,
            question: question(job),
            word,
            tone,
            headline,
            notes,
            brief: brief(job),
            tiles: tiles::tiles(job),
            compared: setting::compared(job),
            sides: evidence::sides(job),
            pairs: evidence::pairs(job),
            held_against,
            searches: evidence::searches(job),
            looks: evidence::look_rows(job),
            measures: beside::measures(job),
            bounds: beside::bounds(job),
            noise: noise::view(job),
            trials: trials::trials(job),
            beside: trials::beside(job),
            beside_load: beside_load(job),
            may,
            may_not,
            setting: setting::setting(job),
        }
    }
}

fn question(job: &GateJob) -> String {
    let delta = figures::share(words::delta(&job.result.limits));
    format!("Does head break at a lower load than base, by {delta} or more?")
}

/// The load at which both were compared.
fn beside_load(job: &GateJob) -> String {
    job.beside
        .first()
        .map_or_else(|| "a fixed load".to_owned(), |one| search_words::load(one.done.load, job.axis))
}

fn brief(job: &GateJob) -> Vec<String> {
    let done = match job.result.tier {
        Tier::Fast => search_words::counted(job.trials.len() as u64, "trial", "trials"),
        Tier::Nightly => {
            let pairs = job.result.searches.len() as u64;
            search_words::counted(pairs, "pair of searches", "pairs of searches")
        }
    };
    // While a gate goes on, nobody has said how long it took.
    let took = if job.took_s > 0.0 { format!("{done} in {}", figures::seconds(job.took_s)) } else { done };
    let tier = match job.result.tier {
        Tier::Fast => "tier 1",
        Tier::Nightly => "tier 2",
    };
    vec![tier.to_owned(), format!("seed {}", job.seed), format!("speed {}", job.speed), took]
}
