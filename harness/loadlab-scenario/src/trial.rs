//! A scenario at one steady load: what a search tries.
//!
//! ```text
//!   load ─┐      ┌──────────────┐
//!         │    ／│   measured   │
//!         │  ／  │              │        ramp and drain are in no total
//!       0 └／────┴──────────────┴──────
//!          ramp                   drain
//! ```
//!
//! *Load axis*: what a load is counted in. A scenario of arrivals is searched in arrivals per second, one of
//! users or of a burst in users. The journeys, the clients, the target and the objectives stay as they are;
//! faults, arms, conditions and documented outcomes belong to the scenario's own load and are left out.

use std::{fmt, time::Duration};

use loadlab_clock::{Seed, text::human_duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Plan,
    condition::MaxBlast,
    fault::Fault,
    plan::{Load, Process, RateStage, UserStage},
    quantity::Rate,
};

/// What a load is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadAxis {
    /// Arrivals per second of scenario time.
    ArrivalsPerSecond,
    /// Users, who come back or come once.
    Users,
}

/// How long the parts of a trial last, in scenario time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrialTimes {
    /// From nothing to the load; counts in no total. Rounded up to whole seconds.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub ramp: Duration,
    /// At the load.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub measured: Duration,
    /// After it, for what is under way.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub drain: Duration,
}

/// A load that cannot be offered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TrialError {
    /// Not above zero, or no finite number.
    Load(f64),
    /// Users come in whole numbers.
    NotWhole(f64),
}

impl fmt::Display for TrialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(load) => write!(f, "a load of {load} cannot be offered; a number above 0 is accepted"),
            Self::NotWhole(load) => write!(f, "{load} users cannot be had; a whole number is accepted"),
        }
    }
}

impl std::error::Error for TrialError {}

impl LoadAxis {
    /// The unit, after a number: `/s` or ` users`.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::ArrivalsPerSecond => "/s",
            Self::Users => " users",
        }
    }

    /// Whether loads are whole numbers.
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Users)
    }
}

impl Plan {
    /// What a load of this scenario is counted in.
    pub const fn load_axis(&self) -> LoadAxis {
        match self.load {
            Load::Arrivals { .. } => LoadAxis::ArrivalsPerSecond,
            Load::Users { .. } | Load::Burst { .. } => LoadAxis::Users,
        }
    }

    /// The highest load that the scenario itself offers, on its axis.
    pub fn load_most(&self) -> f64 {
        match &self.load {
            Load::Arrivals { .. } => self.load.rate_max().map_or(0.0, Rate::per_second),
            Load::Users { .. } | Load::Burst { .. } => f64::from(self.load.users_max().unwrap_or(0)),
        }
    }

    /// This scenario at one load, for one trial.
    ///
    /// # Errors
    /// If there is no such load.
    pub fn at_load(&self, load: f64, seed: Seed, times: TrialTimes) -> Result<Self, TrialError> {
        self.at_load_with(load, seed, times, Vec::new())
    }

    /// The same, with faults; their times are those of the trial.
    ///
    /// # Errors
    /// If there is no such load.
    pub fn at_load_with(
        &self,
        load: f64,
        seed: Seed,
        times: TrialTimes,
        faults: Vec<Fault>,
    ) -> Result<Self, TrialError> {
        let ramp = Duration::from_secs(times.ramp.as_secs() + u64::from(times.ramp.subsec_nanos() > 0));
        let is_burst = matches!(self.load, Load::Burst { .. });
        Ok(Self {
            seed,
            load: steady(&self.load, load, TrialTimes { ramp, ..times })?,
            // A burst is nothing but a beginning.
            warm_up: if is_burst { Duration::ZERO } else { ramp },
            drain: times.drain,
            documented: None,
            faults,
            arms: None,
            steady_state: None,
            abort_if: Vec::new(),
            max_blast: MaxBlast::default(),
            ..self.clone()
        })
    }
}

fn steady(of: &Load, load: f64, times: TrialTimes) -> Result<Load, TrialError> {
    if !(load.is_finite() && load > 0.0) {
        return Err(TrialError::Load(load));
    }
    let users = || if load.fract() == 0.0 { Ok(load as u32) } else { Err(TrialError::NotWhole(load)) };
    Ok(match of {
        Load::Burst { within, .. } => Load::Burst { users: users()?, within: *within },
        Load::Users { think, .. } => {
            let stage = UserStage { users: users()?, ramp: times.ramp, hold: times.measured };
            Load::Users { stages: vec![stage], think: think.clone() }
        }
        Load::Arrivals { process, .. } => arrivals(load, *process, times)?,
    })
}

fn arrivals(load: f64, process: Process, times: TrialTimes) -> Result<Load, TrialError> {
    let rate = |per_second| Rate::try_new(per_second).map_err(|_| TrialError::Load(load));
    let (none, all) = (rate(0.0)?, rate(load)?);
    let ramp = RateStage { from: none, to: all, over: times.ramp };
    let hold = RateStage { from: all, to: all, over: times.measured };
    let stages = [ramp, hold].into_iter().filter(|stage| !stage.over.is_zero()).collect();
    Ok(Load::Arrivals { stages, process })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: TrialTimes = TrialTimes {
        ramp: Duration::from_millis(1_500),
        measured: Duration::from_secs(10),
        drain: Duration::from_secs(3),
    };

    fn plan(load: &str) -> Plan {
        let text = format!(
            "title: T\nquestion: Q?\ntarget: {{ url: \"http://127.0.0.1:1\" }}\nload: {load}\n\
             journeys: [{{ name: j, steps: [{{ name: s, get: / }}] }}]\nobjectives: [p95 < 1s]\n"
        );
        let none = |path: &str| Err(format!("there is no {path}"));
        crate::load(&crate::Source { path: "t.yaml", text: &text }, &[], &none).expect("it is valid")
    }

    #[test]
    fn a_trial_has_a_ramp_that_does_not_count_and_a_steady_part() {
        let trial = plan("{ arrivals: { rate: 5/s, for: 60s } }")
            .at_load(120.0, Seed::new(9), TIMES)
            .expect("a load");
        assert_eq!(trial.warm_up, Duration::from_secs(2));
        assert_eq!(trial.load.duration(), Duration::from_secs(12));
        assert_eq!(trial.load.rate_max().map(Rate::per_second), Some(120.0));
        // Half of the ramp's time, and the measured part.
        assert_eq!(trial.load.arrivals(), Some(120.0 * 11.0));
        assert_eq!(trial.seed, Seed::new(9));
    }

    #[test]
    fn users_are_whole_and_a_burst_has_no_warm_up() {
        let users = plan("{ users: { count: 5, for: 60s, think: 2s } }");
        assert_eq!(users.load_axis(), LoadAxis::Users);
        assert_eq!(users.at_load(7.5, Seed::new(1), TIMES), Err(TrialError::NotWhole(7.5)));
        let trial = users.at_load(7.0, Seed::new(1), TIMES).expect("a load");
        assert_eq!((trial.load.users_max(), trial.load_most()), (Some(7), 7.0));
        let burst = plan("{ burst: { users: 100 } }").at_load(30.0, Seed::new(1), TIMES).expect("a load");
        assert_eq!((burst.warm_up, burst.load.users_max()), (Duration::ZERO, Some(30)));
    }

    #[test]
    fn a_load_that_is_none_is_refused() {
        let plan = plan("{ arrivals: { rate: 5/s, for: 60s } }");
        for load in [0.0, -3.0, f64::INFINITY] {
            assert_eq!(plan.at_load(load, Seed::new(1), TIMES), Err(TrialError::Load(load)));
        }
    }
}
