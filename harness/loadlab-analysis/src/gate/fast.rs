//! Tier 1: trials in turn, until it is decided.

use super::{
    Decision, Done, Evidence, Losses, Rules, Spoilt, Step, Why,
    decision::SideLosses,
    score::{self, Outcome, Scored},
    student::median,
    walk::{Pair, Progress},
};

/// The next trial, or the decision. Of rules that [`Rules::check`] accepts.
pub fn next(rules: &Rules, done: &[Done]) -> Step {
    let progress = Progress::of(rules, done);
    match decided(rules, &progress) {
        Some(decision) => Step::Decided(decision),
        None => Step::Try(progress.next),
    }
}

/// The decision of a job that ends here, whether or not it was decided.
pub fn ended(rules: &Rules, done: &[Done]) -> Decision {
    let progress = Progress::of(rules, done);
    let open = || Decision::Inconclusive { why: Why::EndedEarly, evidence: losses(rules, &progress.pairs) };
    decided(rules, &progress).unwrap_or_else(open)
}

/// Why the trials that did not count did not: how many, and because of what mostly.
pub fn uncounted(rules: &Rules, done: &[Done]) -> Option<Why> {
    too_many(&Progress::of(rules, done).spoilt)
}

fn decided(rules: &Rules, progress: &Progress) -> Option<Decision> {
    let most = rules.pairs_max() as usize;
    let pairs = &progress.pairs[..progress.pairs.len().min(most)];
    let scored: Vec<Scored> = pairs.iter().map(|pair| Scored::of(rules, pair)).collect();
    let evidence = losses(rules, pairs);
    if let Some((outcome, evidence)) = score::settled(rules, &scored).zip(evidence.clone()) {
        return Some(match outcome {
            Outcome::Better => Decision::Pass { evidence },
            Outcome::Worse => Decision::Regression { evidence },
            Outcome::WorseWithinAllowed => {
                Decision::Inconclusive { why: Why::WithinAllowed, evidence: Some(evidence) }
            }
            Outcome::Same => Decision::Inconclusive { why: not_told(rules, pairs), evidence: Some(evidence) },
        });
    }
    let why = too_many(&progress.spoilt).filter(|_| progress.in_vain(rules))?;
    Some(Decision::Inconclusive { why, evidence })
}

/// Why all pairs together are for neither side.
fn not_told(rules: &Rules, pairs: &[Pair]) -> Why {
    let carried = pairs.iter().filter(|pair| pair.base.loss() <= rules.allowed).count();
    let loads = || pairs.iter().map(|pair| pair.base.load);
    match carried {
        0 => Why::LoadTooHigh { down_to: loads().fold(f64::MAX, f64::min) },
        all if all == pairs.len() => Why::LoadTooLow { up_to: loads().fold(0.0, f64::max) },
        _ => Why::TooClose,
    }
}

fn too_many(spoilt: &[Spoilt]) -> Option<Why> {
    let times = |one: &Spoilt| spoilt.iter().filter(|other| *other == one).count();
    let mostly = spoilt.iter().copied().max_by_key(times)?;
    Some(Why::TooManyInvalid { invalid: spoilt.len() as u32, mostly })
}

fn losses(rules: &Rules, pairs: &[Pair]) -> Option<Evidence> {
    if pairs.is_empty() {
        return None;
    }
    let scores = pairs.iter().map(|pair| Scored::of(rules, pair).score);
    // Of the loads that were offered: whole users are rounded.
    let loads = |of: fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>();
    Some(Evidence::Losses(Losses {
        pairs: pairs.len() as u32,
        head_lost_more: scores.clone().filter(|score| *score > 0.0).count() as u32,
        score: scores.sum(),
        offered_less: 1.0 - loads(|pair| pair.head.load) / loads(|pair| pair.base.load),
        base: side(rules, pairs.iter().map(|pair| &pair.base)),
        head: side(rules, pairs.iter().map(|pair| &pair.head)),
    }))
}

fn side<'a>(rules: &Rules, trials: impl Iterator<Item = &'a Done> + Clone) -> SideLosses {
    let losses: Vec<f64> = trials.clone().map(Done::loss).collect();
    let loads = trials.clone().map(|trial| trial.load);
    SideLosses {
        load_low: loads.clone().fold(f64::MAX, f64::min),
        load_high: loads.fold(0.0, f64::max),
        arrivals: trials.clone().map(|trial| trial.arrivals).sum(),
        lost: trials.map(|trial| trial.lost).sum(),
        pooled: score::pooled(losses.iter().copied()),
        median: median(&losses).unwrap_or(0.0),
        carried: losses.iter().filter(|loss| **loss <= rules.allowed).count() as u32,
    }
}
