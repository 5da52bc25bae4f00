//! The steady state in words: each condition before, during and after the faults.

use loadlab_record::{PeriodResult, RunFile, SteadyResult, Verdict};
use serde::Serialize;

use super::Tone;
use crate::figures;

/// One condition of the steady state.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SteadyRow {
    /// The line as written.
    pub(crate) name: String,
    /// Before the first fault.
    pub(crate) before: SteadyCell,
    /// While faults were on.
    pub(crate) during: SteadyCell,
    /// From the last healing to the end of the load.
    pub(crate) after: SteadyCell,
    /// How long after the last healing it held again, in words.
    pub(crate) recovered: String,
    /// What the verdict has against it; empty if nothing.
    pub(crate) note: String,
    /// Of the whole condition, for formats that tell passes from failures.
    #[serde(skip)]
    pub(crate) verdict: Verdict,
}

/// A condition in one period.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SteadyCell {
    /// What was observed.
    pub(crate) observed: String,
    /// `holds`, `does not hold`, `unknown`; empty without such a period.
    pub(crate) word: &'static str,
    /// Its tone.
    pub(crate) tone: Tone,
}

/// Each condition, in the plan's order.
pub(crate) fn rows(run: &RunFile) -> Vec<SteadyRow> {
    run.steady.iter().map(row).collect()
}

fn row(result: &SteadyResult) -> SteadyRow {
    let cell = |period: Option<&PeriodResult>| cell(result, period);
    SteadyRow {
        name: result.name.clone(),
        before: cell(Some(&result.before)),
        during: cell(result.during.as_ref()),
        after: cell(result.after.as_ref()),
        recovered: recovered(result),
        note: result.note.clone().unwrap_or_default(),
        verdict: result.verdict,
    }
}

fn cell(result: &SteadyResult, period: Option<&PeriodResult>) -> SteadyCell {
    let observed = period.and_then(|period| period.observed);
    let (word, tone) = match period.map(|period| period.holds) {
        None => ("", Tone::Warn),
        Some(None) => ("unknown", Tone::Warn),
        Some(Some(true)) => ("holds", Tone::Good),
        Some(Some(false)) => ("does not hold", Tone::Bad),
    };
    SteadyCell { observed: figures::observed(observed, &[result.bound], &result.unit), word, tone }
}

fn recovered(result: &SteadyResult) -> String {
    let held_during = result.during.as_ref().is_some_and(|during| during.holds == Some(true));
    match (result.after.as_ref().map(|after| after.holds), result.recovered_after_s) {
        (None, _) => figures::NOTHING.to_owned(),
        (Some(None), _) => "unknown".to_owned(),
        (Some(_), None) => "not by the end".to_owned(),
        (Some(_), Some(0.0)) if held_during => "it held".to_owned(),
        (Some(_), Some(0.0)) => "at once".to_owned(),
        (Some(_), Some(after_s)) => figures::seconds(after_s),
    }
}
