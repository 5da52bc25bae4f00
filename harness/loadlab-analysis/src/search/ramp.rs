//! A linear ramp: equal steps, one trial each, up to the first that fails.
//!
//! This is how a plain load generator is mostly used. Its answer is the last step that passed: too low by
//! half a step, and lower still because among many steps one fails by chance before its time.

use super::{Reason, Rules, Wish, level::Level};

pub(super) fn next(rules: &Rules, levels: &[Level]) -> Wish {
    let Some(top) = levels.last() else { return Wish::Try(rules.offered(rules.start)) };
    if top.leans_to_fail {
        let reason = if levels.len() > 1 { Reason::FirstFailure } else { Reason::LeastFails };
        return Wish::End(reason);
    }
    rules.above(top.load, top.load + rules.ramp_step).map_or(Wish::End(Reason::MostPasses), Wish::Try)
}
