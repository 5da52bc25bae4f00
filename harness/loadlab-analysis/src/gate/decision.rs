//! What a gate decided, with its numbers and in a sentence.

use serde::{Deserialize, Serialize};

use super::Spoilt;
use crate::words::{count, number, value_text};

/// What a gate decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Head's breaking point is not lower by delta.
    Pass {
        /// Why.
        evidence: Evidence,
    },
    /// Head's breaking point is lower.
    Regression {
        /// Why.
        evidence: Evidence,
    },
    /// It cannot be told.
    Inconclusive {
        /// Why not.
        why: Why,
        /// What is there.
        evidence: Option<Evidence>,
    },
}

/// What a decision rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Of tier 1.
    Losses(Losses),
    /// Of tier 2.
    Ratio(Ratio),
}

/// What both sides lost, head at a load that is lower by the cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// Pairs of trials.
    pub pairs: u32,
    /// How many of them are in head's disfavour: it lost more, although it was offered less.
    pub head_lost_more: u32,
    /// The sum of the pairs' scores: above 0 against head.
    pub score: f64,
    /// By which share head was offered less.
    pub offered_less: f64,
    /// Base.
    pub base: SideLosses,
    /// Head.
    pub head: SideLosses,
}

/// What one side lost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SideLosses {
    /// The lowest load that it was offered.
    pub load_low: f64,
    /// The highest one.
    pub load_high: f64,
    /// Arrivals over all of its trials.
    pub arrivals: u64,
    /// How many of them were lost.
    pub lost: u64,
    /// The loss pooled over its trials.
    pub pooled: f64,
    /// The loss of its median trial, which a few spoilt ones do not move.
    pub median: f64,
    /// Trials whose loss was within the allowed one.
    pub carried: u32,
}

/// The ratio of the breaking points, head's over base's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Paired searches.
    pub pairs: u32,
    /// The estimate: the geometric mean.
    pub at: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The ratio below which it is a regression.
    pub least: f64,
}

/// Why it cannot be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Base carried whatever it was offered: its breaking point is higher than the one to begin with.
    LoadTooLow {
        /// The highest load.
        up_to: f64,
    },
    /// Base carried nothing that it was offered: the breaking point to begin with no longer holds.
    LoadTooHigh {
        /// The lowest load.
        down_to: f64,
    },
    /// All pairs together are for neither side.
    TooClose,
    /// Head lost more than base, but no more than is allowed.
    WithinAllowed,
    /// Too many trials or searches were spoilt.
    TooManyInvalid {
        /// How many.
        invalid: u32,
        /// By what, mostly.
        mostly: Spoilt,
    },
    /// It was ended before it was decided.
    EndedEarly,
}

impl Decision {
    /// The decision and its reason in one sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Pass { evidence } => format!("Pass: {}.", evidence.passed()),
            Self::Regression { evidence } => format!("Regression: {}.", evidence.regressed()),
            Self::Inconclusive { why, evidence } => {
                let so_far = evidence.as_ref().map(|one| format!(" ({})", one.seen())).unwrap_or_default();
                format!("Inconclusive: {}{so_far}.", why.text())
            }
        }
    }

    /// What it rests on.
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Pass { evidence } | Self::Regression { evidence } => Some(evidence),
            Self::Inconclusive { evidence, .. } => evidence.as_ref(),
        }
    }
}

impl Evidence {
    fn passed(&self) -> String {
        match self {
            Self::Losses(losses) => {
                format!("with {} less load head lost less than base ({})", losses.less(), losses.seen())
            }
            Self::Ratio(ratio) => format!(
                "head's breaking point is {} of base's, above {} ({})",
                number(ratio.at),
                number(ratio.least),
                ratio.seen()
            ),
        }
    }

    fn regressed(&self) -> String {
        match self {
            Self::Losses(losses) => {
                format!("even with {} less load head lost more than base ({})", losses.less(), losses.seen())
            }
            Self::Ratio(ratio) => format!(
                "head's breaking point is {} of base's, below {} ({})",
                number(ratio.at),
                number(ratio.least),
                ratio.seen()
            ),
        }
    }

    fn seen(&self) -> String {
        match self {
            Self::Losses(losses) => format!("head lost {}", losses.seen()),
            Self::Ratio(ratio) => {
                format!("head's breaking point is {} of base's; {}", number(ratio.at), ratio.seen())
            }
        }
    }
}

impl Losses {
    fn less(&self) -> String {
        value_text(self.offered_less, "share")
    }

    /// `0.2 % of its arrivals against 1.4 %, more than base in 1 of 5 pairs`.
    fn seen(&self) -> String {
        let share = |loss| value_text(loss, "share");
        format!(
            "{} of its arrivals against {}, more than base in {} of {}",
            share(self.head.pooled),
            share(self.base.pooled),
            self.head_lost_more,
            count(f64::from(self.pairs), "pair", "pairs")
        )
    }
}

impl Ratio {
    fn seen(&self) -> String {
        let pairs = count(f64::from(self.pairs), "paired search", "paired searches");
        format!("{} to {} over {pairs}", number(self.low), number(self.high))
    }
}

impl Why {
    /// The reason, and what to do, without a full stop.
    pub fn text(&self) -> String {
        match self {
            Self::LoadTooLow { up_to } => format!(
                "base carried all of its loads, up to {}: its breaking point is higher than the one to begin \
                 with, search for it again",
                number(*up_to)
            ),
            Self::LoadTooHigh { down_to } => format!(
                "base carried none of its loads, down to {}: the breaking point to begin with no longer \
                 holds, search for it again",
                number(*down_to)
            ),
            Self::TooClose => "the difference is too close to the smallest one that is looked for".to_owned(),
            Self::WithinAllowed => "head lost more than base, but no more than is allowed".to_owned(),
            Self::TooManyInvalid { invalid, mostly } => format!(
                "{} did not count, mostly because {}",
                count(f64::from(*invalid), "trial", "trials"),
                mostly.text()
            ),
            Self::EndedEarly => "it was ended before it was decided".to_owned(),
        }
    }
}
