//! What a target needs for its work: CPU and memory per 1,000 completed requests.
//!
//! A *bound* is a number that somebody wrote down; head is held against it by the median of its trials, which
//! one spoilt trial does not move. Against base there is a margin, and costs are measures like any other
//! ([`costs`]). Memory per 1,000 requests compares trials of one length and load only: a longer trial
//! completes more with the same memory.

use serde::{Deserialize, Serialize};

use super::{Measured, Scale, student::median};
use crate::words::number;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Seconds of CPU, over all threads and processes of the target.
    CpuSeconds,
    /// The most memory that it held, in bytes.
    PeakMemory,
}

/// What the target needed in one trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Requests that it completed.
    pub completed: u64,
    /// Seconds of CPU; none if it was not measured.
    pub cpu_s: Option<f64>,
    /// Peak memory in bytes; none if it was not measured.
    pub peak_bytes: Option<f64>,
}

/// The most that is allowed per 1,000 completed requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Of what.
    pub cost: Cost,
    /// Seconds or bytes.
    pub at_most: f64,
}

/// Head against a bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundResult {
    /// Of what.
    pub cost: Cost,
    /// The median over head's trials, per 1,000 completed requests.
    pub value: Option<f64>,
    /// The most that is allowed.
    pub at_most: f64,
    /// Whether it holds. A bound on what was not measured does not.
    pub holds: bool,
    /// That in a sentence.
    pub sentence: String,
}

impl Cost {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CpuSeconds => "CPU per 1,000 requests",
            Self::PeakMemory => "peak memory per 1,000 requests",
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Self::CpuSeconds => crate::seconds_text(value),
            Self::PeakMemory => format!("{} MiB", number(value / f64::from(1 << 20))),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::CpuSeconds => "s",
            Self::PeakMemory => "",
        }
    }

    /// Per 1,000 completed requests, of a trial that completed some.
    pub fn of(self, usage: &Usage) -> Option<f64> {
        let used = match self {
            Self::CpuSeconds => usage.cpu_s,
            Self::PeakMemory => usage.peak_bytes,
        };
        used.filter(|_| usage.completed > 0).map(|used| used * 1_000.0 / usage.completed as f64)
    }
}

/// Head's trials against each bound.
pub fn bounds(head: &[Usage], bounds: &[Bound]) -> Vec<BoundResult> {
    bounds.iter().map(|bound| held(head, *bound)).collect()
}

fn held(head: &[Usage], Bound { cost, at_most }: Bound) -> BoundResult {
    let values: Vec<f64> = head.iter().filter_map(|usage| cost.of(usage)).collect();
    let value = median(&values);
    let holds = value.is_some_and(|value| value <= at_most);
    let sentence = match value {
        None => format!("{} was not measured, so its bound does not hold.", cost.name()),
        Some(value) => format!(
            "{} is {}, {} {}.",
            cost.name(),
            cost.text(value),
            if holds { "within" } else { "over" },
            cost.text(at_most)
        ),
    };
    BoundResult { cost, value, at_most, holds, sentence }
}

/// The costs of both sides as measures; those that were measured nowhere are left out.
pub fn costs(base: &[Usage], head: &[Usage], margin: f64) -> Vec<Measured> {
    let values = |cost: Cost, side: &[Usage]| side.iter().filter_map(|usage| cost.of(usage)).collect();
    let of = |cost: Cost| Measured {
        measure: cost.name().to_owned(),
        unit: cost.unit().to_owned(),
        scale: Scale::Ratio,
        margin,
        base: values(cost, base),
        head: values(cost, head),
    };
    let both = [Cost::CpuSeconds, Cost::PeakMemory].map(of);
    both.into_iter().filter(|measure| !measure.base.is_empty() || !measure.head.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{SecondaryRules, secondary};

    fn usage(completed: u64, cpu_s: f64) -> Usage {
        Usage { completed, cpu_s: Some(cpu_s), peak_bytes: None }
    }

    #[test]
    fn the_median_trial_is_held_against_the_bound() {
        let head = [usage(2_000, 1.0), usage(1_000, 0.6), usage(1_000, 9.0), usage(0, 1.0)];
        let bound = |at_most| Bound { cost: Cost::CpuSeconds, at_most };
        let results =
            bounds(&head, &[bound(0.6), bound(0.59), Bound { cost: Cost::PeakMemory, at_most: 1e9 }]);
        assert_eq!(results.iter().map(|one| one.holds).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(results[0].sentence, "CPU per 1,000 requests is 600 ms, within 600 ms.");
        assert_eq!(results[1].sentence, "CPU per 1,000 requests is 600 ms, over 590 ms.");
        let silent = "peak memory per 1,000 requests was not measured, so its bound does not hold.";
        assert_eq!(results[2].sentence, silent);
    }

    #[test]
    fn against_base_a_cost_is_a_measure_with_a_margin() {
        let base = [1.0, 1.01, 0.99, 1.0].map(|cpu| usage(1_000, cpu));
        let head = [1.3, 1.31, 1.29, 1.3].map(|cpu| usage(1_000, cpu));
        let measures = costs(&base, &head, 0.1);
        assert_eq!(measures.len(), 1, "nobody measured the memory");
        assert!(secondary(&SecondaryRules::default(), &measures)[0].worse);
        assert!(!secondary(&SecondaryRules::default(), &costs(&base, &base, 0.1))[0].worse);
    }
}
