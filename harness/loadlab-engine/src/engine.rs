//! What all workers of a run share.

use std::sync::{Arc, OnceLock};

use loadlab_clock::RunClock;
use loadlab_scenario::arms::Arm;

use crate::{
    clients::Clients,
    dial::Dialer,
    kept::Kept,
    program::{Common, Program},
    recorder::Recorder,
    retry_budget::RetryBudget,
};

/// Shared by all workers. It changes only by becoming complete.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) program: Program,
    pub(crate) common: Common,
    dialer: Dialer,
    /// The way of the experiment, if it has one of its own.
    experiment_dialer: Option<Dialer>,
    pub(crate) recorder: Arc<Recorder>,
    /// How clients behave otherwise for a while.
    pub(crate) clients: Clients,
    /// What extra attempts all users have left.
    pub(crate) retry_budget: Option<RetryBudget>,
    clock: OnceLock<RunClock>,
    /// By identity: what its login gave.
    logins: OnceLock<Vec<Vec<(usize, Kept)>>>,
}

impl Engine {
    pub(crate) fn new(
        program: Program,
        common: Common,
        dialer: Dialer,
        recorder: Arc<Recorder>,
        clients: Clients,
    ) -> Self {
        let (clock, logins) = (OnceLock::new(), OnceLock::new());
        let retry_budget = program.retries.budget.map(RetryBudget::new);
        Self {
            program,
            common,
            dialer,
            experiment_dialer: None,
            recorder,
            clients,
            retry_budget,
            clock,
            logins,
        }
    }

    /// The same, with another way to the target for the users of the experiment.
    pub(crate) fn with_experiment(self, dialer: Option<Dialer>) -> Self {
        Self { experiment_dialer: dialer, ..self }
    }

    /// Where an identity's connections go.
    pub(crate) fn dialer(&self, user: u32) -> &Dialer {
        let of_experiment = self.program.cohort(user).is_some_and(|cohort| cohort.arm == Arm::Experiment);
        self.experiment_dialer.as_ref().filter(|_| of_experiment).unwrap_or(&self.dialer)
    }

    /// The run begins. Workers do nothing before.
    pub(crate) fn start(&self, clock: RunClock) {
        self.recorder.start(&clock);
        // There is one start.
        let _ = self.clock.set(clock);
    }

    /// The run's clock.
    pub(crate) fn clock(&self) -> &RunClock {
        self.clock.get().expect("workers begin after the start")
    }

    pub(crate) fn set_logins(&self, logins: Vec<Vec<(usize, Kept)>>) {
        // There is one round of logins.
        let _ = self.logins.set(logins);
    }

    /// What the login of an identity gave.
    pub(crate) fn login(&self, user: u32) -> &[(usize, Kept)] {
        self.logins.get().and_then(|logins| logins.get(user as usize)).map_or(&[], Vec::as_slice)
    }
}
