//! What is said of the hidden capacity: the second answer of a search, if it was asked for.

use loadlab_analysis::search::{
    HiddenFound, HiddenReason, HiddenResult, HiddenTrial, HiddenTrialResult, Offer, SearchResult, Validity,
};
use loadlab_record::AftermathState;
use loadlab_scenario::LoadAxis;
use serde::Serialize;

use super::{view::href, words};
use crate::{
    facts::{Fact, Tone},
    figures::{self, NOTHING},
    terminal,
};

/// The search for the hidden capacity in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HiddenView {
    pub(crate) tone: Tone,
    /// The answer, in a sentence without its full stop.
    pub(crate) headline: String,
    /// How a trial went, in sentences.
    pub(crate) how: String,
    /// The trials in order.
    pub(crate) rows: Vec<HiddenRow>,
}

/// A trial with a trigger in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HiddenRow {
    number: usize,
    /// Its folder, from the page on.
    href: String,
    pub(crate) load: String,
    pub(crate) became: &'static str,
    pub(crate) tone: Tone,
    /// Goodput before the trigger and at the end.
    pub(crate) before: String,
    pub(crate) after: String,
    /// How long until it was back.
    pub(crate) back: String,
    note: String,
}

impl HiddenView {
    /// None if it was not asked for.
    pub(super) fn of(result: &SearchResult) -> Option<Self> {
        let hidden = result.hidden.as_ref()?;
        let (tone, headline) = answer(hidden, result.axis);
        let rows = hidden.trials.iter().zip(1..).map(|(one, number)| row(one, number, result.axis));
        Some(Self { tone, headline, how: how(hidden), rows: rows.collect() })
    }
}

/// The number to see first; none while there is no answer.
pub(super) fn tile(result: &SearchResult) -> Option<Fact> {
    let hidden = result.hidden.as_ref()?;
    let at = hidden.found.as_ref()?.at?;
    let fact = Fact::new("Hidden capacity", words::load(at, result.axis));
    Some(fact.with(format!("heals itself after {}", hidden.trigger)))
}

fn answer(hidden: &HiddenResult, axis: LoadAxis) -> (Tone, String) {
    let load = |load| words::load(load, axis);
    let Some(found) = &hidden.found else {
        let trials = words::counted(hidden.trials.len() as u64, "trial", "trials");
        return (Tone::Warn, format!("there is no answer after {trials}"));
    };
    match (found.reason, found.at) {
        (HiddenReason::MostHeals, _) => {
            let all = format!("all that is carried, {}, heals itself{}", load(hidden.carried), back(found));
            (Tone::Good, all)
        }
        (HiddenReason::LeastStaysDown, _) => {
            let least = load(found.stays_down_at.unwrap_or(hidden.rules.least));
            (Tone::Bad, format!("not even {least} heals itself"))
        }
        (HiddenReason::TooManyInvalid, _) => {
            let trials = words::counted(found.invalid, "trial", "trials");
            (Tone::Warn, format!("{trials} say nothing; {}", placed(found, hidden, axis)))
        }
        (HiddenReason::TrialsUsedUp, _) => {
            (Tone::Warn, format!("{}, as far as it was tried", placed(found, hidden, axis)))
        }
        (HiddenReason::Bracketed, _) => (Tone::Warn, placed(found, hidden, axis)),
    }
}

/// Between which loads it is.
fn placed(found: &HiddenFound, hidden: &HiddenResult, axis: LoadAxis) -> String {
    let load = |load| words::load(load, axis);
    let down = |at| format!("{} stayed down or came back in part", load(at));
    match (found.at, found.stays_down_at) {
        (Some(at), Some(from)) => format!(
            "{}, {} of what is carried, heals itself{}; {}",
            load(at),
            figures::share(at / hidden.carried),
            back(found),
            down(from)
        ),
        (Some(at), None) => format!("{} heals itself{}", load(at), back(found)),
        (None, Some(from)) => down(from),
        (None, None) => "nothing is known".to_owned(),
    }
}

fn back(found: &HiddenFound) -> String {
    let within = found.back_after_s.map(|back| format!(" within {}", figures::seconds(back)));
    within.unwrap_or_default()
}

