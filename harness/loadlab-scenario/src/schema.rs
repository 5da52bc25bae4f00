//! The JSON schema of scenario files, for editors. Made of the file types, so it cannot lag behind.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use crate::file::ScenarioFile;

/// The schema that editors check scenario files against.
pub fn schema() -> Value {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<ScenarioFile>().to_value();
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
