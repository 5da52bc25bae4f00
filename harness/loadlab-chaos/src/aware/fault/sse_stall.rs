//! `sse_stall`: holds a stream of server-sent events back between two of them.
//!
//! What has arrived is passed on before the stall. When the fault is removed, the stream goes on.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::{Attributes, FaultError, HttpSelect};
use crate::aware::Delay;

/// Holds a stream back. `Touched::events` counts the stalls; `Touched::bytes` stays 0.
#[derive(Debug, Clone, PartialEq)]
pub struct SseStall {
    stall: Delay,
    after_events: u64,
    each: bool,
    select: HttpSelect,
}

impl SseStall {
    /// Its name.
    pub const TYPE: &'static str = "sse_stall";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let after_events = attributes.whole("after_events", 0..=u64::MAX, "a number of events, 0 or more")?;
        Ok(Self {
            stall: Delay::take(attributes, "stall")?,
            after_events: after_events.unwrap_or(1),
            each: attributes.flag("each")?.unwrap_or(false),
            select: HttpSelect::take(attributes)?,
        })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        self.stall.write(map, "stall");
        map.insert("after_events".to_owned(), Value::from(self.after_events));
        map.insert("each".to_owned(), Value::from(self.each));
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &HttpSelect {
        &self.select
    }

    /// How long to stall now that `passed` events have passed, in scenario time; `last` is where
    /// this fault stalled the stream before.
    pub(crate) fn due(&self, passed: u64, last: Option<u64>, rng: &mut ChaCha8Rng) -> Option<Duration> {
        let again = last.is_none_or(|last| self.each && passed > last);
        (passed >= self.after_events && again).then(|| self.stall.sample(rng))
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Seed;
    use serde_json::json;

    use super::*;

    /// After which of six events the stream stalls.
    fn stalls(attributes: &Value) -> Vec<u64> {
        let mut attributes = Attributes::of(attributes).expect("an object");
        let fault = SseStall::take(&mut attributes).expect("a fault");
        let mut rng = Seed::new(1).stream("test", 0, 0);
        let mut last = None;
        let mut all = Vec::new();
        for passed in 0..=6 {
            // Asked twice, as when a chunk ends between two events.
            for _ in 0..2 {
                if fault.due(passed, last, &mut rng).is_some() {
                    last = Some(passed);
                    all.push(passed);
                }
            }
        }
        all
    }

    #[test]
    fn a_stream_stalls_once_or_between_all_events_from_there_on() {
        assert_eq!(stalls(&json!({ "stall": 5 })), [1]);
        assert_eq!(stalls(&json!({ "stall": 5, "after_events": 0 })), [0]);
        assert_eq!(stalls(&json!({ "stall": 5, "after_events": 3, "each": true })), [3, 4, 5, 6]);
    }
}
