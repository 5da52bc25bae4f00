//! `sse_corrupt`: alters the data of one server-sent event.
//!
//! Every byte of the values of its `data` fields becomes another printable one. Its lines and the
//! other fields stay, so it is still an event; what was JSON is JSON no more.

use serde_json::{Map, Value};

use super::{Attributes, FaultError, HttpSelect};

/// Alters one event of a stream. `Touched::bytes` counts the bytes altered.
#[derive(Debug, Clone, PartialEq)]
pub struct SseCorrupt {
    event: u64,
    select: HttpSelect,
}

impl SseCorrupt {
    /// Its name.
    pub const TYPE: &'static str = "sse_corrupt";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let event = attributes.whole("event", 1..=u64::MAX, "the number of an event, from 1")?;
        Ok(Self { event: event.unwrap_or(1), select: HttpSelect::take(attributes)? })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        map.insert("event".to_owned(), Value::from(self.event));
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &HttpSelect {
        &self.select
    }

    /// Whether the event with this number, counted from 1, is the one.
    pub(crate) fn hits(&self, event: u64) -> bool {
        event == self.event
    }
}
