//! A plan as a flat list of values, so that two plans can be told apart place by place.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use loadlab_scenario::Plan;
use serde_json::Value;

/// What of a plan is compared on its own, or changes nothing that is measured: the name, texts for people,
/// documented bands.
const APART: [&str; 7] = ["name", "title", "question", "documented", "target", "speed", "seed"];
/// Longer values are cut: they are told so that a reader knows where to look.
const TEXT_MAX: usize = 80;

/// Each value of a plan by its place: `client.timeout` to `30s`. Of feeds it has the number of rows; the rows
/// themselves may be drawn from the seed, see [`rows`].
pub(super) fn of_plan(plan: &Plan) -> BTreeMap<String, String> {
    let mut value = serde_json::to_value(plan).expect("a plan has text keys and finite numbers");
    if let Value::Object(fields) = &mut value {
        fields.retain(|field, _| !APART.contains(&field.as_str()));
        let feeds = fields.get_mut("feeds").and_then(Value::as_object_mut);
        for feed in feeds.into_iter().flat_map(|feeds| feeds.values_mut()) {
            let count = feed["rows"].as_array().map_or(0, Vec::len);
            feed["rows"] = Value::from(count);
        }
    }
    of(&value)
}

/// Each value of some JSON by its place.
pub(super) fn of(value: &Value) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    collect(value, "", &mut leaves);
    leaves
}

/// The rows of each feed, as a fingerprint.
pub(super) fn rows(plan: &Plan) -> Vec<(String, String)> {
    let fingerprint = |rows: &Vec<Vec<String>>| {
        let mut hasher = DefaultHasher::new();
        rows.hash(&mut hasher);
        format!("{} rows, fingerprint {:016x}", rows.len(), hasher.finish())
    };
    plan.feeds.iter().map(|(name, feed)| (format!("feeds.{name}.rows"), fingerprint(&feed.rows))).collect()
}

/// A text as it is shown.
pub(crate) fn cut(text: &str) -> String {
    if text.chars().count() <= TEXT_MAX {
        return text.to_owned();
    }
    text.chars().take(TEXT_MAX).chain(['…']).collect()
}

fn collect(value: &Value, place: &str, into: &mut BTreeMap<String, String>) {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| collect(value, &below(name), into));
        }
        Value::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| collect(item, &below(&index.to_string()), into));
        }
        Value::String(text) => {
            into.insert(place.to_owned(), text.clone());
        }
        other => {
            into.insert(place.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use loadlab_record::synthetic::Synthetic;

    use super::*;

    #[test]
    fn values_are_found_by_their_place() {
        let leaves = of(&serde_json::json!({ "a": { "b": [1, "two"] }, "c": {}, "d": null }));
        let expected = [("a.b.0", "1"), ("a.b.1", "two"), ("c", "{}"), ("d", "null")];
        assert_eq!(leaves, expected.map(|(place, value)| (place.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_plan_has_what_is_measured_and_not_what_is_told() {
        let plan = Synthetic::burst(50).run().plan;
        let leaves = of_plan(&plan);
        assert_eq!((leaves["load.burst.users"].as_str(), leaves["client.timeout"].as_str()), ("50", "30s"));
        let told = |place: &String| APART.iter().any(|apart| place.split('.').next() == Some(apart));
        assert!(!leaves.keys().any(told), "{leaves:?}");
    }
}
