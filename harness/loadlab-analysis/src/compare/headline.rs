//! What a comparison shows, in a sentence.

use super::{Change, LatencyChange};
use crate::words::{number, value_text};

/// The percentiles that a sentence can hold.
const TOLD: [&str; 3] = ["p50", "p95", "p99"];

/// What rose and fell.
pub(super) fn sentence(response: &LatencyChange, measures: &[Change]) -> String {
    let told = response.percentiles.iter().filter(|change| TOLD.contains(&change.measure.as_str()));
    let all: Vec<&Change> = told.chain(measures).collect();
    let shown: Vec<String> =
        all.iter().filter(|change| change.is_shown()).filter_map(|change| words(change)).collect();
    if !shown.is_empty() {
        return format!("A difference is shown: {}.", shown.join("; "));
    }
    if all.iter().any(|change| change.interval.is_some()) {
        return "No difference is shown: every interval contains 0.".to_owned();
    }
    let differ: Vec<String> = all
        .iter()
        .filter(|change| change.difference.is_some_and(|difference| difference != 0.0))
        .filter_map(|change| words(change))
        .collect();
    if differ.is_empty() {
        return "Both sides gave the same, and without intervals nothing is shown.".to_owned();
    }
    format!("Without intervals nothing is shown; what was measured: {}.", differ.join("; "))
}

/// `p95 fell by 1.2 s (0.9 s to 1.5 s)`, without the interval where there is none.
fn words(change: &Change) -> Option<String> {
    let by = change.difference?;
    let share = change.unit == "share";
    let text = |value: f64| if share { number(value * 100.0) } else { value_text(value, &change.unit) };
    let points = if share { " percentage points" } else { "" };
    let verb = if by > 0.0 { "rose" } else { "fell" };
    let range = change.interval.map(|(low, high)| {
        let (least, most) = if by > 0.0 { (low, high) } else { (-high, -low) };
        format!(" ({} to {})", text(least), text(most))
    });
    Some(format!("{} {verb} by {}{points}{}", change.measure, text(by.abs()), range.unwrap_or_default()))
}
