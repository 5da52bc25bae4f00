//! A split run on the reference target: two service instances, control and experiment, of which the
//! gateway serves each arm with its own.

use std::fmt;

use loadlab_scenario::{
    Plan,
    arms::{Arms, EXPERIMENT_INSTANCE},
};
use target_service::profile::{Profile, ProfileError};

/// Instances of a split target: one for each arm.
const INSTANCES: usize = 2;

/// A profile that cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyInstances {
    /// What it has.
    pub instances: usize,
}

impl fmt::Display for TooManyInstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the profile has {} service instances, and with arms each arm is served by one: \
             service.instances is 1 or 2",
            self.instances
        )
    }
}

impl std::error::Error for TooManyInstances {}

/// The profile of the whole target, with an instance for each arm if users are split.
pub(super) fn split(plan: &Plan, profile: Profile) -> Result<Profile, TooManyInstances> {
    let instances = profile.service.instances;
    match &plan.arms {
        None => Ok(profile),
        Some(_) if instances > INSTANCES => Err(TooManyInstances { instances }),
        Some(_) => {
            let mut profile = profile;
            profile.service.instances = INSTANCES;
            Ok(profile)
        }
    }
}

/// The profile of the experiment's instance, where it has settings of its own.
pub(super) fn experiment(plan: &Plan, profile: &Profile) -> Result<Option<Profile>, ProfileError> {
    match &plan.arms {
        Some(Arms { set, .. }) if !set.is_empty() => profile.with(set).map(Some),
        _ => Ok(None),
    }
}

/// Whether a role serves the experiment.
pub(super) fn is_experiment(role: &str) -> bool {
    role == EXPERIMENT_INSTANCE
}
