//! What a trial at the fixed load showed: the values that [`secondary`](super::secondary) compares, and what
//! the target used.
//!
//! Percentiles of each step's response, the first event and the gaps of its streams, and the share of errors.
//! Run files are large, so the few numbers are taken out of each as it comes.

use std::collections::BTreeMap;

use loadlab_clock::Speed;
use loadlab_record::{Histogram, RunFile, StepWindow};

use super::{Measured, Scale, Usage, cost};
use crate::compare;

/// Percentiles of a step's response.
const OF_RESPONSE: [f64; 3] = [50.0, 95.0, 99.0];
/// The percentile of the first event, and of the gaps between events.
const OF_STREAM: f64 = 95.0;
/// So many values must lie above a percentile, or it is the story of one of them.
const ABOVE_LEAST: f64 = 5.0;
/// The share of errors.
const ERRORS: &str = "errors";

/// The numbers of one trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// By the measure's name; times in seconds of scenario time.
    values: BTreeMap<String, f64>,
    /// What the target used.
    pub usage: Usage,
}

/// By how much head may be worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins {
    /// Of times and costs, as a share of base's.
    pub ratio: f64,
    /// Of shares, as a difference.
    pub difference: f64,
}

impl Seen {
    /// What a run showed, without its warm-up.
    pub fn of(run: &RunFile) -> Self {
        let steps = run.steps.iter().flat_map(|(name, step)| of_step(name, &step.total, run.speed));
        let ended = run.totals.completed + run.totals.failed;
        let errors = (ended > 0).then(|| run.totals.failed as f64 / ended as f64);
        let values = steps.chain(errors.map(|share| (ERRORS.to_owned(), share))).collect();
        Self { values, usage: compare::usage(run) }
    }
}

/// All measures of both sides, costs among them.
pub fn measured(base: &[Seen], head: &[Seen], margins: Margins) -> Vec<Measured> {
    let mut names: Vec<&String> = base.iter().chain(head).flat_map(|seen| seen.values.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let of_side = |name: &String, side: &[Seen]| -> Vec<f64> {
        side.iter().filter_map(|seen| seen.values.get(name).copied()).collect()
    };
    let measure = |name: &String| {
        let is_share = name == ERRORS;
        Measured {
            measure: name.clone(),
            unit: if is_share { "share" } else { "s" }.to_owned(),
            scale: if is_share { Scale::Difference } else { Scale::Ratio },
            margin: if is_share { margins.difference } else { margins.ratio },
            base: of_side(name, base),
            head: of_side(name, head),
        }
    };
    let usages = |side: &[Seen]| side.iter().map(|seen| seen.usage).collect::<Vec<Usage>>();
    let costs = cost::costs(&usages(base), &usages(head), margins.ratio);
    names.into_iter().map(measure).chain(costs).collect()
}

fn of_step(name: &str, step: &StepWindow, speed: Speed) -> Vec<(String, f64)> {
    let response = OF_RESPONSE.map(|percentile| (percentile, "", &step.response));
    let streams = [(OF_STREAM, ", first event", &step.first_event), (OF_STREAM, ", gaps", &step.event_gap)];
    let value = |(percentile, of_what, times): (f64, &str, &Histogram)| {
        let text = format!("p{percentile} of {name}{of_what}");
        Some((text, of_many(times, percentile, speed)?))
    };
    response.into_iter().chain(streams).filter_map(value).collect()
}

fn of_many(times: &Histogram, percentile: f64, speed: Speed) -> Option<f64> {
    let above = times.count() as f64 * (1.0 - percentile / 100.0);
    let value = (above >= ABOVE_LEAST).then(|| times.percentile(percentile, speed)).flatten();
    value.map(|value| value.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGINS: Margins = Margins { ratio: 0.1, difference: 0.005 };

    fn seen(values: &[(&str, f64)], completed: u64) -> Seen {
        let usage = Usage { completed, cpu_s: Some(1.0), peak_bytes: None };
        Seen { values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(), usage }
    }

    #[test]
    fn each_measure_has_a_value_of_every_trial_that_showed_it() {
        let base = [seen(&[("errors", 0.0), ("p95 of ask", 1.0)], 1_000), seen(&[("errors", 0.01)], 500)];
        let head = [seen(&[("errors", 0.0), ("p99 of ask", 2.0)], 1_000)];
        let all = measured(&base, &head, MARGINS);
        let told: Vec<(&str, &[f64], &[f64])> =
            all.iter().map(|one| (one.measure.as_str(), &one.base[..], &one.head[..])).collect();
        assert_eq!(
            told,
            [
                ("errors", &[0.0, 0.01][..], &[0.0][..]),
                ("p95 of ask", &[1.0], &[]),
                ("p99 of ask", &[], &[2.0]),
                ("CPU per 1,000 requests", &[1.0, 2.0], &[1.0]),
            ]
        );
        assert_eq!((all[0].scale, all[0].margin), (Scale::Difference, 0.005));
        assert_eq!((all[1].scale, all[1].margin), (Scale::Ratio, 0.1));
    }

    #[test]
    fn a_percentile_is_told_of_enough_values_only() {
        let mut step = StepWindow::default();
        (1..=200_u64).for_each(|ms| step.response.record(std::time::Duration::from_millis(ms)));
        let told: Vec<String> =
            of_step("ask", &step, Speed::REAL).into_iter().map(|(name, _)| name).collect();
        // Ten of 200 are above the 95th percentile, and two above the 99th.
        assert_eq!(told, ["p50 of ask", "p95 of ask"]);
    }
}
