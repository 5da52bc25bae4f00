//! Everything there is to say about the hidden capacity, as a part of the search's document.

use serde::{Deserialize, Serialize};

use super::{HiddenFound, HiddenTrial, Rules};

/// A search for the hidden capacity, finished or not. Times are scenario time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HiddenResult {
    /// The trigger in words: `latency at service-0/sql`.
    pub trigger: String,
    /// How long the load goes on before it, in seconds.
    pub before_s: f64,
    /// How long it lasts.
    pub trigger_s: f64,
    /// How long the load goes on after it, at least five times as long as it lasts.
    pub after_s: f64,
    /// The largest load that is carried while nothing is wrong: the visible capacity.
    pub carried: f64,
    /// Whether that was given instead of searched for.
    pub carried_is_given: bool,
    /// What might be tried.
    pub rules: Rules,
    /// What the trials came to, in order.
    pub trials: Vec<HiddenTrialResult>,
    /// The answer; none of a search that was interrupted.
    pub found: Option<HiddenFound>,
}

/// A trial, and where its own run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HiddenTrialResult {
    /// What it came to.
    pub trial: HiddenTrial,
    /// Its folder, beside the document.
    pub folder: String,
    /// Why it says nothing, if that is the generator's or the machine's fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
}

impl HiddenResult {
    /// The trials alone.
    pub fn done(&self) -> Vec<HiddenTrial> {
        self.trials.iter().map(|one| one.trial.clone()).collect()
    }
}