fn how(hidden: &HiddenResult) -> String {
    let given = if hidden.carried_is_given { ", as it was given" } else { "" };
    format!(
        "Each trial is one steady load: {} before the trigger, {} of {}, and {} after it. A load heals if \
         goodput is back at 95 % of what it was, in each of {}. No load above what is carried was tried{given}.",
        figures::seconds(hidden.before_s),
        figures::seconds(hidden.trigger_s),
        hidden.trigger,
        figures::seconds(hidden.after_s),
        words::counted(hidden.rules.trials_per_load, "trial", "trials"),
    )
}

fn row(one: &HiddenTrialResult, number: usize, axis: LoadAxis) -> HiddenRow {
    let trial = &one.trial;
    let rate = |rate: Option<f64>| rate.map_or_else(|| NOTHING.to_owned(), words::per_second);
    let (became, tone) = became(trial);
    let again = (!trial.recovered).then(|| "the target was started again after it".to_owned());
    let notes = one.doubts.iter().filter_map(|doubt| doubt.split(';').next()).map(str::to_owned);
    HiddenRow {
        number,
        href: href(&one.folder),
        load: words::load(trial.load, axis),
        became,
        tone,
        before: rate(trial.aftermath.before),
        after: rate(trial.aftermath.after),
        back: trial.aftermath.back_after_s.map_or_else(|| NOTHING.to_owned(), figures::seconds),
        note: notes.chain(untold(trial)).chain(again).collect::<Vec<_>>().join("; "),
    }
}

/// Why it cannot be told, if the run says so.
fn untold(trial: &HiddenTrial) -> Option<String> {
    (trial.aftermath.state == AftermathState::Unknown).then(|| trial.aftermath.note.clone())
}

fn became(trial: &HiddenTrial) -> (&'static str, Tone) {
    match trial.aftermath.state {
        _ if trial.validity != Validity::Valid => ("says nothing", Tone::Warn),
        AftermathState::Recovered => ("healed itself", Tone::Good),
        AftermathState::Degraded => ("came back in part", Tone::Bad),
        AftermathState::Metastable => ("stayed down", Tone::Bad),
        AftermathState::Unknown => ("cannot be told", Tone::Warn),
    }
}

/// What a search for the hidden capacity would do, after the one for the breaking point. It ends with a line
/// break.
pub fn hidden_plan(hidden: &HiddenResult, axis: LoadAxis) -> String {
    let (rules, load) = (&hidden.rules, |load| words::load(load, axis));
    let loads = if hidden.carried_is_given {
        format!(
            "from {} on, none below {} and none above {}",
            load(rules.start),
            load(rules.least),
            load(rules.most)
        )
    } else {
        "from half of what is carried on, none below a sixteenth of it and none above it".to_owned()
    };
    let precise = figures::share(rules.precision);
    let facts = [
        Fact::new("loads", loads),
        Fact::new("trial", how(hidden)),
        Fact::new("answer", format!("precise when the loads that heal and stay down are within {precise}")),
        Fact::new("at most", words::counted(rules.trials_most, "trial", "trials")),
    ];
    let title = if hidden.carried_is_given {
        "Only how much of that heals itself"
    } else {
        "Then how much heals itself"
    };
    terminal::search_plan(title, &facts)
}

/// What is tried now, for a line that moves: `trial 3 with the trigger, at 500/s`.
pub fn hidden_label(hidden: &HiddenResult, axis: LoadAxis, offer: Offer) -> String {
    let number = hidden.trials.len() + 1;
    format!("trial {number} with the trigger, at {}", words::load(offer.load, axis))
}

/// What came of a trial with a trigger, in one line; it is not yet among the result's.
pub fn hidden_line(hidden: &HiddenResult, axis: LoadAxis, one: &HiddenTrialResult) -> String {
    let row = row(one, hidden.trials.len() + 1, axis);
    let back = one.trial.aftermath.back_after_s.map(|back| format!(" after {}", figures::seconds(back)));
    let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
    format!(
        "trial {} with the trigger, at {}: {}{}, goodput {} before and {} at the end{note}",
        row.number,
        row.load,
        row.became,
        back.unwrap_or_default(),
        row.before,
        row.after
    )
}
