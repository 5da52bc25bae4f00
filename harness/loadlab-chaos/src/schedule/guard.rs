//! A fault that is on. Healing it is its normal end and says what it touched; what is dropped instead
//! is healed by the proxy's own time limit, or by the keeper, which ends everything.

use std::{collections::BTreeMap, time::Duration};

use loadlab_record::Touched;
use loadlab_scenario::fault::{Disturbance, Fault, ProcessAction};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{Places, ProcessChange, ProcessCommand, grow::Resize, one_process};
use crate::control::{CallError, Toxiproxy, change_settings, settings};

/// How much longer than planned the proxy keeps a toxic that nobody removes (scenario time).
const GRACE: Duration = Duration::from_secs(5);

/// How to heal it.
#[must_use = "a fault that began must be healed"]
#[derive(Debug)]
pub(super) enum Guard {
    Toxic { proxies: Toxiproxy, proxy: String, toxic: String },
    Down { proxies: Toxiproxy, proxy: String, touched: Touched },
    Process { role: String, action: ProcessAction, processes: mpsc::UnboundedSender<ProcessCommand> },
    Settings { address: String, before: Value },
}

impl Guard {
    /// Begins a fault; it is on when this returns.
    pub(super) async fn begin(
        fault: &Fault,
        number: usize,
        round: usize,
        places: &Places,
        processes: &mpsc::UnboundedSender<ProcessCommand>,
    ) -> Result<Self, CallError> {
        let proxies = places.proxies.clone();
        let unknown = || CallError::Answer { reason: format!("`{}` is not there", fault.what.place()) };
        let proxy = |edge| places.edges.get(edge).cloned().ok_or_else(unknown);
        match &fault.what {
            Disturbance::Toxic { edge, toxic } => {
                let proxy = proxy(edge)?;
                let name = toxic_name(fault, number, round);
                proxies.add(&proxy, &name, toxic, fault.lasts + GRACE).await?;
                Ok(Self::Toxic { proxies, proxy, toxic: name })
            }
            Disturbance::Down { edge } => {
                let proxy = proxy(edge)?;
                let touched = proxies.touched(&proxy, None).await?.unwrap_or_default();
                proxies.enable(&proxy, false).await?;
                Ok(Self::Down { proxies, proxy, touched })
            }
            Disturbance::Process { role, action } => {
                let command = ProcessCommand { role: role.clone(), what: ProcessChange::Begin(*action) };
                processes.send(command).map_err(|_| unknown())?;
                Ok(Self::Process { role: role.clone(), action: *action, processes: processes.clone() })
            }
            Disturbance::Settings { role, set } => {
                let address = places.admins.get(role).cloned().ok_or_else(unknown)?;
                let patch = nested(set);
                let before = named_in(&patch, &settings(&address).await?);
                change_settings(&address, &patch).await?;
                Ok(Self::Settings { address, before })
            }
        }
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

    /// Heals it, and says what it touched.
    pub(super) async fn heal(self) -> Result<Touched, CallError> {
        match self {
            Self::Toxic { proxies, proxy, toxic } => {
                // Before it is gone.
                let counted = proxies.touched(&proxy, Some(&toxic)).await;
                proxies.remove(&proxy, &toxic).await?;
                let reason = "it was gone before its end, and what it touched is not known".to_owned();
                counted?.ok_or(CallError::Answer { reason })
            }
            Self::Down { proxies, proxy, touched } => {
                proxies.enable(&proxy, true).await?;
                Ok(touched)
            }
            Self::Process { role, action, processes } => {
                let command = ProcessCommand { role, what: ProcessChange::Heal(action) };
                // Whoever does not listen any more has ended all processes.
                let _ = processes.send(command);
                Ok(one_process())
            }
            Self::Settings { address, before } => {
                change_settings(&address, &before).await?;
                Ok(one_process())
            }
        }
    }
}

/// Draws follow from the name: a fault with a seed has the same ones wherever it stands in the list.
fn toxic_name(fault: &Fault, number: usize, round: usize) -> String {
    match fault.seed {
        Some(seed) => format!("fault-seed-{seed}-{round}"),
        None => format!("fault-{number}-{round}"),
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

/// Those of the settings that a patch names at its top: enough to undo it.
fn named_in(patch: &Value, settings: &Value) -> Value {
    let names = patch.as_object().into_iter().flat_map(Map::keys);
    let kept = names.filter_map(|name| Some((name.clone(), settings.get(name)?.clone())));
    Value::Object(kept.collect())
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
}
