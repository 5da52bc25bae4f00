//! Whether faults fit what they act on: the protocol of an edge, the kind of a store. Asked before
//! anything starts.

use std::{collections::BTreeMap, fmt};

use loadlab_scenario::fault::{Disturbance, Fault, StoreChange};
use serde_json::{Map, Value};

use crate::aware::{self, FaultError, Protocol, fault::FaultKind};

/// A fault that does not fit its place.
#[derive(Debug, Clone, PartialEq)]
pub enum FitError {
    /// The edge speaks another protocol than the fault acts on.
    Protocol {
        /// The fault.
        fault: String,
        /// Its kind.
        kind: String,
        /// The protocol that it acts on.
        needs: Protocol,
        /// Its edge.
        edge: String,
    },
    /// The fault has attributes that it cannot have.
    Attributes {
        /// The fault.
        fault: String,
        /// What is wrong.
        source: FaultError,
    },
    /// The process is not what the fault acts on.
    Role {
        /// The fault.
        fault: String,
        /// What it acts on: `store`.
        needs: &'static str,
        /// Its role.
        role: String,
        /// The processes that it could act on.
        known: Vec<String>,
    },
    /// The process is a real service, which the run did not start.
    External {
        /// The fault.
        fault: String,
        /// Its kind.
        kind: String,
        /// Its role.
        role: String,
    },
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol { fault, kind, needs, edge } => {
                write!(f, "fault `{fault}`: `{kind}` acts on {needs} and not on the edge `{edge}`")
            }
            Self::Attributes { fault, source } => write!(f, "fault `{fault}`: {source}"),
            Self::Role { fault, needs, role, known } if known.is_empty() => {
                write!(f, "fault `{fault}`: `{role}` is no {needs}, and there is none")
            }
            Self::Role { fault, needs, role, known } => {
                write!(f, "fault `{fault}`: `{role}` is no {needs}; there is {}", known.join(", "))
            }
            Self::External { fault, kind, role } => write!(
                f,
                "fault `{fault}`: `{kind}` cannot act on `{role}`, a real service that the run did not start"
            ),
        }
    }
}

impl std::error::Error for FitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Attributes { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What the processes of a stack are.
#[derive(Debug, Clone, Copy)]
pub struct Kinds<'a> {
    /// Roles by name, and what is spoken to them, where the proxy can read it.
    pub speaks: &'a BTreeMap<String, Protocol>,
    /// Stores that speak Redis's protocol.
    pub stores: &'a [String],
    /// LLM mocks.
    pub llms: &'a [String],
    /// Names of real services in the place of roles.
    pub external: &'a [String],
}

/// Checks that every fault fits what it acts on.
///
/// # Errors
/// The first that does not.
pub fn check_kinds<'a>(
    faults: impl IntoIterator<Item = &'a Fault>,
    kinds: Kinds<'_>,
) -> Result<(), FitError> {
    faults.into_iter().try_for_each(|fault| check(fault, kinds))
}

