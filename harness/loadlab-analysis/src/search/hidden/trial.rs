//! A trial with a trigger in it: what one load did once it was gone.

use loadlab_record::{Aftermath, AftermathState, RunFile};
use serde::{Deserialize, Serialize};

use super::super::{Trial, Validity};

/// A finished trial with a trigger in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HiddenTrial {
    /// The load that was offered, before, during and after the trigger.
    pub load: f64,
    /// Which of those at this load it was, from 1; seeds differ by it.
    pub repetition: u32,
    /// What became of goodput, as the finding of the trial's own run has it.
    pub aftermath: Aftermath,
    /// Whether it says anything about the target.
    pub validity: Validity,
    /// Whether the target was idle again once the load was gone, without being started again.
    pub recovered: bool,
    /// Requests that it cost, retries included.
    pub requests: u64,
}

impl HiddenTrial {
    /// What a run was that had a trigger; `trial` is what it came to as any trial.
    pub fn of(run: &RunFile, trial: &Trial) -> Self {
        let told = run.failure.as_ref().map(|failure| failure.aftermath.clone());
        Self {
            load: trial.load,
            repetition: trial.repetition,
            aftermath: told.unwrap_or_else(nothing),
            validity: trial.validity,
            recovered: trial.recovered,
            requests: trial.requests,
        }
    }

    /// Whether the load healed itself; none if the trial says nothing. What came back in part did not heal.
    pub fn heals(&self) -> Option<bool> {
        match self.aftermath.state {
            _ if self.validity != Validity::Valid => None,
            AftermathState::Unknown => None,
            AftermathState::Recovered => Some(true),
            AftermathState::Degraded | AftermathState::Metastable => Some(false),
        }
    }
}

/// Of a run in which nothing ended.
fn nothing() -> Aftermath {
    Aftermath {
        state: AftermathState::Unknown,
        before: None,
        after: None,
        back_after_s: None,
        note: "nothing ended".to_owned(),
    }
}
