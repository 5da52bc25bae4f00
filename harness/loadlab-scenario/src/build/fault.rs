//! What is broken on purpose: each kind of fault in one line of [`Builder::disturbance`] or of the
//! files beside it, one for each family.

mod aware;
mod beyond;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::Builder;
use crate::{
    fault::{Disturbance, EdgeName, Fault, Stream, Toxic},
    field::{At, Leaf, Names},
    file::fault::{
        BandwidthFile, CutFile, FaultFile, LatencyFile, PacketLossFile, PlaceFile, RequestFile, SettingsFile,
        ToxicFile,
    },
    plan::{Load, TargetPlan},
    quantity::Share,
};

/// A kind of fault: none if the file does not have it, `Some(None)` if it is wrong, which was reported.
type Chosen = Option<Option<Disturbance>>;

/// What a fault can be.
const KINDS: &str = "one of `latency`, `bandwidth`, `black_hole`, `reset`, `down`, `cut`, `packet_loss`, `toxic`, \
     `http_status`, `http_latency`, `cut_stream`, `stall_stream`, `corrupt_stream`, `redis_latency`, `redis_error`, \
     `kill`, `terminate`, `pause`, `memory_limit`, `cpu_limit`, `descriptor_limit`, `flush`, `expire_share`, \
     `hot_key`, `fill`, `read_only`, `llm`, `retry_storm`, `slow_readers`, `leaving`, `settings`, \
     `request`";
/// Bytes of a kilobyte, as the fault proxy's protocol counts them.
const KILOBYTE: u64 = 1_000;

