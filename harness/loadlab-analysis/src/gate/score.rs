//! What the pairs of tier 1 say together.
//!
//! The *score* of a pair is the logarithm of head's odds of loss over base's: above 0 if head lost more
//! although it was offered less. It is bounded, so that one trial that a neighbour spoilt and nobody
//! noticed weighs no more than any other clear one (winsorising: W. J. Dixon, Annals of Mathematical
//! Statistics 31, 1960), and losses under the floor or over the ceiling count as those: whether a trial far
//! from the knee lost nothing or three arrivals is chance. A pair in which both lost nothing, or both most,
//! has the score 0: it was in the wrong place, and says so.
//!
//! The scores add up. After the first half of the pairs a head that is clearly fine passes; every other, and
//! so every suspected regression, has to stand the second half too, and the sum over both decides. Either
//! verdict must be said by several pairs: among pairs that say nothing, one spoilt trial must not decide. All
//! of this only rises with head's losses, so with the trials that are not done yet once at their best for
//! head and once at their worst it is seen whether anything can still change.

use super::{Rules, walk::Pair};

/// The most that a pair can say: seven times the odds. With a steep knee half of delta is a factor of fifty,
/// so this is what most pairs say there; with a shallow one it is two and a half, and the bound hardly
/// matters.
const BOUND: f64 = 2.0;
/// A sum of scores below this speaks for head: half of what a single pair can say.
pub(super) const BETTER: f64 = -1.0;
/// A sum above this speaks against head: all that a single pair can say. It is the larger of the two, because
/// a false accusation is the dearer mistake. With half of it, 2.1 % of the heads that did not change were
/// accused on the worst of the simulated machines, and drops are found more often than they must be.
pub(super) const WORSE: f64 = BOUND;

/// What a pair says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    /// Above 0 if head lost more.
    pub(super) score: f64,
    /// Head's loss.
    head: f64,
}

/// What all the pairs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Head lost less.
    Better,
    /// It cannot be told.
    Same,
    /// Head lost more, but no more than is allowed.
    WorseWithinAllowed,
    /// Head lost more, and more than is allowed.
    Worse,
}

impl Scored {
    pub(super) fn of(rules: &Rules, pair: &Pair) -> Self {
        let head = pair.head.loss();
        Self { score: log_odds_ratio(rules, pair).clamp(-BOUND, BOUND), head }
    }
}

/// Head's log odds of loss less base's, of losses that tell something.
pub(super) fn log_odds_ratio(rules: &Rules, pair: &Pair) -> f64 {
    let log_odds = |loss: f64| {
        let loss = loss.clamp(rules.floor(), rules.ceiling());
        (loss / (1.0 - loss)).ln()
    };
    log_odds(pair.head.loss()) - log_odds(pair.base.loss())
}

/// The outcome, as soon as the pairs that are not done cannot change it.
pub(super) fn settled(rules: &Rules, pairs: &[Scored]) -> Option<Outcome> {
    let filled = |rest: Scored| {
        let mut all = pairs.to_vec();
        all.resize(rules.pairs_max() as usize, rest);
        outcome(rules, &all)
    };
    let best = filled(Scored { score: -BOUND, head: 0.0 });
    let worst = filled(Scored { score: BOUND, head: 1.0 });
    (best == worst).then_some(best)
}

/// The outcome of as many pairs as there can be.
pub(super) fn outcome(rules: &Rules, pairs: &[Scored]) -> Outcome {
    let half = &pairs[..pairs.len().min(rules.pairs as usize)];
    let carried = pooled(pairs.iter().map(|pair| pair.head)) <= rules.allowed;
    if is_better(rules, half) || is_better(rules, pairs) {
        Outcome::Better
    } else if !is_worse(rules, pairs) {
        Outcome::Same
    } else if carried {
        Outcome::WorseWithinAllowed
    } else {
        Outcome::Worse
    }
}

/// Whether the pairs say together, and enough of them by themselves, that head lost less.
fn is_better(rules: &Rules, pairs: &[Scored]) -> bool {
    let said = pairs.iter().filter(|pair| pair.score < 0.0).count();
    sum(pairs) < BETTER && said >= enough(rules)
}

/// The same of head having lost more.
fn is_worse(rules: &Rules, pairs: &[Scored]) -> bool {
    let said = pairs.iter().filter(|pair| pair.score > 0.0).count();
    sum(pairs) > WORSE && said >= enough(rules)
}

fn sum(pairs: &[Scored]) -> f64 {
    pairs.iter().map(|pair| pair.score).sum()
}

/// Most of the first half: more pairs than neighbours spoil.
pub(super) fn enough(rules: &Rules) -> usize {
    rules.pairs.div_ceil(2) as usize
}

/// The loss over several trials of one length. It is the same in whatever order they were done.
pub(super) fn pooled(losses: impl Iterator<Item = f64>) -> f64 {
    let mut losses: Vec<f64> = losses.collect();
    losses.sort_by(f64::total_cmp);
    if losses.is_empty() { 0.0 } else { losses.iter().sum::<f64>() / losses.len() as f64 }
}
