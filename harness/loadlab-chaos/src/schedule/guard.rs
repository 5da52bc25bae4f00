//! A fault that is on. Healing it is its normal end and says what it touched; what is dropped instead
//! is healed by the proxy's own time limit, or by the keeper, which ends everything.

use std::{collections::BTreeMap, time::Duration};

use loadlab_record::Touched;
use loadlab_scenario::fault::{Disturbance, Fault, ProcessAction, StoreChange};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{
    Places, ProcessChange, ProcessCommand, Reach, clients::ClientGuard, grow::Resize, limit,
    limit::LimitGuard, llm, one_process,
};
use crate::{
    control::{CallError, Counted, TOXIC_PREFIX, Toxiproxy, change_settings, post, settings},
    store::{StoreGuard, StorePlace},
};

/// How much longer than planned the proxy keeps a toxic that nobody removes (scenario time).
const GRACE: Duration = Duration::from_secs(5);

/// How to heal it.
#[must_use = "a fault that began must be healed"]
#[derive(Debug)]
pub(super) enum Guard {
    Toxic {
        proxies: Toxiproxy,
        proxy: String,
        toxic: String,
    },
    Down {
        proxies: Toxiproxy,
        proxy: String,
        open: Counted,
    },
    Process {
        roles: Vec<String>,
        action: ProcessAction,
        processes: mpsc::UnboundedSender<ProcessCommand>,
    },
    Settings {
        address: String,
        before: Value,
    },
    /// What was asked for runs on by itself.
    Asked,
    Limit(LimitGuard),
    Store(StoreGuard),
    Clients(ClientGuard),
}

impl Guard {
    /// Begins a fault; it is on when this returns.
    pub(super) async fn begin(
        fault: &Fault,
        number: usize,
        round: usize,
        places: &Places,
        reach: &Reach,
    ) -> Result<Self, CallError> {
        let proxies = places.proxies.clone();
        let unknown = || CallError::Answer { reason: format!("`{}` is not there", fault.what.place()) };
        let proxy = |edge| places.edges.get(edge).cloned().ok_or_else(unknown);
        let (seed, number_of_choice) = reach.choices(fault, number);
        let choice = (number_of_choice, round);
        match &fault.what {
            Disturbance::Toxic { edge, toxic } => {
                let proxy = proxy(edge)?;
                let name = toxic_name(fault, number, round);
                proxies.add(&proxy, &name, toxic, fault.lasts + GRACE).await?;
                Ok(Self::Toxic { proxies, proxy, toxic: name })
            }
            Disturbance::Down { edge } => {
                let proxy = proxy(edge)?;
                let open = proxies.touched(&proxy, None).await?;
                proxies.enable(&proxy, false).await?;
                Ok(Self::Down { proxies, proxy, open })
            }
            Disturbance::Process { role, share, action } => {
                let roles = limit::instances(&places.processes, role, *share, seed, choice);
                if roles.is_empty() {
                    return Err(unknown());
                }
                for role in &roles {
                    let command = ProcessCommand { role: role.clone(), what: ProcessChange::Begin(*action) };
                    reach.processes.send(command).map_err(|_| unknown())?;
                }
                Ok(Self::Process { roles, action: *action, processes: reach.processes.clone() })
            }
            Disturbance::Settings { role, set } => {
                let address = places.admins.get(role).ok_or_else(unknown)?;
                Self::set(address, &nested(set)).await
            }
            Disturbance::Request { role, path, body } => {
                let address = places.admins.get(role).ok_or_else(unknown)?;
                post(address, path, &json!(body)).await?;
                Ok(Self::Asked)
            }
            Disturbance::Llm { role, what } => {
                let address = places.admins.get(role).ok_or_else(unknown)?;
                let patch = llm::patch(what, &settings(address).await?);
                Self::set(address, &patch).await
            }
            Disturbance::Store { role, what: StoreChange::ReadOnly } => {
                let address = places.admins.get(role).ok_or_else(unknown)?;
                Self::set(address, &json!({ "read_only": true })).await
            }
            Disturbance::Store { role, what } => {
                let address = places.stores.get(role).ok_or_else(unknown)?;
                let place = StorePlace {
                    address: address.clone(),
                    name: format!("{number}-{round}"),
                    seed,
                    speed: reach.clock.speed(),
                };
                let lasts = fault.lasts + GRACE;
                StoreGuard::begin(place, what, lasts).await.map(Self::Store)
            }
            Disturbance::Limit { role, limit } => {
                let roles = limit::instances(&places.processes, role, None, seed, choice);
                LimitGuard::begin(&fault.name, roles, *limit, reach).await.map(Self::Limit)
            }
            Disturbance::Clients { what } => ClientGuard::begin(*what, seed, reach).map(Self::Clients),
        }
    }

    /// Changes a stand-in's settings, and remembers what they were.
    async fn set(address: &str, patch: &Value) -> Result<Self, CallError> {
        let before = named_in(patch, &settings(address).await?);
        change_settings(address, patch).await?;
        Ok(Self::Settings { address: address.to_owned(), before })
    }

