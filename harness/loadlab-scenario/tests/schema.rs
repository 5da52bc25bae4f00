//! The JSON schema accepts what the reader accepts, and refuses what has the wrong structure.

use std::path::Path;

use regex::Regex;
use serde_json::Value;

/// YAML as an editor reads it, by another reader than ours.
fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What of JSON Schema the scenario schema uses; anything else in it fails the test.
fn mistakes(schema: &Value, root: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let Value::Object(members) = schema else {
        if *schema != Value::Bool(true) {
            out.push(format!("{at}: the schema is {schema}"));
        }
        return;
    };
    let any = |choices: &Value| {
        choices.as_array().expect("choices").iter().any(|choice| {
            let mut inside = Vec::new();
            mistakes(choice, root, value, at, &mut inside);
            inside.is_empty()
        })
    };
    for (keyword, rule) in members {
        let good = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "examples" | "format" | "default" => true,
            "$ref" => {
                let name =
                    rule.as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("a definition");
                mistakes(&root["$defs"][name], root, value, at, out);
                true
            }
            "anyOf" | "oneOf" => any(rule),
            "type" => rule
                .as_array()
                .map_or_else(|| is_a(value, rule), |types| types.iter().any(|name| is_a(value, name))),
            "enum" => rule.as_array().expect("values").contains(value),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().expect("a pattern")).expect("a valid pattern");
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().expect("a number")),
            "required" => value.as_object().is_none_or(|object| {
                rule.as_array()
                    .expect("names")
                    .iter()
                    .all(|name| object.contains_key(name.as_str().expect("a name")))
            }),
            "properties" | "additionalProperties" => {
                members_of(schema, root, value, at, out);
                true
            }
            "items" => {
                for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                    mistakes(rule, root, element, &format!("{at}/{index}"), out);
                }
                true
            }
            other => panic!("{at}: the test does not know `{other}`"),
        };
        if !good {
            out.push(format!("{at}: {value} against {keyword} {rule}"));
        }
    }
}

fn members_of(schema: &Value, root: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (None, Some(Value::Bool(false))) => out.push(format!("{at} is unknown")),
            (Some(rule), _) | (None, Some(rule)) => mistakes(rule, root, member, &at, out),
            (None, None) => {}
        }
    }
}

fn is_a(value: &Value, name: &Value) -> bool {
    match name.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("no type {other}"),
    }
}

fn judge(file: &str) -> Vec<String> {
    let schema = loadlab_scenario::schema();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut out = Vec::new();
    mistakes(&schema, &schema, &yaml(&path), "", &mut out);
    out
}

#[test]
fn valid_scenarios_fit_the_schema() {
    for file in ["../../scenarios/100-concurrent.yaml", "tests/everything.yaml"] {
        assert_eq!(judge(file), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn files_of_the_wrong_structure_do_not() {
    let files = [
        "empty-values",
        "feeds",
        "load-two-shapes",
        "load-unknown-shape",
        "load-users",
        "not-a-map",
        "nothing-but-a-title",
        "quantities",
        "target-text",
        "unknown-fields",
        "wrong-kinds",
    ];
    for file in files {
        assert_ne!(judge(&format!("tests/bad/{file}.yaml")), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn every_field_says_what_it_is() {
    fn look(at: &str, schema: &Value, silent: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            if field.get("description").is_none() {
                silent.push(format!("{at}.{name}"));
            }
        }
        for choice in schema["oneOf"].as_array().into_iter().flatten() {
            if choice.get("description").is_none() {
                silent.push(format!("{at}: {choice}"));
            }
        }
    }
    let schema = loadlab_scenario::schema();
    let mut silent = Vec::new();
    look("Scenario", &schema, &mut silent);
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        look(name, definition, &mut silent);
    }
    assert_eq!(silent, Vec::<String>::new());
}

/// What editors are given, to be looked at when it changes.
#[test]
fn the_schema_is_what_it_was() {
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&loadlab_scenario::schema()).expect("a schema can be written")
    );
}
