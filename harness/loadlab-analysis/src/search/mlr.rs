//! MLR: up by factors, bisection with pooled verdicts, then more trials where all so far put the breaking
//! point.
//!
//! ```text
//!   no load fails ──expand──> passing .......... failing ──bisect──> close ──confirm──> both are certain
//!                                                                     precise, or the estimate is tried
//! ```
//!
//! While passing and failing load are far apart, one trial within the allowed loss is enough to look
//! further up; if that was luck, the pooled verdict that is asked for in the end takes it back and the
//! bisection goes on below. So trials are spent near the breaking point, where each tells most.

use super::{
    Reason, Rules, Wish, expand,
    fit::fit,
    level::{Level, Verdict},
};

/// So many trials must show that the failing load fails: one stall of the target is not its limit.
const FAILING_TRIALS_LEAST: usize = 2;

pub(super) fn next(rules: &Rules, levels: &[Level]) -> Wish {
    let Some(first) = levels.iter().position(|level| level.verdict == Verdict::Fails) else {
        return expand::up(rules, levels);
    };
    let (below, failing) = (&levels[..first], &levels[first]);
    match below.last() {
        None => expand::down(rules, failing),
        Some(top) if top.leans_to_fail => Wish::Try(top.load),
        Some(top) if !rules.are_close(top.load, failing.load) => {
            Wish::Try(rules.between(top.load, failing.load))
        }
        Some(top) => close(rules, levels, below, (top, failing)),
    }
}

/// The highest load that may pass is close to the lowest that fails.
fn close(rules: &Rules, levels: &[Level], below: &[Level], (top, failing): (&Level, &Level)) -> Wish {
    let passing = below.iter().rfind(|level| level.verdict == Verdict::Passes);
    let is_certain = passing.is_some_and(|passing| rules.are_close(passing.load, failing.load))
        && failing.trials() >= FAILING_TRIALS_LEAST;
    let fit = fit(rules, levels);
    if is_certain && fit.is_some_and(|fit| fit.is_precise(rules)) {
        return Wish::End(Reason::Precise);
    }
    if top.verdict == Verdict::Open {
        return Wish::Try(top.load);
    }
    match fit {
        Some(fit) if failing.trials() >= FAILING_TRIALS_LEAST => Wish::Try(fit.offered(rules)),
        _ => Wish::Try(failing.load),
    }
}