    /// Where its size can be changed while it is on, if it can.
    pub(super) fn resize(&self) -> Option<Resize> {
        match self {
            Self::Toxic { proxies, proxy, toxic } => {
                Some(Resize { proxies: proxies.clone(), proxy: proxy.clone(), toxic: toxic.clone() })
            }
            _ => None,
        }
    }

    /// Heals it, and says what it touched; `None` where nobody counts.
    pub(super) async fn heal(self, reach: &Reach) -> Result<Option<Touched>, CallError> {
        match self {
            Self::Toxic { proxies, proxy, toxic } => {
                // Before it is gone.
                let counted = proxies.touched(&proxy, Some(&toxic)).await;
                proxies.remove(&proxy, &toxic).await?;
                known(counted?)
            }
            Self::Down { proxies, proxy, open } => {
                proxies.enable(&proxy, true).await?;
                known(open)
            }
            Self::Process { roles, action, processes } => {
                let touched = Touched { processes: roles.len() as u64, ..Touched::default() };
                for role in roles {
                    // Whoever does not listen any more has ended all processes.
                    let _ = processes.send(ProcessCommand { role, what: ProcessChange::Heal(action) });
                }
                Ok(Some(touched))
            }
            Self::Limit(guard) => guard.heal().await.map(Some),
            Self::Store(guard) => guard.heal(&|text| reach.note(text)).await.map(Some),
            Self::Clients(guard) => guard.heal().await.map(Some),
            Self::Asked => Ok(Some(Touched { requests: 1, ..Touched::default() })),
            Self::Settings { address, before } => {
                change_settings(&address, &before).await?;
                Ok(Some(one_process()))
            }
        }
    }
}

/// Draws follow from the name: a fault with a seed has the same ones wherever it stands in the list.
fn toxic_name(fault: &Fault, number: usize, round: usize) -> String {
    match fault.seed {
        Some(seed) => format!("{TOXIC_PREFIX}seed-{seed}-{round}"),
        None => format!("{TOXIC_PREFIX}{number}-{round}"),
    }
}

/// What was counted. A toxic that its own server has lost was not on as long as it should be.
fn known(counted: Counted) -> Result<Option<Touched>, CallError> {
    match counted {
        Counted::Touched(touched) => Ok(Some(touched)),
        Counted::ByNobody => Ok(None),
        Counted::Unknown => {
            let reason = "it was gone before its end, and what it touched is not known".to_owned();
            Err(CallError::Answer { reason })
        }
    }
}

/// `{"a.b": 1}` as `{"a": {"b": 1}}`.
fn nested(set: &BTreeMap<String, Value>) -> Value {
    let mut root = Map::new();
    for (path, value) in set {
        let mut segments = path.split('.').peekable();
        let mut place = &mut root;
        while let Some(segment) = segments.next() {
            if segments.peek().is_none() {
                place.insert(segment.to_owned(), value.clone());
                break;
            }
            let below = place.entry(segment).or_insert_with(|| Value::Object(Map::new()));
            if !below.is_object() {
                *below = Value::Object(Map::new());
            }
            let Value::Object(map) = below else { break };
            place = map;
        }
    }
    Value::Object(root)
}

/// What a patch would change, as it is now. Nothing beside it: another fault may change that meanwhile, and
/// must not be undone or brought back by this one's end. Where the patch names what is not there, as a
/// distribution of another kind, it is all of that place.
fn named_in(patch: &Value, settings: &Value) -> Value {
    match (patch, settings) {
        (Value::Object(changes), Value::Object(now)) if changes.keys().all(|name| now.contains_key(name)) => {
            changes.iter().map(|(name, change)| (name.clone(), named_in(change, &now[name]))).collect()
        }
        _ => settings.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_named_by_paths_and_undone_whole() {
        let set = BTreeMap::from([
            ("generation.constant".to_owned(), json!("5s")),
            ("errors.share".to_owned(), json!(0.5)),
            ("errors.status".to_owned(), json!(503)),
        ]);
        let patch = nested(&set);
        let expected = json!({"errors": {"share": 0.5, "status": 503}, "generation": {"constant": "5s"}});
        assert_eq!(patch, expected);
        let now =
            json!({"generation": {"lognormal": {"median": "1s"}}, "errors": {"share": 0.0}, "other": 1});
        let before = json!({"errors": {"share": 0.0}, "generation": {"lognormal": {"median": "1s"}}});
        assert_eq!(named_in(&patch, &now), before);
    }

    #[test]
    fn only_what_a_fault_changes_is_remembered() {
        let now = json!({"embeddings": {"errors": 0.0, "latency": {"constant": "5s"}, "per_second": 40.0}});
        let errors = json!({"embeddings": {"errors": 0.5}});
        assert_eq!(named_in(&errors, &now), json!({"embeddings": {"errors": 0.0}}));
        let another_kind = json!({"embeddings": {"latency": {"lognormal": {"median": "1s", "sigma": 0.3}}}});
        assert_eq!(named_in(&another_kind, &now), json!({"embeddings": {"latency": {"constant": "5s"}}}));
    }
}
