//! Reads a fault's attributes from JSON, and says what is wrong with them.

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::Distribution;
use serde_json::{Map, Number, Value};

use super::fault::FaultError;

/// Longest time in an attribute, in milliseconds: a year. Anything above is a slip of the hand.
const MILLIS_MAX: f64 = 366.0 * 86_400_000.0;

/// Attributes that were not read yet. Keys do not care about case, as Toxiproxy's do not.
#[derive(Debug)]
pub(crate) struct Attributes {
    left: BTreeMap<String, Value>,
    asked: Vec<&'static str>,
}

impl Attributes {
    pub(crate) fn of(value: &Value) -> Result<Self, FaultError> {
        let left = match value {
            Value::Null => BTreeMap::new(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.clone())).collect()
            }
            other => {
                return Err(FaultError::Wrong {
                    attribute: "attributes",
                    expected: "an object",
                    found: other.to_string(),
                });
            }
        };
        Ok(Self { left, asked: Vec::new() })
    }

    /// Takes an attribute; `null` counts as absent.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    fn take_as<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, FaultError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wrong = || FaultError::Wrong { attribute: name, expected, found: value.to_string() };
        read(&value).map(Some).ok_or_else(wrong)
    }

    /// A time in milliseconds.
    pub(crate) fn millis(&mut self, name: &'static str) -> Result<Option<Duration>, FaultError> {
        self.take_as(name, "milliseconds, 0 or more and under a year", |value| {
            let millis = value.as_f64().filter(|millis| (0.0..=MILLIS_MAX).contains(millis))?;
            Duration::try_from_secs_f64(millis / 1e3).ok()
        })
    }

    /// A whole number between two bounds; `expected` names them.
    pub(crate) fn whole(
        &mut self,
        name: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
        expected: &'static str,
    ) -> Result<Option<u64>, FaultError> {
        self.take_as(name, expected, |value| {
            // Command-line clients of the original send every number as a float.
            let float = value.as_f64().filter(|float| float.fract() == 0.0 && *float >= 0.0);
            value.as_u64().or(float.map(|float| float as u64)).filter(|whole| bounds.contains(whole))
        })
    }

    /// A fraction above 0, at most 1.
    pub(crate) fn fraction(&mut self, name: &'static str) -> Result<Option<f64>, FaultError> {
        self.take_as(name, "a number above 0 and at most 1", |value| {
            value.as_f64().filter(|fraction| *fraction > 0.0 && *fraction <= 1.0)
        })
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, FaultError> {
        self.take_as(name, "true or false", Value::as_bool)
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, FaultError> {
        self.take_as(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// One text or a list of them; absent is an empty list.
    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, FaultError> {
        let texts = self.take_as(name, "a text or a list of texts", |value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => None,
        })?;
        Ok(texts.unwrap_or_default())
    }

    pub(crate) fn distribution(&mut self, name: &'static str) -> Result<Option<Distribution>, FaultError> {
        let expected = "a distribution such as {\"lognormal\": {\"median\": \"80ms\", \"sigma\": 0.5}}";
        self.take_as(name, expected, |value| {
            let read = serde_json::from_value::<Distribution>(value.clone()).ok()?;
            read.check().is_ok().then_some(read)
        })
    }

    /// What was not asked for is a mistake: a misspelt selector would hit everything.
    pub(crate) fn finish(self) -> Result<(), FaultError> {
        match self.left.into_keys().next() {
            None => Ok(()),
            Some(attribute) => Err(FaultError::Unknown { attribute, accepted: self.asked }),
        }
    }
}

/// A duration as a number of milliseconds, whole where it is.
pub(crate) fn millis_value(duration: Duration) -> Value {
    let micros = duration.as_micros();
    if micros.is_multiple_of(1_000) {
        Value::from((micros / 1_000) as u64)
    } else {
        Number::from_f64(duration.as_secs_f64() * 1e3).map_or(Value::Null, Value::Number)
    }
}

/// Writes a list as [`Attributes::texts`] reads it: nothing if it is empty, one text if it has one.
pub(crate) fn write_texts(map: &mut Map<String, Value>, name: &str, texts: &[String]) {
    match texts {
        [] => {}
        [one] => {
            map.insert(name.to_owned(), Value::from(one.as_str()));
        }
        all => {
            map.insert(name.to_owned(), Value::from(all));
        }
    }
}
