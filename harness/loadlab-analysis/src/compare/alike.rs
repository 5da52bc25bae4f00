//! Whether runs can be compared: everything is equal but the one thing that the comparison is about.
//!
//! A comparison is of one *factor*: the target's profile, its mitigations, its settings, its build or its
//! address. If two of them differ, nobody knows which one made the difference, and the runs are refused like
//! those of two scenarios.
//!
//! What run files do not tell cannot be compared: a target that was built anew with an old version number
//! is the same target here, and the stack is known by the options of the command line.

use std::collections::{BTreeMap, BTreeSet};

use loadlab_record::{EndReason, Environment, RunFile, Verdict};
use loadlab_scenario::plan::TargetPlan;

use super::{
    Difference, Factor, FactorKind,
    factor::factor,
    leaves,
    told::{Fact, Told, different, places},
};

/// Places of one field of the plan that are told at most; of the rest the number is.
const PLACES_MAX: usize = 4;
/// Options that make another stack.
const STACK_OPTIONS: [&str; 4] = ["--stack", "--redis", "--database", "--toxiproxy"];
/// What is wrong with a run, if something is.
type Doubt = fn(&RunFile) -> Option<String>;

/// What may be compared of two groups of judged runs: the one thing that differs, or everything that
/// differs and must not. Runs that ended early, whose generator was the limit, or that are inconclusive for
/// another reason say nothing about the target and are not comparable either.
pub fn alike(before: &[RunFile], after: &[RunFile]) -> Result<Factor, Vec<Difference>> {
    let sides = [before, after];
    if sides.iter().any(|side| side.is_empty()) {
        let [before, after] = sides.map(|side| format!("{} runs", side.len()));
        return Err(vec![Difference { what: "runs".to_owned(), before, after }]);
    }
    let mut differences = Vec::new();
    differences.extend(silent(sides));
    differences.extend(twice(sides));
    differences.extend(seeds(sides));
    let factor = grounds(sides).unwrap_or_else(|more| {
        differences.extend(more);
        Factor { kind: FactorKind::Nothing, before: String::new(), after: String::new() }
    });
    if differences.is_empty() { Ok(factor) } else { Err(differences) }
}

/// What two targets differ in, of which each was loaded once in the same way: the one thing, or everything
/// that makes a comparison of them meaningless. Whatever came out of the loads, and from which seeds, is not
/// asked.
pub fn same_ground(before: &RunFile, after: &RunFile) -> Result<Factor, Vec<Difference>> {
    grounds([std::slice::from_ref(before), std::slice::from_ref(after)])
}

/// What does not come from how the runs went.
fn grounds(sides: [&[RunFile]; 2]) -> Result<Factor, Vec<Difference>> {
    let mut differences: Vec<Difference> =
        different(sides, surroundings).iter().map(Told::difference).collect();
    differences.extend(plans(sides));
    differences.extend(different(sides, drawn_rows).iter().map(Told::difference));
    match factor(sides) {
        Ok(factor) if differences.is_empty() => Ok(factor),
        Ok(_) => Err(differences),
        Err(more) => {
            differences.extend(more);
            Err(differences)
        }
    }
}

/// Why a run says nothing about the target; `None` if it says something.
pub(crate) fn silence(run: &RunFile) -> Option<String> {
    let named = |what: &str, why: String| format!("{what}: {why}");
    ending(run)
        .or_else(|| limited(run).map(|why| named("the generator was the limit", why)))
        .or_else(|| inconclusive(run).map(|why| named("inconclusive", why)))
}

/// What runs must have in common to stand beside each other, by its place: what is around the target, and the
/// plan without the target.
pub(crate) fn setting(run: &RunFile) -> BTreeMap<String, String> {
    surroundings(run).into_iter().chain(leaves::of_plan(&run.plan)).collect()
}

/// The seed of a run; of a merged one those of all its generators.
pub(crate) fn seed(run: &RunFile) -> String {
    let parts: Vec<String> = run.generators.iter().map(|part| part.seed.to_string()).collect();
    if parts.is_empty() { run.seed.to_string() } else { parts.join("+") }
}

/// Runs that say nothing about the target.
fn silent(sides: [&[RunFile]; 2]) -> Vec<Difference> {
    let looked_at: [(&str, &str, Doubt); 3] = [
        ("ending", "finished", ending),
        ("generator", "kept up", limited),
        ("verdict", "conclusive", inconclusive),
    ];
    let found = looked_at.into_iter().filter_map(|(what, well, bad)| {
        let told = |run: &RunFile| {
            let bad = bad(run)?;
            Some(format!("seed {}: {bad}", seed(run)))
        };
        let texts = sides.map(|side| side.iter().filter_map(told).collect::<Vec<String>>());
        let bad = texts.iter().any(|texts| !texts.is_empty());
        let [before, after] =
            texts.map(|texts| if texts.is_empty() { well.to_owned() } else { texts.join("; ") });
        bad.then(|| Difference { what: what.to_owned(), before, after })
    });
    found.collect()
}

