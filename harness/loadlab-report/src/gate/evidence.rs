//! What the breaking point's verdict rests on: pairs of trials with their scores, or pairs of searches with
//! their looks.

use loadlab_analysis::gate::{
    Decision, Done, Evidence, GateJob, GateTrial, Limits, Look, NightlyRules, PairScore, Rules, SearchPair,
    SideLosses, Spoilt, Validity, bars, course, looks, spoilt,
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

/// A trial in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TrialRow {
    number: usize,
    /// `base/001`.
    folder: String,
    /// From the page on.
    href: String,
    pair: u32,
    load: String,
    arrivals: String,
    lost: String,
    loss: String,
    p95: String,
    goodput: String,
    verdict: &'static str,
    tone: Tone,
    note: String,
}

/// A pair of searches in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SearchRow {
    pub(crate) number: usize,
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

/// The trials in order, with what they were for.
pub(super) fn trials(job: &GateJob) -> Vec<TrialRow> {
    let done: Vec<_> = job.trials.iter().map(|one| one.done).collect();
    let why = match &job.result.limits {
        Limits::Fast(rules) => spoilt(rules, &done),
        Limits::Nightly(_) => done.iter().map(Done::spoilt).collect(),
    };
    job.trials.iter().zip(why).enumerate().map(|(at, (one, why))| trial_row(job, at + 1, one, why)).collect()
}

fn trial_row(job: &GateJob, number: usize, one: &GateTrial, why: Option<Spoilt>) -> TrialRow {
    let (done, folder) = (&one.done, format!("{}/{}", one.done.side.name(), one.folder.trim_matches('/')));
    let (verdict, tone) = match why {
        Some(_) => ("does not count", Tone::Warn),
        None if done.loss() > allowed(job) => ("lost too much", Tone::Bad),
        None => ("carried", Tone::Good),
    };
    TrialRow {
        number,
        href: href(&folder),
        folder,
        pair: done.repetition + 1,
        load: search_words::load(done.load, job.axis),
        arrivals: figures::count(done.arrivals),
        lost: figures::count(done.lost),
        loss: figures::part(done.lost, done.arrivals),
        p95: one.p95_s.map_or_else(|| NOTHING.to_owned(), figures::measured),
        goodput: search_words::per_second(one.goodput_per_s),
        verdict,
        tone,
        note: why.map_or_else(String::new, |why| because(why, one)),
    }
}

/// Why a trial does not count, as exactly as it is known; without advice, which follows a semicolon.
pub(super) fn because(why: Spoilt, one: &GateTrial) -> String {
    let told: Vec<&str> =
        one.doubts.iter().filter_map(|doubt| doubt.split(';').next()).map(str::trim).collect();
    if told.is_empty() || why == Spoilt::NotAsked { why.text().to_owned() } else { told.join("; ") }
}

/// The share that a trial may lose; of searches their own rules say it.
fn allowed(job: &GateJob) -> f64 {
    match &job.result.limits {
        Limits::Fast(rules) => rules.allowed,
        Limits::Nightly(_) => 1.0,
    }
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
    SearchRow {
        number,
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
