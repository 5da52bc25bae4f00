//! What must hold, what is documented, and where the health states begin.

use std::time::Duration;

use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use crate::{
    component::Component,
    field::{At, Leaf},
    objective::{Measure, Objective},
    parse::{FromText, TextError, Words},
    quantity::Share,
};

/// An objective with more than a line.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Objective")]
pub(crate) struct ObjectiveFile {
    /// The line: `p95 < 7s`.
    pub(crate) that: Leaf<ObjectiveLine>,
    /// It must hold in every stretch of this length.
    pub(crate) r#for: Option<Leaf<Duration>>,
    /// The run ends as soon as it is missed. Default: false.
    pub(crate) abort: Option<Leaf<bool>>,
}

/// What a source document says will happen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Documented")]
pub(crate) struct DocumentedFile {
    /// The document: `stress-test report`.
    pub(crate) source: Leaf<String>,
    /// The place in it: `scenario 1A`.
    pub(crate) section: Leaf<String>,
    /// Its claims.
    pub(crate) outcomes: At<Vec<At<OutcomeFile>>>,
    /// The order in which trouble spreads: `[database, pool, queue, timeouts, retries]`.
    pub(crate) chain: Option<At<Vec<Leaf<Component>>>>,
    /// Values here or in the profile that differ from the document's, each with the reason.
    pub(crate) deviations: Option<At<Vec<Leaf<String>>>>,
}

/// One claim: a measure and the band that reproduces it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Outcome")]
pub(crate) struct OutcomeFile {
    /// For people: `success rate`.
    pub(crate) name: Leaf<String>,
    /// What is measured: `p95`.
    pub(crate) expect: Leaf<MeasureLine>,
    /// The least that reproduces the claim, in the measure's unit.
    pub(crate) min: Option<Leaf<BandEdge>>,
    /// The most that reproduces it.
    pub(crate) max: Option<Leaf<BandEdge>>,
    /// Only what ended from then on counts, since the run's start.
    pub(crate) from: Option<Leaf<Duration>>,
    /// Only what ended before then.
    pub(crate) to: Option<Leaf<Duration>>,
}

/// Where the health states begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Health")]
pub(crate) struct HealthFile {
    /// Where degraded begins. Default: 200ms, 0.1%, 50%.
    pub(crate) degraded: Option<At<HealthStateFile>>,
    /// Where failed begins. Default: 2s, 5%, 80%.
    pub(crate) failed: Option<At<HealthStateFile>>,
}

/// Where one health state begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HealthState")]
pub(crate) struct HealthStateFile {
    /// A window's p95 response above this.
    pub(crate) latency: Option<Leaf<Duration>>,
    /// A window's share of failed arrivals above this.
    pub(crate) errors: Option<Leaf<Share>>,
    /// The target's CPU use above this.
    pub(crate) cpu: Option<Leaf<Share>>,
}

/// An objective in one line.
#[derive(Debug, Clone)]
pub(crate) struct ObjectiveLine(pub(crate) Objective);

/// A measure in one line.
#[derive(Debug, Clone)]
pub(crate) struct MeasureLine(pub(crate) Measure);

/// A value whose unit depends on a measure.
#[derive(Debug, Clone)]
pub(crate) struct BandEdge;

impl Words for Component {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("database", Self::Database),
        ("llm", Self::Llm),
        ("cache", Self::Cache),
        ("pool", Self::Pool),
        ("queue", Self::Queue),
        ("response_time", Self::ResponseTime),
        ("timeouts", Self::Timeouts),
        ("retries", Self::Retries),
        ("breaker", Self::Breaker),
        ("memory", Self::Memory),
        ("resets", Self::Resets),
        ("errors", Self::Errors),
    ];
}

impl FromText for ObjectiveLine {
    fn from_text(text: &str) -> Result<Self, TextError> {
        Objective::parse(text).map(Self)
    }

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "[<>]",
            "examples": [
                "p95 < 7s", "p99(search.first_event) < 2s", "success >= 99%", "loss <= 1% for 10s",
                "goodput >= 50/s", "peak(pool_waiting) <= 20", "drained(pool_waiting) < 15s"
            ]
        })
    }
}

impl FromText for MeasureLine {
    fn from_text(text: &str) -> Result<Self, TextError> {
        Measure::parse(text).map(Self)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "examples": ["p95", "success", "peak(pool_waiting)"] })
    }
}

impl FromText for BandEdge {
    fn from_text(_: &str) -> Result<Self, TextError> {
        Ok(Self)
    }

    fn schema() -> Schema {
        json_schema!({ "type": ["string", "number"], "examples": ["7s", "99%", "50/s", 20] })
    }
}
