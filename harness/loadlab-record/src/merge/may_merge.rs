//! Whether runs are those of generators that carried out shares of one plan on one target.

use loadlab_scenario::plan::{Feed, Plan};

use super::{MergeError, share, started};
use crate::{RunFile, TargetInfo};

/// Compares each run with the first.
pub(super) fn check(runs: &[RunFile]) -> Result<(), MergeError> {
    let Some((first, rest)) = runs.split_first() else { return Err(MergeError::Nothing) };
    if rest.is_empty() {
        return Ok(());
    }
    begun(1, first)?;
    rest.iter().zip(2..).try_for_each(|(other, run)| pair(run, first, other).and_then(|()| begun(run, other)))
}

fn pair(run: usize, first: &RunFile, other: &RunFile) -> Result<(), MergeError> {
    if first.format != other.format {
        return Err(MergeError::Format { run, first: first.format, other: other.format });
    }
    if first.scenario != other.scenario {
        let (first, other) = (first.scenario.clone(), other.scenario.clone());
        return Err(MergeError::Scenario { run, first, other });
    }
    let speeds = [first.speed, other.speed].map(loadlab_clock::Speed::get);
    if first.speed != other.speed {
        return Err(MergeError::Speed { run, first: speeds[0], other: speeds[1] });
    }
    let fields = plan(&first.plan, &other.plan);
    if !fields.is_empty() {
        return Err(MergeError::Plan { run, fields });
    }
    let fields = target(&first.target, &other.target);
    if !fields.is_empty() {
        return Err(MergeError::Target { run, fields });
    }
    if first.plan.arms.is_some() && first.seed != other.seed {
        return Err(MergeError::Arms { run });
    }
    Ok(())
}

fn begun(run: usize, file: &RunFile) -> Result<(), MergeError> {
    let written = &file.environment.started;
    match started::seconds(written) {
        Some(_) => Ok(()),
        None => Err(MergeError::Start { run, started: written.clone() }),
    }
}

/// The fields in which plans differ that must not. Name and speed were compared before; texts for people
/// and documented outcomes change nothing that is measured, but are of the scenario.
fn plan(first: &Plan, other: &Plan) -> Vec<&'static str> {
    let same_seed = first.seed == other.seed;
    let feeds = first.feeds.len() == other.feeds.len()
        && first.feeds.iter().zip(&other.feeds).all(|((name, feed), (other_name, other))| {
            name == other_name && same_feed(feed, other, same_seed)
        });
    differing([
        ("title", first.title == other.title),
        ("question", first.question == other.question),
        ("target", first.target == other.target),
        ("load", share::same_shape(&first.load, &other.load)),
        ("warm_up", first.warm_up == other.warm_up),
        ("drain", first.drain == other.drain),
        ("queue_age_max", first.queue_age_max == other.queue_age_max),
        ("users.login", first.users.login == other.users.login),
        ("client", first.client == other.client),
        ("journeys", first.journeys == other.journeys),
        ("feeds", feeds),
        ("objectives", first.objectives == other.objectives),
        ("documented", first.documented == other.documented),
        ("health", first.health == other.health),
        ("faults", first.faults == other.faults),
        ("arms", first.arms == other.arms),
        ("steady_state", first.steady_state == other.steady_state),
        ("abort_if", first.abort_if == other.abort_if),
        ("max_blast", first.max_blast == other.max_blast),
    ])
}

/// Generated rows are drawn from the seed, so with two seeds only their number is the same.
fn same_feed(one: &Feed, other: &Feed, same_seed: bool) -> bool {
    let rows = if same_seed { one.rows == other.rows } else { one.rows.len() == other.rows.len() };
    one.columns == other.columns && one.pick == other.pick && rows
}

/// What of two targets differs. Edges are addresses of each generator's own proxy.
fn target(first: &TargetInfo, other: &TargetInfo) -> Vec<&'static str> {
    differing([
        ("base", first.base == other.base),
        ("profile", first.profile == other.profile),
        ("settings", first.settings == other.settings),
        ("versions", first.versions == other.versions),
    ])
}

fn differing<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}
