//! What a scenario breaks on purpose, decided in full. Times are scenario time.
//!
//! A *toxic* is a fault at a network edge, in Toxiproxy's own terms: a type, a stream, a toxicity and
//! attributes, so that any server that speaks its protocol can carry it out. The other faults concern
//! processes, stores, the LLM, the clients, or the settings of a stand-in while it runs.

mod beyond;

use std::{collections::BTreeMap, fmt, time::Duration};

use loadlab_clock::{
    Seed,
    text::{human_duration, optional_duration},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::beyond::{
    ClientChange, Limit, LlmChange, MemoryBound, StoreChange, instances_of_share, is_instance_of,
};
use crate::{condition::LiveCondition, quantity::Share};

/// Where a fault on the clients acts.
const CLIENTS: &str = "load";

/// One disturbance and when it is on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Unique in the scenario; stands in events and reports.
    pub name: String,
    /// When it begins, from the start of the run.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub at: Duration,
    /// How long it lasts. It is healed then, even if whoever began it is gone.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub lasts: Duration,
    /// It begins again so long after each beginning, while load and drain last.
    #[serde(with = "optional_duration", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub every: Option<Duration>,
    /// It grows linearly from nothing to its full size over this time; only what has a magnitude does.
    #[serde(with = "optional_duration", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ramp: Option<Duration>,
    /// Draws of its own, whatever its place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// It begins once this holds, and not before `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<LiveCondition>,
    /// What it does.
    pub what: Disturbance,
}

/// What a fault does, and to what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disturbance {
    /// Something on an edge.
    Toxic {
        /// Where.
        edge: EdgeName,
        /// What.
        toxic: Toxic,
    },
    /// An edge refuses connections, and those that there are end.
    Down {
        /// Where.
        edge: EdgeName,
    },
    /// Something happens to a process.
    Process {
        /// Its name in the stack, `service-0`, or its role, `service`, for all instances.
        role: String,
        /// On which share of the instances, at least one of them. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        share: Option<Share>,
        /// What.
        action: ProcessAction,
    },
    /// A process may have only so much of something.
    Limit {
        /// Its name in the stack, or its role for all instances.
        role: String,
        /// Of what, and how much.
        limit: Limit,
    },
    /// Something happens to a store, over a connection of its own and not over an edge.
    Store {
        /// Its name in the stack: `redis`.
        role: String,
        /// What.
        what: StoreChange,
    },
    /// The LLM behaves otherwise.
    Llm {
        /// Its name in the stack: `llm`.
        role: String,
        /// How.
        what: LlmChange,
    },
    /// The clients behave otherwise.
    Clients {
        /// How.
        what: ClientChange,
    },
    /// A stand-in's settings are others, and what they were afterwards.
    Settings {
        /// Its name in the stack: `llm`.
        role: String,
        /// Setting to value, as its `PATCH /admin/settings` takes them.
        set: BTreeMap<String, Value>,
    },
    /// Somebody asks a role for something, once, such as the start of a job. The job is not undone.
    Request {
        /// Its name in the stack: `service-0`.
        role: String,
        /// The path of the POST: `/ingest`.
        path: String,
        /// Its JSON body.
        body: BTreeMap<String, Value>,
    },
}

/// A dependency link: who depends, and on whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EdgeName {
    /// Who depends: `service-0`; `load` is the one that loads.
    pub from: String,
    /// On whom: `redis`.
    pub to: String,
}

impl fmt::Display for EdgeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.from, self.to)
    }
}

/// A toxic as the fault proxy's HTTP interface takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Toxic {
    /// Its type: `latency`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which way it acts.
    pub stream: Stream,
    /// On which share of the connections.
    pub toxicity: Share,
    /// By name; times are milliseconds, rates kilobytes (1,000) a second.
    pub attributes: BTreeMap<String, Value>,
}

/// A direction of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// What the dependency answers.
    Downstream,
    /// What is asked of it.
    Upstream,
}

/// What happens to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessAction {
    /// SIGKILL; started again when the fault is over.
    Kill,
    /// SIGTERM; started again when the fault is over.
    Terminate,
    /// SIGSTOP, and SIGCONT when the fault is over.
    Pause,
}

impl Fault {
    /// When it begins, within the first `until` of the run; never, as far as is known beforehand, if
    /// it waits for a condition.
    pub fn beginnings(&self, until: Duration) -> impl Iterator<Item = Duration> {
        let (at, every) = (self.at, self.every);
        let until = if self.when.is_some() { Duration::ZERO } else { until };
        let again = move |n: u32| every.map_or((n == 0).then_some(at), |every| Some(at + every * n));
        (0_u32..).map_while(again).take_while(move |begins| *begins < until)
    }
}

impl Disturbance {
    /// What it is called where there is no better name: `latency`, `kill`.
    pub fn kind(&self) -> &str {
        match self {
            Self::Toxic { toxic, .. } => &toxic.kind,
            Self::Down { .. } => "down",
            Self::Process { action, .. } => match action {
                ProcessAction::Kill => "kill",
                ProcessAction::Terminate => "terminate",
                ProcessAction::Pause => "pause",
            },
            Self::Limit { limit, .. } => limit.kind(),
            Self::Store { what, .. } => what.kind(),
            Self::Llm { what, .. } => what.kind(),
            Self::Clients { what } => what.kind(),
            Self::Settings { .. } => "settings",
            Self::Request { .. } => "request",
        }
    }

    /// Where it acts, as people write it: `service-0/redis`, `service-0`.
    pub fn place(&self) -> String {
        match self {
            Self::Toxic { edge, .. } | Self::Down { edge } => edge.to_string(),
            Self::Process { role, .. }
            | Self::Limit { role, .. }
            | Self::Store { role, .. }
            | Self::Llm { role, .. }
            | Self::Settings { role, .. }
            | Self::Request { role, .. } => role.clone(),
            Self::Clients { .. } => CLIENTS.to_owned(),
        }
    }

    /// The edge on which it acts, if it acts on one.
    pub const fn edge(&self) -> Option<&EdgeName> {
        match self {
            Self::Toxic { edge, .. } | Self::Down { edge } => Some(edge),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(at: u64, every: Option<u64>) -> Fault {
        let role = "service-0".to_owned();
        Fault {
            name: "f".to_owned(),
            at: Duration::from_secs(at),
            lasts: Duration::from_secs(1),
            every: every.map(Duration::from_secs),
            ramp: None,
            seed: None,
            when: None,
            what: Disturbance::Process { role, share: None, action: ProcessAction::Pause },
        }
    }

    #[test]
    fn a_fault_begins_once_or_again_and_again_while_the_load_lasts() {
        let beginnings = |fault: Fault, until| -> Vec<u64> {
            fault.beginnings(Duration::from_secs(until)).map(|at| at.as_secs()).collect()
        };
        assert_eq!(beginnings(fault(5, None), 60), [5]);
        assert_eq!(beginnings(fault(5, Some(20)), 60), [5, 25, 45]);
        assert_eq!(beginnings(fault(60, None), 60), [] as [u64; 0]);
    }
}
