//! The steady state, what ends a run early, and how far faults may reach.

use std::time::Duration;

use loadlab_clock::text::format_duration;

use super::{Builder, Read};
use crate::{
    condition::{LiveCondition, MaxBlast, SteadyState, most_at_once},
    document::NodeId,
    fault::Fault,
    field::{At, Either, Leaf},
    file::{
        condition::{LiveConditionFile, MaxBlastFile, SteadyStateFile},
        judge::ObjectiveLine,
    },
    objective::{Measure, MetricStatistic, Objective},
    quantity::Share,
};

/// Long enough for a dozen answers at three a second, short enough to end a run before it hurts.
const WINDOW: Duration = Duration::from_secs(5);
/// As many as the live evaluation of objectives wants: below it a share or a percentile says nothing.
const SAMPLES_MIN: u32 = 20;

impl Builder<'_> {
    /// The steady state needs time before the first fault. One that waits for a condition is later than
    /// the warm-up anyway, since the condition is looked for from then on.
    pub(super) fn steady_state(
        self,
        at: Option<&At<SteadyStateFile>>,
        steps: &[String],
        faults: Option<&[Fault]>,
        warm_up: Option<Duration>,
    ) -> Read<SteadyState> {
        let Some(at) = at else { return Some(None) };
        let file = at.value.as_ref()?;
        let conditions = self.steady_conditions(&file.conditions, steps);
        let tolerate = self.or(file.tolerate, false);
        let recover_within =
            file.recover_within.map_or(Some(None), |leaf| self.lasting(leaf, "the recovery").map(Some));
        let window = self.window(file.window);
        let min_samples = self.samples(file.min_samples);
        if let (Some(faults), Some(warm_up)) = (faults, warm_up)
            && let Some(first) =
                faults.iter().filter(|fault| fault.when.is_none()).min_by_key(|fault| fault.at)
            && first.at < warm_up + Duration::from_secs(1)
        {
            let message = format!(
                "the fault `{}` begins at {}, which leaves no time in which the steady state could hold",
                first.name,
                format_duration(first.at)
            );
            let accepted = format!("first faults from {} on", format_duration(warm_up + WINDOW));
            self.refuse(at.node, message, accepted);
        }
        Some(Some(SteadyState {
            conditions: conditions?,
            tolerate: tolerate?,
            recover_within: recover_within?,
            window: window?,
            min_samples: min_samples?,
        }))
    }

    fn steady_conditions(
        self,
        list: &At<Vec<Leaf<ObjectiveLine>>>,
        steps: &[String],
    ) -> Option<Vec<Objective>> {
        let leaves = list.value.as_ref()?;
        if leaves.is_empty() {
            self.refuse(list.node, "the steady state has no condition", "one or more lines: `p95 < 7s`");
        }
        let mut conditions: Vec<Objective> = Vec::new();
        for leaf in leaves {
            let (Some(line), Some(node)) = (self.condition(*leaf, steps), leaf.node) else { continue };
            if line.window.is_some() {
                self.refuse(node, "a condition of the steady state has no window of its own", "`window`");
            }
            if conditions.iter().any(|other| other.measure == line.measure && other.compare == line.compare) {
                self.wrong(node, format!("`{}` is bounded twice", line.measure));
            }
            conditions.push(line);
        }
        Some(conditions)
    }

    pub(super) fn abort_if(
        self,
        list: Option<&At<Vec<Either<ObjectiveLine, LiveConditionFile>>>>,
        steps: &[String],
    ) -> Option<Vec<LiveCondition>> {
        let Some(list) = list else { return Some(Vec::new()) };
        let built: Vec<Option<LiveCondition>> =
            list.value.as_ref()?.iter().map(|one| self.live_condition(one, steps)).collect();
        built.into_iter().collect()
    }

    /// `errors > 50% for 10s`, or a map with the line under `that`.
    pub(super) fn live_condition(
        self,
        one: &Either<ObjectiveLine, LiveConditionFile>,
        steps: &[String],
    ) -> Option<LiveCondition> {
        let (leaf, window, min_samples) = match one {
            Either::Short(line) => (*line, None, None),
            Either::Long(at) => {
                let file = at.value.as_ref()?;
                (file.that, file.window, file.min_samples)
            }
        };
        let line = self.condition(leaf, steps);
        let (length, min_samples) = (self.window(window), self.samples(min_samples));
        let mut that = line?;
        match (that.window, window) {
            (Some(_), Some(leaf)) => self.wrong_leaf(&leaf, "the window is in the line already"),
            (Some(own), None) if own.is_zero() => {
                self.wrong_leaf(&leaf, "the window must be longer than 0");
            }
            _ => {}
        }
        that.window = that.window.or(length);
        Some(LiveCondition { that, min_samples: min_samples? })
    }

    fn condition(self, leaf: Leaf<ObjectiveLine>, steps: &[String]) -> Option<Objective> {
        let line = self.get(leaf)?.0;
        let node = leaf.node?;
        self.known_step(node, &line.measure, steps);
        if matches!(line.measure, Measure::Metric { statistic: MetricStatistic::Drained, .. }) {
            self.wrong(node, "`drained` is known at the end only; it is no condition");
        }
        Some(line)
    }

    fn window(self, leaf: Option<Leaf<Duration>>) -> Option<Duration> {
        leaf.map_or(Some(WINDOW), |leaf| self.lasting(leaf, "the window"))
    }

    fn samples(self, leaf: Option<Leaf<u32>>) -> Option<u32> {
        leaf.map_or(Some(SAMPLES_MIN), |leaf| self.positive(leaf, "the number of samples"))
    }

    /// What the schedule alone shows to be passed is refused; the rest is watched.
    pub(super) fn max_blast(
        self,
        at: Option<&At<MaxBlastFile>>,
        faults: Option<&[Fault]>,
        until: Option<Duration>,
    ) -> Option<MaxBlast> {
        let Some(at) = at else { return Some(MaxBlast::default()) };
        let file = at.value.as_ref()?;
        let loss = self.limit_share(file.loss);
        let instances = self.limit_share(file.instances);
        let at_once =
            file.at_once.map_or(Some(None), |leaf| self.positive(leaf, "the number of faults").map(Some));
        let longest = file.longest.map_or(Some(None), |leaf| self.lasting(leaf, "the limit").map(Some));
        let faults = faults.unwrap_or_default();
        if let (Some(Some(longest)), Some(node)) = (longest, file.longest.and_then(|leaf| leaf.node)) {
            self.check_longest(node, longest, faults);
        }
        if let (Some(Some(limit)), Some(until), Some(leaf)) = (at_once, until, file.at_once)
            && let Some((count, fault)) = most_at_once(faults, until)
            && count > limit as usize
        {
            let message = format!("with `{}` {count} faults are on at the same time", fault.name);
            self.wrong_leaf(&leaf, message);
        }
        Some(MaxBlast { loss: loss?, at_once: at_once?, longest: longest?, instances: instances? })
    }

    fn check_longest(self, node: NodeId, longest: Duration, faults: &[Fault]) {
        for fault in faults.iter().filter(|fault| fault.lasts > longest) {
            self.wrong(node, format!("the fault `{}` lasts {}", fault.name, format_duration(fault.lasts)));
        }
    }

    fn limit_share(self, leaf: Option<Leaf<Share>>) -> Read<Share> {
        let share = self.maybe(leaf)?;
        if let (Some(leaf), Some(Share::NONE)) = (leaf, share) {
            self.wrong_leaf(&leaf, "nothing at all could be disturbed");
        }
        Some(share)
    }
}
