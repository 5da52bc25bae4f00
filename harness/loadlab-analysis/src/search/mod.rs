//! The search for the breaking point: the highest load whose loss stays within the allowed share.
//!
//! ```text
//!   trials so far ──levels──> at each load: passes, fails, or open ──Mlr | Bayes | Ramp──┬──> the next trial
//!                 ──fit──> what all of them say together: an estimate, an interval ──────┴──> the answer
//! ```
//!
//! *Load*: arrivals per second, or users. *Trial*: one load, offered for some seconds. *Loss*: the share of
//! a trial's arrivals that was lost. *Level*: all valid trials at one load. *Pooled*: all arrivals of a
//! level's trials counted together. [`next`] is a function of the trials alone, so a search that was
//! interrupted goes on where it was, and one that is saved can be replayed. Nothing here offers load. How
//! much of what is carried heals itself is another search, [`next_hidden`].
//!
//! Low loads come first, because a high one may leave a target that is not well for the next. Losses come
//! in bursts: a few queues that got long hold nearly all late arrivals of a trial. Two trials at one load
//! therefore differ 60 to 200 times as much as if each arrival were lost by itself, most single trials
//! near the breaking point lose less than their mean, and a vote of short ones is 2 to 9 % too high.
//! Losses are pooled instead, and intervals come from how trials differ.

mod bayes;
mod curve;
mod expand;
mod fit;
mod found;
mod hidden;
mod level;
mod loads;
#[cfg(test)]
mod made_up;
mod mlr;
#[cfg(test)]
mod properties;
mod ramp;
mod result;
mod rules;
#[cfg(any(test, feature = "synthetic"))]
pub mod simulated;
#[cfg(test)]
mod tests;
mod trial;

use serde::{Deserialize, Serialize};

pub use found::{Found, Reason};
pub use hidden::{
    HiddenFound, HiddenReason, HiddenResult, HiddenStep, HiddenTrial, HiddenTrialResult, hidden_rules,
    next_hidden,
};
pub use loads::{LoadResult, Standing, bracket, loads};
pub use result::{FORMAT, GaveWay, SearchResult, TrialResult};
pub use rules::{Rules, RulesError};
pub use trial::{Invalid, Trial, Validity};

/// How the next load is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// In the style of MLRsearch (IETF draft `bmwg-mlrsearch`): up by factors, then bisection with pooled
    /// verdicts, then more trials where all so far put the breaking point, until it is precise.
    #[default]
    Mlr,
    /// One trial at a time, where the breaking point is as probably above as below.
    Bayes,
    /// Up in equal steps to the first that fails, as a plain load generator is used. To compare with.
    Ramp,
}

/// The next trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// At this load.
    pub load: f64,
    /// Which of those at this load it is, from 1, invalid ones counted. Seeds differ by it.
    pub repetition: u32,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One more trial.
    Try(Offer),
    /// Nothing; this is the answer.
    Done(Found),
}

/// What a method wants.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wish {
    Try(f64),
    End(Reason),
}

/// If the generator spoilt so many trials before any counted, it would spoil the next ones too.
const IN_VAIN: usize = 3;

/// Whether no more trials are tried: more were invalid than are repeated, or the generator cannot offer the first
/// load at all.
fn in_vain(rules: &Rules, done: &[Trial], invalid: usize) -> bool {
    let by_generator =
        |trial: &Trial| matches!(trial.validity, Validity::Invalid(why) if why.is_the_generators());
    invalid > rules.invalid_most as usize || done.len() >= IN_VAIN && done.iter().all(by_generator)
}

/// What to do after the trials `done`, in whatever order they are.
pub fn next(method: Method, rules: &Rules, done: &[Trial]) -> Step {
    let levels = level::levels(rules, done);
    let invalid = done.iter().filter(|trial| !trial.counts()).count();
    let wish = if in_vain(rules, done, invalid) {
        Wish::End(Reason::TooManyInvalid)
    } else {
        match method {
            Method::Mlr => mlr::next(rules, &levels),
            Method::Bayes => bayes::next(rules, &levels),
            Method::Ramp => ramp::next(rules, &levels),
        }
    };
    match wish {
        // An answer that is there is given, however many trials it took.
        Wish::Try(_) if done.len() - invalid >= rules.trials_most as usize => {
            Step::Done(found::found(method, rules, &levels, done, Reason::TrialsUsedUp))
        }
        Wish::Try(load) => {
            let before = done.iter().filter(|trial| rules::same(trial.load, load)).count();
            Step::Try(Offer { load, repetition: before as u32 + 1 })
        }
        Wish::End(reason) => Step::Done(found::found(method, rules, &levels, done, reason)),
    }
}
