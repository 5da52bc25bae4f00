//! The SQL stand-in's part of a profile.

use serde::{Deserialize, Serialize};

/// The SQL stand-in's part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqlProfile {}
