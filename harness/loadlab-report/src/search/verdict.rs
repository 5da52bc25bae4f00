//! What a search came to, in a word and in a sentence.

use loadlab_analysis::search::{Found, LoadResult, Method, Reason, SearchResult, bracket};
use loadlab_scenario::LoadAxis;

use super::words;
use crate::{facts::Tone, figures};

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// In a word or two.
    pub(super) word: &'static str,
    pub(super) tone: Tone,
    /// In a sentence without its full stop.
    pub(super) headline: String,
}

/// What the search came to.
pub(super) fn verdict(result: &SearchResult, loads: &[LoadResult]) -> Verdict {
    let axis = result.axis;
    if let Some(hidden) = result.hidden.as_ref().filter(|hidden| hidden.carried_is_given) {
        return given(hidden.carried, axis);
    }
    let Some(found) = &result.found else { return unfinished(result, loads) };
    let (word, tone) = match found.reason {
        Reason::Precise => ("FOUND", Tone::Good),
        Reason::TrialsUsedUp => ("NOT PRECISE", Tone::Warn),
        Reason::MostPasses => ("NOT REACHED", Tone::Warn),
        Reason::LeastFails => ("BELOW ALL LOADS", Tone::Bad),
        Reason::TooManyInvalid => ("NO ANSWER", Tone::Warn),
        Reason::FirstFailure => ("BRACKETED", Tone::Warn),
    };
    let allowed = figures::share(result.rules.allowed_loss.get());
    let headline = match found.reason {
        Reason::MostPasses => format!(
            "even {}, the highest load that was allowed, is carried: the breaking point is above it",
            words::load(found.at.unwrap_or(result.rules.most), axis)
        ),
        Reason::LeastFails => format!(
            "even {}, the lowest load that was tried, loses more than {allowed}: the breaking point is below \
             it",
            words::load(found.interval.1.unwrap_or(result.rules.least), axis)
        ),
        Reason::TooManyInvalid => format!(
            "{} say nothing about the target, because the generator or the machine was the limit; {}",
            words::counted(found.invalid, "trial", "trials"),
            placed(found, result)
        ),
        Reason::Precise | Reason::TrialsUsedUp | Reason::FirstFailure => placed(found, result),
    };
    Verdict { word, tone, headline }
}

/// Only the hidden capacity was searched for.
fn given(carried: f64, axis: LoadAxis) -> Verdict {
    Verdict {
        word: "GIVEN",
        tone: Tone::Warn,
        headline: format!(
            "the breaking point was not searched for; {} was given as what is carried",
            words::load(carried, axis)
        ),
    }
}

fn unfinished(result: &SearchResult, loads: &[LoadResult]) -> Verdict {
    let so_far = match bracket(loads) {
        (None, None) => "nothing is known yet".to_owned(),
        known => {
            format!(
                "so far the breaking point is {}, and no share of certainty belongs to that",
                within(known, result.axis)
            )
        }
    };
    let trials = words::counted(result.trials.len() as u64, "trial", "trials");
    Verdict {
        word: "UNFINISHED",
        tone: Tone::Warn,
        headline: format!("there is no answer after {trials}; {so_far}"),
    }
}

/// Where the breaking point is.
fn placed(found: &Found, result: &SearchResult) -> String {
    let axis = result.axis;
    match (result.method, found.estimate, found.interval) {
        (Method::Ramp, _, (Some(low), Some(high))) => {
            format!("the ramp carried {} and failed at {}", words::load(low, axis), words::load(high, axis))
        }
        (Method::Mlr | Method::Bayes, Some(estimate), (Some(_), Some(_))) => format!(
            "the breaking point is {}, with 95 % between {}",
            words::estimated(estimate, axis),
            words::interval(found.interval, axis).replace(" to ", " and ")
        ),
        (_, _, (None, None)) => "nothing bounds the breaking point".to_owned(),
        (_, _, bounds) => {
            format!("the breaking point is {}, as far as it was tried", within(bounds, axis))
        }
    }
}

fn within(bounds: (Option<f64>, Option<f64>), axis: LoadAxis) -> String {
    let unit = axis.unit();
    format!("{}{unit}", words::between(bounds))
}
