//! The loads that were tried, each with all its trials: what there is to show of a search.
//!
//! A load *stands* as its pooled trials have it. What is shown here decides nothing: the search and its
//! answer look at the trials themselves.

use super::{
    Rules, Trial,
    level::{Level, Verdict, levels},
    rules::same,
};

/// All trials at one load.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadResult {
    /// The load.
    pub load: f64,
    /// Valid trials.
    pub trials: u32,
    /// Trials that say nothing.
    pub invalid: u32,
    /// Arrivals of the valid trials.
    pub arrivals: u64,
    /// Those of them that were lost.
    pub lost: u64,
    /// Arrivals per second that ended well and in time, the mean of the valid trials.
    pub goodput_per_s: Option<f64>,
    /// The least and the greatest 95th percentile of a valid trial, in seconds. One of all arrivals together
    /// cannot be had from those of the trials.
    pub p95_s: Option<(f64, f64)>,
    /// Whether it was carried.
    pub standing: Standing,
}

/// Whether a load was carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its trials together lost no more than is allowed, and no trial to come could change that.
    Carried,
    /// They lost no more so far, and trials are missing.
    CarriedSoFar,
    /// They lost more so far, and trials are missing.
    LostTooMuchSoFar,
    /// They lost more, and no trial to come could change that.
    LostTooMuch,
    /// No trial says anything.
    Unknown,
}

impl Standing {
    fn of(level: &Level) -> Self {
        match (level.verdict, level.leans_to_fail) {
            (Verdict::Passes, _) => Self::Carried,
            (Verdict::Fails, _) => Self::LostTooMuch,
            (Verdict::Open, false) => Self::CarriedSoFar,
            (Verdict::Open, true) => Self::LostTooMuchSoFar,
        }
    }

    /// Whether more was lost than is allowed, so far or finally. None if no trial says anything.
    pub const fn fails(self) -> Option<bool> {
        match self {
            Self::Carried | Self::CarriedSoFar => Some(false),
            Self::LostTooMuch | Self::LostTooMuchSoFar => Some(true),
            Self::Unknown => None,
        }
    }
}

impl LoadResult {
    /// The share that all valid trials together lost.
    pub fn loss(&self) -> Option<f64> {
        (self.arrivals > 0).then(|| self.lost as f64 / self.arrivals as f64)
    }
}

/// The loads that were tried, the lowest first.
pub fn loads<'a>(rules: &Rules, done: impl IntoIterator<Item = &'a Trial>) -> Vec<LoadResult> {
    let mut sorted: Vec<Trial> = done.into_iter().cloned().collect();
    sorted.sort_by(|a, b| a.load.total_cmp(&b.load));
    let levels = levels(rules, &sorted);
    let at_one = sorted.chunk_by(|a, b| same(a.load, b.load));
    at_one.map(|trials| at_load(trials, &levels)).collect()
}

fn at_load(trials: &[Trial], levels: &[Level]) -> LoadResult {
    let load = trials[0].load;
    let level = levels.iter().find(|level| same(level.load, load));
    let valid: Vec<&Trial> = trials.iter().filter(|trial| trial.counts()).collect();
    let p95s = || valid.iter().filter_map(|trial| trial.p95_s);
    LoadResult {
        load,
        trials: valid.len() as u32,
        invalid: (trials.len() - valid.len()) as u32,
        arrivals: valid.iter().map(|trial| trial.arrivals).sum(),
        lost: valid.iter().map(|trial| trial.lost).sum(),
        goodput_per_s: level.map(Level::goodput_per_s),
        p95_s: p95s().min_by(f64::total_cmp).zip(p95s().max_by(f64::total_cmp)),
        standing: level.map_or(Standing::Unknown, Standing::of),
    }
}

/// Between which two loads the breaking point is, as far as the trials have it: the smallest that fails, so
/// far or finally, and the largest below it that does not.
pub fn bracket(loads: &[LoadResult]) -> (Option<f64>, Option<f64>) {
    let fails = loads.iter().position(|at| at.standing.fails() == Some(true));
    let below = &loads[..fails.unwrap_or(loads.len())];
    let passes = below.iter().rfind(|at| at.standing.fails() == Some(false));
    (passes.map(|at| at.load), fails.map(|at| loads[at].load))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Invalid, Validity, made_up::trial},
        *,
    };

    fn shown(done: &[Trial]) -> Vec<LoadResult> {
        loads(&Rules::new(100.0, 10.0, 1000.0), done)
    }

    #[test]
    fn a_load_has_all_its_trials_and_counts_the_valid_ones() {
        let p95 = |p95_s, trial| Trial { p95_s: Some(p95_s), ..trial };
        let invalid = Validity::Invalid(Invalid::LateDispatch);
        let loads = shown(&[
            p95(0.3, trial(200.0, 1000, 90)),
            p95(0.1, trial(100.0, 1000, 0)),
            p95(0.2, trial(100.0, 1000, 5)),
            Trial { validity: invalid, ..p95(9.0, trial(100.0, 1000, 900)) },
        ]);
        let (low, high) = (&loads[0], &loads[1]);
        assert_eq!((low.trials, low.invalid, low.loss()), (2, 1, Some(0.0025)));
        assert_eq!((low.p95_s, low.goodput_per_s), (Some((0.1, 0.2)), Some(199.5)));
        assert_eq!((low.standing, high.standing), (Standing::CarriedSoFar, Standing::LostTooMuch));
        assert_eq!(bracket(&loads), (Some(100.0), Some(200.0)));
    }

    #[test]
    fn a_load_of_invalid_trials_says_nothing_and_bounds_nothing() {
        let nothing = Trial { validity: Validity::Invalid(Invalid::Disturbed), ..trial(100.0, 1000, 900) };
        let loads = shown(&[nothing]);
        assert_eq!(
            (loads[0].standing, loads[0].loss(), loads[0].goodput_per_s),
            (Standing::Unknown, None, None)
        );
        assert_eq!(bracket(&loads), (None, None));
        assert_eq!(bracket(&[]), (None, None));
    }

    #[test]
    fn what_passes_above_the_first_that_fails_bounds_nothing() {
        let loads = shown(&[trial(100.0, 1000, 0), trial(200.0, 1000, 15), trial(300.0, 1000, 0)]);
        assert_eq!(loads[1].standing, Standing::LostTooMuchSoFar);
        assert_eq!(bracket(&loads), (Some(100.0), Some(200.0)));
    }
}
