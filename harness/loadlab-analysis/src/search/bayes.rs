//! Bayesian bisection: each trial where the breaking point is as probably above as below.
//!
//! The trial at the median of what is known halves what is left, also when its answer is noisy: R. Waeber,
//! P. I. Frazier, S. G. Henderson, Bisection search with noisy responses, SIAM J. Control Optim. 51 (2013).
//! Here the posterior is that of [`fit`](super::fit), whose trials differ as much as they were seen to.
//! It begins low like the others, because a high load may leave a target that is not well.

use super::{Reason, Rules, Wish, expand, fit::fit, level::Level};

pub(super) fn next(rules: &Rules, levels: &[Level]) -> Wish {
    if levels.iter().all(|level| !level.leans_to_fail) {
        return expand::up(rules, levels);
    }
    if levels.iter().all(|level| level.leans_to_fail) {
        return expand::down(rules, &levels[0]);
    }
    match fit(rules, levels) {
        Some(fit) if fit.is_precise(rules) && near(rules, levels, fit.estimate) => Wish::End(Reason::Precise),
        Some(fit) => Wish::Try(fit.offered(rules)),
        None => expand::up(rules, levels),
    }
}

/// Whether so many trials as make a verdict were close to the estimate: fewer cannot show how they differ.
fn near(rules: &Rules, levels: &[Level], estimate: f64) -> bool {
    let is_near = |level: &&Level| {
        let (low, high) = (level.load.min(estimate), level.load.max(estimate));
        rules.are_close(low, high)
    };
    let trials: usize = levels.iter().filter(is_near).map(Level::trials).sum();
    trials >= rules.trials_per_load as usize
}
