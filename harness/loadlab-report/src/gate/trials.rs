//! The trials of a gate in words, with the folders that they are in.

use loadlab_analysis::gate::{Done, GateJob, GateTrial, Limits, Spoilt, spoilt};
use serde::Serialize;

use crate::{
    facts::Tone,
    figures::{self, NOTHING},
    search::{href, words as search_words},
};

/// A trial in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TrialRow {
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

/// The trials that decide about the breaking point, in order.
pub(super) fn trials(job: &GateJob) -> Vec<TrialRow> {
    let done: Vec<Done> = job.trials.iter().map(|one| one.done).collect();
    let why = match &job.result.limits {
        Limits::Fast(rules) => spoilt(rules, &done),
        Limits::Nightly(_) => done.iter().map(Done::spoilt).collect(),
    };
    job.trials.iter().zip(why).map(|(one, why)| trial_row(job, one, why)).collect()
}

/// The trials of both at one load, in order.
pub(super) fn beside(job: &GateJob) -> Vec<TrialRow> {
    job.beside.iter().map(|one| trial_row(job, one, one.done.spoilt())).collect()
}

fn trial_row(job: &GateJob, one: &GateTrial, why: Option<Spoilt>) -> TrialRow {
    let (done, folder) = (&one.done, format!("{}/{}", one.done.side.name(), one.folder.trim_matches('/')));
    let (verdict, tone) = match why {
        Some(_) => ("does not count", Tone::Warn),
        None if done.loss() > allowed(job) => ("lost too much", Tone::Bad),
        None => ("carried", Tone::Good),
    };
    TrialRow {
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
