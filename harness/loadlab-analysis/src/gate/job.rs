//! A gate with everything around it, in one document: its report is a function of it.

use loadlab_clock::{Seed, Speed};
use loadlab_record::{Environment, TargetInfo};
use loadlab_scenario::{LoadAxis, TrialTimes};
use serde::{Deserialize, Serialize};

use super::{Done, GateResult};

/// Version of the document. A change that an old reader would misread raises it.
pub const FORMAT: u32 = 1;

/// A gate, decided or not. Loads are on the axis; times are scenario time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateJob {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// The objectives, as written.
    pub objectives: Vec<String>,
    /// What is known: a profile, an address or a command.
    pub base: String,
    /// What is in question.
    pub head: String,
    /// What loads are counted in.
    pub axis: LoadAxis,
    /// How long trials last.
    pub times: TrialTimes,
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// Where all randomness comes from; each pair has a stream of its own.
    pub seed: Seed,
    /// What the trials came to, in order.
    pub trials: Vec<GateTrial>,
    /// Trials of both at one load, for what is asked beside the breaking point; in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<GateTrial>,
    /// What was decided.
    pub result: GateResult,
    /// Real seconds that it took.
    pub took_s: f64,
    /// Where it ran.
    pub environment: Environment,
    /// What was loaded: base and head.
    pub targets: (TargetInfo, TargetInfo),
}

/// A trial, and where its own run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateTrial {
    /// What decides.
    pub done: Done,
    /// 95th percentile of the response time, in seconds; none if nothing ended.
    pub p95_s: Option<f64>,
    /// Arrivals per second that ended well and in time.
    pub goodput_per_s: f64,
    /// Its folder, below that of its side.
    pub folder: String,
    /// Why it says nothing, if it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
}

impl GateJob {
    /// The document.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and texts can be written as JSON")
    }
}
