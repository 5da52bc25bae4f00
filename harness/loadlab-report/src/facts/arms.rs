//! Control and experiment side by side, as words.

use loadlab_record::{ArmResult, ArmsResult, Difference, RunFile};
use serde::Serialize;

use super::Tone;
use crate::figures;

/// The arms of a run whose users were split.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ArmsFacts {
    /// Whether a difference is shown, in a sentence.
    pub(crate) verdict: String,
    /// Nothing differs, or something does: neither is good or bad by itself.
    pub(crate) tone: Option<Tone>,
    /// Who is in each arm and what it came to, a line each.
    pub(crate) sides: Vec<String>,
    /// Each measure that is compared.
    pub(crate) rows: Vec<ArmsRow>,
    /// How sure the intervals are, and what to know before believing them.
    pub(crate) notes: Vec<String>,
}

/// One measure of the two arms.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ArmsRow {
    /// As objectives name it.
    pub(crate) measure: String,
    /// What it is.
    pub(crate) meaning: &'static str,
    /// In control.
    pub(crate) control: String,
    /// In the experiment.
    pub(crate) experiment: String,
    /// Experiment - control, with its sign.
    pub(crate) difference: String,
    /// Between what the true difference lies.
    pub(crate) interval: String,
    /// Whether that leaves out 0.
    pub(crate) shown: &'static str,
}

/// The arms in words, if the run has them.
pub(crate) fn facts(run: &RunFile) -> Option<ArmsFacts> {
    let arms = run.arms.as_ref()?;
    Some(ArmsFacts {
        verdict: arms.verdict.clone(),
        tone: arms.different.then_some(Tone::Warn),
        sides: vec![side("control", &arms.control), side("experiment", &arms.experiment)],
        rows: arms.differences.iter().map(row).collect(),
        notes: std::iter::once(intervals(arms)).chain(arms.cautions.iter().cloned()).collect(),
    })
}

fn side(name: &str, arm: &ArmResult) -> String {
    format!(
        "{name}: {} users, {} arrivals ended, {} /s of them well and in time",
        figures::count(u64::from(arm.users)),
        figures::count(arm.arrivals),
        figures::plain((arm.goodput * 100.0).round() / 100.0)
    )
}

fn intervals(arms: &ArmsResult) -> String {
    format!(
        "The intervals together contain the true differences with {}. They count that arrivals of one user \
         and of one moment resemble each other.",
        figures::share(arms.confidence)
    )
}

fn row(difference: &Difference) -> ArmsRow {
    let value = |value: Option<f64>| figures::observed(value, &[], &difference.unit);
    let interval = difference.interval.map_or_else(
        || "too few arrivals".to_owned(),
        |(low, high)| format!("{} to {}", signed(low, &difference.unit), signed(high, &difference.unit)),
    );
    ArmsRow {
        measure: difference.measure.clone(),
        meaning: meaning(&difference.measure),
        control: value(difference.control),
        experiment: value(difference.experiment),
        difference: difference
            .difference
            .map_or_else(|| figures::NOTHING.to_owned(), |value| signed(value, &difference.unit)),
        interval,
        shown: match difference.interval {
            None => "not told",
            Some(_) if difference.is_shown() => "yes",
            Some(_) => "no",
        },
    }
}

fn meaning(measure: &str) -> &'static str {
    match measure {
        "loss" => "failed, or later than the tightest objective",
        "errors" => "failed",
        _ => "response time",
    }
}

/// A difference with its sign; one of shares in percentage points.
fn signed(value: f64, unit: &str) -> String {
    let size = value.abs();
    let text = match unit {
        "share" => figures::share(size).replace(" %", " points"),
        unit => figures::quantity(size, unit),
    };
    figures::signed(value, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_sign_and_shares_differ_by_points() {
        let texts = [signed(0.123, "share"), signed(-0.5, "s"), signed(0.0, "share"), signed(1.25, "s")];
        assert_eq!(texts, ["+12.3 points", "−500 ms", "0 points", "+1.25 s"]);
    }
}
