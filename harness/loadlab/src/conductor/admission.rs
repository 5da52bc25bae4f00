//! What is refused before anything starts: more than this machine has, a speed at which the modelled
//! waits would be shorter than what can be waited for or what the kernel does would not keep up, and what
//! somebody's own stores cannot do.

use std::{fmt, time::Duration};

use loadlab_clock::Speed;
use loadlab_scenario::{
    Plan,
    fault::{ClientChange, Disturbance, Limit},
    plan::Reader,
};
use loadlab_stack::raise_descriptor_limit;
use target_service::profile::{OnReset, Profile};

use super::external::External;

/// A modelled wait that is shorter than this in real time is more lateness than wait.
const MODELLED_WAIT_MIN: Duration = Duration::from_millis(5);
/// Descriptors for everything that is no connection of a user: files, pipes, scrapes.
const DESCRIPTORS_SPARE: u64 = 64;
/// Ports that a connection to one address may use, where the kernel does not tell.
const PORTS_DEFAULT: u64 = 28_232;

/// Why a plan is not carried out on this machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Too few file descriptors.
    Descriptors {
        /// What the plan needs.
        needed: u64,
        /// What the process may have.
        allowed: u64,
    },
    /// Too few local ports for connections to one address.
    Ports {
        /// What the plan needs.
        needed: u64,
        /// What there is.
        available: u64,
    },
    /// The speed makes a modelled wait too short.
    Speed {
        /// The speed asked for.
        speed: Speed,
        /// What is waited for.
        wait: String,
        /// How long, in scenario time.
        duration: Duration,
    },
    /// What the plan is about is the kernel's work, and that has one speed.
    Kernel {
        /// The speed asked for.
        speed: Speed,
        /// What the kernel does.
        mechanism: String,
    },
    /// Replicas of somebody's own database.
    Replicas,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors { needed, allowed } => {
                write!(f, "the plan needs {needed} file descriptors, and this process may have {allowed}")
            }
            Self::Ports { needed, available } => write!(
                f,
                "the plan needs {needed} local ports for connections to one address, and there are {available}"
            ),
            Self::Speed { speed, wait, duration } => write!(
                f,
                "at speed {speed} the {wait} of {duration:?} lasts {:?}, under the {MODELLED_WAIT_MIN:?} that can be \
                 waited for accurately",
                speed.real(*duration)
            ),
            Self::Kernel { speed, mechanism } => write!(
                f,
                "{mechanism} is the kernel's work and takes its own time, so the rest cannot run at speed {speed}"
            ),
            Self::Replicas => f.write_str("read replicas cannot follow a database that is not loadlab's own"),
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Descriptors { needed, .. } => {
                format!("raise the limit (ulimit -n {needed}), or load with fewer users")
            }
            Self::Ports { .. } => {
                "load with fewer users or client.connections, or widen net.ipv4.ip_local_port_range"
                    .to_owned()
            }
            Self::Speed { duration, .. } => {
                let fastest = duration.as_secs_f64() / MODELLED_WAIT_MIN.as_secs_f64();
                format!("a speed of {fastest:.0} or less is accepted")
            }
            Self::Kernel { .. } => "only --speed 1 is accepted".to_owned(),
            Self::Replicas => "leave out --database, or the mitigation read-replicas".to_owned(),
        }
    }
}

/// Checks that everything of a profile can be had with these stores in place of its own.
pub fn check_stores(profile: &Profile, external: &External) -> Result<(), Refusal> {
    let has_replicas = !profile.service.mitigations.read_replicas.roles().is_empty();
    if has_replicas && external.database.is_some() { Err(Refusal::Replicas) } else { Ok(()) }
}