/// How a run ended that did not come to its end.
fn ending(run: &RunFile) -> Option<String> {
    let at = run.ending.at;
    match &run.ending.reason {
        EndReason::Finished => None,
        EndReason::Aborted { objective } => Some(format!("ended after {at}: `{objective}` was missed")),
        EndReason::AbortedIf { condition } => Some(format!("ended after {at}: `{condition}` held")),
        EndReason::Signal(signal) => Some(format!("ended after {at} by signal {signal}")),
        EndReason::TargetLost { how } => Some(format!("the target was lost after {at}: {how}")),
        EndReason::Killed => Some(format!("killed after {at}")),
    }
}

/// Why its generator did not keep up.
fn limited(run: &RunFile) -> Option<String> {
    run.generator.limited.then(|| run.generator.reasons.join("; "))
}

/// Why a run that finished with a generator that kept up is inconclusive all the same.
fn inconclusive(run: &RunFile) -> Option<String> {
    let told = run.ending.reason != EndReason::Finished || run.generator.limited;
    (run.verdict == Verdict::Inconclusive && !told)
        .then(|| if run.reasons.is_empty() { "not judged".to_owned() } else { run.reasons.join("; ") })
}

/// A run that was given twice would pass for a repetition that agrees with itself.
fn twice(sides: [&[RunFile]; 2]) -> Option<Difference> {
    let again = sides.map(|side| {
        let repeated = |place: &usize| side[..*place].contains(&side[*place]);
        let runs = (0..side.len()).filter(repeated).map(|place| format!("run {}", place + 1));
        let runs: Vec<String> = runs.collect();
        if runs.is_empty() { "none".to_owned() } else { runs.join(", ") }
    });
    let [before, after] = again;
    (before != "none" || after != "none").then(|| Difference {
        what: "runs given twice".to_owned(),
        before,
        after,
    })
}

fn seeds(sides: [&[RunFile]; 2]) -> Option<Difference> {
    let [before, after] = sides.map(|side| {
        let seeds: BTreeSet<String> = side.iter().map(seed).collect();
        Vec::from_iter(seeds).join(", ")
    });
    (before != after).then(|| Difference { what: "seeds".to_owned(), before, after })
}

/// What is around the target.
fn surroundings(run: &RunFile) -> Vec<Fact> {
    let machines = |of: fn(&Environment) -> String| {
        let parts: BTreeSet<String> = run.generators.iter().map(|part| of(&part.environment)).collect();
        if parts.is_empty() { of(&run.environment) } else { Vec::from_iter(parts).join(" and ") }
    };
    let facts = [
        ("scenario", run.scenario.clone()),
        ("speed", run.speed.to_string()),
        ("stack", stack(run)),
        ("CPU model", machines(|environment| environment.cpu_model.clone())),
        ("cores", machines(|environment| environment.cores.to_string())),
        ("loadlab version", machines(|environment| environment.loadlab.clone())),
        ("generators", run.generators.len().max(1).to_string()),
    ];
    facts.map(|(what, text)| (what.to_owned(), text)).into()
}

/// What kind of stack was up, as far as plan and command line tell.
fn stack(run: &RunFile) -> String {
    let kind = match &run.plan.target {
        TargetPlan::Profile { .. } => "the reference target's",
        TargetPlan::Url { .. } => "somebody's service",
    };
    let command = &run.environment.command;
    let option = |name: &&str| {
        let place = command.iter().position(|word| word == name || word.starts_with(&format!("{name}=")))?;
        let value = command[place].split_once('=').map(|(_, value)| value.to_owned());
        let value = value.or_else(|| command.get(place + 1).cloned()).unwrap_or_default();
        // The stack of one's own is what a run has without the option.
        (value != "embedded").then(|| format!("{name} {}", without_password(&value)))
    };
    let options: Vec<String> = STACK_OPTIONS.iter().filter_map(option).collect();
    if options.is_empty() { kind.to_owned() } else { format!("{kind}, {}", options.join(", ")) }
}

fn without_password(address: &str) -> String {
    let cut = address.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    cut.map_or_else(|| address.to_owned(), |(scheme, place)| format!("{scheme}://{place}"))
}

/// The places where plans differ, a few of each field.
fn plans(sides: [&[RunFile]; 2]) -> Vec<Difference> {
    let sides = sides.map(|side| side.iter().map(|run| leaves::of_plan(&run.plan)).collect::<Vec<_>>());
    let mut fields: BTreeMap<String, Vec<Difference>> = BTreeMap::new();
    for told in places(&sides) {
        let field = told.what.split('.').next().unwrap_or_default().to_owned();
        fields.entry(field).or_default().push(told.difference());
    }
    let told = fields.into_iter().flat_map(|(field, mut places)| {
        let rest = places.len().saturating_sub(PLACES_MAX);
        places.truncate(PLACES_MAX);
        let more = (rest > 0).then(|| Difference {
            what: format!("{field}, {rest} more places"),
            before: "…".to_owned(),
            after: "…".to_owned(),
        });
        places.into_iter().chain(more)
    });
    told.collect()
}

/// The rows of feeds, which may be drawn from the seed: only runs of one seed need the same.
fn drawn_rows(run: &RunFile) -> Vec<Fact> {
    let seed = seed(run);
    leaves::rows(&run.plan)
        .into_iter()
        .map(|(what, text)| (format!("{what} with seed {seed}"), text))
        .collect()
}
