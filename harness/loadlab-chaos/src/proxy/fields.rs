//! Reads members of JSON objects the way Toxiproxy's clients expect: keys in any case, `null` as
//! absent, unknown keys ignored, the last of equal keys; a fraction is no integer.

use std::fmt;

use serde_json::{Map, Value};

/// A member that cannot be what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldError {
    /// It has another JSON type.
    Type {
        /// Its name.
        field: String,
        /// What was found, in words of JSON.
        found: String,
        /// What belongs there.
        wanted: &'static str,
    },
    /// It has the right type and an impossible value.
    Value {
        /// Its name.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl FieldError {
    /// `field` has a value that cannot be; `problem` goes on "`field` …".
    pub fn value(field: &str, problem: impl Into<String>) -> Self {
        Self::Value { field: field.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { field, found, wanted } => {
                write!(f, "json: cannot unmarshal {found} into field {field} of type {wanted}")
            }
            Self::Value { field, problem } => write!(f, "{field} {problem}"),
        }
    }
}

impl std::error::Error for FieldError {}

/// One or two objects, the first of which covers the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    over: &'a Map<String, Value>,
    under: Option<&'a Map<String, Value>>,
    /// Goes before the names in errors, as in `attributes.`
    prefix: &'static str,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(object: &'a Map<String, Value>) -> Self {
        Self { over: object, under: None, prefix: "" }
    }

    pub(crate) fn attributes(over: &'a Map<String, Value>, under: Option<&'a Map<String, Value>>) -> Self {
        Self { over, under, prefix: "attributes." }
    }

    /// The members, those of the covering object winning, under the name they have there.
    pub(crate) fn merged(&self) -> Map<String, Value> {
        let mut all = self.under.cloned().unwrap_or_default();
        for (key, value) in self.over.iter().filter(|(_, value)| !value.is_null()) {
            let name = all.keys().find(|name| name.eq_ignore_ascii_case(key)).unwrap_or(key).clone();
            all.insert(name, value.clone());
        }
        all
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        let find = |map: &'a Map<String, Value>| {
            let mut members = map.iter().rev();
            members.find(|(name, value)| name.eq_ignore_ascii_case(key) && !value.is_null())
        };
        find(self.over).or_else(|| self.under.and_then(find)).map(|(_, value)| value)
    }

    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, FieldError> {
        self.read(key, "int64", Value::as_i64)
    }

    /// An integer of 0 or more; 0 where there is none.
    pub(crate) fn count(&self, key: &str) -> Result<u64, FieldError> {
        let value = self.integer(key)?.unwrap_or(0);
        u64::try_from(value).map_err(|_| FieldError::value(key, format!("must be 0 or more, not {value}")))
    }

    pub(crate) fn float(&self, key: &str) -> Result<Option<f64>, FieldError> {
        self.read(key, "float64", Value::as_f64)
    }

    /// A number from 0 to 1; 0 where there is none.
    pub(crate) fn share(&self, key: &str) -> Result<f64, FieldError> {
        let value = self.float(key)?.unwrap_or(0.0);
        if (0.0..=1.0).contains(&value) {
            Ok(value)
        } else {
            Err(FieldError::value(key, format!("must be from 0 to 1, not {value}")))
        }
    }

    pub(crate) fn float32(&self, key: &str) -> Result<Option<f32>, FieldError> {
        self.read(key, "float32", |value| value.as_f64().map(|v| v as f32).filter(|v| v.is_finite()))
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, FieldError> {
        self.read(key, "string", Value::as_str)
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, FieldError> {
        self.read(key, "bool", Value::as_bool)
    }

    pub(crate) fn object(&self, key: &str) -> Result<Option<&'a Map<String, Value>>, FieldError> {
        self.read(key, "object", Value::as_object)
    }

    pub(crate) fn array(&self, key: &str) -> Result<Option<&'a Vec<Value>>, FieldError> {
        self.read(key, "array", Value::as_array)
    }

    fn read<T>(
        &self,
        key: &str,
        wanted: &'static str,
        take: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        take(value).map(Some).ok_or_else(|| FieldError::Type {
            field: format!("{}{key}", self.prefix),
            found: kind_of(value),
            wanted,
        })
    }
}

/// What a value is, in words; a number is shown, since its form is what is wrong with it.
pub(crate) fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) => format!("number {number}"),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> &Map<String, Value> {
        value.as_object().expect("an object")
    }

    #[test]
    fn keys_are_found_in_any_case_and_null_is_absent() {
        let value = json!({ "LaTeNcY": 5, "jitter": null });
        let fields = Fields::of(object(&value));
        assert_eq!(fields.integer("latency"), Ok(Some(5)));
        assert_eq!(fields.integer("jitter"), Ok(None));
    }

    #[test]
    fn a_fraction_is_no_integer() {
        for value in [json!({ "rate": 1.0 }), json!({ "rate": 1e3 }), json!({ "rate": 1e99 })] {
            let error = Fields::attributes(object(&value), None).integer("rate").expect_err("no integer");
            let text = error.to_string();
            assert!(text.starts_with("json: cannot unmarshal number 1"), "{text}");
            assert!(text.ends_with("into field attributes.rate of type int64"), "{text}");
        }
    }

    #[test]
    fn what_covers_wins_and_the_rest_stays() {
        let (over, under) = (json!({ "Jitter": 7 }), json!({ "latency": 5, "jitter": 1 }));
        let fields = Fields::attributes(object(&over), Some(object(&under)));
        assert_eq!((fields.integer("latency"), fields.integer("jitter")), (Ok(Some(5)), Ok(Some(7))));
        assert_eq!(Value::Object(fields.merged()), json!({ "latency": 5, "jitter": 7 }));
    }
}
