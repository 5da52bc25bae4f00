//! `loadlab study`: every run of a study, one after another, and its tables.
//!
//! ```text
//!   study file ──> runs, each planned and checked     nothing starts while one is wrong
//!       runs ──kept──> DIR/runs/…/run.json with the same plan is there: not run again
//!           `─else───> conductor ──> DIR/runs/…
//!   DIR/runs/… ──reading──> tables ──> DIR/study.html  study.md  study.json
//! ```

mod kept;
mod told;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use loadlab_analysis::study::{Reading, State, StudyResult, fill, read, state};
use loadlab_scenario::{Plan, Study, study::StudyRun};

use self::kept::Kept;
use crate::{
    cli::StudyArgs,
    conductor::{self, Request, RunError, external::External, reach::Reach},
    exit::Exit,
    files, output,
    signals::Signals,
    studies::{self, AROUND_A_RUN_S},
};

/// Where studies go without `--out`.
const OUT: &str = "reports/studies";

/// One run with one seed.
#[derive(Debug, Clone, Copy)]
struct Job<'s> {
    run: &'s StudyRun,
    plan: &'s Plan,
}

/// What ended a study before its end.
#[derive(Debug)]
enum Stopped {
    Signal(i32),
    Internal(String),
}

/// Runs a study.
pub(crate) fn execute(arguments: &StudyArgs) -> Exit {
    let loaded = studies::find(&arguments.study).and_then(|found| studies::load(&found));
    let study = match loaded {
        Ok(study) => study,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), None),
    };
    let jobs = match jobs(&study, &arguments.only) {
        Ok(jobs) => jobs,
        Err(problem) => return output::fail(Exit::Invalid, &problem, None),
    };
    if arguments.dry_run {
        return told::plan(&study, &jobs, arguments.format);
    }
    let out = arguments.out.clone().unwrap_or_else(|| Path::new(OUT).join(&study.name));
    let mut work = Work { kept: Kept::in_folder(&out.join("runs")), out, lost: Vec::new() };
    let stopped = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let stopped = runtime.block_on(work.carry_out(&jobs));
            // Nothing that hangs, such as a name look-up, may delay the end.
            runtime.shutdown_background();
            stopped
        }
        Err(error) => Some(Stopped::Internal(format!("no runtime: {error}"))),
    };
    let result = fill(&study, &work.readings(&study));
    if let Err(error) = work.write(&result) {
        return output::fail(Exit::Internal, &format!("{error}: {}", error.source), None);
    }
    told::result(&result, &work.out.join("study.html"), arguments.format);
    match stopped {
        Some(Stopped::Signal(signal)) => Exit::Signal(signal),
        Some(Stopped::Internal(text)) => output::fail(Exit::Internal, &text, None),
        None if result.filled => Exit::Pass,
        None => Exit::Inconclusive,
    }
}

/// The runs that are asked for, in the study's order.
fn jobs<'s>(study: &'s Study, only: &[String]) -> Result<Vec<Job<'s>>, String> {
    if let Some(unknown) = only.iter().find(|name| study.run(name).is_none()) {
        let names: Vec<&str> = study.runs.iter().map(|run| run.name.as_str()).collect();
        return Err(format!("--only {unknown}: the study has no such run; it has {}", names.join(", ")));
    }
    let asked = study.runs.iter().filter(|run| only.is_empty() || only.contains(&run.name));
    Ok(all_jobs(asked).collect())
}

fn all_jobs<'s>(runs: impl Iterator<Item = &'s StudyRun>) -> impl Iterator<Item = Job<'s>> {
    runs.flat_map(|run| run.plans.iter().map(move |plan| Job { run, plan }))
}

impl Job<'_> {
    /// Real seconds that it should last.
    fn lasts_s(&self) -> f64 {
        self.plan.speed.real(self.plan.load.duration()).as_secs_f64() + AROUND_A_RUN_S
    }

    fn name(&self) -> String {
        if self.run.plans.len() > 1 {
            format!("{}, seed {}", self.run.name, self.plan.seed)
        } else {
            self.run.name.clone()
        }
    }
}

