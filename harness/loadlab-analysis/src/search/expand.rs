//! Up while every load passes, down while every load fails: until the breaking point is between two.

use super::{
    Reason, Rules, Wish,
    level::{Level, Verdict},
};

/// No load fails: on upwards. One trial that loses no more than is allowed is enough to go on; what it
/// passed is confirmed when it matters.
pub(super) fn up(rules: &Rules, levels: &[Level]) -> Wish {
    let Some(top) = levels.last() else { return Wish::Try(rules.offered(rules.start)) };
    if top.leans_to_fail {
        return Wish::Try(top.load);
    }
    match rules.above(top.load, top.load * rules.expand) {
        Some(load) => Wish::Try(load),
        None if top.verdict == Verdict::Passes => Wish::End(Reason::MostPasses),
        None => Wish::Try(top.load),
    }
}

/// Even the lowest load that was tried fails: on downwards.
pub(super) fn down(rules: &Rules, lowest: &Level) -> Wish {
    match rules.below(lowest.load) {
        Some(load) => Wish::Try(load),
        None if lowest.verdict == Verdict::Fails => Wish::End(Reason::LeastFails),
        None => Wish::Try(lowest.load),
    }
}
