//! Faults on what a protocol says, as the toxics of the fault proxy that they are.

use std::time::Duration;

use serde_json::{Value, json};

use super::{super::Builder, Chosen, millis};
use crate::{
    fault::{Disturbance, EdgeName},
    field::Leaf,
    file::fault::{
        CorruptStreamFile, CutStreamFile, FaultFile, HttpLatencyFile, HttpStatusFile, RedisErrorFile,
        RedisLatencyFile, StallStreamFile,
    },
    quantity::Share,
};

/// What a command is answered with where the fault does not say.
const ERROR: &str = "ERR by a fault";

/// One attribute: `None` if it is wrong, `Some(None)` if it is not there.
type Attribute = (&'static str, Option<Option<Value>>);

impl Builder<'_> {
    /// Those of the file, each with its mistakes reported.
    pub(super) fn aware_kinds(self, file: &FaultFile) -> Vec<Chosen> {
        vec![
            file.http_status.as_ref().map(|at| self.http_status(at.value.as_ref()?)),
            file.http_latency.as_ref().map(|at| self.http_latency(at.value.as_ref()?)),
            file.cut_stream.as_ref().map(|at| self.cut_stream(at.value.as_ref()?)),
            file.stall_stream.as_ref().map(|at| self.stall_stream(at.value.as_ref()?)),
            file.corrupt_stream.as_ref().map(|at| self.corrupt_stream(at.value.as_ref()?)),
            file.redis_latency.as_ref().map(|at| self.redis_latency(at.value.as_ref()?)),
            file.redis_error.as_ref().map(|at| self.redis_error(at.value.as_ref()?)),
        ]
    }

    fn http_status(self, file: &HttpStatusFile) -> Option<Disturbance> {
        let status = self.get(file.status).filter(|status| {
            let is_error = (400..=599).contains(status);
            if !is_error {
                self.wrong_leaf(&file.status, format!("{status} is no status of an error, 400 to 599"));
            }
            is_error
        });
        let attributes = vec![
            ("status", status.map(|status| Some(json!(status)))),
            ("retry_after", self.maybe(file.retry_after).map(|after| after.map(millis))),
            self.selector("method", file.method),
            self.selector("path", file.path),
            self.selector("header", file.header),
        ];
        self.aware("http_status", file.edge, file.share, attributes)
    }

    fn http_latency(self, file: &HttpLatencyFile) -> Option<Disturbance> {
        let mut attributes = self.delay(file.add, file.jitter);
        attributes.extend([
            self.selector("method", file.method),
            self.selector("path", file.path),
            self.selector("header", file.header),
        ]);
        self.aware("http_latency", file.edge, file.share, attributes)
    }

    fn cut_stream(self, file: &CutStreamFile) -> Option<Disturbance> {
        let attributes = vec![
            ("after_events", self.get(file.after_events).map(|events| Some(json!(events)))),
            ("reset", self.maybe(file.reset).map(|reset| reset.map(Value::from))),
            self.selector("path", file.path),
        ];
        self.aware("sse_cut", file.edge, file.share, attributes)
    }

    fn stall_stream(self, file: &StallStreamFile) -> Option<Disturbance> {
        let attributes = vec![
            ("stall", self.lasting(file.stall, "the stall").map(|stall| Some(millis(stall)))),
            ("after_events", self.maybe(file.after_events).map(|events| events.map(Value::from))),
            ("each", self.maybe(file.each).map(|each| each.map(Value::from))),
            self.selector("path", file.path),
        ];
        self.aware("sse_stall", file.edge, file.share, attributes)
    }

    fn corrupt_stream(self, file: &CorruptStreamFile) -> Option<Disturbance> {
        let event = file.event.map_or(Some(None), |leaf| self.positive(leaf, "the event's number").map(Some));
        let attributes =
            vec![("event", event.map(|event| event.map(Value::from))), self.selector("path", file.path)];
        self.aware("sse_corrupt", file.edge, file.share, attributes)
    }

    fn redis_latency(self, file: &RedisLatencyFile) -> Option<Disturbance> {
        let mut attributes = self.delay(file.add, file.jitter);
        attributes.extend([self.selector("command", file.command), self.selector("key", file.key)]);
        self.aware("resp_latency", file.edge, file.share, attributes)
    }

    fn redis_error(self, file: &RedisErrorFile) -> Option<Disturbance> {
        let message = self.or(file.message, ERROR.to_owned()).filter(|message| {
            let code = message.split(' ').next().unwrap_or_default();
            let is_error = !code.is_empty()
                && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                && !message.contains(['\r', '\n']);
            if let (false, Some(node)) = (is_error, file.message.and_then(|leaf| leaf.node)) {
                let text = format!("`{message}` is no error of Redis");
                self.refuse(node, text, "one line that begins with a code in capitals: `LOADING dataset`");
            }
            is_error
        });
        let attributes = vec![
            ("error", message.map(|message| Some(json!(message)))),
            self.selector("command", file.command),
            self.selector("key", file.key),
        ];
        self.aware("resp_error", file.edge, file.share, attributes)
    }

    fn delay(self, add: Leaf<Duration>, jitter: Option<Leaf<Duration>>) -> Vec<Attribute> {
        let add = self.lasting(add, "the latency");
        let value = self.maybe(jitter);
        if let (Some(add), Some(Some(jitter)), Some(leaf)) = (add, value, jitter)
            && jitter > add
        {
            self.wrong_leaf(&leaf, "the jitter is more than what is added");
        }
        vec![
            ("latency", add.map(|add| Some(millis(add)))),
            ("jitter", value.map(|jitter| jitter.map(millis))),
        ]
    }

    /// What selects requests: an empty one would select none.
    fn selector(self, name: &'static str, leaf: Option<Leaf<String>>) -> Attribute {
        let value = self.maybe(leaf);
        if let (Some(Some(text)), Some(leaf)) = (&value, leaf)
            && text.trim().is_empty()
        {
            self.wrong_leaf(&leaf, format!("an empty `{name}` selects nothing"));
        }
        (name, value.map(|text| text.map(Value::from)))
    }

    fn aware(
        self,
        kind: &'static str,
        edge: Leaf<EdgeName>,
        share: Option<Leaf<Share>>,
        attributes: Vec<Attribute>,
    ) -> Option<Disturbance> {
        let there = attributes.into_iter().filter(|(_, value)| !matches!(value, Some(None)));
        let there: Vec<(&str, Option<Value>)> = there.map(|(name, value)| (name, value.flatten())).collect();
        self.edge_toxic(kind, edge, None, share, &there)
    }
}