impl Builder<'_> {
    pub(super) fn faults(
        self,
        faults: Option<&At<Vec<At<FaultFile>>>>,
        load: Option<&Load>,
        target: Option<&TargetPlan>,
        steps: &[String],
    ) -> Option<Vec<Fault>> {
        let Some(faults) = faults else { return Some(Vec::new()) };
        let mut plans: Vec<Fault> = Vec::new();
        for at in faults.value.as_ref()? {
            let Some(file) = &at.value else { continue };
            let Some(fault) = self.fault(at.node, file, load, steps) else { continue };
            if plans.iter().any(|other| other.name == fault.name) {
                let message = format!("two faults are named `{}`", fault.name);
                self.refuse(at.node, message, "a `name` of its own for each");
            }
            self.check_target(at.node, &fault, target);
            self.own_draws(at.node, &fault, &plans);
            plans.push(fault);
        }
        Some(plans)
    }

    fn fault(self, node: usize, file: &FaultFile, load: Option<&Load>, steps: &[String]) -> Option<Fault> {
        let lasts = self.lasting(file.r#for, "the time of a fault");
        let every = self.maybe(file.every);
        if let (Some(lasts), Some(Some(every)), Some(leaf)) = (lasts, every, file.every)
            && every <= lasts
        {
            self.wrong_leaf(&leaf, "it would begin again before it is over");
        }
        let what = self.disturbance(node, file);
        let own = self.own_fields(node, file, steps, lasts, what.as_ref());
        if let (Some(own), Some(load), Some(leaf)) = (&own, load, file.at.or(file.after))
            && own.at >= load.duration()
            && !load.duration().is_zero()
        {
            let length = loadlab_clock::text::format_duration(load.duration());
            self.wrong_leaf(&leaf, format!("the load lasts {length}; nothing would be touched"));
        }
        let name = self.maybe(file.name);
        let (what, own) = (what?, own?);
        let name = name?.map_or_else(|| format!("{} {}", what.kind(), what.place()), |name| name.0);
        let (ramp, seed, when) = (own.ramp, own.seed, own.when);
        Some(Fault { name, at: own.at, lasts: lasts?, every: every?, ramp, seed, when, what })
    }

    /// Exactly one kind.
    fn disturbance(self, node: usize, file: &FaultFile) -> Option<Disturbance> {
        let kinds = [
            file.latency.as_ref().map(|at| self.latency(at.value.as_ref()?)),
            file.bandwidth.as_ref().map(|at| self.bandwidth(at.value.as_ref()?)),
            file.black_hole.as_ref().map(|at| self.timed(at.value.as_ref()?, "timeout")),
            file.reset.as_ref().map(|at| self.timed(at.value.as_ref()?, "reset_peer")),
            file.down.as_ref().map(|at| Some(Disturbance::Down { edge: self.get(at.value.as_ref()?.edge)? })),
            file.cut.as_ref().map(|at| self.cut(at.value.as_ref()?)),
            file.packet_loss.as_ref().map(|at| self.packet_loss(at.value.as_ref()?)),
            file.toxic.as_ref().map(|at| self.toxic(at.value.as_ref()?)),
            file.settings.as_ref().map(|at| self.set(at.value.as_ref()?)),
            file.request.as_ref().map(|at| self.asked(at.value.as_ref()?)),
        ];
        let kinds = kinds.into_iter().chain(self.aware_kinds(file)).chain(self.beyond_kinds(file));
        let mut chosen: Vec<Option<Disturbance>> = kinds.flatten().collect();
        match chosen.len() {
            1 => chosen.remove(0),
            0 => {
                self.refuse(node, "the fault does not say what it does", KINDS);
                None
            }
            _ => {
                self.refuse(node, "the fault does several things; make a fault of each", KINDS);
                None
            }
        }
    }

    fn latency(self, file: &LatencyFile) -> Option<Disturbance> {
        let add = self.lasting(file.add, "the latency");
        let jitter = self.or(file.jitter, Duration::ZERO);
        if let (Some(add), Some(jitter), Some(leaf)) = (add, jitter, file.jitter)
            && jitter > add
        {
            self.wrong_leaf(&leaf, "the jitter is more than what is added");
        }
        let attributes = [("latency", add.map(millis)), ("jitter", jitter.map(millis))];
        self.edge_toxic("latency", file.edge, file.stream, file.share, &attributes)
    }

    fn bandwidth(self, file: &BandwidthFile) -> Option<Disturbance> {
        let rate = self.get(file.rate);
        if rate.is_some_and(|rate| rate.0 < KILOBYTE) {
            self.wrong_leaf(&file.rate, "a connection is limited to 1KB/s or more");
        }
        let attributes = [("rate", rate.map(|rate| json!(rate.0 / KILOBYTE)))];
        self.edge_toxic("bandwidth", file.edge, file.stream, file.share, &attributes)
    }

    /// `timeout` and `reset_peer` have one attribute, by the name of the first.
    fn timed(self, file: &PlaceFile, kind: &'static str) -> Option<Disturbance> {
        let after = self.or(file.after, Duration::ZERO);
        self.edge_toxic(kind, file.edge, None, file.share, &[("timeout", after.map(millis))])
    }

    fn cut(self, file: &CutFile) -> Option<Disturbance> {
        let bytes = self.get(file.bytes);
        self.edge_toxic(
            "limit_data",
            file.edge,
            None,
            file.share,
            &[("bytes", bytes.map(|bytes| json!(bytes)))],
        )
    }

    fn packet_loss(self, file: &PacketLossFile) -> Option<Disturbance> {
        let loss = self.get(file.loss);
        let attributes =
            [("loss_rate", loss.map(|loss| json!(loss.get()))), ("correlation", Some(json!(0.0)))];
        self.edge_toxic("packet_loss", file.edge, file.stream, None, &attributes)
    }

    fn toxic(self, file: &ToxicFile) -> Option<Disturbance> {
        let kind = self.get(file.r#type);
        let attributes =
            file.attributes.as_ref().map_or_else(|| Some(BTreeMap::new()), |names| self.values(names));
        let (edge, stream, toxicity) = self.where_and_how_much(file.edge, file.stream, file.share);
        let toxic = Toxic { kind: kind?.0, stream: stream?, toxicity: toxicity?, attributes: attributes? };
        Some(Disturbance::Toxic { edge: edge?, toxic })
    }

    fn set(self, file: &SettingsFile) -> Option<Disturbance> {
        let (role, set) = (self.get(file.role), self.values(&file.set));
        Some(Disturbance::Settings { role: role?.0, set: set? })
    }

    fn asked(self, file: &RequestFile) -> Option<Disturbance> {
        let body = file.json.as_ref().map_or_else(|| Some(BTreeMap::new()), |names| self.values(names));
        let (role, path) = (self.get(file.role), self.get(file.post));
        Some(Disturbance::Request { role: role?.0, path: path?.0, body: body? })
    }

    fn edge_toxic(
        self,
        kind: &'static str,
        edge: Leaf<EdgeName>,
        stream: Option<Leaf<Stream>>,
        share: Option<Leaf<Share>>,
        attributes: &[(&str, Option<Value>)],
    ) -> Option<Disturbance> {
        let (edge, stream, toxicity) = self.where_and_how_much(edge, stream, share);
        let attribute = |(name, value): &(&str, Option<Value>)| Some(((*name).to_owned(), value.clone()?));
        let attributes: Option<BTreeMap<String, Value>> = attributes.iter().map(attribute).collect();
        let toxic =
            Toxic { kind: kind.to_owned(), stream: stream?, toxicity: toxicity?, attributes: attributes? };
        Some(Disturbance::Toxic { edge: edge?, toxic })
    }

    fn where_and_how_much(
        self,
        edge: Leaf<EdgeName>,
        stream: Option<Leaf<Stream>>,
        share: Option<Leaf<Share>>,
    ) -> (Option<EdgeName>, Option<Stream>, Option<Share>) {
        let toxicity = self.some_share(share);
        (self.get(edge), self.or(stream, Stream::Downstream), toxicity)
    }

    /// A share of something, by default all of it, and never nothing of it.
    fn some_share(self, share: Option<Leaf<Share>>) -> Option<Share> {
        let value = self.or(share, Share::ALL);
        if let (Some(Share::NONE), Some(leaf)) = (value, share) {
            self.wrong_leaf(&leaf, "a fault on nothing touches nothing");
        }
        value
    }

    /// Settings and attributes: numbers and truth values as such, everything else as text.
    fn values(self, names: &At<Names<Leaf<String>>>) -> Option<BTreeMap<String, Value>> {
        let mut values = BTreeMap::new();
        for (name, value) in &names.value.as_ref()?.0 {
            let text = self.get(*value)?;
            let value = serde_json::from_str(&text).ok().filter(|value: &Value| !value.is_string());
            values
                .insert(self.text(name).unwrap_or_default().to_owned(), value.unwrap_or_else(|| json!(text)));
        }
        Some(values)
    }

    /// A service that is somebody else's has no processes, stores and settings of ours.
    fn check_target(self, node: usize, fault: &Fault, target: Option<&TargetPlan>) {
        let reaches = matches!(
            fault.what,
            Disturbance::Toxic { .. } | Disturbance::Down { .. } | Disturbance::Clients { .. }
        );
        if matches!(target, Some(TargetPlan::Url { .. })) && !reaches {
            let (name, kind) = (&fault.name, fault.what.kind());
            let message = format!("`{name}` (`{kind}`) cannot act on a target that the run did not start");
            self.refuse(
                node,
                message,
                "faults on the network and on the clients; the others on a profile of the reference target",
            );
        }
    }
}

fn millis(duration: Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
