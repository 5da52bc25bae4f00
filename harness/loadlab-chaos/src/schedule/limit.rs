//! Limits of processes, and which instances of a role a fault acts on.
//!
//! Whoever started the processes keeps the limits: it is their parent, and outlives the harness.

use std::time::{Duration, Instant};

use loadlab_clock::{Seed, Sleeper};
use loadlab_record::Touched;
use loadlab_scenario::{
    fault::{Limit, instances_of_share, is_instance_of},
    quantity::Share,
};
use rand::seq::SliceRandom as _;
use tokio::sync::oneshot;

use super::{LimitAnswer, LimitState, ProcessChange, ProcessCommand, Reach};
use crate::control::CallError;

/// Longest real time for a limit to be set or lifted: nothing in it waits.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Limits that are set.
#[derive(Debug)]
pub(super) struct LimitGuard {
    fault: String,
    roles: Vec<String>,
    limit: Limit,
    reach: Reach,
}

impl LimitGuard {
    /// Sets it for each of the processes, and tells by what it is kept.
    pub(super) async fn begin(
        fault: &str,
        roles: Vec<String>,
        limit: Limit,
        reach: &Reach,
    ) -> Result<Self, CallError> {
        let mut guard = Self { fault: fault.to_owned(), roles: Vec::new(), limit, reach: reach.clone() };
        for role in roles {
            match guard.ask(&role, |answer| ProcessChange::Limit(limit, answer)).await {
                Ok(state) => guard.tell(&role, &state),
                Err(error) => {
                    // What was set before is not to stay.
                    let _ = guard.heal().await;
                    return Err(error);
                }
            }
            guard.roles.push(role);
        }
        Ok(guard)
    }

    /// Lifts it, and says how many processes had met it.
    pub(super) async fn heal(mut self) -> Result<Touched, CallError> {
        let mut touched = Touched::default();
        let mut failed = None;
        for role in std::mem::take(&mut self.roles) {
            match self.ask(&role, |answer| ProcessChange::Unlimit(self.limit, answer)).await {
                Ok(state) => {
                    self.tell(&role, &state);
                    touched.processes += u64::from(state.met);
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(touched), Err)
    }

    fn tell(&self, role: &str, state: &LimitState) {
        self.reach.note(format!("{}: {role} {}", self.fault, state.how));
    }

    async fn ask(
        &self,
        role: &str,
        what: impl FnOnce(LimitAnswer) -> ProcessChange,
    ) -> Result<LimitState, CallError> {
        let (sender, answer) = oneshot::channel();
        let command = ProcessCommand { role: role.to_owned(), what: what(sender) };
        let failed = |reason: String| CallError::Failed { reason: format!("{role} {reason}") };
        self.reach.processes.send(command).map_err(|_| failed("is gone".to_owned()))?;
        match Sleeper::shared().timeout(Instant::now() + TIMEOUT, answer).await {
            Ok(Ok(state)) => state.map_err(failed),
            Ok(Err(_)) => Err(failed("is gone".to_owned())),
            Err(_) => Err(failed(format!("has no answer about its limit within {TIMEOUT:?}"))),
        }
    }
}

/// The processes that a fault acts on: those of a name or a role, or a share of them, at least one.
/// The choice is a function of the seed and of which fault in which round it is.
pub(super) fn instances(
    processes: &[String],
    role: &str,
    share: Option<Share>,
    randomness: Seed,
    (number, round): (usize, usize),
) -> Vec<String> {
    let mut all: Vec<String> =
        processes.iter().filter(|process| is_instance_of(process, role)).cloned().collect();
    let Some(share) = share else { return all };
    let count = instances_of_share(all.len(), share);
    all.shuffle(&mut randomness.stream("instances", number as u64, round as u64));
    all.truncate(count);
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(count: usize, percent: f64, round: usize) -> Vec<String> {
        let mut processes: Vec<String> = (0..count).map(|n| format!("model-node-{n}")).collect();
        processes.push("redis".to_owned());
        let share = Share::try_new(percent / 100.0).expect("a share");
        instances(&processes, "model-node", Some(share), Seed::new(7), (0, round))
    }

    #[test]
    fn a_share_of_the_instances_is_at_least_one_and_the_seeds_choice() {
        assert_eq!([chosen(4, 50.0, 0).len(), chosen(3, 1.0, 0).len(), chosen(4, 100.0, 0).len()], [2, 1, 4]);
        assert_eq!(chosen(40, 50.0, 0), chosen(40, 50.0, 0));
        assert_ne!(chosen(40, 50.0, 0), chosen(40, 50.0, 1), "another round, another half");
        assert!(chosen(40, 100.0, 0).iter().all(|process| process.starts_with("model-node-")));
    }

    #[test]
    fn without_a_share_a_role_means_all_its_instances_and_a_name_itself() {
        let processes = ["service-0", "service-1", "gateway-0"].map(str::to_owned);
        let named = |role| instances(&processes, role, None, Seed::new(1), (0, 0));
        assert_eq!(named("service"), ["service-0", "service-1"]);
        assert_eq!(named("service-1"), ["service-1"]);
        assert_eq!(named("serv"), [] as [String; 0]);
    }
}
