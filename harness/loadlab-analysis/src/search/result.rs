//! Everything there is to say about a search, in one document: its report is a function of it.

use loadlab_clock::{Seed, Speed};
use loadlab_record::{Environment, TargetInfo};
use loadlab_scenario::{LoadAxis, TrialTimes};
use serde::{Deserialize, Serialize};

use super::{Found, HiddenResult, Method, Rules, Trial};
use crate::scaling::Scaling;

/// Version of the document. A change that an old reader would misread raises it.
pub const FORMAT: u32 = 1;

/// A search, finished or not. Loads are on the axis; times are scenario time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// The objectives, as written: what misses one of their bounds on the response time is lost.
    pub objectives: Vec<String>,
    /// What loads are counted in.
    pub axis: LoadAxis,
    /// How the loads were chosen.
    pub method: Method,
    /// What might be tried.
    pub rules: Rules,
    /// How long trials last.
    pub times: TrialTimes,
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// Where all randomness comes from; each trial has a stream of its own.
    pub seed: Seed,
    /// What the trials came to, in order.
    pub trials: Vec<TrialResult>,
    /// The answer; none of a search that was interrupted, or of which only the second part was made.
    pub found: Option<Found>,
    /// How much of that heals itself after a trigger, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenResult>,
    /// What failed first at the lowest load that failed.
    pub gave_way: Option<GaveWay>,
    /// How throughput grows with load, if a law could be fitted. It explains, and decides nothing.
    pub law: Option<Scaling>,
    /// The most that the resource which gave way can carry, per second: its size by how long it is held.
    pub asymptote_per_s: Option<f64>,
    /// How often the target was started again because it did not settle.
    pub restarts: u32,
    /// Real seconds that it took.
    pub took_s: f64,
    /// Where it ran.
    pub environment: Environment,
    /// What was loaded.
    pub target: TargetInfo,
}

/// A trial, and where its own run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// What it came to.
    pub trial: Trial,
    /// Its folder, beside the document.
    pub folder: String,
    /// Why it says nothing, if it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
}

/// What failed first above the breaking point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaveWay {
    /// At this load.
    pub load: f64,
    /// The failure mode, in words.
    pub mode: String,
    /// The resource that was waited for most, if the target publishes it.
    pub resource: Option<String>,
    /// How long it was waited for, on average, in seconds.
    pub wait_s: Option<f64>,
    /// The share of it that was in use.
    pub utilisation: Option<f64>,
}

impl SearchResult {
    /// The document.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and texts can be written as JSON")
    }

    /// The trials alone.
    pub fn done(&self) -> Vec<Trial> {
        self.trials.iter().map(|one| one.trial.clone()).collect()
    }
}
