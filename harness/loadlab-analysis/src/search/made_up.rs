//! A small vocabulary for tests: trials that are written down, and targets without chance.

use super::{Method, Offer, Rules, Step, Trial, Validity, next};

/// A valid trial of 5 s.
pub(super) fn trial(load: f64, arrivals: u64, lost: u64) -> Trial {
    Trial {
        load,
        repetition: 1,
        arrivals,
        lost,
        seconds: 5.0,
        goodput_per_s: (arrivals - lost) as f64 / 5.0,
        p95_s: None,
        ended_early: false,
        validity: Validity::Valid,
        recovered: true,
        requests: arrivals,
    }
}

/// A trial of a target that loses this share at this load, always.
pub(super) fn without_chance(offer: Offer, share: f64) -> Trial {
    const ARRIVALS: f64 = 100_000.0;
    let lost = (ARRIVALS * share).round() as u64;
    Trial { repetition: offer.repetition, ..trial(offer.load, ARRIVALS as u64, lost) }
}

/// Searches to the end; all trials, and the answer.
pub(super) fn searched(
    method: Method,
    rules: &Rules,
    mut target: impl FnMut(Offer) -> Trial,
) -> (Vec<Trial>, super::Found) {
    let mut done = Vec::new();
    loop {
        match next(method, rules, &done) {
            Step::Try(offer) => done.push(target(offer)),
            Step::Done(found) => return (done, found),
        }
    }
}
