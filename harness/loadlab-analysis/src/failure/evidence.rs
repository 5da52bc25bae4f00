//! A number beside its threshold: what a rule consists of.

use loadlab_record::Evidence;

use crate::words::value_text;

/// A number that must be at least the threshold.
pub(super) fn at_least(name: &str, value: Option<f64>, unit: &str, threshold: f64) -> Evidence {
    compared(name, value, unit, "at least", threshold, |value| value >= threshold)
}

/// A number that must be at most the threshold.
pub(super) fn at_most(name: &str, value: Option<f64>, unit: &str, threshold: f64) -> Evidence {
    compared(name, value, unit, "at most", threshold, |value| value <= threshold)
}

/// A number that decides nothing.
pub(super) fn told(name: &str, value: Option<f64>, unit: &str) -> Evidence {
    Evidence {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        compare: String::new(),
        threshold: None,
        met: None,
    }
}

fn compared(
    name: &str,
    value: Option<f64>,
    unit: &str,
    compare: &str,
    threshold: f64,
    met: impl Fn(f64) -> bool,
) -> Evidence {
    let met = value.map(met);
    Evidence { compare: compare.to_owned(), threshold: Some(threshold), met, ..told(name, value, unit) }
}

/// Whether it must be met.
pub(super) const fn decides(evidence: &Evidence) -> bool {
    evidence.threshold.is_some()
}

/// Why a number speaks against a mode, in words.
pub(super) fn against(evidence: &Evidence) -> String {
    let text = |value: f64| match evidence.unit.as_str() {
        "times" => format!("{} times", value_text(value, "")),
        unit => value_text(value, unit),
    };
    match (evidence.value, evidence.threshold) {
        (None, _) => format!("it is not known: {}", evidence.name),
        (Some(value), Some(threshold)) => {
            format!("{} is {}, not {} {}", evidence.name, text(value), evidence.compare, text(threshold))
        }
        (Some(value), None) => format!("{} is {}", evidence.name, text(value)),
    }
}
