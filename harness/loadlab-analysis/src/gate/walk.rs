//! The trials of tier 1 read in order: which pairs they make, and which trial is next.
//!
//! The load of a pair depends on what base lost before, and on nothing of head. So a worse head cannot
//! change the loads at which it is judged.

use super::{Done, Offer, Rules, Side, Spoilt};

/// Two loads are the same if they differ by less than this share: they went through a file.
const SAME_LOAD: f64 = 1e-9;
/// If the generator spoilt so many trials before any counted, it would spoil the next ones too.
const IN_VAIN: usize = 3;

/// A trial of each side that belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) base: Done,
    pub(super) head: Done,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    /// Complete pairs, in order.
    pub(super) pairs: Vec<Pair>,
    /// The next trial, if there is to be one.
    pub(super) next: Offer,
    /// What spoilt trials, in order.
    pub(super) spoilt: Vec<Spoilt>,
    /// Where base's load is, in steps from where it began.
    steps: i32,
    /// The first trial of the pair under way.
    held: Option<Done>,
}

impl Progress {
    /// Reads what was done.
    pub(super) fn of(rules: &Rules, done: &[Done]) -> Self {
        let next = Offer { side: Side::Base, load: rules.load(0), repetition: 0, attempt: 0 };
        let start = Self { pairs: Vec::new(), next, spoilt: Vec::new(), steps: 0, held: None };
        done.iter().fold(start, |progress, trial| progress.after(rules, trial))
    }

    /// Whether no more trials are tried: more were spoilt than are repeated, or the generator cannot offer the
    /// first load at all.
    pub(super) fn in_vain(&self, rules: &Rules) -> bool {
        let none_counts = self.pairs.is_empty() && self.held.is_none();
        let by_generator = |one: &Spoilt| matches!(one, Spoilt::GeneratorLimited | Spoilt::DispatchLate);
        self.spoilt.len() > rules.invalid_max as usize
            || none_counts && self.spoilt.len() >= IN_VAIN && self.spoilt.iter().all(by_generator)
    }

    fn after(mut self, rules: &Rules, trial: &Done) -> Self {
        let asked =
            trial.side == self.next.side && (trial.load - self.next.load).abs() <= SAME_LOAD * self.next.load;
        let spoilt = if asked { trial.spoilt() } else { Some(Spoilt::NotAsked) };
        match spoilt {
            None => self.count(rules, *trial),
            Some(spoilt) => {
                self.spoilt.push(spoilt);
                self.next.attempt += 1;
            }
        }
        self
    }

    /// A trial that counts begins a pair or completes it.
    fn count(&mut self, rules: &Rules, trial: Done) {
        let Some(first) = self.held.take() else {
            self.held = Some(trial);
            self.ask(rules, trial.side.other());
            return;
        };
        let (base, head) = if first.side == Side::Base { (first, trial) } else { (trial, first) };
        self.steps += steps(rules, base.loss());
        self.pairs.push(Pair { base, head });
        self.ask(rules, Side::first_of(self.pairs.len() as u32));
    }

    fn ask(&mut self, rules: &Rules, side: Side) {
        let base = rules.load(self.steps);
        let load = if side == Side::Base { base } else { rules.head_load(base) };
        self.next = Offer { side, load, repetition: self.pairs.len() as u32, attempt: 0 };
    }
}

/// Where the load goes after what base lost: two steps where base is far from its breaking point.
fn steps(rules: &Rules, loss: f64) -> i32 {
    match loss {
        loss if loss <= rules.floor() => 2,
        loss if loss <= rules.allowed => 1,
        loss if loss < rules.ceiling() => -1,
        _ => -2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Validity;

    /// Of the trials asked for, base loses so much of a thousand and head nothing.
    fn walked(rules: &Rules, base: &[u64]) -> (Vec<Done>, Progress) {
        let mut done = Vec::new();
        for _ in 0..2 * base.len() {
            let offer = Progress::of(rules, &done).next;
            let lost = if offer.side == Side::Base { base[offer.repetition as usize] } else { 0 };
            done.push(Done::of(offer, 1_000, lost, Validity::Valid));
        }
        let progress = Progress::of(rules, &done);
        (done, progress)
    }

    #[test]
    fn sides_are_tried_in_the_order_a_b_b_a_at_loads_that_follow_base() {
        let rules = Rules::new(0.1, 1_000.0);
        let (done, progress) = walked(&rules, &[0, 5, 100, 900]);
        let sides: String = done.iter().map(|one| if one.side == Side::Base { 'A' } else { 'B' }).collect();
        assert_eq!(sides, "ABBAABBA");
        // Nothing lost is two steps up, within the allowed one, above it one down, most two down.
        let loads: Vec<f64> = progress.pairs.iter().map(|pair| pair.base.load).collect();
        assert_eq!(loads, [0, 2, 3, 2].map(|steps| rules.load(steps)));
        assert_eq!((progress.next.load, progress.next.repetition), (rules.load(0), 4));
        let heads = progress.pairs.iter().map(|pair| pair.head.load / pair.base.load);
        assert!(heads.into_iter().all(|part| (part - rules.cut()).abs() < 1e-12));
    }

    #[test]
    fn a_spoilt_trial_is_asked_for_again_and_so_is_what_was_done_instead_of_it() {
        let rules = Rules::new(0.1, 1_000.0);
        let (mut done, progress) = walked(&rules, &[5]);
        let spoilt = Validity::Invalid(Spoilt::CpuStolen);
        done.push(Done::of(progress.next, 1_000, 700, spoilt));
        done.push(Done::of(Offer { load: 3.0, ..progress.next }, 1_000, 0, Validity::Valid));
        done.push(Done::of(Offer { attempt: 1, ..progress.next }, 0, 0, Validity::Valid));
        let after = Progress::of(&rules, &done);
        assert_eq!(after.next, Offer { attempt: 3, ..progress.next });
        assert_eq!(after.spoilt, [Spoilt::CpuStolen, Spoilt::NotAsked, Spoilt::Nothing]);
        assert_eq!(after.pairs.len(), 1);
    }
}
