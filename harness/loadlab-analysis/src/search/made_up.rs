//! A small vocabulary for tests: trials that are written down, and targets without chance.

use super::{Offer, Trial, Validity};

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