/// The study while it is carried out.
struct Work {
    out: PathBuf,
    kept: Kept,
    /// Runs of which there is no run file: name, seed and reason.
    lost: Vec<(String, u64, String)>,
}

impl Work {
    /// Runs whatever is not there yet.
    async fn carry_out(&mut self, jobs: &[Job<'_>]) -> Option<Stopped> {
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return Some(Stopped::Internal(format!("signals: {error}"))),
        };
        let began = Instant::now();
        let missing = jobs.iter().filter(|job| !self.kept.has(job.plan));
        let expected_s: f64 = missing.map(Job::lasts_s).sum();
        for (index, job) in jobs.iter().enumerate() {
            let number = format!("run {} of {}: {}", index + 1, jobs.len(), job.name());
            if self.kept.has(job.plan) {
                output::say(&format!("{number}: there already"));
                continue;
            }
            let elapsed = told::minutes(began.elapsed().as_secs_f64());
            output::say(&format!("{number} ({elapsed} of about {})", told::minutes(expected_s)));
            let stopped = Box::pin(self.one(job)).await;
            if stopped.is_some() {
                return stopped;
            }
            if let Some(signal) = pending(&mut signals).await {
                return Some(Stopped::Signal(signal));
            }
        }
        None
    }

    async fn one(&mut self, job: &Job<'_>) -> Option<Stopped> {
        let runs = self.out.join("runs");
        let request = Request {
            plan: job.plan.clone(),
            out: &runs,
            external: External::default(),
            reach: Reach::default(),
        };
        match Box::pin(conductor::run(request)).await {
            Ok(finished) => {
                let state = state(&finished.run);
                output::say(&format!("  {}", state.words()));
                let stopped = match &finished.run.ending.reason {
                    loadlab_record::EndReason::Signal(signal) => Some(Stopped::Signal(*signal)),
                    _ => None,
                };
                self.kept.add(finished.folder.path(), &finished.run);
                stopped
            }
            Err(RunError::Signal(signal)) => Some(Stopped::Signal(signal)),
            Err(error) if super::run::exit_of(&error) == Exit::Target => {
                output::say(&format!("  {error}"));
                let lost = (job.run.name.clone(), job.plan.seed.get(), error.to_string());
                self.lost.push(lost);
                None
            }
            // What makes no run makes the next one neither.
            Err(error) => Some(Stopped::Internal(error.to_string())),
        }
    }

    /// What there is of every run of the study, read from the disk one by one.
    fn readings(&self, study: &Study) -> Vec<Reading> {
        let reading = |job: Job<'_>| {
            let (name, seed) = (&job.run.name, job.plan.seed.get());
            if let Some((folder, run)) = self.kept.best(job.plan) {
                let report = Path::new("runs").join(folder.file_name()?).join("report.html");
                // Of two runs of the study that are the same, each has its reading.
                return Some(read(study, name, &run, Some(report.display().to_string())));
            }
            let lost = self.lost.iter().find(|(lost, of, _)| lost == name && *of == seed);
            let (state, why) =
                lost.map_or((State::NotRun, ""), |(_, _, why)| (State::TargetLost, why.as_str()));
            Some(Reading::without(name, seed, &job.plan.name, state, why))
        };
        all_jobs(study.runs.iter()).filter_map(reading).collect()
    }

    /// Writes the page, the text and the document.
    fn write(&self, result: &StudyResult) -> Result<(), files::WriteError> {
        let error = |source| files::WriteError { path: self.out.clone(), source };
        std::fs::create_dir_all(&self.out).map_err(error)?;
        files::write_whole(&self.out.join("study.html"), &loadlab_report::study_html(result))?;
        files::write_whole(&self.out.join("study.md"), &loadlab_report::study_markdown(result))?;
        files::write_whole(&self.out.join("study.json"), &format!("{}\n", loadlab_report::study_json(result)))
    }
}

/// A signal that came since somebody last looked.
async fn pending(signals: &mut Signals) -> Option<i32> {
    // The runtime sees signals when it is given a turn.
    tokio::task::yield_now().await;
    tokio::select! {
        biased;
        signal = signals.next() => Some(signal),
        () = std::future::ready(()) => None,
    }
}
