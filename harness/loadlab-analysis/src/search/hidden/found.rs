//! The answer of a search for the hidden capacity.

use serde::{Deserialize, Serialize};

use super::{
    HiddenTrial,
    level::{Level, Verdict},
};

/// The answer. Loads are arrivals per second or users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HiddenFound {
    /// The largest load that healed below the smallest that did not. Of a search that was cut short it may
    /// have been tried less often than is asked for. None if nothing healed.
    pub at: Option<f64>,
    /// The smallest load that did not heal at least once. None if all did.
    pub stays_down_at: Option<f64>,
    /// The longest time at `at` from the trigger's end until goodput was at 95 % of what it was, in seconds.
    pub back_after_s: Option<f64>,
    /// Whether both loads are as close as was asked for.
    pub reached_precision: bool,
    /// Why it ended.
    pub reason: HiddenReason,
    /// Requests of all trials.
    pub requests: u64,
    /// Trials that say something.
    pub trials: u32,
    /// Those that do not.
    pub invalid: u32,
}

/// Why a search for the hidden capacity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenReason {
    /// It is between two loads that are close.
    Bracketed,
    /// All that is carried heals as well: the trigger hides nothing.
    MostHeals,
    /// Even the lowest load that is worth while does not heal.
    LeastStaysDown,
    /// No more trials were allowed.
    TrialsUsedUp,
    /// Too many trials said nothing.
    TooManyInvalid,
}

/// The answer that these levels give.
pub(super) fn found(levels: &[Level], done: &[HiddenTrial], reason: HiddenReason) -> HiddenFound {
    let failing = levels.iter().position(|level| level.verdict == Verdict::StaysDown);
    let below = &levels[..failing.unwrap_or(levels.len())];
    let healing = below.iter().rfind(|level| level.verdict == Verdict::Heals).or(below.last());
    let invalid = done.iter().filter(|trial| trial.heals().is_none()).count() as u32;
    HiddenFound {
        at: healing.map(|level| level.load),
        stays_down_at: failing.map(|at| levels[at].load),
        back_after_s: healing.and_then(|level| level.back_after_s),
        reached_precision: matches!(reason, HiddenReason::Bracketed | HiddenReason::MostHeals),
        reason,
        requests: done.iter().map(|trial| trial.requests).sum(),
        trials: done.len() as u32 - invalid,
        invalid,
    }
}
