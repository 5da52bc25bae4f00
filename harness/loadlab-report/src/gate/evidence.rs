//! What the breaking point's verdict rests on: pairs of trials with their scores, or pairs of searches with
//! their looks.

use loadlab_analysis::gate::{
    Decision, Evidence, GateJob, Limits, Look, NightlyRules, PairScore, Rules, SearchPair, Side, SideLosses,
    Spoilt, Validity, bars, course, looks,
};
use serde::Serialize;

use super::words;
use crate::{
    facts::Tone,
    figures::{self, NOTHING},
    search::{href, words as search_words},
};

/// Both sides in one line: what they were offered, or what they lost.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SideRow {
    /// What it is about.
    pub(crate) label: &'static str,
    pub(crate) base: String,
    pub(crate) head: String,
}

/// A pair of trials in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PairRow {
    pub(crate) number: usize,
    pub(crate) base_load: String,
    pub(crate) base_loss: String,
    pub(crate) head_load: String,
    pub(crate) head_loss: String,
    pub(crate) score: String,
    pub(crate) sum: String,
    /// For whom it speaks.
    pub(crate) speaks: &'static str,
    pub(crate) tone: Tone,
}

/// A pair of searches in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SearchRow {
    pub(crate) number: usize,
    /// The folders of the two searches, from the page on.
    base_href: String,
    head_href: String,
    pub(crate) base: String,
    pub(crate) head: String,
    pub(crate) ratio: String,
    /// Why it does not count; empty if it does.
    pub(crate) note: String,
}

/// A look at the pairs of searches in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LookRow {
    pub(crate) pairs: u32,
    pub(crate) ratio: String,
    pub(crate) low: String,
    pub(crate) high: String,
    /// What it decided.
    pub(crate) said: &'static str,
    pub(crate) tone: Tone,
}

/// The pairs of a job of tier 1.
pub(super) fn pairs(job: &GateJob) -> Vec<PairRow> {
    let Limits::Fast(rules) = &job.result.limits else { return Vec::new() };
    let pairs = course(rules, &job.result.trials);
    pairs.iter().enumerate().map(|(at, pair)| pair_row(job, at + 1, pair)).collect()
}

fn pair_row(job: &GateJob, number: usize, pair: &PairScore) -> PairRow {
    let (speaks, tone) = match pair.score {
        score if score < 0.0 => ("for head", Tone::Good),
        score if score > 0.0 => ("against head", Tone::Bad),
        _ => ("for neither", Tone::Warn),
    };
    PairRow {
        number,
        base_load: search_words::load(pair.base.load, job.axis),
        base_loss: figures::share(pair.base.loss()),
        head_load: search_words::load(pair.head.load, job.axis),
        head_loss: figures::share(pair.head.loss()),
        score: words::score(pair.score),
        sum: words::score(pair.sum),
        speaks,
        tone,
    }
}

/// What the sum of the scores has to reach, in a sentence.
pub(super) fn held_against(rules: &Rules) -> String {
    let bars = bars(rules);
    format!(
        "A sum below {} after {} pairs or after all {} is a pass, one above {} after all is a regression, and \
         either has to be said by {} of them at least. The gate ends as soon as no pair that is left can \
         change that.",
        words::score(bars.better),
        rules.pairs,
        rules.pairs_max(),
        words::score(bars.worse),
        bars.pairs,
    )
}

/// What both sides were offered and lost.
pub(super) fn sides(job: &GateJob) -> Vec<SideRow> {
    let Some(Evidence::Losses(losses)) = job.result.decision.evidence() else { return Vec::new() };
    let row = |label, of: &dyn Fn(&SideLosses) -> String| SideRow {
        label,
        base: of(&losses.base),
        head: of(&losses.head),
    };
    vec![
        row("offered", &|side| words::loads(side.load_low, side.load_high, job.axis)),
        row("lost by the median trial", &|side| figures::share(side.median)),
        row("lost by all trials", &|side| {
            format!(
                "{} ({} of {})",
                figures::share(side.pooled),
                figures::count(side.lost),
                figures::count(side.arrivals)
            )
        }),
        row("trials within what may be lost", &|side| {
            format!(
                "{} of {}",
                figures::count(u64::from(side.carried)),
                figures::count(u64::from(losses.pairs))
            )
        }),
    ]
}

/// The pairs of searches of a job of tier 2.
pub(super) fn searches(job: &GateJob) -> Vec<SearchRow> {
    let searches = &job.result.searches;
    searches.iter().enumerate().map(|(at, pair)| search_row(job, at + 1, pair)).collect()
}

fn search_row(job: &GateJob, number: usize, pair: &SearchPair) -> SearchRow {
    let load = |load: f64| {
        if load.is_finite() && load > 0.0 {
            search_words::estimated(load, job.axis)
        } else {
            NOTHING.to_owned()
        }
    };
    let note = match (pair.x(), pair.validity) {
        (Some(_), _) => "",
        (None, Validity::Invalid(why)) => why.text(),
        (None, Validity::Valid) => Spoilt::Nothing.text(),
    };
    let folder = |side: Side| href(&format!("searches/{number:02}-{}", side.name()));
    SearchRow {
        number,
        base_href: folder(Side::Base),
        head_href: folder(Side::Head),
        base: load(pair.base),
        head: load(pair.head),
        ratio: pair.x().map_or_else(|| NOTHING.to_owned(), |x| words::ratio(x.exp())),
        note: note.to_owned(),
    }
}

/// The looks at them.
pub(super) fn look_rows(job: &GateJob) -> Vec<LookRow> {
    let Limits::Nightly(rules) = &job.result.limits else { return Vec::new() };
    looks(rules, &job.result.searches).iter().map(|look| look_row(rules, look)).collect()
}

fn look_row(rules: &NightlyRules, Look { ratio, decided }: &Look) -> LookRow {
    let last = ratio.pairs >= rules.pairs_max();
    let (said, tone) = match (decided, ratio.high < ratio.least) {
        (true, true) => ("regression", Tone::Bad),
        (true, false) => ("pass", Tone::Good),
        (false, _) if last => ("cannot be told", Tone::Warn),
        (false, _) => ("go on", Tone::Warn),
    };
    LookRow {
        pairs: ratio.pairs,
        ratio: words::ratio(ratio.at),
        low: words::ratio(ratio.low),
        high: words::ratio(ratio.high),
        said,
        tone,
    }
}

/// How the evidence stands, in few words; empty before the first pair.
pub(super) fn standing(decision: &Decision) -> String {
    match decision.evidence() {
        Some(Evidence::Losses(losses)) => format!(
            "evidence {} after {}",
            words::score(losses.score),
            search_words::counted(losses.pairs, "pair", "pairs")
        ),
        Some(Evidence::Ratio(ratio)) => format!(
            "head over base {} ({} to {}) after {}",
            words::ratio(ratio.at),
            words::ratio(ratio.low),
            words::ratio(ratio.high),
            search_words::counted(ratio.pairs, "pair of searches", "pairs of searches")
        ),
        None => String::new(),
    }
}
