//! How the users are split: the arms themselves, and what of the rest of the file goes with them.

use std::collections::BTreeMap;

use loadlab_clock::Seed;

use super::{Builder, Read};
use crate::{
    arms::{Arms, EXPERIMENT_INSTANCE, EXPERIMENT_LOAD},
    fault::Fault,
    field::At,
    file::{ScenarioFile, arms::ArmsFile},
    plan::{Load, TargetPlan, Users},
    quantity::Share,
};

/// Share of the experiment where the file does not say: the difference is told best by equal halves.
const EXPERIMENT: f64 = 0.5;
/// Users that each arm has at least: what differs between users cannot be told from one.
const USERS_MIN: u32 = 2;
/// The part of a profile that each instance has of its own.
const OWN_SETTINGS: &str = "service.";

impl Builder<'_> {
    /// The split, if there is one.
    pub(super) fn arms(self, arms: Option<&At<ArmsFile>>, target: Option<&TargetPlan>) -> Read<Arms> {
        let Some(at) = arms else { return Some(None) };
        let file = at.value.as_ref()?;
        let default = Share::try_new(EXPERIMENT).ok()?;
        let experiment = self.or(file.experiment, default);
        if let (Some(share), Some(leaf)) = (experiment, file.experiment)
            && !(share.get() > 0.0 && share.get() < 1.0)
            && let Some(node) = leaf.node
        {
            self.refuse(node, "one of the arms would have no users", "a share above 0% and below 100%");
            return None;
        }
        let set = file.set.as_ref().map_or(Some(BTreeMap::new()), |set| self.settings(set));
        if let (Some(set), Some(values)) = (&set, &file.set) {
            for path in set.keys() {
                if !path.starts_with(OWN_SETTINGS) || path == "service.instances" {
                    let message = format!("`{path}` is not a setting of the experiment's instance alone");
                    self.refuse(values.node, message, "a setting of the service: `service.pool.max`");
                }
            }
            if matches!(target, Some(TargetPlan::Url { .. })) {
                let message = "a target that the run did not start has no settings";
                self.refuse(values.node, message, "`set` with a profile of the reference target");
            }
        }
        Some(Some(Arms { experiment: experiment?, set: set? }))
    }

    /// Each arm must have users.
    pub(super) fn check_arms_users(
        self,
        arms: &Arms,
        file: &ScenarioFile,
        seed: Option<Seed>,
        users: Option<&Users>,
        load: Option<&Load>,
    ) {
        let (Some(at), Some(seed), Some(users), Some(load)) = (&file.arms, seed, users, load) else { return };
        let there = load.users_max().map_or(users.count, |most| most.min(users.count));
        let (control, experiment) = arms.sizes(seed, there);
        if control.min(experiment) < USERS_MIN {
            let message =
                format!("of {there} users {experiment} would be in the experiment and {control} in control");
            self.refuse(at.node, message, format!("{USERS_MIN} users or more in each"));
        }
    }

    /// Faults must act in the experiment, unless the arms differ by their settings.
    pub(super) fn check_arms_faults(
        self,
        arms: &Arms,
        file: &ScenarioFile,
        faults: Option<&[Fault]>,
        target: Option<&TargetPlan>,
    ) {
        let written = file.faults.as_ref().and_then(|at| at.value.as_ref());
        let (Some(written), Some(faults)) = (written, faults) else { return };
        // A fault that could not be read is a mistake of its own.
        if !arms.set.is_empty() || written.len() != faults.len() {
            return;
        }
        let accepted = match target {
            Some(TargetPlan::Url { .. }) => format!("the edge `{EXPERIMENT_LOAD}/target`"),
            _ => format!("`{EXPERIMENT_INSTANCE}`, or an edge of it: `{EXPERIMENT_INSTANCE}/sql`"),
        };
        for (at, fault) in written.iter().zip(faults).filter(|(_, fault)| !Arms::is_of_experiment(fault)) {
            let message = format!(
                "`{}` acts at {}, which is not the experiment's alone",
                fault.name,
                fault.what.place()
            );
            self.refuse(at.node, message, accepted.clone());
        }
    }
}
