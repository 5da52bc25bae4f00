//! The runs that a study's folder has already.
//!
//! A run is the same if its plan is, and if the target was configured alike: a profile that was changed
//! since has other settings. One that says nothing about the target is there and is run again.

use std::path::{Path, PathBuf};

use loadlab_analysis::study::{State, state};
use loadlab_record::RunFile;
use loadlab_scenario::Plan;
use serde::{Serialize, de::DeserializeOwned};

use crate::{conductor, output, run_folder::RunFolder};

/// The runs of a folder.
#[derive(Debug)]
pub(super) struct Kept {
    runs: Vec<KeptRun>,
}

#[derive(Debug)]
struct KeptRun {
    folder: PathBuf,
    plan: Plan,
    settings: Option<serde_json::Value>,
    state: State,
}

impl Kept {
    /// What there is. A run that cannot be read is told and left alone.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let mut kept = Self { runs: Vec::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("run.json").is_file()).collect();
        // Their names end in the time at which they began.
        folders.sort();
        for path in folders {
            match RunFolder::open(&path).and_then(|folder| folder.read()) {
                Ok(run) => kept.add(&path, &run),
                Err(error) => output::say(&format!("left out: {error}")),
            }
        }
        kept
    }

    /// One more.
    pub(super) fn add(&mut self, folder: &Path, run: &RunFile) {
        self.runs.push(KeptRun {
            folder: folder.to_owned(),
            plan: read_back(&run.plan),
            settings: run.target.settings.as_ref().map(read_back),
            state: state(run),
        });
    }

    /// Whether a plan need not be carried out.
    pub(super) fn has(&self, plan: &Plan) -> bool {
        self.of(plan).is_some_and(|run| run.state == State::Measured)
    }

    /// The run of a plan that says most.
    pub(super) fn best(&self, plan: &Plan) -> Option<(&Path, RunFile)> {
        let folder = &self.of(plan)?.folder;
        let run = RunFolder::open(folder).and_then(|folder| folder.read()).ok()?;
        Some((folder, run))
    }

    /// The newest run of a plan that says something about the target, or else the newest.
    fn of(&self, plan: &Plan) -> Option<&KeptRun> {
        let settings = settings(plan);
        let plan = read_back(plan);
        let mut same = self.runs.iter().rev().filter(|run| run.plan == plan && run.settings == settings);
        let newest = same.clone().next();
        same.find(|run| run.state == State::Measured).or(newest)
    }
}

/// How the target of a plan would be configured, as run files have it.
fn settings(plan: &Plan) -> Option<serde_json::Value> {
    let profile = conductor::profile(plan).ok()??;
    serde_json::to_value(profile).ok().as_ref().map(read_back)
}

/// As a run file would give it back: numbers that went through text may differ in their last digit.
fn read_back<T: Serialize + DeserializeOwned + Clone>(value: &T) -> T {
    let text = serde_json::to_string(value).ok();
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| value.clone())
}
