//! Every example of the reference page loads, and the page names every field.

use std::collections::BTreeSet;

use loadlab_scenario::{NamedFault, Source, load_with};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/SCENARIOS.md");
/// What an example that shows a part only is completed with.
const LOAD: &str = "load: { burst: { users: 10 } }\n";
/// The named fault that the page uses.
const SLOW_ANSWERS: &str = include_str!("../../../chaos/faults/slow-answers.yaml");
const JOURNEYS: &str = "journeys: [{ name: search, steps: [{ post: /search }] }]\n";

/// The YAML blocks of the page with their first lines.
fn examples() -> Vec<(usize, String)> {
    let mut examples = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in PAGE.lines().enumerate() {
        match &mut open {
            Some(_) if line == "```" => examples.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line == "```yaml" => open = Some((index + 2, String::new())),
            None => {}
        }
    }
    examples
}

#[test]
fn every_example_loads() {
    let examples = examples();
    assert!(examples.len() >= 12, "the page has {} examples", examples.len());
    for (line, mut text) in examples {
        let has = |key: &str| text.lines().any(|line| line.starts_with(key));
        let (load_missing, journeys_missing) = (!has("load:"), !has("journeys:"));
        if load_missing {
            text.push_str(LOAD);
        }
        if journeys_missing {
            text.push_str(JOURNEYS);
        }
        let read_file = |_: &str| Ok("text\nslow queries\nfast queries\n".to_owned());
        let source = Source { path: "slow-answers.yaml", text: SLOW_ANSWERS };
        let named = [NamedFault { name: "slow-answers", source }];
        let loaded = load_with(&Source { path: "SCENARIOS.md", text: &text }, &[], &read_file, &named);
        loaded.unwrap_or_else(|diagnostics| panic!("the example at line {line}:\n{diagnostics}"));
    }
}

#[test]
fn the_page_names_every_field() {
    fn fields(schema: &Value, names: &mut BTreeSet<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    names.extend(properties.keys().cloned());
                }
                members.values().for_each(|member| fields(member, names));
            }
            Value::Array(elements) => elements.iter().for_each(|element| fields(element, names)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    fields(&loadlab_scenario::schema(), &mut names);
    let unnamed: Vec<&String> = names
        .iter()
        .filter(|name| !PAGE.contains(&format!("`{name}`")) && !PAGE.contains(&format!("{name}:")))
        .collect();
    assert_eq!(unnamed, Vec::<&String>::new());
}
