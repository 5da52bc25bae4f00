//! The JSON schemas of scenario and study files, for editors. Made of the file types, so it cannot lag behind.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use crate::file::{ScenarioFile, study::StudyFile};

/// The schema that editors check scenario files against.
pub fn schema() -> Value {
    of::<ScenarioFile>()
}

/// The schema that editors check study files against.
pub fn study_schema() -> Value {
    of::<StudyFile>()
}

fn of<T: JsonSchema>() -> Value {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    forbid_nothing(&mut schema);
    schema
}

/// An optional field may be left out, but not be empty: `null` is no value of any field.
fn forbid_nothing(schema: &mut Value) {
    match schema {
        Value::Array(elements) => elements.iter_mut().for_each(forbid_nothing),
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("enum") {
                choices.retain(|choice| !choice.is_null());
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if let [only] = choices.as_mut_slice() {
                    let only = only.take();
                    members.remove("anyOf");
                    if let Value::Object(only) = only {
                        members.extend(only);
                    }
                }
            }
            members.values_mut().for_each(forbid_nothing);
        }
        _ => {}
    }
}
