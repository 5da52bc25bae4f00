//! A study's runs: names, what is laid over their scenarios, and their plans.

use loadlab_clock::Seed;

use super::{Builder, stem, study_tables};
use crate::{
    Override,
    field::{At, Leaf, Names},
    file::study::{StudyFile, StudyRunFile},
    parse::quantity::Name,
    study::{PlanOf, Study, StudyRun},
};

/// Seeds of one run; each is a run of its own.
const SEEDS_MAX: usize = 20;

/// The study, unless there is a problem.
pub(crate) fn study(b: Builder<'_>, file: &StudyFile, plan_of: &PlanOf<'_>) -> Option<Study> {
    let (title, question, source) = (b.get(file.title), b.get(file.question), b.maybe(file.source));
    let mut runs = Runs { b, plan_of, known: Vec::new() };
    for run in file.runs.value.iter().flatten() {
        runs.listed(run);
    }
    if file.runs.value.as_ref().is_some_and(Vec::is_empty) {
        b.refuse(file.runs.node, "the study runs nothing", "`- scenario: NAME`");
    }
    let tables = study_tables::tables(b, &file.tables, &mut runs);
    Some(Study {
        name: stem(b.path),
        title: title?,
        question: question?,
        source: source?,
        runs: runs.known.into_iter().map(|known| known.run).collect::<Option<Vec<_>>>()?,
        tables: tables?,
    })
}

/// The runs so far.
pub(super) struct Runs<'a> {
    b: Builder<'a>,
    plan_of: &'a PlanOf<'a>,
    known: Vec<KnownRun>,
}

/// A run that has a name; without the rest if something about it was reported.
pub(super) struct KnownRun {
    pub(super) name: String,
    pub(super) run: Option<StudyRun>,
}

/// What a run lays over its scenario, as it is written.
#[derive(Clone, Copy)]
pub(super) struct Laid<'f> {
    pub(super) profile: Option<Leaf<Name>>,
    pub(super) with: Option<&'f At<Vec<Leaf<Name>>>>,
    pub(super) set: Option<&'f At<Names<Leaf<String>>>>,
}

impl Runs<'_> {
    /// All of them.
    pub(super) fn known(&self) -> &[KnownRun] {
        &self.known
    }

    /// A run of the file's list.
    fn listed(&mut self, at: &At<StudyRunFile>) {
        let b = self.b;
        let Some(file) = &at.value else { return };
        let scenario = b.get(file.scenario);
        let name = match file.name {
            Some(name) => b.get(name),
            None => scenario.as_deref().map(stem),
        };
        let Some(name) = name else { return };
        let node = file.name.or(Some(file.scenario)).and_then(|leaf| leaf.node).unwrap_or(at.node);
        if self.known.iter().any(|known| known.name == name) {
            b.refuse(node, format!("another run is named `{name}`"), "a `name` of its own");
            return;
        }
        let laid = Laid { profile: file.profile, with: file.with.as_ref(), set: file.set.as_ref() };
        let overrides = overrides(b, laid);
        let seeds = seeds(b, file);
        let title = b.or(file.title, name.clone());
        let run = (|| {
            let (scenario, overrides, seeds) = (scenario?, overrides?, seeds?);
            let run =
                StudyRun { name: name.clone(), title: title?, scenario, overrides, seeds, plans: Vec::new() };
            self.planned(run, file.scenario.node.unwrap_or(at.node))
        })();
        self.known.push(KnownRun { name, run });
    }

    /// The run of a matrix: `base` with more laid over it. Equal runs of two matrices are one.
    pub(super) fn derived(&mut self, base: &StudyRun, label: &str, more: &[Override], node: usize) -> String {
        let name = format!("{}+{}", base.name, slug(label));
        let overrides: Vec<Override> = base.overrides.iter().chain(more).cloned().collect();
        let known = self.known.iter().find(|known| known.name == name);
        if let Some(known) = known {
            if known.run.as_ref().is_some_and(|run| run.overrides != overrides) {
                let message = format!("another run is named `{name}`, and it is not the same");
                self.b.refuse(node, message, "a `label` of its own");
            }
            return name;
        }
        let title = format!("{}, {label}", base.title);
        let run = StudyRun { name: name.clone(), title, overrides, plans: Vec::new(), ..base.clone() };
        let run = self.planned(run, node);
        self.known.push(KnownRun { name: name.clone(), run });
        name
    }

    /// The run with its plans, or none, reported at `node`.
    fn planned(&self, mut run: StudyRun, node: usize) -> Option<StudyRun> {
        let seeds: Vec<Option<Seed>> = match run.seeds.as_slice() {
            [] => vec![None],
            seeds => seeds.iter().copied().map(Some).collect(),
        };
        for seed in seeds {
            match (self.plan_of)(&run.scenario, &run.overrides(seed)) {
                Ok(plan) => run.plans.push(plan),
                Err(reasons) => {
                    for reason in reasons {
                        self.b.wrong(node, format!("the run `{}`: {reason}", run.name));
                    }
                    return None;
                }
            }
        }
        Some(run)
    }
}

