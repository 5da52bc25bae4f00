//! Conditions on a run beside its objectives: the steady state that faults are measured against, what
//! ends a run early, and how far faults may reach. Evaluation is in `loadlab-analysis`.

use std::{collections::BTreeSet, fmt, time::Duration};

use loadlab_clock::text::{format_duration, human_duration, optional_duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    fault::{Disturbance, Fault, instances_of_share, is_instance_of},
    objective::Objective,
    quantity::Share,
};

/// Beginnings of one fault that are looked at where faults that are on together are counted.
const BEGINNINGS_MAX: usize = 10_000;

/// What is normal: it must hold before the first fault, and shows how the faults were taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SteadyState {
    /// What must hold. None has a window, and none aborts.
    pub conditions: Vec<Objective>,
    /// They must hold while faults are on, too.
    pub tolerate: bool,
    /// They must hold again so long after the last fault was healed, and from then on.
    #[serde(with = "optional_duration")]
    #[schemars(with = "Option<String>")]
    pub recover_within: Option<Duration>,
    /// Length of the stretches in which recovery is looked for.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub window: Duration,
    /// Arrivals or requests below which nothing is said of a period.
    pub min_samples: u32,
}

/// Something that is looked for in the newest seconds while the run goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveCondition {
    /// What; its window is how long the newest stretch is.
    pub that: Objective,
    /// Arrivals or requests of the stretch below which nothing is said. Throughput and metrics need
    /// none.
    pub min_samples: u32,
}

/// How far faults may reach. What is not given is not limited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaxBlast {
    /// Share of the arrivals that may be lost while faults are on. Watched while the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Share>,
    /// Faults that may be on at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// The longest that a fault may last.
    #[serde(default, with = "optional_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub longest: Option<Duration>,
    /// Share of a role's instances that faults may act on at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Share>,
}

/// Faults that would act on more of a role's instances than is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct InstancesError {
    /// The role, without an instance's number.
    pub role: String,
    /// Instances that faults would act on at the same time.
    pub hit: usize,
    /// Instances that there are.
    pub all: usize,
    /// The limit.
    pub limit: Share,
    /// The fault with whose beginning it is passed.
    pub fault: String,
}

impl fmt::Display for InstancesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, hit, all, limit, fault } = self;
        let percent = limit.get() * 100.0;
        write!(
            f,
            "fault `{fault}`: with it faults act on {hit} of {all} instances of `{role}` at the same time, and \
             `max_blast` allows {percent}%"
        )
    }
}

impl std::error::Error for InstancesError {}

/// As it is written: `errors > 50% for 5s`.
impl fmt::Display for LiveCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.that.name)?;
        self.that.window.map_or(Ok(()), |window| write!(f, " for {}", format_duration(window)))
    }
}

impl MaxBlast {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the share of a role's instances, given the processes that there will be. A fault that
    /// waits for a condition may come at any time, so it counts beside every other.
    pub fn check_instances(
        &self,
        faults: &[Fault],
        processes: &[String],
        until: Duration,
    ) -> Result<(), InstancesError> {
        let Some(limit) = self.instances else { return Ok(()) };
        for fault in faults {
            let Some((role, _)) = acts_on(fault) else { continue };
            let role = base(role).to_owned();
            let all = processes.iter().filter(|process| base(process) == role).count();
            let hit = instances_hit(&with(faults, fault, until), &role, processes).min(all);
            if all > 0 && hit as f64 > limit.get() * all as f64 + 1e-9 {
                return Err(InstancesError { role, hit, all, limit, fault: fault.name.clone() });
            }
        }
        Ok(())
    }
}

/// The most faults of the schedule that are on at the same time, and one with whose beginning it is
/// so. Those that wait for a condition are not counted: the run sees to them.
pub fn most_at_once(faults: &[Fault], until: Duration) -> Option<(usize, &Fault)> {
    let scheduled: Vec<&Fault> = faults.iter().filter(|fault| fault.when.is_none()).collect();
    let counts = scheduled.iter().map(|fault| (with_scheduled(&scheduled, fault, until).len(), *fault));
    counts.reduce(|most, next| if next.0 > most.0 { next } else { most })
}

/// The faults that may be on when `fault` begins, itself among them.
fn with<'a>(faults: &'a [Fault], fault: &'a Fault, until: Duration) -> Vec<&'a Fault> {
    if fault.when.is_some() {
        return faults.iter().collect();
    }
    let scheduled: Vec<&Fault> = faults.iter().filter(|other| other.when.is_none()).collect();
    let mut found = with_scheduled(&scheduled, fault, until);
    found.extend(faults.iter().filter(|other| other.when.is_some()));
    found
}

