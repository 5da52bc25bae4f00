//! Objectives, documented outcomes, health states.

use std::time::Duration;

use super::{Builder, Read};
use crate::{
    component::Component,
    document::{NodeId, Problem},
    field::{At, Either, Leaf},
    file::judge::{DocumentedFile, HealthFile, HealthStateFile, ObjectiveFile, ObjectiveLine, OutcomeFile},
    nearest::{listed, nearest},
    objective::{Expectation, Measure, MetricStatistic, Objective},
    plan::{Documented, DocumentedOutcome, Health},
    quantity::Share,
};

impl Builder<'_> {
    pub(super) fn objectives(
        self,
        objectives: Option<&At<Vec<Either<ObjectiveLine, ObjectiveFile>>>>,
        steps: &[String],
    ) -> Option<Vec<Objective>> {
        let Some(objectives) = objectives else { return Some(Vec::new()) };
        let mut built: Vec<Objective> = Vec::new();
        let mut good = true;
        for objective in objectives.value.as_ref()? {
            let (line, node) = match objective {
                Either::Short(line) => (self.line(*line), line.node),
                Either::Long(long) => {
                    let that = long.value.as_ref().and_then(|file| file.that.node);
                    (long.value.as_ref().and_then(|file| self.long_objective(file)), that)
                }
            };
            let (Some(line), Some(node)) = (line, node) else {
                good = false;
                continue;
            };
            self.known_step(node, &line.measure, steps);
            self.whole_run_only(node, &line);
            let same = |other: &Objective| {
                other.measure == line.measure && other.compare == line.compare && other.window == line.window
            };
            if let Some(other) = built.iter().find(|other| same(other)) {
                self.wrong(node, format!("`{}` bounds the same measure as `{}`", line.name, other.name));
            }
            built.push(line);
        }
        good.then_some(built)
    }

    fn line(self, line: Leaf<ObjectiveLine>) -> Option<Objective> {
        self.get(line).map(|line| line.0)
    }

    fn long_objective(self, file: &ObjectiveFile) -> Option<Objective> {
        let line = self.line(file.that);
        let window = file.r#for.map_or(Some(None), |window| self.lasting(window, "the window").map(Some));
        let abort = self.or(file.abort, false);
        let (mut line, window) = (line?, window?);
        if let (Some(_), Some(_), Some(leaf)) = (line.window, window, file.r#for) {
            self.wrong_leaf(&leaf, "the window is in the line already");
        }
        line.window = line.window.or(window);
        line.abort = abort?;
        Some(line)
    }

    /// What is known only at the end has no window and aborts nothing.
    fn whole_run_only(self, node: NodeId, line: &Objective) {
        if line.window.is_some_and(|window| window.is_zero()) {
            self.wrong(node, "the window must be longer than 0");
        }
        if matches!(line.measure, Measure::Metric { statistic: MetricStatistic::Drained, .. }) {
            if line.window.is_some() {
                self.wrong(node, "`drained` is of the whole run; it has no window");
            }
            if line.abort {
                self.wrong(node, "`drained` is known at the end only; it cannot abort the run");
            }
        }
    }

    pub(super) fn known_step(self, node: NodeId, measure: &Measure, steps: &[String]) {
        let Some(step) = measure.step().filter(|step| !steps.iter().any(|known| known == step)) else {
            return;
        };
        let text = self.document.scalar(node).unwrap_or_default();
        let open = text.find('(').map_or(0, |open| open + 1);
        let start = open + text[open..].find(step).unwrap_or(0);
        let place = self.document.place(node).part(text, start..start + step.len());
        let known = || steps.iter().map(String::as_str);
        let kinds = ["response", "service", "first_byte", "first_event", "event_gap", "client_wait"];
        let meant = nearest(step, known().chain(kinds));
        let problem = Problem::new(place, format!("no step is named `{step}`"));
        let problem = if steps.is_empty() { problem } else { problem.accepted(listed(known())) };
        self.problems.add(problem.suggestion(meant));
    }

    pub(super) fn documented(
        self,
        documented: Option<&At<DocumentedFile>>,
        steps: &[String],
    ) -> Read<Documented> {
        let Some(documented) = documented else { return Some(None) };
        let file = documented.value.as_ref()?;
        let (source, section) = (self.get(file.source), self.get(file.section));
        let outcomes = file.outcomes.value.as_ref().map(|outcomes| {
            outcomes.iter().map(|outcome| self.outcome(outcome, steps)).collect::<Vec<Option<_>>>()
        });
        let deviations = match &file.deviations {
            None => Some(Vec::new()),
            Some(list) => {
                let leaves = list.value.as_ref()?;
                let texts: Vec<Option<String>> = leaves.iter().map(|leaf| self.get(*leaf)).collect();
                texts.into_iter().collect()
            }
        };
        let chain = match &file.chain {
            None => Some(Vec::new()),
            Some(list) => {
                let leaves = list.value.as_ref()?;
                let components: Vec<Option<Component>> = leaves.iter().map(|leaf| self.get(*leaf)).collect();
                components.into_iter().collect()
            }
        };
        let outcomes = outcomes?.into_iter().collect::<Option<Vec<_>>>();
        Some(Some(Documented {
            source: source?,
            section: section?,
            outcomes: outcomes?,
            chain: chain?,
            deviations: deviations?,
        }))
    }

    fn outcome(self, outcome: &At<OutcomeFile>, steps: &[String]) -> Option<DocumentedOutcome> {
        let file = outcome.value.as_ref()?;
        let name = self.get(file.name);
        let measure = self.get(file.expect).map(|measure| measure.0);
        if file.min.is_none() && file.max.is_none() {
            self.refuse(outcome.node, "the outcome has no band", "`min`, `max` or both");
        }
        let measure = measure?;
        if let Some(node) = file.expect.node {
            self.known_step(node, &measure, steps);
        }
        let edge = |node: Option<NodeId>| self.read(node?, |text| measure.parse_value(text));
        let min = file.min.map_or(Some(None), |min| edge(min.node).map(Some));
        let max = file.max.map_or(Some(None), |max| edge(max.node).map(Some));
        if let (Some(Some(low)), Some(Some(high)), Some(leaf)) = (min, max, file.max)
            && low > high
        {
            self.wrong_leaf(&leaf, "`max` is below `min`");
        }
        let from = file.from.map_or(Some(None), |from| self.get(from).map(Some));
        let to = file.to.map_or(Some(None), |to| self.get(to).map(Some));
        if let (Some(from), Some(Some(to)), Some(leaf)) = (from, to, file.to)
            && to <= from.unwrap_or_default()
        {
            self.wrong_leaf(&leaf, "`to` is not after `from`");
        }
        let text = file.expect.node.and_then(|node| self.document.scalar(node))?.trim().to_owned();
        let expect = Expectation { text, measure, min: min?, max: max? };
        Some(DocumentedOutcome { name: name?, expect, from: from?, to: to? })
    }

    pub(super) fn health(self, health: Option<&At<HealthFile>>) -> Option<Health> {
        let default = default_health();
        let Some(health) = health else { return Some(default) };
        let file = health.value.as_ref()?;
        let (degraded, failed) = (state(file.degraded.as_ref()), state(file.failed.as_ref()));
        let latency = self.threshold(
            (degraded.latency, failed.latency),
            (default.degraded_latency, default.failed_latency),
            "latency",
        );
        let errors = self.threshold(
            (degraded.errors, failed.errors),
            (default.degraded_errors, default.failed_errors),
            "errors",
        );
        let cpu =
            self.threshold((degraded.cpu, failed.cpu), (default.degraded_cpu, default.failed_cpu), "cpu");
        let (latency, errors, cpu) = (latency?, errors?, cpu?);
        Some(Health {
            degraded_latency: latency.0,
            failed_latency: latency.1,
            degraded_errors: errors.0,
            failed_errors: errors.1,
            degraded_cpu: cpu.0,
            failed_cpu: cpu.1,
        })
    }

    /// Where degraded and failed begin; failed is not the lower one.
    fn threshold<T: crate::parse::FromText + PartialOrd + Copy>(
        self,
        leaves: (Option<Leaf<T>>, Option<Leaf<T>>),
        default: (T, T),
        what: &str,
    ) -> Option<(T, T)> {
        let (degraded, failed) = (self.or(leaves.0, default.0), self.or(leaves.1, default.1));
        let (degraded, failed) = (degraded?, failed?);
        if degraded > failed
            && let Some(leaf) = leaves.1.or(leaves.0)
        {
            let message = match leaves {
                (Some(_), Some(_)) => format!("`{what}`: failed begins below degraded"),
                (None, _) => format!("`{what}`: failed begins below degraded, which has its default"),
                (_, None) => format!("`{what}`: failed, which has its default, begins below degraded"),
            };
            self.wrong_leaf(&leaf, message);
        }
        Some((degraded, failed))
    }
}

/// A health state's leaves, each absent if the state is.
#[derive(Default)]
struct State {
    latency: Option<Leaf<Duration>>,
    errors: Option<Leaf<Share>>,
    cpu: Option<Leaf<Share>>,
}

fn state(file: Option<&At<HealthStateFile>>) -> State {
    let file = file.and_then(|state| state.value.as_ref());
    file.map_or_else(State::default, |file| State {
        latency: file.latency,
        errors: file.errors,
        cpu: file.cpu,
    })
}

/// The thresholds of the systems-thinking framework.
fn default_health() -> Health {
    let share = |value| Share::try_new(value).expect("the framework's thresholds are shares");
    Health {
        degraded_latency: Duration::from_millis(200),
        failed_latency: Duration::from_secs(2),
        degraded_errors: share(0.001),
        failed_errors: share(0.05),
        degraded_cpu: share(0.5),
        failed_cpu: share(0.8),
    }
}
