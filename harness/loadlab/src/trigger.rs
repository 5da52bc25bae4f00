//! What `--trigger` means: a fault of the scenario by its name, or a named fault that is given a place and a
//! length.
//!
//! ```text
//!   slow-llm              one of the scenario's `faults`: place and length are there
//!   slow-answers          a file in chaos/faults, with --trigger-on and --trigger-for
//!   ./my/fault.yaml       the same, by its path
//! ```
//!
//! When it begins is nobody's to say: that is the trial's.

use std::{fmt, path::Path, time::Duration};

use loadlab_clock::text::format_duration;
use loadlab_scenario::{Plan, fault::Fault, plan::Load};

use crate::{
    cli::{HiddenArgs, PlanArgs},
    scenarios::{self, PlanError},
    shelf,
};

/// Why there is no trigger.
#[derive(Debug)]
pub enum TriggerError {
    /// A burst is over before anything could come back.
    Burst,
    /// The scenario's own fault has a place.
    HasPlace {
        /// Its name.
        name: String,
    },
    /// A named fault has none of its own.
    NoPlace {
        /// Its name.
        name: String,
    },
    /// And no length.
    NoLength {
        /// Its name.
        name: String,
    },
    /// There is no such fault, or it is wrong.
    Plan(PlanError),
}

impl fmt::Display for TriggerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burst => {
                f.write_str("a burst is over at once, so nothing can be seen to come back after it")
            }
            Self::HasPlace { name } => {
                write!(f, "the scenario's own fault `{name}` has a place; --trigger-on is for named faults")
            }
            Self::NoPlace { name } => write!(f, "the fault `{name}` does not say where it acts"),
            Self::NoLength { name } => write!(f, "the fault `{name}` does not say how long it lasts"),
            Self::Plan(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for TriggerError {}

impl TriggerError {
    /// What to do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Burst => Some("--metastable needs a load that goes on: arrivals, or users who come again"),
            Self::NoPlace { .. } => Some("--trigger-on EDGE or ROLE: service-0/sql, load/target, service-0"),
            Self::NoLength { .. } => Some("--trigger-for DURATION, in scenario time: 10s"),
            Self::HasPlace { .. } | Self::Plan(_) => None,
        }
    }
}

/// The fault that disturbs, from the beginning of a run on; `name` is what `--trigger` says.
pub fn trigger(
    name: &str,
    asked: &HiddenArgs,
    (arguments, plan): (&PlanArgs, &Plan),
) -> Result<Fault, TriggerError> {
    if matches!(plan.load, Load::Burst { .. }) {
        return Err(TriggerError::Burst);
    }
    let named = || name.to_owned();
    if let Some(own) = plan.faults.iter().find(|fault| fault.name == name) {
        if asked.trigger_on.is_some() {
            return Err(TriggerError::HasPlace { name: named() });
        }
        return Ok(once(own.clone(), asked.trigger_for));
    }
    let place = asked.trigger_on.as_deref().ok_or_else(|| TriggerError::NoPlace { name: named() })?;
    let lasts = asked.trigger_for.ok_or_else(|| TriggerError::NoLength { name: named() })?;
    let is_path = name.contains('/') || Path::new(name).extension().is_some();
    let file = is_path.then(|| shelf::read(Path::new(name))).transpose();
    let file = file.map_err(|error| TriggerError::Plan(PlanError::Unreadable(error)))?;
    let used = if is_path { shelf::stem(name).unwrap_or(name) } else { name };
    let faults = written(used, place, lasts);
    let mut plan = scenarios::plan_with_faults(arguments, faults, file).map_err(TriggerError::Plan)?;
    Ok(once(plan.faults.remove(0), None))
}

/// As a scenario would have it. A place with a slash is an edge.
fn written(name: &str, place: &str, lasts: Duration) -> String {
    let key = if place.contains('/') { "edge" } else { "role" };
    // Quoted, so that whatever was typed stays one value.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "[{{ use: {}, {key}: {}, at: 0s, for: {} }}]",
        quoted(name),
        quoted(place),
        format_duration(lasts)
    )
}

