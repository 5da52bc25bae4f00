//! `sse_cut`: cuts a stream of server-sent events after some of them.
//!
//! The end is never clean: the final chunk is missing, or the connection is reset. It is always
//! reset where the end of the connection would be a clean end, as in HTTP/1.0. A stream that is
//! already further along when the fault is set is cut before its next event.

use serde_json::{Map, Value};

use super::{Attributes, FaultError, HttpSelect};

/// Cuts a stream of events. `Touched::events` counts the cuts; `Touched::bytes` stays 0.
#[derive(Debug, Clone, PartialEq)]
pub struct SseCut {
    after_events: u64,
    reset: bool,
    select: HttpSelect,
}

impl SseCut {
    /// Its name.
    pub const TYPE: &'static str = "sse_cut";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let after_events = attributes.whole("after_events", 0..=u64::MAX, "a number of events, 0 or more")?;
        let reset = attributes.flag("reset")?.unwrap_or(false);
        let select = HttpSelect::take(attributes)?;
        let after_events = after_events.ok_or(FaultError::Missing { attribute: "after_events", or: None })?;
        Ok(Self { after_events, reset, select })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        map.insert("after_events".to_owned(), Value::from(self.after_events));
        map.insert("reset".to_owned(), Value::from(self.reset));
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &HttpSelect {
        &self.select
    }

    /// Whether to cut now that `passed` events have passed.
    pub(crate) fn due(&self, passed: u64) -> bool {
        passed >= self.after_events
    }

    /// Whether by RST rather than without the final chunk.
    pub(crate) fn reset(&self) -> bool {
        self.reset
    }
}
