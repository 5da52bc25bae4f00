//! Settings that change while a role runs.
//!
//! A change is a JSON merge patch (RFC 7386) of the role's part of the profile: what it names is
//! replaced, the rest stays, and the whole is checked before it takes effect.

use std::{error::Error, fmt, sync::Arc};

use parking_lot::RwLock;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Settings that are read for every call and may change between two.
#[derive(Debug)]
pub struct Live<T> {
    current: RwLock<Arc<T>>,
    check: fn(&T) -> Result<(), Box<dyn Error>>,
}

/// Why a change was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchError {
    /// The result is not of the settings' form: an unknown name, a wrong type.
    Form {
        /// What is wrong.
        reason: String,
    },
    /// The form is right and a value makes no sense.
    Value {
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form { reason } | Self::Value { reason } => f.write_str(reason),
        }
    }
}

impl Error for PatchError {}

impl<T: Serialize + DeserializeOwned> Live<T> {
    /// Settings to start with, and what every change must pass.
    pub fn new(start: T, check: fn(&T) -> Result<(), Box<dyn Error>>) -> Self {
        Self { current: RwLock::new(Arc::new(start)), check }
    }

    /// The settings as they are now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.current.read())
    }

    /// Merges `patch` into the settings and gives what they are then.
    pub fn patch(&self, patch: Value) -> Result<Arc<T>, PatchError> {
        let form = |error: serde_json::Error| PatchError::Form { reason: error.to_string() };
        let mut current = self.current.write();
        let mut tree = serde_json::to_value(&**current).map_err(form)?;
        merge(&mut tree, patch);
        let changed: T = serde_json::from_value(tree).map_err(form)?;
        (self.check)(&changed).map_err(|error| PatchError::Value { reason: described(&*error) })?;
        *current = Arc::new(changed);
        Ok(Arc::clone(&current))
    }
}

fn described(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// RFC 7386, except that `null` stays: the settings write an absent value as `null`. An object of
/// one key replaces an object of one other key, so that `{lognormal: …}` can follow `{constant: …}`.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(fields), Value::Object(changes)) => {
            if fields.len() == 1 && changes.len() == 1 && !changes.keys().all(|key| fields.contains_key(key))
            {
                *fields = changes;
                return;
            }
            for (key, change) in changes {
                merge(fields.entry(key).or_insert(Value::Null), change);
            }
        }
        (target, patch) => *target = patch,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        share: f64,
        limit: Option<u32>,
    }

    fn live() -> Live<Settings> {
        Live::new(Settings { share: 0.5, limit: Some(3) }, |settings| {
            if settings.share > 1.0 { Err("share is above 1".into()) } else { Ok(()) }
        })
    }

    #[test]
    fn a_patch_changes_what_it_names_and_leaves_the_rest() {
        let live = live();
        live.patch(json!({"limit": null})).expect("a change");
        assert_eq!(*live.get(), Settings { share: 0.5, limit: None });
    }

    #[test]
    fn a_refused_patch_changes_nothing() {
        let live = live();
        for (patch, reason) in [(json!({"lmit": 1}), "unknown field"), (json!({"share": 2.0}), "above 1")] {
            let error = live.patch(patch).expect_err("refused").to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(*live.get(), Settings { share: 0.5, limit: Some(3) });
    }

    #[test]
    fn one_form_of_a_distribution_follows_another() {
        let mut target = json!({"latency": {"constant": "1s"}});
        merge(&mut target, json!({"latency": {"lognormal": {"median": "2s", "sigma": 0.1}}}));
        assert_eq!(target, json!({"latency": {"lognormal": {"median": "2s", "sigma": 0.1}}}));
    }
}
