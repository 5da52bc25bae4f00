//! Stands in for the report of a gate until it is there.

use loadlab_analysis::gate::{Bought, Bound, GateJob, GateTrial, Limits, Noise, Offer, SearchPair};
use loadlab_scenario::{Plan, TrialTimes};

use crate::TerminalOptions;

/// What is known of a gate beforehand.
#[derive(Debug, Clone, Copy)]
pub struct GatePlan<'a> {
    pub plan: &'a Plan,
    pub base: &'a str,
    pub head: &'a str,
    pub factor: &'a str,
    pub limits: &'a Limits,
    pub times: TrialTimes,
    pub searched: bool,
    pub noise: Option<&'a Noise>,
    pub bought: Option<&'a Bought>,
    pub bounds: &'a [Bound],
}

pub fn gate_plan(asked: &GatePlan<'_>) -> String {
    format!("{asked:?}\n")
}

pub fn gate_label(_: &GateJob, offer: Offer) -> String {
    format!("pair {}, {} at {:.1}", offer.repetition + 1, offer.side.name(), offer.load)
}

pub fn gate_line(_: &GateJob, trial: &GateTrial) -> String {
    format!("{trial:?}")
}

pub fn gate_search_line(_: &GateJob, number: usize, pair: &SearchPair) -> String {
    format!("pair {number}: {pair:?}")
}

pub fn gate_text(job: &GateJob, _: &TerminalOptions) -> String {
    format!("{}\n", job.result.reasons.join("\n"))
}

pub fn gate_html(job: &GateJob) -> String {
    job.result.reasons.join("\n")
}

pub fn gate_markdown(job: &GateJob) -> String {
    job.result.reasons.join("\n")
}

pub fn gate_summary(job: &GateJob) -> String {
    job.result.reasons.join("\n")
}

pub fn gate_junit(job: &GateJob) -> String {
    job.result.reasons.join("\n")
}

pub fn gate_annotations(job: &GateJob) -> String {
    format!("::notice::{}", job.result.reasons.join(" "))
}
