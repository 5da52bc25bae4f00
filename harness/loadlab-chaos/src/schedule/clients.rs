//! Faults on the clients: whoever offers the load is told how they are to behave, and counts.

use loadlab_clock::Seed;
use loadlab_record::Touched;
use loadlab_scenario::fault::ClientChange;
use tokio::sync::oneshot;

use super::{ClientCommand, Reach};
use crate::control::CallError;

/// Clients that behave otherwise.
#[derive(Debug)]
pub(super) struct ClientGuard {
    what: ClientChange,
    seed: Seed,
    reach: Reach,
}

impl ClientGuard {
    pub(super) fn begin(what: ClientChange, draws: Seed, reach: &Reach) -> Result<Self, CallError> {
        // Nobody waits for this answer.
        let (answer, _) = oneshot::channel();
        let command = ClientCommand { what, on: true, seed: draws, answer };
        reach.clients.send(command).map_err(|_| no_clients())?;
        Ok(Self { what, seed: draws, reach: reach.clone() })
    }

    pub(super) async fn heal(self) -> Result<Touched, CallError> {
        let (answer, requests) = oneshot::channel();
        let command = ClientCommand { what: self.what, on: false, seed: self.seed, answer };
        self.reach.clients.send(command).map_err(|_| no_clients())?;
        let requests = requests.await.map_err(|_| no_clients())?;
        Ok(Touched { requests, ..Touched::default() })
    }
}

fn no_clients() -> CallError {
    CallError::Failed { reason: "there are no clients any more".to_owned() }
}
