//! What is deployed, and who looks at what it answers: parts of the service's profile.

use std::time::Duration;

use loadlab_clock::text::human_duration;
use serde::{Deserialize, Serialize};

/// What is really in use. The caches know it by the labels in [`super::Caches`] only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentSettings {
    /// The prompt that answers are generated with.
    pub prompt: String,
    /// The embedding model that sources are found with.
    pub embedding: String,
    /// Whether a deployment is refused whose versions are not those in the caches' keys.
    pub check: bool,
}

/// The second model that reviews an answer before its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeSettings {
    /// Whether there is one.
    pub enabled: bool,
    /// How long its review may take.
    #[serde(with = "human_duration")]
    pub timeout: Duration,
    /// What becomes of an answer that it did not review.
    pub on_failure: JudgeFailure,
}

/// What becomes of an answer without a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgeFailure {
    /// It goes out, and nothing in it says so.
    Pass,
    /// The search fails.
    Refuse,
}
