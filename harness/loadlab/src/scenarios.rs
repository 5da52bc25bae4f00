//! The scenarios there are, the faults and files that they name, and their plans.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use loadlab_scenario::{Diagnostics, NamedFault, Override, Plan, Source};

use crate::{
    cli::PlanArgs,
    shelf::{self, Found, Shipped, Unreadable, is_yaml, read, stem},
};

/// Where scenarios are looked for by name, from the working directory upwards.
const FOLDERS: [&str; 3] = ["scenarios", "scenarios/capacity", "chaos/exercises"];

/// Files of the repository, each as path and text.
macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),*]
    };
}

/// Shipped files, so that an installed binary needs no checkout.
const SHIPPED: &[Shipped] = shipped![
    "chaos/exercises/arms-aa.yaml",
    "chaos/exercises/database-slow.yaml",
    "chaos/exercises/database-unreachable.yaml",
    "chaos/exercises/half-open-connections.yaml",
    "chaos/exercises/instance-killed.yaml",
    "chaos/exercises/instance-paused.yaml",
    "chaos/exercises/llm-outage.yaml",
    "chaos/exercises/llm-slow.yaml",
    "chaos/exercises/memory-limit.yaml",
    "chaos/exercises/one-instance-slow.yaml",
    "chaos/exercises/redis-gone.yaml",
    "chaos/exercises/redis-hot-key.yaml",
    "scenarios/100-concurrent.yaml",
    "scenarios/backlog-overflow.yaml",
    "scenarios/breaker-blast.yaml",
    "scenarios/cache-thrash.yaml",
    "scenarios/capacity/search-capacity.yaml",
    "scenarios/cold-cache.yaml",
    "scenarios/ingestion-under-search.yaml",
    "scenarios/llm-degradation-no-breaker.yaml",
    "scenarios/llm-degradation.yaml",
    "scenarios/llm-rate-limit.yaml",
    "scenarios/load-levels.yaml",
    "scenarios/n-plus-one.yaml",
    "scenarios/pool-exhaustion.yaml",
    "scenarios/redis-down.yaml",
    "scenarios/replication-lag.yaml",
    "scenarios/retry-storm.yaml",
    "scenarios/streaming-memory.yaml",
    "scenarios/timeout-cascade.yaml",
    "scenarios/wrong-answers.yaml",
    "target-service/content/queries.csv",
];

/// Where named faults are, below a root.
const FAULTS: &str = "chaos/faults";

/// Shipped named faults.
const SHIPPED_FAULTS: &[Shipped] = shipped![
    "chaos/faults/broken-connections.yaml",
    "chaos/faults/dead-process.yaml",
    "chaos/faults/frozen-process.yaml",
    "chaos/faults/lossy-line.yaml",
    "chaos/faults/silent.yaml",
    "chaos/faults/slow-answers.yaml",
    "chaos/faults/thin-line.yaml",
    "chaos/faults/unreachable.yaml",
    "chaos/faults/very-slow-answers.yaml",
];

/// Why there is no plan.
#[derive(Debug)]
pub enum PlanError {
    /// No scenario of this name.
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The file is there and cannot be read.
    Unreadable(Unreadable),
    /// `--set` without `=`.
    BadSet {
        /// What was written.
        text: String,
    },
    /// The file has mistakes.
    Invalid(Diagnostics),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, known } => f.write_str(&shelf::unknown("scenario", name, known)),
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::BadSet { text } => {
                write!(f, "--set {text}: PATH=VALUE is expected, as in load.burst.users=50")
            }
            Self::Invalid(diagnostics) => write!(f, "{diagnostics}"),
        }
    }
}

impl std::error::Error for PlanError {}

