//! Arms: the users split into *control* and *experiment*, served at the same time.
//!
//! A *cohort* is a group of users of one arm. Cohorts are dealt out evenly, so that what differs from
//! user to user shows as a difference between cohorts, which an analysis can see.
//!
//! ```text
//!   (seed, user) --blocks of ten, a drawn order within each--> arm --dealt out in turn--> cohort
//! ```
//!
//! Blocks keep the arms balanced however many users there are (permuted blocks, as clinical trials use
//! them): 50 % of ten users are five, not any number that chance gives, and half of the load really
//! goes to each instance. Who the five are is drawn.

use std::{collections::BTreeMap, fmt};

use loadlab_clock::Seed;
use rand::{Rng as _, RngExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{fault::Fault, quantity::Share};

/// Users among whom the share of the experiment is kept. Small, so that the first users who come are
/// split as all are; not two, so that a user's neighbour tells little of its arm.
const BLOCK: u32 = 10;
/// Cohorts of an arm. Enough to see how they differ, few enough that each has many arrivals.
const COHORTS: u32 = 16;

/// The header that carries a user's arm with every request.
pub const HEADER: &str = "x-loadlab-arm";
/// The service instance of the reference target that serves the experiment; control has the first.
pub const EXPERIMENT_INSTANCE: &str = "service-1";
/// Who is at the upper end of the experiment's edge to a target that is not the run's own.
pub const EXPERIMENT_LOAD: &str = "load-experiment";

/// How the users are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arms {
    /// Share of the users in the experiment: above 0, below 1.
    pub experiment: Share,
    /// Settings of the experiment's instance, laid over the profile: dotted path to value, as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
}

/// One of the two.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Served as ever.
    Control,
    /// Served by what is broken or set otherwise.
    Experiment,
}

/// A group of users of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cohort {
    /// Its arm.
    pub arm: Arm,
    /// Its number within the arm, from 0.
    pub number: u8,
}

impl Arm {
    /// Both, control first.
    pub const BOTH: [Self; 2] = [Self::Control, Self::Experiment];

    /// Its name in files, headers and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Experiment => "experiment",
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Arms {
    /// The arm of a user: a function of `(seed, user)`, whatever the user does.
    pub fn arm_of(&self, seed: Seed, user: u32) -> Arm {
        self.block(seed, user / BLOCK)[(user % BLOCK) as usize]
    }

    /// The cohorts of the first `count` users.
    pub fn cohorts(&self, seed: Seed, count: u32) -> Vec<Cohort> {
        let mut dealt = BTreeMap::new();
        let blocks = (0..count.div_ceil(BLOCK)).flat_map(|block| self.block(seed, block));
        let cohort = |arm| {
            let turn: &mut u32 = dealt.entry(arm).or_default();
            let number = (*turn % COHORTS) as u8;
            *turn += 1;
            Cohort { arm, number }
        };
        blocks.take(count as usize).map(cohort).collect()
    }

    /// How many of the first `count` users are in control, and in the experiment.
    pub fn sizes(&self, seed: Seed, count: u32) -> (u32, u32) {
        let cohorts = self.cohorts(seed, count);
        let experiment = cohorts.iter().filter(|cohort| cohort.arm == Arm::Experiment).count() as u32;
        (count - experiment, experiment)
    }

    /// Whether a fault acts in the experiment and nowhere else.
    pub fn is_of_experiment(fault: &Fault) -> bool {
        let place = fault.what.place();
        let (from, to) = place.split_once('/').unwrap_or((&place, ""));
        [from, to].contains(&EXPERIMENT_INSTANCE) || from == EXPERIMENT_LOAD
    }

    /// The arms of the users of one block.
    fn block(&self, seed: Seed, block: u32) -> [Arm; BLOCK as usize] {
        // A share that is no whole number of a block's users is made up for over several blocks; where
        // that begins is drawn.
        let start: f64 = seed.stream("arms", 0, 0).random();
        let experiment_before =
            |users: u64| (users as f64 * self.experiment.get() + start + ROUNDING).floor() as u64;
        let first = u64::from(block) * u64::from(BLOCK);
        let quota = experiment_before(first + u64::from(BLOCK)) - experiment_before(first);
        let mut order: Vec<(u64, usize)> =
            (0..BLOCK as usize).map(|n| (seed.stream("arm", first + n as u64, 0).next_u64(), n)).collect();
        order.sort_unstable();
        let mut arms = [Arm::Control; BLOCK as usize];
        for (_, n) in order.into_iter().take(quota as usize) {
            arms[n] = Arm::Experiment;
        }
        arms
    }
}

/// What the product of a share and a number of users may fall short of a whole number.
const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arms(experiment: f64) -> Arms {
        Arms { experiment: Share::try_new(experiment).expect("a share"), set: BTreeMap::new() }
    }

    #[test]
    fn half_of_every_ten_users_are_in_the_experiment() {
        for seed in 0..50 {
            for count in [10, 20, 100, 1_000] {
                assert_eq!(arms(0.5).sizes(Seed::new(seed), count), (count / 2, count / 2));
            }
        }
    }

    #[test]
    fn who_is_in_the_experiment_depends_on_the_seed_and_on_nothing_that_can_be_guessed() {
        let of =
            |seed| -> Vec<Arm> { (0..200).map(|user| arms(0.5).arm_of(Seed::new(seed), user)).collect() };
        assert_ne!(of(1), of(2));
        // Of 199 pairs of neighbours 5 in 9 are in different arms within a block: some 110.
        let changes = of(1).windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((85..135).contains(&changes), "{changes} changes");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_arm_is_a_function_of_seed_and_user_whatever_the_number_of_users(
            seed: u64, share in 0.01_f64..0.99, count in 1_u32..300,
        ) {
            let seed = Seed::new(seed);
            let cohorts = arms(share).cohorts(seed, count);
            prop_assert_eq!(cohorts.len(), count as usize);
            for (user, cohort) in (0..).zip(&cohorts) {
                prop_assert_eq!(cohort.arm, arms(share).arm_of(seed, user));
            }
            let (_, experiment) = arms(share).sizes(seed, count);
            // Whole blocks are exact to one user, and a begun block may be all of one arm.
            let off = (f64::from(experiment) - f64::from(count) * share).abs();
            prop_assert!(off < 1.0 + f64::from(BLOCK), "{} of {} at {}", experiment, count, share);
            let whole = count / BLOCK * BLOCK;
            let (_, experiment) = arms(share).sizes(seed, whole);
            prop_assert!((f64::from(experiment) - f64::from(whole) * share).abs() <= 1.0 + 1e-6);
        }

        #[test]
        fn cohorts_of_an_arm_are_equal_in_size_to_one_user(seed: u64, count in 40_u32..400) {
            let mut sizes: BTreeMap<Cohort, u32> = BTreeMap::new();
            for cohort in arms(0.5).cohorts(Seed::new(seed), count) {
                *sizes.entry(cohort).or_default() += 1;
            }
            for arm in Arm::BOTH {
                let of: Vec<u32> =
                    sizes.iter().filter(|(cohort, _)| cohort.arm == arm).map(|(_, size)| *size).collect();
                prop_assert!(of.iter().max().zip(of.iter().min()).is_some_and(|(most, least)| most - least <= 1));
            }
        }
    }
}
