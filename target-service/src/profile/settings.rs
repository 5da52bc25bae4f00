//! One value of a profile, changed by its dotted path.
//!
//! ```text
//!   profile --JSON tree--> walk the path --replace the leaf--> profile
//! ```
//!
//! The value goes through YAML's own reading and then through the profile's types, so `10s`, `40`
//! and `{ lognormal: … }` are read as they would be in the file.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Profile, ProfileError};

/// `profile` with the value at `path` replaced.
pub(super) fn set(profile: &Profile, path: &str, value: &str) -> Result<Profile, ProfileError> {
    let fail =
        |reason: String| ProfileError::Value { path: path.to_owned(), value: value.to_owned(), reason };
    let mut tree = serde_json::to_value(profile).map_err(|error| fail(error.to_string()))?;
    let new: Value = serde_saphyr::from_str(value).map_err(|error| fail(error.to_string()))?;
    let leaf = find(&mut tree, path)?;
    // A section may be replaced by a section, as in `{ lognormal: … }`, but not by one word.
    if leaf.is_object() && !new.is_object() && !is_variant(leaf) {
        return Err(fail(format!("it is a section with {}", keys(leaf).join(", "))));
    }
    // A word where text stands is that text, whatever else it might mean: `yes`, `1`.
    *leaf = if leaf.is_string() && !new.is_object() { Value::String(value.to_owned()) } else { new };
    serde_json::from_value(tree).map_err(|error| fail(error.to_string()))
}

/// `profile` with the value at `path` replaced by one that was read already.
pub(super) fn set_value(profile: &Profile, path: &str, value: &Value) -> Result<Profile, ProfileError> {
    // JSON is YAML.
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    set(profile, path, &text)
}

/// A setting that two profiles have differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its dotted path.
    pub path: String,
    /// In the one.
    pub from: String,
    /// In the other.
    pub to: String,
}

/// What is different in `other`, by path.
pub(super) fn differences(one: &Profile, other: &Profile) -> Vec<Change> {
    let (one, other) = (leaves(one), leaves(other));
    let written = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), written);
    let mut paths: Vec<&String> = one.keys().chain(other.keys()).collect();
    paths.sort();
    paths.dedup();
    let changed = paths.into_iter().filter(|path| one.get(*path) != other.get(*path));
    changed
        .map(|path| Change { path: path.clone(), from: written(one.get(path)), to: written(other.get(path)) })
        .collect()
}

/// All values with their paths; distributions are one value.
pub(super) fn leaves(profile: &Profile) -> BTreeMap<String, Value> {
    fn walk(path: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) if !is_variant(value) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(&path, value, found);
                }
            }
            _ => drop(found.insert(path.to_owned(), value.clone())),
        }
    }
    let mut found = BTreeMap::new();
    walk("", &serde_json::to_value(profile).expect("a profile is a tree"), &mut found);
    found
}

/// A value as it is written in a profile.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The place that `path` names.
fn find<'a>(tree: &'a mut Value, path: &str) -> Result<&'a mut Value, ProfileError> {
    let mut place = tree;
    let mut walked = String::new();
    for name in path.split('.') {
        let accepted = match place {
            Value::Object(fields) if fields.contains_key(name) => None,
            Value::Object(fields) => Some(fields.keys().map(|key| format!("{walked}{key}")).collect()),
            _ => Some(vec![walked.trim_end_matches('.').to_owned()]),
        };
        if let Some(accepted) = accepted {
            return Err(ProfileError::Path { path: path.to_owned(), accepted });
        }
        place = &mut place[name];
        walked = format!("{walked}{name}.");
    }
    Ok(place)
}

/// Whether this is one of several forms, `{ lognormal: … }`, which another form may replace.
fn is_variant(value: &Value) -> bool {
    const DISTRIBUTIONS: [&str; 4] = ["constant", "uniform", "exponential", "lognormal"];
    keys(value).first().is_some_and(|key| DISTRIBUTIONS.contains(&key.as_str()))
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect()
}
