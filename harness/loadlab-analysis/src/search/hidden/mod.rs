//! The hidden capacity: the largest load that heals itself once what disturbed it is gone.
//!
//! ```text
//!   load ──────── breaking point: above it more is lost than is allowed, with nothing wrong
//!          vulnerable: carried, until a trigger tips it; it then stays down although the trigger is gone
//!        ──────── hidden capacity
//!          stable: whatever the trigger does ends with it
//! ```
//!
//! *Trigger*: a disturbance that begins and ends while the load goes on. *Heals*: goodput is back after it
//! ([`loadlab_record::AftermathState::Recovered`]). *Vulnerable* and *stable* are the words of N. Bronson et al.,
//! Metastable failures in distributed systems, HotOS 2021.
//!
//! Whether a load heals is chance near the edge, and a load that stays down once in three times is not one to
//! run at: one trial that does not heal is enough, and a load passes when all of its trials heal. Low loads
//! come first, as in the search for the breaking point. The loads come from [`next_hidden`] alone, so they can be
//! replayed. What heals is told by the run's own finding; nothing here looks at goodput.

mod found;
mod level;
mod result;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;
mod trial;

use super::{Offer, Rules, rules::same};
use level::{Level, Verdict, levels};

pub use found::{HiddenFound, HiddenReason};
pub use result::{HiddenResult, HiddenTrialResult};
pub use trial::HiddenTrial;

/// So many trials of a load have to heal. With three, a load that stays down every other time passes once in
/// eight searches.
const REPETITIONS: u32 = 3;
/// From load to load until one heals and another does not. Trials are long, so the steps are larger than
/// those to the breaking point.
const FACTOR: f64 = 1.5;
/// The first load, as a share of what is carried: low, because one that does not heal costs a restart.
const START_SHARE: f64 = 0.5;
/// Below this share of what is carried nobody would run a service.
const LEAST_SHARE: f64 = 1.0 / 16.0;
/// The edge is chance within a few percent; a narrower bracket would only look exact.
const PRECISION_LEAST: f64 = 0.05;
/// From half of what is carried down to the least are six steps, then four halvings, three trials at the end:
/// with as many again for luck that turns.
const TRIALS_MOST: u32 = 24;

/// What to do now.
#[derive(Debug, Clone, PartialEq)]
pub enum HiddenStep {
    /// One more trial.
    Try(Offer),
    /// Nothing; this is the answer.
    Done(HiddenFound),
}

/// What the choice of loads wants.
enum Wish {
    Try(f64),
    End(HiddenReason),
}

/// The rules of this search, after one by the rules `of` that found `carried`: the largest load that is
/// carried while nothing is wrong.
pub fn hidden_rules(of: &Rules, carried: f64) -> Rules {
    let round = |load: f64| if of.whole { load.round().max(1.0) } else { load };
    let start = round(carried * START_SHARE).min(carried);
    Rules {
        start,
        least: round(carried * LEAST_SHARE).min(start),
        most: carried,
        trials_per_load: REPETITIONS,
        expand: FACTOR,
        precision: of.precision.max(PRECISION_LEAST),
        trials_most: TRIALS_MOST,
        ..*of
    }
}

/// What to do after the trials `done`, in whatever order they are.
pub fn next_hidden(rules: &Rules, done: &[HiddenTrial]) -> HiddenStep {
    let levels = levels(rules, done);
    let invalid = done.iter().filter(|trial| trial.heals().is_none()).count();
    let wish = if invalid > rules.invalid_most as usize {
        Wish::End(HiddenReason::TooManyInvalid)
    } else {
        wish(rules, &levels)
    };
    match wish {
        Wish::Try(_) if done.len() - invalid >= rules.trials_most as usize => {
            HiddenStep::Done(found::found(&levels, done, HiddenReason::TrialsUsedUp))
        }
        Wish::Try(load) => {
            let before = done.iter().filter(|trial| same(trial.load, load)).count();
            HiddenStep::Try(Offer { load, repetition: before as u32 + 1 })
        }
        Wish::End(reason) => HiddenStep::Done(found::found(&levels, done, reason)),
    }
}

/// Up by factors while all heals, down while nothing does, then bisection; the answer is confirmed last.
fn wish(rules: &Rules, levels: &[Level]) -> Wish {
    let failing = levels.iter().position(|level| level.verdict == Verdict::StaysDown);
    let below = &levels[..failing.unwrap_or(levels.len())];
    match (below.last(), failing.map(|at| levels[at].load)) {
        (None, None) => Wish::Try(rules.offered(rules.start)),
        (None, Some(failing)) => {
            rules.below(failing).map_or(Wish::End(HiddenReason::LeastStaysDown), Wish::Try)
        }
        (Some(top), None) => match rules.above(top.load, top.load * rules.expand) {
            Some(load) => Wish::Try(load),
            None => confirmed(top, HiddenReason::MostHeals),
        },
        (Some(top), Some(failing)) if rules.are_close(top.load, failing) => {
            confirmed(top, HiddenReason::Bracketed)
        }
        (Some(top), Some(failing)) => Wish::Try(rules.between(top.load, failing)),
    }
}

fn confirmed(top: &Level, reason: HiddenReason) -> Wish {
    if top.verdict == Verdict::Heals { Wish::End(reason) } else { Wish::Try(top.load) }
}
