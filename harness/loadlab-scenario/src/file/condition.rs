//! The steady state, what ends a run early, and how far faults may reach.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::judge::ObjectiveLine;
use crate::{
    field::{At, Leaf},
    quantity::Share,
};

/// What is normal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SteadyState")]
pub(crate) struct SteadyStateFile {
    /// Lines as in `objectives`, without a window.
    pub(crate) conditions: At<Vec<Leaf<ObjectiveLine>>>,
    /// They must hold while faults are on, too. Default: false.
    pub(crate) tolerate: Option<Leaf<bool>>,
    /// They must hold again so long after the last fault was healed. Default: that is only reported.
    pub(crate) recover_within: Option<Leaf<Duration>>,
    /// Length of the stretches in which recovery is looked for. Default: 5s.
    pub(crate) window: Option<Leaf<Duration>>,
    /// Arrivals or requests below which nothing is said of a period. Default: 20.
    pub(crate) min_samples: Option<Leaf<u32>>,
}

/// Something that is looked for in the newest seconds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LiveCondition")]
pub(crate) struct LiveConditionFile {
    /// The line: `errors > 50%`.
    pub(crate) that: Leaf<ObjectiveLine>,
    /// How long the newest stretch is. Default: 5s.
    pub(crate) window: Option<Leaf<Duration>>,
    /// Arrivals or requests in it below which nothing is said. Default: 20.
    pub(crate) min_samples: Option<Leaf<u32>>,
}

/// How far faults may reach.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MaxBlast")]
pub(crate) struct MaxBlastFile {
    /// Share of the arrivals that may be lost while faults are on.
    pub(crate) loss: Option<Leaf<Share>>,
    /// Faults that may be on at the same time.
    pub(crate) at_once: Option<Leaf<u32>>,
    /// The longest that a fault may last.
    pub(crate) longest: Option<Leaf<Duration>>,
    /// Share of a role's instances that faults may act on at the same time.
    pub(crate) instances: Option<Leaf<Share>>,
}