fn check(fault: &Fault, kinds: Kinds<'_>) -> Result<(), FitError> {
    let name = || fault.name.clone();
    let role_is = |needs: &'static str, role: &String, known: &[String]| {
        let (fault, role) = (name(), role.clone());
        if known.contains(&role) {
            Ok(())
        } else {
            Err(FitError::Role { fault, needs, role, known: known.to_vec() })
        }
    };
    let own = |role: &String| {
        let (fault, kind, role) = (name(), fault.what.kind().to_owned(), role.clone());
        if kinds.external.contains(&role) { Err(FitError::External { fault, kind, role }) } else { Ok(()) }
    };
    match &fault.what {
        Disturbance::Toxic { edge, toxic } => {
            let Some(needs) = FaultKind::protocol_of(&toxic.kind) else { return Ok(()) };
            if kinds.speaks.get(&edge.to) != Some(&needs) {
                let (kind, edge) = (toxic.kind.clone(), edge.to_string());
                return Err(FitError::Protocol { fault: name(), kind, needs, edge });
            }
            let attributes: Map<String, Value> = toxic.attributes.clone().into_iter().collect();
            aware::Fault::parse(&fault.name, &toxic.kind, toxic.toxicity.get(), &Value::Object(attributes))
                .map(drop)
                .map_err(|source| FitError::Attributes { fault: name(), source })
        }
        Disturbance::Store { role, what } => {
            role_is("store", role, kinds.stores)?;
            // A setting that outlives the run would be a fault that stays; the stand-in ends with it.
            if *what == StoreChange::ReadOnly { own(role) } else { Ok(()) }
        }
        Disturbance::Llm { role, .. } => role_is("LLM", role, kinds.llms),
        Disturbance::Process { role, .. }
        | Disturbance::Limit { role, .. }
        | Disturbance::Settings { role, .. }
        | Disturbance::Request { role, .. } => own(role),
        Disturbance::Down { .. } | Disturbance::Clients { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_scenario::{
        fault::{EdgeName, ProcessAction, Stream, Toxic},
        quantity::Share,
    };
    use serde_json::json;

    use super::*;

    fn toxic(to: &str, kind: &str, attributes: Value) -> Disturbance {
        let attributes = serde_json::from_value(attributes).expect("a map");
        let edge = EdgeName { from: "service-0".to_owned(), to: to.to_owned() };
        let (stream, toxicity) = (Stream::Downstream, Share::ALL);
        Disturbance::Toxic { edge, toxic: Toxic { kind: kind.to_owned(), stream, toxicity, attributes } }
    }

    fn said(what: Disturbance) -> String {
        let speaks =
            BTreeMap::from([("redis".to_owned(), Protocol::Resp), ("llm".to_owned(), Protocol::Http)]);
        let (stores, llms) = (["redis".to_owned()], ["llm".to_owned()]);
        let kinds = Kinds { speaks: &speaks, stores: &stores, llms: &llms, external: &stores };
        let lasts = Duration::from_secs(1);
        let fault = Fault {
            name: "f".to_owned(),
            at: Duration::ZERO,
            lasts,
            every: None,
            ramp: None,
            seed: None,
            when: None,
            what,
        };
        check_kinds([&fault], kinds).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_fault_on_a_protocol_needs_an_edge_that_speaks_it() {
        assert_eq!(said(toxic("llm", "http_status", json!({ "status": 503 }))), "");
        assert_eq!(said(toxic("redis", "latency", json!({ "latency": 1 }))), "", "bytes are everywhere");
        let on_redis = said(toxic("redis", "http_status", json!({ "status": 503 })));
        assert_eq!(on_redis, "fault `f`: `http_status` acts on http and not on the edge `service-0/redis`");
        let on_sql = said(toxic("sql", "resp_error", json!({ "error": "ERR x" })));
        assert_eq!(on_sql, "fault `f`: `resp_error` acts on resp and not on the edge `service-0/sql`");
        let misspelt = said(toxic("llm", "sse_cut", json!({ "after_event": 3 })));
        assert_eq!(misspelt, "fault `f`: attribute `after_events` is missing");
    }

    #[test]
    fn stores_llms_and_processes_are_what_they_have_to_be() {
        let store = |role: &str, what| Disturbance::Store { role: role.to_owned(), what };
        assert_eq!(said(store("redis", StoreChange::Flush)), "");
        assert_eq!(said(store("sql", StoreChange::Flush)), "fault `f`: `sql` is no store; there is redis");
        let kill = |role: &str| Disturbance::Process {
            role: role.to_owned(),
            share: None,
            action: ProcessAction::Kill,
        };
        assert_eq!(said(kill("llm")), "");
        let real = "a real service that the run did not start";
        assert_eq!(said(kill("redis")), format!("fault `f`: `kill` cannot act on `redis`, {real}"));
        let read_only = said(store("redis", StoreChange::ReadOnly));
        assert_eq!(read_only, format!("fault `f`: `read_only` cannot act on `redis`, {real}"));
    }
}
