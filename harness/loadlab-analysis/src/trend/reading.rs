//! What a trend needs of one stored result: its number, and what must be equal for two of them to stand in one
//! series.
//!
//! ```text
//!   RunFile ──read_run──────┐
//!   search.json ─read_search┴──> Reading ──trends──> series, changes
//! ```
//!
//! A reading is small where a run file is large, so that a year of nights fits the memory. A document of a
//! search is read as plain JSON, by the few keys that are needed.

use std::collections::BTreeMap;

use loadlab_record::RunFile;
use loadlab_scenario::{
    objective::{Measure, ShareOf, Statistic},
    parse::TextError,
    plan::TargetPlan,
};
use serde_json::Value;

use super::Sense;
use crate::{compare, objectives::Measured, unit};

/// The measure of searches.
const BREAKING_POINT: &str = "breaking-point";
/// Options that make another target of a profile. The document of a search names only the profile.
const TARGET_OPTIONS: [&str; 2] = ["--with", "--set"];
/// What searches must have in common, and where it stands in their document.
const SEARCH_SETTING: [(&str, &str); 8] = [
    ("objectives", "/objectives"),
    ("load axis", "/axis"),
    ("method", "/method"),
    ("allowed loss", "/rules/allowed_loss"),
    ("speed", "/speed"),
    ("CPU model", "/environment/cpu_model"),
    ("cores", "/environment/cores"),
    ("loadlab version", "/environment/loadlab"),
];

/// What is followed from result to result.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// A measure of runs, as objectives have it.
    Measure(Measure),
    /// The breaking point that searches found.
    BreakingPoint,
}

impl Followed {
    /// Reads `p95`, `loss`, `p99(search)`, `peak(pool_waiting)`, or `breaking-point`.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.trim() == BREAKING_POINT {
            return Ok(Self::BreakingPoint);
        }
        Measure::parse(text).map(Self::Measure)
    }

    /// As [`Followed::parse`] reads it.
    pub fn name(&self) -> String {
        match self {
            Self::Measure(measure) => measure.to_string(),
            Self::BreakingPoint => BREAKING_POINT.to_owned(),
        }
    }

    /// Which way it is good. What a metric of the target means is not known: most count what waits or is
    /// used up, so less of them is taken for better.
    pub const fn sense(&self) -> Sense {
        match self {
            Self::BreakingPoint
            | Self::Measure(Measure::Throughput(_) | Measure::Share { of: ShareOf::Success, .. }) => {
                Sense::HigherIsBetter
            }
            Self::Measure(_) => Sense::LowerIsBetter,
        }
    }
}

/// What a trend needs of one stored result.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Where it is stored.
    pub place: String,
    /// Its scenario.
    pub scenario: String,
    /// What was loaded: a profile and what was laid over it, or an address.
    pub target: String,
    /// When it began.
    pub started: String,
    /// Its seed.
    pub seed: String,
    /// The number, or why there is none.
    pub value: Result<f64, String>,
    /// The number's unit: `s`, `share`, `/s`, `users` or empty.
    pub unit: String,
    /// What must be equal, by its name.
    pub setting: BTreeMap<String, String>,
}

/// What a trend needs of a judged run that is stored at `place`.
pub fn read_run(run: &RunFile, place: &str, measure: &Measure) -> Reading {
    Reading {
        place: place.to_owned(),
        scenario: run.scenario.clone(),
        target: target(&run.plan.target),
        started: run.environment.started.clone(),
        seed: compare::seed(run),
        value: compare::silence(run).map_or_else(|| observed(run, measure), Err),
        unit: unit(measure).to_owned(),
        setting: compare::setting(run),
    }
}

fn observed(run: &RunFile, measure: &Measure) -> Result<f64, String> {
    let measured = Measured::of(run);
    let seen = measured.whole(measure);
    let value = seen.value.ok_or_else(|| measured.missing(measure))?;
    match measure {
        // The least and the largest are always reached.
        Measure::Latency { statistic: Statistic::Percentile(percent), .. }
            if *percent > 0.0 && *percent < 100.0 && !compare::reached(seen.samples, percent / 100.0) =>
        {
            Err(format!("{} samples are too few for {measure}", seen.samples))
        }
        _ => Ok(value),
    }
}

fn target(plan: &TargetPlan) -> String {
    match plan {
        TargetPlan::Url { base, .. } => base.clone(),
        TargetPlan::Profile { name, with, set } => {
            let set = set.iter().map(|(path, value)| format!("{path}={value}"));
            let laid: Vec<String> = with.iter().cloned().chain(set).collect();
            described(name, &laid)
        }
    }
}

fn described(profile: &str, laid: &[String]) -> String {
    let laid = if laid.is_empty() { String::new() } else { format!(" with {}", laid.join(", ")) };
    format!("profile {profile}{laid}")
}

/// What a trend needs of the document of a search that is stored at `place`; or what it lacks.
pub fn read_search(document: &Value, place: &str) -> Result<Reading, String> {
    let text = |pointer: &str| document.pointer(pointer).map(words);
    let needed = |pointer: &str| text(pointer).ok_or_else(|| format!("it has no `{}`", &pointer[1..]));
    let axis = text("/axis").unwrap_or_default();
    let setting = SEARCH_SETTING
        .into_iter()
        .map(|(name, pointer)| (name.to_owned(), text(pointer).unwrap_or_else(|| "unknown".to_owned())));
    Ok(Reading {
        place: place.to_owned(),
        scenario: needed("/scenario")?,
        target: search_target(document),
        started: needed("/environment/started")?,
        seed: text("/seed").unwrap_or_default(),
        value: found(document),
        unit: if axis == "users" { "users" } else { "/s" }.to_owned(),
        setting: setting.collect(),
    })
}

fn found(document: &Value) -> Result<f64, String> {
    match (document.pointer("/found"), document.pointer("/found/estimate").and_then(Value::as_f64)) {
        (_, Some(estimate)) => Ok(estimate),
        (None | Some(Value::Null), _) => Err("the search was interrupted".to_owned()),
        (Some(found), None) => {
            let reason = found.get("reason").map(words).unwrap_or_default().replace('_', " ");
            Err(format!("the search found no breaking point: {reason}"))
        }
    }
}

fn search_target(document: &Value) -> String {
    let Some(profile) = document.pointer("/target/profile").and_then(Value::as_str) else {
        return document.pointer("/target/base").map(words).unwrap_or_default();
    };
    let command = document.pointer("/environment/command").and_then(Value::as_array);
    let command: Vec<String> = command.into_iter().flatten().map(words).collect();
    let laid = command.iter().enumerate().filter_map(|(place, word)| {
        let (option, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |(option, value)| (option, Some(value.to_owned())));
        let named = TARGET_OPTIONS.contains(&option);
        named.then(|| value.or_else(|| command.get(place + 1).cloned()))?
    });
    described(profile, &laid.collect::<Vec<_>>())
}

/// A value as it is shown: text without quotation marks.
fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
