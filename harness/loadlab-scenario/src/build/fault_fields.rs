//! What every fault may say beside its kind: how it grows, where its draws come from, and what it
//! waits for.

use std::time::Duration;

use loadlab_clock::{Seed, text::format_duration};

use super::{Builder, Read};
use crate::{
    condition::LiveCondition,
    document::NodeId,
    fault::{Disturbance, Fault},
    file::fault::FaultFile,
};

/// Kinds with a size that can grow.
const GROWING: &str = "`latency`, `bandwidth`, `packet_loss`, and toxics with a delay, a rate or a share";

/// Beside what a fault does, and from when to when.
pub(super) struct OwnFields {
    /// When it begins, or before when it does not.
    pub(super) at: Duration,
    pub(super) ramp: Option<Duration>,
    pub(super) seed: Option<Seed>,
    pub(super) when: Option<LiveCondition>,
}

impl Builder<'_> {
    pub(super) fn own_fields(
        self,
        node: NodeId,
        file: &FaultFile,
        steps: &[String],
        lasts: Option<Duration>,
        what: Option<&Disturbance>,
    ) -> Option<OwnFields> {
        let named_only = [
            ("edge", file.edge.and_then(|leaf| leaf.node)),
            ("role", file.role.and_then(|leaf| leaf.node)),
            ("with", file.with.as_ref().map(|with| with.node)),
        ];
        for (key, node) in named_only {
            if let Some(node) = node {
                let message = format!("`{key}` belongs to a fault with `use`");
                self.refuse(
                    node,
                    message,
                    "the place inside of the fault's kind: `down: { edge: service-0/sql }`",
                );
            }
        }
        let at = self.or(file.at, Duration::ZERO);
        let after = self.maybe(file.after);
        let seed = self.maybe(file.seed);
        if let (Some(leaf), Some(what)) = (file.seed, what)
            && !matches!(what, Disturbance::Toxic { .. })
        {
            self.wrong_leaf(&leaf, format!("`{}` draws nothing", what.kind()));
        }
        let ramp = self.ramp(file, lasts, what);
        let when = match &file.when {
            Some(when) => self.live_condition(when, steps).map(Some),
            None => Some(None),
        };
        self.one_time(node, file);
        let begins = if file.when.is_some() { after?.unwrap_or(Duration::ZERO) } else { at? };
        Some(OwnFields { at: begins, ramp: ramp?, seed: seed?, when: when? })
    }

    /// A time, or a condition.
    fn one_time(self, node: NodeId, file: &FaultFile) {
        let either = "`at` for a time, or `when` and `after` for a condition";
        match (&file.when, file.at, file.after) {
            (Some(_), Some(_), _) => self.refuse(node, "`at` and `when` exclude each other", either),
            (None, _, Some(_)) => self.refuse(node, "`after` belongs to a fault with `when`", either),
            _ => {}
        }
        if let (Some(_), Some(leaf)) = (&file.when, file.every) {
            self.wrong_leaf(&leaf, "a fault with `when` begins once");
        }
    }

    fn ramp(self, file: &FaultFile, lasts: Option<Duration>, what: Option<&Disturbance>) -> Read<Duration> {
        let Some(leaf) = file.ramp else { return Some(None) };
        let ramp = self.lasting(leaf, "the time of growing")?;
        if let Some(lasts) = lasts.filter(|lasts| ramp > *lasts) {
            let message = format!("the fault is over after {}, before it has grown", format_duration(lasts));
            self.wrong_leaf(&leaf, message);
        }
        if let (Some(what), Some(node)) = (what.filter(|what| !what.can_grow()), leaf.node) {
            let message = format!("`{}` has no size that could grow", what.kind());
            self.refuse(node, message, GROWING);
        }
        Some(Some(ramp))
    }

    /// Two streams of draws of one seed on one edge would be the same.
    pub(super) fn own_draws(self, node: NodeId, fault: &Fault, others: &[Fault]) {
        let same = |other: &&Fault| {
            other.seed.is_some() && other.seed == fault.seed && other.what.edge() == fault.what.edge()
        };
        if let Some(other) = others.iter().find(same) {
            let message =
                format!("`{}` and `{}` have the same seed on the same edge", other.name, fault.name);
            self.refuse(node, message, "a `seed` of its own for each");
        }
    }
}
