//! The LLM mock's part of a profile.

use serde::{Deserialize, Serialize};

/// The LLM mock's part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LlmProfile {}
