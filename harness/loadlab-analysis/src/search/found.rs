//! The answer of a search.

use serde::{Deserialize, Serialize};

use super::{
    Method, Rules, Trial,
    fit::{Fit, fit},
    level::{Level, Verdict},
};

/// The answer of a search. Loads are arrivals per second or users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The largest passing load below the smallest failing one: what the target was seen to carry. Of a
    /// search that was cut short it may have been tried less often than a verdict asks for. None if
    /// nothing passed.
    pub at: Option<f64>,
    /// The breaking point as all trials together put it, the best single number. None if they do not bound
    /// it on both sides.
    pub estimate: Option<f64>,
    /// Below and above which the breaking point is not, with 95 %. An end that nothing bounds is none; of a
    /// ramp these are its last two steps, and no share of certainty belongs to them.
    pub interval: (Option<f64>, Option<f64>),
    /// Arrivals per second that ended well and in time, at `at`.
    pub goodput_per_s: Option<f64>,
    /// Whether the precision that was asked for was reached.
    pub reached_precision: bool,
    /// Why the search ended.
    pub reason: Reason,
    /// The smallest load after which the target was not idle again, in a valid trial.
    pub not_recovered_at: Option<f64>,
    /// Requests of all trials.
    pub requests: u64,
    /// Valid trials.
    pub trials: u32,
    /// Invalid ones.
    pub invalid: u32,
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The breaking point is as precise as was asked for.
    Precise,
    /// No more trials were allowed.
    TrialsUsedUp,
    /// The highest allowed load still passes.
    MostPasses,
    /// The lowest allowed load fails; of a ramp, its first.
    LeastFails,
    /// Too many trials said nothing about the target.
    TooManyInvalid,
    /// A step of the ramp failed.
    FirstFailure,
}

impl Reason {
    /// A sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Precise => "The breaking point is as precise as was asked for.",
            Self::TrialsUsedUp => "No more trials were allowed; the precision was not reached.",
            Self::MostPasses => "The highest allowed load still passes.",
            Self::LeastFails => "Even the lowest allowed load fails.",
            Self::TooManyInvalid => {
                "Too many trials were invalid: the generator or the machine was the limit."
            }
            Self::FirstFailure => "A step of the ramp failed.",
        }
    }
}

/// The answer that these levels give.
pub(super) fn found(
    method: Method,
    rules: &Rules,
    levels: &[Level],
    done: &[Trial],
    reason: Reason,
) -> Found {
    let fit = if method == Method::Ramp { None } else { fit(rules, levels) };
    let fit = fit.map(|fit| fit.reported(rules));
    let passing = match (method, fit) {
        (Method::Bayes, Some(fit)) => highest_up_to(levels, fit.estimate),
        _ => below_first_failure(levels),
    };
    let interval = fit.map_or_else(
        || (passing.map(|level| level.load), first_failing(levels).map(|at| levels[at].load)),
        |fit| (Some(fit.low), Some(fit.high)),
    );
    let valid = done.iter().filter(|trial| trial.counts());
    let not_recovered = valid.clone().filter(|trial| !trial.recovered).map(|trial| trial.load);
    let trials = valid.count() as u32;
    Found {
        at: passing.map(|level| level.load),
        estimate: estimate(method, passing, fit),
        interval,
        goodput_per_s: passing.map(Level::goodput_per_s),
        reached_precision: reason == Reason::Precise,
        reason,
        not_recovered_at: not_recovered.min_by(f64::total_cmp),
        requests: done.iter().map(|trial| trial.requests).sum(),
        trials,
        invalid: done.len() as u32 - trials,
    }
}

/// A ramp knows no better than its last passing step.
fn estimate(method: Method, passing: Option<&Level>, fit: Option<Fit>) -> Option<f64> {
    match method {
        Method::Ramp => passing.map(|level| level.load),
        Method::Mlr | Method::Bayes => fit.map(|fit| fit.estimate),
    }
}

/// The smallest load that fails; as long as no verdict has fallen, that leans to.
fn first_failing(levels: &[Level]) -> Option<usize> {
    let fails = levels.iter().position(|level| level.verdict == Verdict::Fails);
    fails.or_else(|| levels.iter().position(|level| level.leans_to_fail))
}

/// The largest load that passes below the smallest that fails; as long as no verdict has fallen, that
/// leans to.
fn below_first_failure(levels: &[Level]) -> Option<&Level> {
    let below = &levels[..first_failing(levels).unwrap_or(levels.len())];
    let passes = below.iter().rfind(|level| level.verdict == Verdict::Passes);
    passes.or_else(|| below.iter().rfind(|level| !level.leans_to_fail))
}

/// The largest load that does not lean to fail, up to the estimate. Single trials have no verdicts.
fn highest_up_to(levels: &[Level], estimate: f64) -> Option<&Level> {
    levels.iter().rfind(|level| level.load <= estimate && !level.leans_to_fail)
}
