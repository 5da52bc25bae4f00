//! Procedures that were not chosen, to be held against the one that was.

use super::{FIRST_SEED, Trials, World};
use crate::gate::{Decision, Done, Evidence, Offer, Side, Why};

/// One load for both, a part of the stored breaking point, five trials of each in turn; a side fails when its
/// pooled loss is above the allowed one. A suspected regression is asked for once more.
pub(super) fn one_load(world: World, part: f64, drop: f64, gates: u32) -> super::Found {
    (0..gates).fold(super::Found::default(), |found, seed| {
        let mut trials = world.start(FIRST_SEED + u64::from(seed));
        let load = part * trials.stored();
        let mut verdict =
            || (fails(&mut trials, Side::Base, load, drop), fails(&mut trials, Side::Head, load, drop));
        let first = verdict();
        let suspected = first == (false, true);
        let (base, head) = if suspected { verdict() } else { first };
        found.with(&named(base, head), if suspected { 20 } else { 10 })
    })
}

/// Head alone, five trials at a part of a number that was stored on another day.
pub(super) fn stored_number(world: World, part: f64, drop: f64, gates: u32) -> super::Found {
    (0..gates).fold(super::Found::default(), |found, seed| {
        let mut that_day = world.start(u64::from(seed) + 1_000_000);
        let stored = that_day.stored() * that_day.drift.exp();
        let mut trials = world.start(FIRST_SEED + u64::from(seed));
        let fails = fails(&mut trials, Side::Head, part * stored, drop);
        found.with(&named(false, fails), 5)
    })
}

/// Whether five trials that count lose more than is allowed. (Of two sides in turn this misses the drift
/// between them, which only helps this procedure.)
fn fails(trials: &mut Trials, side: Side, load: f64, drop: f64) -> bool {
    let offer = Offer { side, load, repetition: 0, attempt: 0 };
    let mut counted: Vec<Done> = Vec::new();
    while counted.len() < 5 {
        let trial = trials.trial(offer, drop);
        if trial.spoilt().is_none() {
            counted.push(trial);
        }
    }
    counted.iter().map(Done::loss).sum::<f64>() / 5.0 > super::ALLOWED
}

fn named(base_fails: bool, head_fails: bool) -> Decision {
    let nothing =
        || Evidence::Ratio(crate::gate::Ratio { pairs: 0, at: 1.0, low: 1.0, high: 1.0, least: 1.0 });
    match (base_fails, head_fails) {
        (false, true) => Decision::Regression { evidence: nothing() },
        (true, true) => Decision::Inconclusive { why: Why::TooClose, evidence: None },
        (_, false) => Decision::Pass { evidence: nothing() },
    }
}
