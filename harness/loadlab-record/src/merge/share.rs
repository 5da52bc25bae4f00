//! Shares of a load: one shape with different amounts, and their sum.

use loadlab_scenario::{
    plan::{Load, RateStage, UserStage},
    quantity::Rate,
};

/// Whether two loads differ in nothing but how much they are.
pub(super) fn same_shape(one: &Load, other: &Load) -> bool {
    match (one, other) {
        (Load::Burst { within: one, .. }, Load::Burst { within: other, .. }) => one == other,
        (Load::Users { stages, think }, Load::Users { stages: others, think: other_think }) => {
            let times = |stages: &[UserStage]| -> Vec<_> {
                stages.iter().map(|stage| (stage.ramp, stage.hold)).collect()
            };
            think == other_think && times(stages) == times(others)
        }
        (Load::Arrivals { stages, process }, Load::Arrivals { stages: others, process: other_process }) => {
            let times = |stages: &[RateStage]| -> Vec<_> { stages.iter().map(|stage| stage.over).collect() };
            process == other_process && times(stages) == times(others)
        }
        _ => false,
    }
}

/// The whole of which these are shares. They are added in the order given, so that the sum does not depend
/// on which runs were merged first. `None` if there is none, or if it is more than a plan may hold.
pub(super) fn sum<'a>(mut shares: impl Iterator<Item = &'a Load>) -> Option<Load> {
    let first = shares.next()?.clone();
    shares.try_fold(first, |sum, share| add(&sum, share))
}

fn add(one: &Load, other: &Load) -> Option<Load> {
    match (one, other) {
        (Load::Burst { users, within }, Load::Burst { users: more, .. }) => {
            Some(Load::Burst { users: users.checked_add(*more)?, within: *within })
        }
        (Load::Users { stages, think }, Load::Users { stages: others, .. }) => {
            let both = stages.iter().zip(others);
            let stages = both
                .map(|(one, other)| Some(UserStage { users: one.users.checked_add(other.users)?, ..*one }));
            Some(Load::Users { stages: stages.collect::<Option<_>>()?, think: think.clone() })
        }
        (Load::Arrivals { stages, process }, Load::Arrivals { stages: others, .. }) => {
            let both = stages.iter().zip(others);
            let stages = both.map(|(one, other)| {
                let sum = |one: Rate, other: Rate| Rate::try_new(one.per_second() + other.per_second()).ok();
                Some(RateStage { from: sum(one.from, other.from)?, to: sum(one.to, other.to)?, ..*one })
            });
            Some(Load::Arrivals { stages: stages.collect::<Option<_>>()?, process: *process })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_clock::Distribution;
    use loadlab_scenario::plan::{Process, Think};

    use super::*;

    fn users(users: u32, ramp_s: u64) -> Load {
        let (ramp, hold) = (Duration::from_secs(ramp_s), Duration::from_secs(9));
        let think = Think::of(Distribution::Constant(Duration::from_secs(1)));
        Load::Users { stages: vec![UserStage { users, ramp, hold }], think }
    }

    fn arrivals(from: f64, to: f64, process: Process) -> Load {
        let rate = |per_second| Rate::try_new(per_second).expect("a rate");
        let over = Duration::from_secs(5);
        Load::Arrivals { stages: vec![RateStage { from: rate(from), to: rate(to), over }], process }
    }

    fn burst(users: u32) -> Load {
        Load::Burst { users, within: Duration::ZERO }
    }

    #[test]
    fn shares_of_every_kind_of_load_add_up() {
        let sum = |shares: &[Load]| sum(shares.iter());
        assert_eq!(sum(&[burst(30), burst(70), burst(1)]), Some(burst(101)));
        assert_eq!(sum(&[users(30, 2), users(12, 2)]), Some(users(42, 2)));
        let poisson = |from, to| arrivals(from, to, Process::Poisson);
        assert_eq!(sum(&[poisson(1.0, 8.0), poisson(2.0, 16.0)]), Some(poisson(3.0, 24.0)));
        assert_eq!(sum(&[burst(u32::MAX), burst(1)]), None, "no plan holds so many");
        assert_eq!(sum(&[poisson(9e6, 1.0), poisson(9e6, 1.0)]), None, "nor so much");
    }

    #[test]
    fn only_the_amount_may_differ() {
        assert!(same_shape(&burst(1), &burst(2)));
        assert!(!same_shape(&burst(1), &users(1, 2)));
        assert!(!same_shape(&users(1, 2), &users(1, 3)));
        let (even, poisson) = (arrivals(1.0, 1.0, Process::Uniform), arrivals(1.0, 1.0, Process::Poisson));
        assert!(!same_shape(&even, &poisson) && same_shape(&even, &arrivals(2.0, 5.0, Process::Uniform)));
    }
}
