//! When the arrivals of an open load are due: a pure function of the plan.
//!
//! Arrival `n` comes where the expected number of arrivals, the integral of the rate, reaches `n + ½`
//! (uniform), or the sum of `n + 1` draws from the unit exponential (Poisson). One integral serves
//! constant rates, ramps and stages alike.

use loadlab_clock::{Distribution, Offset};
use loadlab_scenario::plan::{Load, Plan, Process, RateStage};
use std::time::Duration;

/// One scheduled want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Position in the schedule, from 0.
    pub seq: u64,
    /// When it is due, in scenario time.
    pub due: Offset,
}

/// The arrivals of an open load, in order. A closed load has none: its users decide.
pub fn schedule(plan: &Plan) -> impl Iterator<Item = Arrival> + Send + use<> {
    let dues: Box<dyn Iterator<Item = Offset> + Send> = match &plan.load {
        Load::Users { .. } => Box::new(std::iter::empty()),
        Load::Burst { users, within } => Box::new(burst(*users, *within)),
        Load::Arrivals { stages, process } => {
            let stages = stages.clone();
            match process {
                Process::Uniform => Box::new(at_levels(stages, (0_u64..).map(|n| n as f64 + 0.5))),
                Process::Poisson => Box::new(at_levels(stages, unit_poisson(plan))),
            }
        }
    };
    dues.zip(0..).map(|(due, seq)| Arrival { seq, due })
}

/// When the last arrival may be due: the end of the load, without the drain. In scenario time.
pub(crate) fn end_of_load(load: &Load) -> Offset {
    Offset::from_duration(match load {
        Load::Burst { within, .. } => *within,
        Load::Users { stages, .. } => stages.iter().map(|stage| stage.ramp + stage.hold).sum(),
        Load::Arrivals { stages, .. } => stages.iter().map(|stage| stage.over).sum(),
    })
}

fn burst(users: u32, within: Duration) -> impl Iterator<Item = Offset> + Send {
    let gap = within.as_secs_f64() / f64::from(users.max(1));
    (0..users).map(move |n| offset(gap * f64::from(n)))
}

/// Points of a Poisson process of rate 1.
fn unit_poisson(plan: &Plan) -> impl Iterator<Item = f64> + Send + use<> {
    let mut rng = plan.seed.stream("arrivals", 0, 0);
    let gap = Distribution::Exponential { mean: Duration::from_secs(1) };
    let mut sum = 0.0;
    std::iter::repeat_with(move || {
        sum += gap.sample(&mut rng).as_secs_f64();
        sum
    })
}

/// The times at which the integral of the rate reaches each of `levels`, which rise.
fn at_levels(
    stages: Vec<RateStage>,
    levels: impl Iterator<Item = f64> + Send,
) -> impl Iterator<Item = Offset> + Send {
    let mut stages = stages.into_iter();
    let mut current = stages.next();
    // What the stages before `current` added: seconds, and expected arrivals.
    let (mut began, mut before) = (0.0, 0.0);
    levels.map_while(move |level| {
        loop {
            let stage = current?;
            let (seconds, expected) = (stage.over.as_secs_f64(), expected(&stage));
            if level < before + expected {
                return Some(offset(began + time_in(&stage, level - before)));
            }
            began += seconds;
            before += expected;
            current = stages.next();
        }
    })
}

/// Expected arrivals of a whole stage.
fn expected(stage: &RateStage) -> f64 {
    f64::midpoint(stage.from.per_second(), stage.to.per_second()) * stage.over.as_secs_f64()
}

/// Seconds into the stage at which `level` arrivals are expected.
fn time_in(stage: &RateStage, level: f64) -> f64 {
    let seconds = stage.over.as_secs_f64();
    let from = stage.from.per_second();
    let slope = (stage.to.per_second() - from) / seconds;
    // The root of from·t + slope·t²/2 = level, in the form that does not cancel.
    let root = (from * from + 2.0 * slope * level).max(0.0).sqrt();
    let denominator = from + root;
    if denominator > 0.0 { (2.0 * level / denominator).min(seconds) } else { 0.0 }
}