/// Checks a plan against this machine, and takes the descriptors that it may have.
pub fn check(
    plan: &Plan,
    profile: Option<&Profile>,
    modelled_waits: &[(String, Duration)],
) -> Result<(), Refusal> {
    let needs = plan.needs();
    if plan.speed != Speed::REAL
        && let Some(mechanism) = kernel_mechanism(plan, profile)
    {
        return Err(Refusal::Kernel { speed: plan.speed, mechanism });
    }
    check_speed(plan.speed, modelled_waits)?;
    let available = local_ports();
    if needs.ports > available {
        return Err(Refusal::Ports { needed: needs.ports, available });
    }
    let needed = needs.descriptors + DESCRIPTORS_SPARE;
    let allowed = raise_descriptor_limit();
    if needed > allowed { Err(Refusal::Descriptors { needed, allowed }) } else { Ok(()) }
}

/// What of a plan the kernel does: resets, silent connections, buffers of slow readers, memory.
fn kernel_mechanism(plan: &Plan, profile: Option<&Profile>) -> Option<String> {
    if matches!(plan.client.reader, Reader::Slow { .. }) {
        return Some("what slow readers (client.reader) leave in buffers".to_owned());
    }
    if profile.is_some_and(|profile| profile.gateway.on_reset == OnReset::Reset) {
        return Some("a reset that is passed on (gateway.on_reset)".to_owned());
    }
    let of_the_kernel = |what: &Disturbance| match what {
        Disturbance::Toxic { toxic, .. } => ["timeout", "reset_peer"].contains(&toxic.kind.as_str()),
        Disturbance::Limit { limit, .. } => matches!(limit, Limit::Memory(_)),
        Disturbance::Clients { what } => matches!(what, ClientChange::SlowReaders { .. }),
        _ => false,
    };
    let fault = plan.faults.iter().find(|fault| of_the_kernel(&fault.what))?;
    Some(format!("the fault `{}` ({})", fault.name, fault.what.kind()))
}

/// The shortest modelled wait decides. At speed 1 the model is taken as it is.
fn check_speed(speed: Speed, modelled_waits: &[(String, Duration)]) -> Result<(), Refusal> {
    let shortest = modelled_waits.iter().filter(|(_, wait)| !wait.is_zero()).min_by_key(|(_, wait)| *wait);
    match shortest {
        Some((wait, duration)) if speed > Speed::REAL && speed.real(*duration) < MODELLED_WAIT_MIN => {
            Err(Refusal::Speed { speed, wait: wait.clone(), duration: *duration })
        }
        _ => Ok(()),
    }
}

/// How many local ports the kernel hands out.
fn local_ports() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let bounds: Vec<u64> = text.split_whitespace().filter_map(|bound| bound.parse().ok()).collect();
    match bounds.as_slice() {
        [low, high] if high >= low => high - low + 1,
        _ => PORTS_DEFAULT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::external::StoreUrl;

    #[test]
    fn replicas_of_somebodys_own_database_are_refused() {
        let mut profile = Profile::named("baseline").expect("it is shipped");
        let database = StoreUrl::database("postgres://me@127.0.0.1:5432/shop").expect("a URL");
        let external = External { database: Some(database), ..External::default() };
        assert_eq!(check_stores(&profile, &external), Ok(()));
        profile.service.mitigations.read_replicas.enabled = true;
        assert_eq!(check_stores(&profile, &external), Err(Refusal::Replicas));
        assert_eq!(check_stores(&profile, &External::default()), Ok(()));
    }

    #[test]
    fn a_speed_that_makes_a_wait_too_short_is_refused_and_the_fastest_is_named() {
        let waits = [
            ("query".to_owned(), Duration::from_millis(80)),
            ("generation".to_owned(), Duration::from_secs(1)),
        ];
        let speed = |value| Speed::try_new(value).expect("a speed");
        assert_eq!(check_speed(speed(16.0), &waits), Ok(()));
        let refusal = check_speed(speed(20.0), &waits).expect_err("80 ms at speed 20 are 4 ms");
        assert_eq!(
            refusal.to_string(),
            "at speed 20 the query of 80ms lasts 4ms, under the 5ms that can be waited for accurately"
        );
        assert_eq!(refusal.hint(), "a speed of 16 or less is accepted");
    }

    #[test]
    fn at_speed_one_the_model_is_taken_as_it_is() {
        assert_eq!(check_speed(Speed::REAL, &[("cache".to_owned(), Duration::from_millis(1))]), Ok(()));
    }
}
