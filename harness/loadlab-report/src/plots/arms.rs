//! Plots of control and experiment beside each other, of a run whose users were split.

use loadlab_record::{Histogram, RunFile, Window};
use loadlab_scenario::arms::Arm;

use super::{Missing, Plot, frame::Frame};
use crate::{
    chart::{Axis, Layer},
    series::{self, Stretch},
};

/// Stretches at most: half as many arrivals each as in the other plots, so longer ones.
const STRETCHES_MAX: usize = 40;
/// Of each arm the lines that are drawn, with their classes.
const DRAWN: [(Arm, f64, &str, &str); 4] = [
    (Arm::Control, 95.0, "control p95", "s1 strong"),
    (Arm::Experiment, 95.0, "experiment p95", "s3 strong"),
    (Arm::Control, 50.0, "control p50", "s1 dashed"),
    (Arm::Experiment, 50.0, "experiment p50", "s3 dashed"),
];

/// Response time percentiles of both arms over time.
pub(super) fn latency(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let stretches = stretches(run)?;
    let line = |(arm, percentile, label, class): (Arm, f64, &str, &'static str)| {
        let point = |stretch: &Stretch| {
            let response = response(&stretch.merged, arm);
            let value = response.percentile(percentile, run.speed).map(|value| value.as_secs_f64());
            (stretch.middle_s(), value)
        };
        Layer::line(label, class, stretches.iter().map(point).collect())
    };
    let layers: Vec<Layer> = DRAWN.into_iter().map(line).collect();
    let highest = layers.iter().map(Layer::highest).fold(0.0, f64::max);
    let y = Axis::seconds("response time", highest);
    let note =
        "From due to the final outcome, by the time at which it ended. The faults act in the experiment.";
    let note =
        if run.plan.faults.is_empty() { note.split_inclusive(". ").next().unwrap_or(note) } else { note };
    let chart = frame.chart("arms", "Control and experiment", y, layers);
    Ok(Plot { chart, note: note.trim_end().to_owned() })
}

/// The share of both arms' arrivals that failed, over time, if any did.
pub(super) fn errors(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let stretches = stretches(run)?;
    let line = |arm: Arm, label: &str, class| {
        let point = |stretch: &Stretch| {
            let of_arm = stretch.merged.arms.iter().filter(|cohort| cohort.arm == arm);
            let (failed, all) = of_arm
                .fold((0, 0), |sum, cohort| (sum.0 + cohort.ended.not_ok(), sum.1 + cohort.ended.total()));
            (stretch.middle_s(), (all > 0).then(|| failed as f64 / all as f64 * 100.0))
        };
        Layer::line(label, class, stretches.iter().map(point).collect())
    };
    let layers =
        vec![line(Arm::Control, "control", "s1 strong"), line(Arm::Experiment, "experiment", "s3 strong")];
    let highest = layers.iter().map(Layer::highest).fold(0.0, f64::max);
    if highest <= 0.0 {
        return Err(Missing::NotAsked);
    }
    let y = Axis::numbers("per cent of arrivals", highest);
    let chart = frame.chart("arms-errors", "Control and experiment: failed", y, layers);
    Ok(Plot { chart, note: "Of the arrivals that ended in a stretch, those that failed.".to_owned() })
}

/// None for a run whose users were not split, or of whom nothing ended.
fn stretches(run: &RunFile) -> Result<Vec<Stretch>, Missing> {
    let stretches = series::stretches_at_most(run, STRETCHES_MAX);
    let any = run.plan.arms.is_some() && stretches.iter().any(|stretch| !stretch.merged.arms.is_empty());
    if any { Ok(stretches) } else { Err(Missing::NotAsked) }
}

fn response(window: &Window, arm: Arm) -> Histogram {
    let of_arm = window.arms.iter().filter(|cohort| cohort.arm == arm);
    Histogram::sum(of_arm.flat_map(|cohort| [&cohort.response_ok, &cohort.response_failed]))
}