fn offset(seconds: f64) -> Offset {
    Offset::from_micros((seconds * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_clock::Seed;
    use loadlab_scenario::{plan::RateStage, quantity::Rate};
    use proptest::prelude::*;

    use super::*;

    fn stage(from: f64, to: f64, seconds: f64) -> RateStage {
        RateStage {
            from: Rate::try_new(from).expect("a rate"),
            to: Rate::try_new(to).expect("a rate"),
            over: Duration::from_secs_f64(seconds),
        }
    }

    fn dues(stages: &[RateStage], process: Process, seed: u64) -> Vec<f64> {
        let load = Load::Arrivals { stages: stages.to_vec(), process };
        schedule(&crate::program::tests::plan(load, Seed::new(seed)))
            .map(|arrival| arrival.due.as_secs_f64())
            .collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let dues = dues(&[stage(4.0, 4.0, 2.0)], Process::Uniform, 1);
        assert_eq!(dues, [0.125, 0.375, 0.625, 0.875, 1.125, 1.375, 1.625, 1.875]);
    }

    #[test]
    fn a_ramp_has_half_of_its_arrivals_in_its_last_thirty_per_cent() {
        // The integral of a ramp from 0 grows with t², so half of it lies beyond 1/√2.
        let dues = dues(&[stage(0.0, 100.0, 10.0)], Process::Uniform, 1);
        assert_eq!(dues.len(), 500);
        let late = dues.iter().filter(|due| **due > 10.0 / 2.0_f64.sqrt()).count();
        assert_eq!(late, 250);
    }

    #[test]
    fn a_pause_between_stages_has_no_arrivals() {
        let dues = dues(
            &[stage(10.0, 10.0, 1.0), stage(0.0, 0.0, 5.0), stage(10.0, 10.0, 1.0)],
            Process::Uniform,
            1,
        );
        assert_eq!(dues.len(), 20);
        assert!(dues.iter().all(|due| *due < 1.0 || *due > 6.0));
    }

    #[test]
    fn a_burst_of_a_hundred_is_due_at_once() {
        let load = Load::Burst { users: 100, within: Duration::ZERO };
        let plan = crate::program::tests::plan(load, Seed::new(1));
        assert!(schedule(&plan).all(|arrival| arrival.due == Offset::ZERO));
        assert_eq!(schedule(&plan).count(), 100);
    }

    #[test]
    fn poisson_gaps_vary_as_exponential_ones_do() {
        let dues = dues(&[stage(1_000.0, 1_000.0, 20.0)], Process::Poisson, 3);
        let gaps: Vec<f64> = dues.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!((variation - 1.0).abs() < 0.05, "coefficient of variation {variation}");
    }

    fn stages() -> impl Strategy<Value = Vec<RateStage>> {
        let one = (0.0..200.0_f64, 0.0..200.0_f64, 0.01..20.0_f64)
            .prop_map(|(from, to, seconds)| stage(from, to, seconds));
        proptest::collection::vec(one, 1..5)
    }

    proptest! {
        #[test]
        fn arrivals_are_monotone_and_within_the_load(stages in stages(), seed: u64, poisson: bool) {
            let process = if poisson { Process::Poisson } else { Process::Uniform };
            let dues = dues(&stages, process, seed);
            let length: f64 = stages.iter().map(|stage| stage.over.as_secs_f64()).sum();
            prop_assert!(dues.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(dues.iter().all(|due| *due <= length + 1e-6));
        }

        #[test]
        fn the_number_of_uniform_arrivals_is_the_integral_of_the_rate(stages in stages()) {
            let integral: f64 = stages.iter().map(expected).sum();
            let count = dues(&stages, Process::Uniform, 1).len() as f64;
            prop_assert!((count - integral).abs() <= 0.5 + 1e-6, "{} against {}", count, integral);
        }

        #[test]
        fn the_number_of_poisson_arrivals_is_near_the_integral(stages in stages(), seed: u64) {
            let integral: f64 = stages.iter().map(expected).sum();
            let count = dues(&stages, Process::Poisson, seed).len() as f64;
            // Six standard deviations.
            prop_assert!((count - integral).abs() <= 6.0 * integral.sqrt() + 6.0);
        }

        #[test]
        fn the_same_seed_gives_the_same_schedule(stages in stages(), seed: u64) {
            prop_assert_eq!(
                dues(&stages, Process::Poisson, seed),
                dues(&stages, Process::Poisson, seed)
            );
        }
    }
}
