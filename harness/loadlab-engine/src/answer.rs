//! An answer: reading it to its end, and judging it.
//!
//! Of several things that are wrong the first of these decides the outcome: the wait was given up
//! (patience, leaving, time-out); the status is not expected; the answer was cut off, or its stream
//! ended without its last event; a check failed, or a value to be kept is not there.

use std::time::Instant;

use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use loadlab_record::{Outcome, StreamSample};
use loadlab_scenario::plan::{Check, Extract, JsonIs};
use serde_json::Value;

use crate::{
    alarm::Alarm,
    connection::{Conn, Piece},
    event_stream::EventDecoder,
    kept::{Kept, at_pointer},
    program::StepProgram,
    recorder::Recorder,
};

/// Longest body that is held in order to check it; the rest is counted and dropped.
const HELD_BYTES_MAX: usize = 64 << 20;

/// Buffers that are reused from request to request.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) alarm: Alarm,
    /// Filled templates.
    pub(crate) text: String,
    body: Vec<u8>,
    events: EventDecoder,
    last_event: Vec<u8>,
    event_json: Option<Value>,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Read {
    pub(crate) bytes: u64,
    pub(crate) stream: Option<StreamSample>,
    pub(crate) ended: Ended,
}

/// How the reading ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With the body.
    #[default]
    Whole,
    /// The connection ended before the body did.
    Broken,
    /// The deadline passed.
    Deadline,
}

impl Scratch {
    /// Reads a body to its end, or up to the deadline. Gaps between events are recorded on the way.
    pub(crate) async fn read(
        &mut self,
        conn: &mut Conn,
        mut body: Incoming,
        step: &StepProgram,
        recorder: &Recorder,
        deadline: Instant,
    ) -> Read {
        self.body.clear();
        if step.stream {
            self.events.reset();
            self.last_event.clear();
            self.event_json = None;
        }
        let mut read = Read { stream: step.stream.then(StreamSample::default), ..Read::default() };
        let mut last_event_at = None;
        loop {
            let data = match conn.next(&mut body, &mut self.alarm, deadline).await {
                Piece::Data(data) => data,
                Piece::End => return read,
                Piece::Broken => return Read { ended: Ended::Broken, ..read },
                Piece::Deadline => return Read { ended: Ended::Deadline, ..read },
            };
            read.bytes += data.len() as u64;
            if step.needs.body {
                let room = HELD_BYTES_MAX.saturating_sub(self.body.len());
                self.body.extend_from_slice(&data[..data.len().min(room)]);
            }
            if let Some(stream) = &mut read.stream {
                let now = recorder.micros(Instant::now());
                self.take_events(&data, step, stream, |stream| {
                    stream.first_event.get_or_insert(now);
                    if let Some(before) = last_event_at.replace(now) {
                        recorder.event_gap(step.index, now - before, now);
                    }
                });
            }
        }
    }

    fn take_events(
        &mut self,
        data: &[u8],
        step: &StepProgram,
        stream: &mut StreamSample,
        mut came: impl FnMut(&mut StreamSample),
    ) {
        let Self { events, last_event, event_json, .. } = self;
        events.feed(data, |event| {
            stream.events += 1;
            came(stream);
            last_event.clear();
            last_event.extend_from_slice(event.name);
            if step.needs.event_json
                && let Ok(json) = serde_json::from_slice(event.data)
            {
                *event_json = Some(json);
            }
        });
    }

    /// The outcome of an answer that was not given up, and the values to be kept of a good one.
    pub(crate) fn judge(
        &mut self,
        step: &StepProgram,
        status: StatusCode,
        headers: &HeaderMap,
        read: &Read,
    ) -> (Outcome, Vec<(usize, Kept)>) {
        if !step.expects(status.as_u16()) {
            let shed = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            return (if shed { Outcome::Shed } else { Outcome::Status }, Vec::new());
        }
        let last = step.checks.iter().find_map(|check| match check {
            Check::EndsWithEvent(name) => Some(name),
            _ => None,
        });
        if read.ended == Ended::Broken || last.is_some_and(|name| self.last_event != name.as_bytes()) {
            return (Outcome::Truncated, Vec::new());
        }
        if step.checks.is_empty() && step.extracts.is_empty() {
            return (Outcome::Ok, Vec::new());
        }
        let json = self.json(step);
        let seen = Seen { headers, body: &self.body, json: json.as_ref(), events: read.stream };
        if !step.checks.iter().all(|check| seen.satisfies(check)) {
            return (Outcome::WrongAnswer, Vec::new());
        }
        let kept = step.extracts.iter().map(|(place, from)| Some((*place, seen.extract(from)?)));
        match kept.collect::<Option<Vec<_>>>() {
            Some(kept) => (Outcome::Ok, kept),
            None => (Outcome::WrongAnswer, Vec::new()),
        }
    }

