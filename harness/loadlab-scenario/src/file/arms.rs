//! How the users are split, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    field::{At, Leaf, Names},
    quantity::Share,
};

/// The users are split into control and experiment, served at the same time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Arms")]
pub(crate) struct ArmsFile {
    /// Share of the users in the experiment. Default: 50%.
    pub(crate) experiment: Option<Leaf<Share>>,
    /// Settings of the experiment's instance, laid over the profile: dotted path to value.
    pub(crate) set: Option<At<Names<Leaf<String>>>>,
}
