//! All trials at one load, and whether it heals.

use super::{super::rules::same, HiddenTrial, Rules};

/// All trials at one load that say something.
pub(super) struct Level {
    pub(super) load: f64,
    pub(super) verdict: Verdict,
    /// The longest time until goodput was back, if all healed and all of them tell.
    pub(super) back_after_s: Option<f64>,
}

/// Whether a load heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// In all trials that are asked for.
    Heals,
    /// In all so far.
    Open,
    /// Not in at least one.
    StaysDown,
}

/// The loads that were tried, the lowest first.
pub(super) fn levels(rules: &Rules, done: &[HiddenTrial]) -> Vec<Level> {
    let mut sorted: Vec<&HiddenTrial> = done.iter().filter(|trial| trial.heals().is_some()).collect();
    sorted.sort_by(|a, b| a.load.total_cmp(&b.load));
    sorted.chunk_by(|a, b| same(a.load, b.load)).map(|trials| Level::of(rules, trials)).collect()
}

impl Level {
    fn of(rules: &Rules, trials: &[&HiddenTrial]) -> Self {
        let verdict = if trials.iter().any(|trial| trial.heals() == Some(false)) {
            Verdict::StaysDown
        } else if trials.len() >= rules.trials_per_load as usize {
            Verdict::Heals
        } else {
            Verdict::Open
        };
        let back: Option<Vec<f64>> = trials.iter().map(|trial| trial.aftermath.back_after_s).collect();
        let longest = back.and_then(|back| back.into_iter().max_by(f64::total_cmp));
        Self { load: trials[0].load, verdict, back_after_s: longest }
    }
}