    fn json(&mut self, step: &StepProgram) -> Option<Value> {
        let wanted = step.checks.iter().any(|check| matches!(check, Check::Json { .. }))
            || step.extracts.iter().any(|(_, from)| matches!(from, Extract::Json(_)));
        match (wanted, step.stream) {
            (false, _) => None,
            (true, true) => self.event_json.take(),
            (true, false) => serde_json::from_slice(&self.body).ok(),
        }
    }
}

/// What checks look at.
struct Seen<'a> {
    headers: &'a HeaderMap,
    body: &'a [u8],
    json: Option<&'a Value>,
    events: Option<StreamSample>,
}

impl Seen<'_> {
    fn satisfies(&self, check: &Check) -> bool {
        match check {
            // Decided before.
            Check::Status(_) | Check::EndsWithEvent(_) => true,
            Check::Header { name, equals } => match (self.headers.get(name), equals) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(value), Some(wanted)) => value.as_bytes() == wanted.as_bytes(),
            },
            Check::Json { pointer, is } => {
                self.json.and_then(|json| json.pointer(pointer)).is_some_and(|value| satisfies(value, is))
            }
            Check::Contains(text) => contains(self.body, text.as_bytes()),
            Check::EventsMin(min) => self.events.is_some_and(|stream| stream.events >= u64::from(*min)),
        }
    }

    fn extract(&self, from: &Extract) -> Option<Kept> {
        match from {
            Extract::Json(pointer) => at_pointer(self.json?, pointer),
            Extract::Header(name) => {
                let value = self.headers.get(name)?.to_str().ok()?;
                Some(Kept::Text(value.into()))
            }
        }
    }
}

fn is_equal(value: &Value, wanted: &Value) -> bool {
    match (value.as_f64(), wanted.as_f64()) {
        // 1 and 1.0 are the same number.
        (Some(value), Some(wanted)) => value.total_cmp(&wanted).is_eq(),
        _ => value == wanted,
    }
}

fn satisfies(value: &Value, is: &JsonIs) -> bool {
    match is {
        JsonIs::Present => !value.is_null(),
        JsonIs::Equal(wanted) => is_equal(value, wanted),
        JsonIs::Different(other) => !value.is_null() && !is_equal(value, other),
        JsonIs::LengthMin(min) => {
            let length = match value {
                Value::Array(values) => values.len(),
                Value::Object(members) => members.len(),
                Value::String(text) => text.chars().count(),
                _ => return false,
            };
            length as u64 >= *min
        }
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_values_are_compared_as_people_mean_it() {
        assert!(satisfies(&json!(1), &JsonIs::Equal(json!(1.0))));
        assert!(satisfies(&json!("full"), &JsonIs::Equal(json!("full"))));
        assert!(!satisfies(&json!("full"), &JsonIs::Equal(json!("keyword"))));
        assert!(satisfies(&json!("full"), &JsonIs::Different(json!("keyword"))));
        assert!(!satisfies(&json!("keyword"), &JsonIs::Different(json!("keyword"))));
        assert!(!satisfies(&json!(null), &JsonIs::Different(json!("keyword"))));
        assert!(!satisfies(&json!(null), &JsonIs::Present));
        assert!(satisfies(&json!([1, 2]), &JsonIs::LengthMin(2)));
        assert!(!satisfies(&json!("é"), &JsonIs::LengthMin(2)));
        assert!(!satisfies(&json!(7), &JsonIs::LengthMin(0)));
    }

    #[test]
    fn text_is_found_anywhere_in_a_body() {
        assert!(contains(b"hello world", b"o w"));
        assert!(!contains(b"hello", b"hello!"));
        assert!(contains(b"", b""));
    }
}