/// The faults of the schedule that are on at that beginning of `fault` at which the most are.
fn with_scheduled<'a>(faults: &[&'a Fault], fault: &Fault, until: Duration) -> Vec<&'a Fault> {
    let on = |at: Duration| -> Vec<&'a Fault> {
        faults.iter().copied().filter(|other| is_on(other, at, until)).collect()
    };
    let beginnings = fault.beginnings(until).take(BEGINNINGS_MAX);
    beginnings.map(on).max_by_key(Vec::len).unwrap_or_default()
}

/// Whether a fault of the schedule is on at an instant. One that ends then is over.
fn is_on(fault: &Fault, at: Duration, until: Duration) -> bool {
    let Some(since) = at.checked_sub(fault.at).filter(|_| fault.at < until) else { return false };
    let into = match fault.every {
        Some(every) if !every.is_zero() => nanos(since.as_nanos() % every.as_nanos()),
        _ => since,
    };
    into < fault.lasts
}

/// Shorter than a period that a duration could hold.
fn nanos(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

/// The process or role that a fault acts on, and on which share of its instances.
fn acts_on(fault: &Fault) -> Option<(&str, Option<Share>)> {
    match &fault.what {
        Disturbance::Process { role, share, .. } => Some((role, *share)),
        Disturbance::Limit { role, .. } => Some((role, None)),
        _ => None,
    }
}

/// How many instances of a role these faults act on together, at worst: which ones a share means is
/// drawn later, so those of different faults count as different ones.
fn instances_hit(faults: &[&Fault], role: &str, processes: &[String]) -> usize {
    let mut named: BTreeSet<&String> = BTreeSet::new();
    let mut drawn = 0;
    for (acts_on, share) in
        faults.iter().filter_map(|fault| acts_on(fault)).filter(|(on, _)| base(on) == role)
    {
        let meant = processes.iter().filter(|process| is_instance_of(process, acts_on));
        match share {
            None => named.extend(meant),
            Some(share) => drawn += instances_of_share(meant.count(), share),
        }
    }
    named.len() + drawn
}

/// A role's name without its instance's number: `service-0` is one of `service`.
fn base(process: &str) -> &str {
    match process.rsplit_once('-') {
        Some((role, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => role,
        _ => process,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::ProcessAction;

    const MINUTE: Duration = Duration::from_secs(60);

    fn kill(role: &str, at: u64, lasts: u64, every: Option<u64>) -> Fault {
        Fault {
            name: format!("{role} at {at}"),
            at: Duration::from_secs(at),
            lasts: Duration::from_secs(lasts),
            every: every.map(Duration::from_secs),
            ramp: None,
            seed: None,
            when: None,
            what: Disturbance::Process { role: role.to_owned(), share: None, action: ProcessAction::Kill },
        }
    }

    fn blast(instances: f64) -> MaxBlast {
        MaxBlast { instances: Share::try_new(instances).ok(), ..MaxBlast::default() }
    }

    #[test]
    fn faults_that_follow_each_other_are_not_on_together() {
        let after = [kill("a-0", 10, 10, None), kill("a-1", 20, 10, None)];
        assert_eq!(most_at_once(&after, MINUTE).map(|(count, _)| count), Some(1));
        let across = [kill("a-0", 10, 11, None), kill("a-1", 20, 10, None)];
        let (count, fault) = most_at_once(&across, MINUTE).expect("there are faults");
        assert_eq!((count, fault.name.as_str()), (2, "a-1 at 20"));
        assert_eq!(most_at_once(&[], MINUTE), None);
    }

    #[test]
    fn a_fault_that_comes_again_meets_others_in_any_round() {
        let faults = [kill("a-0", 0, 2, Some(10)), kill("a-1", 31, 5, None)];
        assert_eq!(most_at_once(&faults, MINUTE).map(|(count, _)| count), Some(2));
        let beside = [kill("a-0", 0, 2, Some(10)), kill("a-1", 33, 5, None)];
        assert_eq!(most_at_once(&beside, MINUTE).map(|(count, _)| count), Some(1));
    }

    #[test]
    fn a_share_of_the_instances_is_of_those_that_there_are() {
        let processes = ["service-0", "service-1", "gateway-0", "sql"].map(str::to_owned);
        let one = [kill("service-0", 10, 5, None)];
        assert_eq!(blast(0.5).check_instances(&one, &processes, MINUTE), Ok(()));
        let error = blast(0.4).check_instances(&one, &processes, MINUTE).expect_err("half is more");
        assert_eq!((error.role.as_str(), error.hit, error.all), ("service", 1, 2));
        let both = [kill("service-0", 10, 5, None), kill("service-1", 12, 5, None)];
        let error = blast(0.5).check_instances(&both, &processes, MINUTE).expect_err("both is more");
        assert_eq!((error.hit, error.fault.as_str()), (2, "service-1 at 12"));
        let alone = [kill("sql", 10, 5, None)];
        assert!(blast(0.5).check_instances(&alone, &processes, MINUTE).is_err(), "it is the only one");
        assert_eq!(MaxBlast::default().check_instances(&alone, &processes, MINUTE), Ok(()));
    }
}