impl From<Unreadable> for PlanError {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

/// The scenario that `name` means: a file that exists, or a name.
pub fn find(name: &str) -> Result<Found, PlanError> {
    let found = shelf::find(name, folders(), &shipped())?;
    found.ok_or_else(|| PlanError::Unknown { name: name.to_owned(), known: names() })
}

/// The scenarios in the binary, without the data that they name.
fn shipped() -> Vec<Shipped> {
    SHIPPED.iter().filter(|(path, _)| is_yaml(Path::new(path))).copied().collect()
}

/// The names that [`find`] knows, sorted.
pub fn names() -> Vec<String> {
    shelf::names(folders(), &shipped())
}

/// The plan that the arguments mean.
pub fn plan(arguments: &PlanArgs) -> Result<Plan, PlanError> {
    let found = find(&arguments.scenario)?;
    load(&found, &overrides(arguments)?)
}

/// The plan that the arguments mean with other faults than its own, written as its YAML has them. They may
/// use `more` by name, beside what any scenario may.
pub fn plan_with_faults(
    arguments: &PlanArgs,
    faults: String,
    more: Option<Found>,
) -> Result<Plan, PlanError> {
    let found = find(&arguments.scenario)?;
    let instead = Override { path: "faults".to_owned(), value: faults };
    let overrides = [overrides(arguments)?, vec![instead]].concat();
    load_with(&found, &overrides, more)
}

/// The plan of a scenario that was found, with settings laid over it.
pub fn load(found: &Found, overrides: &[Override]) -> Result<Plan, PlanError> {
    load_with(found, overrides, None)
}

fn load_with(found: &Found, overrides: &[Override], more: Option<Found>) -> Result<Plan, PlanError> {
    let folder = Path::new(&found.path).parent().unwrap_or(Path::new(""));
    let read_file = |path: &str| read_beside(folder, path);
    let source = Source { path: &found.path, text: &found.text };
    // The first of a name is used.
    let faults: Vec<Found> = more.into_iter().chain(faults(folder)?).collect();
    let named: Vec<NamedFault<'_>> = faults.iter().filter_map(named).collect();
    loadlab_scenario::load_with(&source, overrides, &read_file, &named).map_err(PlanError::Invalid)
}

/// The faults that a scenario in `folder` may use, by name: those of the nearest `chaos/faults` at or
/// above it, and the shipped ones that it does not have.
pub fn faults(folder: &Path) -> Result<Vec<Found>, PlanError> {
    let here = std::env::current_dir().unwrap_or_default();
    let absolute = here.join(folder);
    let beside = absolute.ancestors().map(|above| above.join(FAULTS)).find(|faults| faults.is_dir());
    let mut found = Vec::new();
    if let Some(folder) = beside {
        let shown = folder.strip_prefix(&here).map_or_else(|_| folder.clone(), Path::to_owned);
        let unreadable = |source| Unreadable { path: shown.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = shown.join(entry.map_err(unreadable)?.file_name());
            if is_yaml(&path) {
                found.push(read(&path)?);
            }
        }
    }
    for shipped in SHIPPED_FAULTS {
        if !found.iter().any(|one: &Found| stem(&one.path) == stem(shipped.0)) {
            found.push(Found::from(*shipped));
        }
    }
    found.sort_by(|one, other| stem(&one.path).cmp(&stem(&other.path)));
    Ok(found)
}

/// A fault's file, by the name under which scenarios use it.
pub fn named(found: &Found) -> Option<NamedFault<'_>> {
    let source = Source { path: &found.path, text: &found.text };
    stem(&found.path).map(|name| NamedFault { name, source })
}

/// `--speed`, `--seed`, `--profile`, `--with`, `--target` and `--set`, as settings of the scenario's text.
fn overrides(arguments: &PlanArgs) -> Result<Vec<Override>, PlanError> {
    let flags = [
        ("speed", &arguments.speed),
        ("seed", &arguments.seed),
        ("target.profile", &arguments.profile),
        ("target", &arguments.target),
    ];
    let mut overrides: Vec<Override> = flags
        .into_iter()
        .filter_map(|(path, value)| value.clone().map(|value| Override { path: path.to_owned(), value }))
        .collect();
    if !arguments.with.is_empty() {
        let value = format!("[{}]", arguments.with.join(", "));
        overrides.push(Override { path: "target.with".to_owned(), value });
    }
    for text in &arguments.set {
        let (path, value) = text.split_once('=').ok_or_else(|| PlanError::BadSet { text: text.clone() })?;
        overrides.push(Override { path: path.trim().to_owned(), value: value.trim().to_owned() });
    }
    Ok(overrides)
}

/// A file named in a scenario, relative to the scenario's folder; the shipped ones are known anyway.
fn read_beside(folder: &Path, path: &str) -> Result<String, String> {
    let file = folder.join(path);
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(text),
        Err(error) => {
            let name = file.file_name();
            let shipped = SHIPPED.iter().find(|(path, _)| Path::new(path).file_name() == name);
            shipped.map(|(_, text)| (*text).to_owned()).ok_or_else(|| error.to_string())
        }
    }
}

/// The scenario folders that exist, nearest first.
pub(crate) fn folders() -> impl Iterator<Item = PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let above: Vec<PathBuf> = here.ancestors().map(Path::to_owned).collect();
    let root = above.into_iter().find(|folder| folder.join(FOLDERS[0]).is_dir());
    root.into_iter().flat_map(move |root| {
        let here = here.clone();
        FOLDERS.into_iter().map(move |folder| {
            // Shown relative to where the user is, if it is below.
            let folder = root.join(folder);
            folder.strip_prefix(&here).map_or_else(|_| folder.clone(), Path::to_owned)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_exercise_and_named_fault_of_the_repository_is_shipped() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let shipped: BTreeSet<String> =
            SHIPPED.iter().chain(SHIPPED_FAULTS).map(|(path, _)| (*path).to_owned()).collect();
        for folder in FOLDERS.into_iter().chain([FAULTS]) {
            for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there").flatten() {
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if is_yaml(Path::new(&path)) {
                    assert!(shipped.contains(&path), "{path} is not shipped");
                }
            }
        }
    }
}
