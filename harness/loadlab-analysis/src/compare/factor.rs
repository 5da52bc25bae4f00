//! The one thing about the target that a comparison is of.

use std::collections::BTreeMap;

use loadlab_record::RunFile;
use loadlab_scenario::plan::TargetPlan;

use super::{
    Difference, Factor, FactorKind, leaves,
    told::{Fact, NONE, Told, different, places},
};

/// Settings that are told at most.
const SETTINGS_MAX: usize = 4;

/// The one thing about the target that differs. If more do, or if the runs of one side are of different
/// targets, everything that differs.
pub(super) fn factor(sides: [&[RunFile]; 2]) -> Result<Factor, Vec<Difference>> {
    let found = different(sides, target);
    let in_force = in_force(sides);
    let mixed = found.iter().chain(&in_force).any(Told::mixed);
    match (found.as_slice(), in_force.as_slice()) {
        ([], []) => {
            let same = || "the same".to_owned();
            Ok(Factor { kind: FactorKind::Nothing, before: same(), after: same() })
        }
        // A profile whose file was changed: its name is the same, and its settings are not.
        ([], changed) if !mixed => {
            let Difference { before, after, .. } = listed(changed);
            Ok(Factor { kind: FactorKind::Settings, before, after })
        }
        ([one], _) if !mixed => {
            let Difference { before, after, .. } = one.difference();
            Ok(Factor { kind: kind(&one.what), before, after })
        }
        (found, changed) => {
            let why = if mixed { "the runs of one side must have one" } else { "only one thing may differ" };
            let mut told: Vec<Difference> = found.iter().map(Told::difference).collect();
            // Another profile has other settings; those need no words of their own.
            if told.is_empty() || changed.iter().any(Told::mixed) {
                told.push(listed(changed));
            }
            for difference in &mut told {
                difference.what = format!("{} ({why})", difference.what);
            }
            Err(told)
        }
    }
}

fn kind(what: &str) -> FactorKind {
    let kinds = [FactorKind::Profile, FactorKind::Mitigations, FactorKind::Build, FactorKind::Address];
    kinds.into_iter().find(|kind| kind.name() == what).unwrap_or(FactorKind::Settings)
}

/// What the target was asked to be.
fn target(run: &RunFile) -> Vec<Fact> {
    let listed = |map: &BTreeMap<String, String>, between: &str| {
        let pairs: Vec<String> = map.iter().map(|(name, value)| format!("{name}{between}{value}")).collect();
        if pairs.is_empty() { NONE.to_owned() } else { pairs.join(", ") }
    };
    let mut facts = vec![(FactorKind::Build, listed(&run.target.versions, " "))];
    match &run.plan.target {
        TargetPlan::Profile { name, with, set } => {
            let with = if with.is_empty() { NONE.to_owned() } else { with.join(", ") };
            facts.push((FactorKind::Profile, name.clone()));
            facts.push((FactorKind::Mitigations, with));
            facts.push((FactorKind::Settings, listed(set, "=")));
        }
        TargetPlan::Url { base, .. } => facts.push((FactorKind::Address, base.clone())),
    }
    facts.into_iter().map(|(kind, text)| (kind.name().to_owned(), text)).collect()
}

/// Settings in force that are not the same in all runs.
fn in_force(sides: [&[RunFile]; 2]) -> Vec<Told> {
    let settings = |run: &RunFile| run.target.settings.as_ref().map(leaves::of).unwrap_or_default();
    places(&sides.map(|side| side.iter().map(settings).collect()))
}

/// A few of many settings, as one difference.
fn listed(settings: &[Told]) -> Difference {
    let all: Vec<Difference> = settings.iter().map(Told::difference).collect();
    let more = if all.len() > SETTINGS_MAX { ", …" } else { "" };
    let side = |value: fn(&Difference) -> &String| {
        let few = all.iter().take(SETTINGS_MAX);
        few.map(|one| format!("{}={}", one.what, value(one))).collect::<Vec<_>>().join(", ") + more
    };
    let what = FactorKind::Settings.name().to_owned();
    Difference { what, before: side(|one| &one.before), after: side(|one| &one.after) }
}