/// One time, at once, and grown before it is over.
fn once(fault: Fault, lasts: Option<Duration>) -> Fault {
    let lasts = lasts.unwrap_or(fault.lasts);
    let ramp = fault.ramp.map(|ramp| ramp.min(lasts));
    Fault { at: Duration::ZERO, lasts, every: None, when: None, ramp, ..fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = "title: T\nquestion: Q?\ntarget: { url: \"http://127.0.0.1:1\" }\n\
        load: { arrivals: { rate: 50/s, for: 60s } }\n\
        journeys: [{ name: j, steps: [{ name: s, get: / }] }]\nobjectives: [p95 < 1s]\n\
        faults: [{ name: own, at: 3s, for: 9s, every: 20s, latency: { edge: load/target, add: 1s } }]\n";

    /// The trigger that these options give of this scenario, or what is said instead.
    fn of(scenario: &str, name: &str, on: Option<&str>, lasts_s: Option<u64>) -> Result<Fault, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("t.yaml");
        std::fs::write(&path, scenario).expect("a file");
        std::fs::write(folder.path().join("mine.yaml"), "latency: { add: 2s }\n").expect("a file");
        let name = name.replace("HERE", &folder.path().display().to_string());
        let arguments = PlanArgs {
            scenario: path.display().to_string(),
            profile: None,
            with: Vec::new(),
            target: None,
            speed: None,
            seed: None,
            set: Vec::new(),
        };
        let plan = scenarios::plan(&arguments).expect("it is valid");
        let asked = HiddenArgs {
            metastable: true,
            trigger: Some(name.clone()),
            trigger_on: on.map(str::to_owned),
            trigger_for: lasts_s.map(Duration::from_secs),
            carried: None,
        };
        trigger(&name, &asked, (&arguments, &plan)).map_err(|error| error.to_string())
    }

    fn seconds(fault: &Fault) -> (u64, u64, bool) {
        (fault.at.as_secs(), fault.lasts.as_secs(), fault.every.is_some())
    }

    #[test]
    fn a_fault_of_the_scenario_keeps_its_place_and_happens_once() {
        let fault = of(SCENARIO, "own", None, None).expect("it is there");
        assert_eq!((seconds(&fault), fault.what.place()), ((0, 9, false), "load/target".to_owned()));
        assert_eq!(of(SCENARIO, "own", None, Some(4)).map(|fault| fault.lasts.as_secs()), Ok(4));
        assert!(
            of(SCENARIO, "own", Some("load/target"), None).is_err_and(|text| text.contains("has a place"))
        );
    }

    #[test]
    fn a_named_fault_needs_a_place_and_a_length() {
        let fault = of(SCENARIO, "slow-answers", Some("load/target"), Some(7)).expect("it is shipped");
        assert_eq!((seconds(&fault), fault.what.kind()), ((0, 7, false), "latency"));
        let said = |on, lasts| of(SCENARIO, "slow-answers", on, lasts).expect_err("something is missing");
        assert!(said(None, Some(7)).contains("where it acts"));
        assert!(said(Some("load/target"), None).contains("how long it lasts"));
    }

    #[test]
    fn a_fault_may_be_a_file_and_one_that_is_none_is_told_with_those_that_there_are() {
        let fault = of(SCENARIO, "HERE/mine.yaml", Some("load/target"), Some(7)).expect("it was written");
        assert_eq!((fault.name.as_str(), fault.what.kind()), ("mine", "latency"));
        let said = of(SCENARIO, "slow-answer", Some("load/target"), Some(7)).expect_err("no such fault");
        assert!(
            said.contains("there is no named fault `slow-answer`") && said.contains("slow-answers"),
            "{said}"
        );
        assert!(of(SCENARIO, "HERE/gone.yaml", Some("load/target"), Some(7)).is_err());
    }

    #[test]
    fn what_is_typed_as_a_place_stays_one_value() {
        let said = of(SCENARIO, "slow-answers", Some("load/target, at: 9s"), Some(7));
        assert!(said.is_err(), "{said:?}");
    }

    #[test]
    fn a_burst_heals_nothing() {
        let burst = SCENARIO.replace("arrivals: { rate: 50/s, for: 60s }", "burst: { users: 9 }");
        let burst = burst.split("faults:").next().unwrap_or_default().to_owned();
        assert!(of(&burst, "own", None, None).is_err_and(|text| text.contains("a burst is over at once")));
    }
}
