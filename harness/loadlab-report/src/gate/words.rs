//! Words and numbers that every part of a gate's report uses.

use loadlab_analysis::gate::{Decision, GateJob, Limits, Scale, Side, Why};
use loadlab_scenario::LoadAxis;

use crate::{figures, search::words};

/// More digits of a small probability say nothing.
const PROBABILITY_LEAST: f64 = 0.001;

/// A score, or a sum of them, with its sign: `-4.0`, `+1.4`, `0`.
pub(super) fn score(score: f64) -> String {
    let text = format!("{score:+.1}");
    if text.trim_start_matches(['+', '-']) == "0.0" { "0".to_owned() } else { text }
}

/// A change of a measure with its sign: of a ratio as a share, of shares in points.
pub(super) fn change(scale: Scale, change: f64) -> String {
    let sign = if change < 0.0 { "-" } else { "+" };
    let size = figures::share(change.abs());
    match scale {
        Scale::Ratio => format!("{sign}{size}"),
        Scale::Difference => format!("{sign}{} points", size.trim_end_matches(" %")),
    }
}

/// A probability: `0.034`, `<0.001`.
pub(super) fn probability(p: f64) -> String {
    if p < PROBABILITY_LEAST { format!("<{PROBABILITY_LEAST}") } else { figures::digits(p, 2) }
}

/// A ratio of two loads: `0.934`.
pub(super) fn ratio(ratio: f64) -> String {
    figures::digits(ratio, 3)
}

/// From the lowest to the highest load that was offered.
pub(super) fn loads(low: f64, high: f64, axis: LoadAxis) -> String {
    match (words::load(low, axis), words::load(high, axis)) {
        (low, high) if low == high => low,
        (low, high) => format!("{low} to {high}"),
    }
}

/// The build, as the job names it.
pub(super) fn build(job: &GateJob, side: Side) -> &str {
    match side {
        Side::Base => &job.base,
        Side::Head => &job.head,
    }
}

/// The smallest drop of the breaking point that is looked for.
pub(super) fn delta(limits: &Limits) -> f64 {
    match limits {
        Limits::Fast(rules) => rules.delta,
        Limits::Nightly(rules) => rules.delta,
    }
}

/// Whether it ended before it was decided.
pub(super) fn is_unfinished(decision: &Decision) -> bool {
    matches!(decision, Decision::Inconclusive { why: Why::EndedEarly, .. })
}

/// With a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_has_its_sign_and_nothing_has_none() {
        assert_eq!([-4.0, 1.386, -0.04, 0.0].map(score), ["-4.0", "+1.4", "0", "0"]);
    }

    #[test]
    fn a_change_of_shares_is_told_in_points() {
        assert_eq!(change(Scale::Ratio, -0.031), "-3.1 %");
        assert_eq!(change(Scale::Difference, 0.02), "+2 points");
        assert_eq!([0.034_4, 0.000_4].map(probability), ["0.034", "<0.001"]);
    }
}
