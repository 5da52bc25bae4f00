//! All trials at one load, and whether the load passes.

use super::{Rules, Trial, rules::same};

/// All valid trials at one load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    pub(super) load: f64,
    /// The share that each trial lost.
    pub(super) losses: Vec<f64>,
    /// How much of a whole trial each was: less if it was ended early.
    pub(super) parts: Vec<f64>,
    goodputs_per_s: f64,
    pub(super) verdict: Verdict,
    /// Whether more is lost than is allowed, in the trials so far.
    pub(super) leans_to_fail: bool,
}

/// Whether a load passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its trials together lose no more than is allowed, whatever the ones to come do.
    Passes,
    /// They lose more, whatever the ones to come do.
    Fails,
    /// Trials are missing.
    Open,
}

/// The loads that were tried validly, the lowest first.
pub(super) fn levels(rules: &Rules, done: &[Trial]) -> Vec<Level> {
    let mut sorted: Vec<&Trial> = done.iter().filter(|trial| trial.counts()).collect();
    sorted.sort_by(|a, b| a.load.total_cmp(&b.load).then(a.repetition.cmp(&b.repetition)));
    sorted.chunk_by(|a, b| same(a.load, b.load)).map(|trials| Level::of(rules, trials)).collect()
}

impl Level {
    fn of(rules: &Rules, trials: &[&Trial]) -> Self {
        let sum = |part: fn(&Trial) -> u64| trials.iter().map(|trial| part(trial)).sum();
        let (arrivals, lost): (u64, u64) = (sum(|trial| trial.arrivals), sum(|trial| trial.lost));
        let to_come = f64::from(rules.trials_per_load.saturating_sub(trials.len() as u32));
        let whole = trials.iter().map(|trial| whole_trial(rules, trial)).fold(0.0, f64::max);
        let allowed = rules.allowed_loss.get();
        let (seen, unseen) = (arrivals as f64, to_come * whole);
        // Those to come may lose nothing, or all that they offer.
        let verdict = if lost as f64 > allowed * (seen + unseen) {
            Verdict::Fails
        } else if lost as f64 + unseen <= allowed * (seen + unseen) {
            Verdict::Passes
        } else {
            Verdict::Open
        };
        Self {
            load: trials[0].load,
            parts: trials.iter().map(|trial| (trial.arrivals as f64 / whole).min(1.0)).collect(),
            losses: trials.iter().map(|trial| trial.loss()).collect(),
            goodputs_per_s: trials.iter().map(|trial| trial.goodput_per_s).sum(),
            verdict,
            leans_to_fail: lost as f64 > allowed * seen,
        }
    }

    pub(super) fn trials(&self) -> usize {
        self.losses.len()
    }

    /// The mean of its trials.
    pub(super) fn goodput_per_s(&self) -> f64 {
        self.goodputs_per_s / self.trials() as f64
    }
}

/// How many arrivals a trial has that does not end early.
fn whole_trial(rules: &Rules, trial: &Trial) -> f64 {
    let longer = if trial.ended_early { rules.trial_s / trial.seconds.max(1e-6) } else { 1.0 };
    trial.arrivals as f64 * longer.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::{super::made_up::trial, *};

    const RULES: fn() -> Rules = || Rules::new(100.0, 10.0, 1000.0);

    fn verdicts(lost: &[u64]) -> (Verdict, bool) {
        let done: Vec<Trial> = lost.iter().map(|lost| trial(100.0, 1000, *lost)).collect();
        let levels = levels(&RULES(), &done);
        assert_eq!(levels.len(), 1);
        (levels[0].verdict, levels[0].leans_to_fail)
    }

    /// Five trials of 1,000 arrivals may lose 50.
    #[test]
    fn a_verdict_falls_as_soon_as_no_trial_can_change_it() {
        assert_eq!(verdicts(&[0]), (Verdict::Open, false));
        assert_eq!(verdicts(&[50]), (Verdict::Open, true));
        assert_eq!(verdicts(&[51]), (Verdict::Fails, true));
        assert_eq!(verdicts(&[0, 0, 0, 0]), (Verdict::Open, false));
        assert_eq!(verdicts(&[0, 0, 0, 0, 50]), (Verdict::Passes, false));
        assert_eq!(verdicts(&[0, 0, 0, 0, 51]), (Verdict::Fails, true));
        // Beyond five, all count.
        assert_eq!(verdicts(&[0, 0, 0, 0, 51, 0]), (Verdict::Passes, false));
    }

    /// Three of five trials lose nothing: a majority would call it a pass.
    #[test]
    fn losses_are_pooled_and_not_voted_on() {
        assert_eq!(verdicts(&[0, 30, 0, 30, 0]), (Verdict::Fails, true));
    }

    #[test]
    fn a_trial_that_ended_early_is_held_against_whole_ones() {
        let early = Trial { ended_early: true, seconds: 0.5, ..trial(100.0, 100, 40) };
        // Four whole trials, of 1,000 arrivals each, can still make up for it.
        assert_eq!(levels(&RULES(), &[early])[0].verdict, Verdict::Open);
        let early = Trial { ended_early: true, seconds: 0.5, ..trial(100.0, 100, 60) };
        let levels = levels(&RULES(), &[early]);
        assert_eq!(levels[0].verdict, Verdict::Fails);
        assert!((levels[0].losses[0] - 0.6).abs() < 1e-12);
    }
}