/// Profile, mitigations and settings as values laid over a scenario.
pub(super) fn overrides(b: Builder<'_>, laid: Laid<'_>) -> Option<Vec<Override>> {
    let profile = b.maybe(laid.profile);
    let with = names(b, laid.with);
    let set = settings(b, laid.set);
    let (profile, with, set) = (profile?, with?, set?);
    let profile = profile.map(|name| Override { path: "target.profile".to_owned(), value: name.0 });
    let with = (!with.is_empty())
        .then(|| Override { path: "target.with".to_owned(), value: format!("[{}]", with.join(", ")) });
    Some(profile.into_iter().chain(with).chain(set).collect())
}

/// The names of mitigations.
pub(super) fn names(b: Builder<'_>, list: Option<&At<Vec<Leaf<Name>>>>) -> Option<Vec<String>> {
    let Some(list) = list else { return Some(Vec::new()) };
    let names = list.value.as_ref()?.iter().map(|leaf| b.get(*leaf).map(|name| name.0));
    names.collect::<Vec<Option<_>>>().into_iter().collect()
}

fn settings(b: Builder<'_>, set: Option<&At<Names<Leaf<String>>>>) -> Option<Vec<Override>> {
    let Some(set) = set else { return Some(Vec::new()) };
    let entries = set.value.as_ref()?.0.iter().map(|(path, value)| {
        let (path, value) = (b.get(*path), b.get(*value));
        Some(Override { path: path?, value: value? })
    });
    entries.collect::<Vec<Option<_>>>().into_iter().collect()
}

fn seeds(b: Builder<'_>, file: &StudyRunFile) -> Option<Vec<Seed>> {
    let one = b.maybe(file.seed);
    let Some(list) = &file.seeds else { return one.map(|seed| seed.into_iter().collect()) };
    if file.seed.is_some() {
        b.refuse(list.node, "`seed` and `seeds` exclude each other", "one of them");
    }
    let leaves = list.value.as_ref()?;
    if leaves.is_empty() || leaves.len() > SEEDS_MAX {
        b.refuse(list.node, format!("{} seeds", leaves.len()), format!("1 to {SEEDS_MAX}: `[1, 2, 3]`"));
        return None;
    }
    let mut seeds: Vec<Seed> = Vec::new();
    for leaf in leaves {
        let seed = b.get(*leaf)?;
        if seeds.contains(&seed) {
            b.wrong_leaf(leaf, format!("the seed {seed} is there already"));
        }
        seeds.push(seed);
    }
    Some(seeds)
}

/// A label as a part of a name: `pool of 40` is `pool-of-40`.
fn slug(label: &str) -> String {
    let letters = label.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-");
    let parts: Vec<&str> = letters.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_label_becomes_a_name() {
        assert_eq!(slug("Pool: 40 sessions (of 20)"), "pool-40-sessions-of-20");
        assert_eq!(slug("pool-40, bulkheads"), "pool-40-bulkheads");
    }
}
