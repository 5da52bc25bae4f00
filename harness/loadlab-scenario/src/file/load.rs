//! How arrivals come.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::DrawFile;
use crate::{
    field::{At, Either, Leaf},
    parse::Words,
    plan::Process,
    quantity::Rate,
};

/// How arrivals come: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Load")]
pub(crate) enum LoadFile {
    /// Everyone once, at the same moment or within a span. Arrivals do not wait for the service.
    Burst(At<BurstFile>),
    /// Users who want, wait for the answer, think, and want again.
    Users(At<ClosedFile>),
    /// Arrivals per second, whatever the service does.
    Arrivals(At<ArrivalsFile>),
}

/// Everyone once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Burst")]
pub(crate) struct BurstFile {
    /// How many users.
    pub(crate) users: Leaf<u32>,
    /// Span of their arrivals. Default: none, all at once.
    pub(crate) within: Option<Leaf<Duration>>,
}

/// Users who come back: either `count` and `for`, or `stages`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClosedLoad")]
pub(crate) struct ClosedFile {
    /// How many users.
    pub(crate) count: Option<Leaf<u32>>,
    /// How long they stay, counted from the end of the ramp.
    pub(crate) r#for: Option<Leaf<Duration>>,
    /// Time in which they come, evenly. Default: none.
    pub(crate) ramp: Option<Leaf<Duration>>,
    /// Several numbers of users, one after another: ramp, spike, soak.
    pub(crate) stages: Option<At<Vec<At<UserStageFile>>>>,
    /// Pause between an answer and the next want. Default: none.
    pub(crate) think: Option<Either<Duration, DrawFile>>,
}

/// A stretch of a closed load.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UserStage")]
pub(crate) struct UserStageFile {
    /// Users at the end of the ramp.
    pub(crate) users: Leaf<u32>,
    /// Time to get there. Default: none.
    pub(crate) ramp: Option<Leaf<Duration>>,
    /// Time to stay there. Default: none.
    pub(crate) hold: Option<Leaf<Duration>>,
}

/// Arrivals per second: `rate` and `for`, or `from`, `to` and `over`, or `stages`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OpenLoad")]
pub(crate) struct ArrivalsFile {
    /// A constant rate.
    pub(crate) rate: Option<Leaf<Rate>>,
    /// How long.
    pub(crate) r#for: Option<Leaf<Duration>>,
    /// The rate at the start of a ramp. Default: 0/s.
    pub(crate) from: Option<Leaf<Rate>>,
    /// The rate at the end of a ramp.
    pub(crate) to: Option<Leaf<Rate>>,
    /// How long the ramp lasts.
    pub(crate) over: Option<Leaf<Duration>>,
    /// Several of these, one after another.
    pub(crate) stages: Option<At<Vec<At<RateStageFile>>>>,
    /// How arrivals are spaced. Default: poisson.
    pub(crate) process: Option<Leaf<Process>>,
}

/// A stretch of an open load: `rate` and `for`, or `from`, `to` and `over`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RateStage")]
pub(crate) struct RateStageFile {
    /// A constant rate.
    pub(crate) rate: Option<Leaf<Rate>>,
    /// How long.
    pub(crate) r#for: Option<Leaf<Duration>>,
    /// The rate at the start of a ramp. Default: the one before.
    pub(crate) from: Option<Leaf<Rate>>,
    /// The rate at the end of a ramp.
    pub(crate) to: Option<Leaf<Rate>>,
    /// How long the ramp lasts.
    pub(crate) over: Option<Leaf<Duration>>,
}

impl Words for Process {
    const WORDS: &'static [(&'static str, Self)] = &[("poisson", Self::Poisson), ("uniform", Self::Uniform)];
}
