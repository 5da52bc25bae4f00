//! Carries a plan out: brings the target up, offers the load, records, judges, writes the reports.
//!
//! ```text
//!   Plan ─> admission ─> target up ─> engine ──┐
//!                                     scraper ─┼─> recording: journal, live objectives, progress
//!                            signals, stack ───┘         │ at the end
//!                                      run.json, reports <┘
//! ```
//!
//! Engine and stack do not know each other; they are joined here.

pub mod admission;
pub mod arms;
pub mod environment;
pub mod external;
pub mod gate;
mod generator;
pub mod hidden;
mod limits;
mod measure;
mod progress;
pub mod reach;
mod recording;
pub mod search;
pub mod target;
mod trials;

use std::{fmt, path::Path, sync::Arc};

use loadlab_chaos::schedule::{self, FitError, PlaceError};
use loadlab_record::{FORMAT, Header, JournalLine, RunFile, TargetInfo};
use loadlab_scenario::{LoadAxis, Plan, TrialError, condition::InstancesError, plan::TargetPlan};
use target_service::profile::{Profile, ProfileError};
use tokio_util::sync::CancellationToken;

pub(crate) use self::measure::HEALED;
use self::{
    admission::Refusal,
    arms::TooManyInstances,
    external::External,
    generator::Generator,
    progress::Progress,
    reach::{Reach, ReachError},
    recording::Recording,
    target::{Target, TargetError},
};
use crate::{
    run_folder::{FolderError, JournalWriter, RunFolder},
    signals::Signals,
};

/// What is carried out, and where.
#[derive(Debug)]
pub struct Request<'a> {
    /// The plan.
    pub plan: Plan,
    /// The folder in which the run's own folder is made.
    pub out: &'a Path,
    /// Real services in place of stand-ins.
    pub external: External,
    /// How far chaos reaches.
    pub reach: Reach,
}

/// A run that came to an end, by itself or not.
#[derive(Debug)]
pub struct Finished {
    /// Its folder.
    pub folder: RunFolder,
    /// What was measured, judged.
    pub run: RunFile,
}

/// Why there is no run to speak of.
#[derive(Debug)]
pub enum RunError {
    /// The profile or a setting of it is unknown.
    Profile(ProfileError),
    /// The profile cannot be split into arms.
    Arms(TooManyInstances),
    /// This machine cannot carry the plan out.
    Refused(Refusal),
    /// A fault has no place in the target.
    Fault(PlaceError),
    /// A fault goes where it must not, or cannot.
    Reach(ReachError),
    /// A fault does not fit what it acts on.
    Unfit(FitError),
    /// Faults would act on more instances than the plan allows.
    Instances(InstancesError),
    /// The run folder.
    Folder(FolderError),
    /// There is nothing to load.
    Target(TargetError),
    /// The load could not be offered.
    Engine(loadlab_engine::EngineError),
    /// The engine ended without a word.
    EngineLost,
    /// The process cannot listen to signals, or has no runtime.
    System(std::io::Error),
    /// A signal ended it before there was anything to judge.
    Signal(i32),
    /// A load cannot be offered.
    Trial(TrialError),
    /// The target does not carry even a little, before a trial or after one.
    NeverCalm {
        /// The load that it did not carry.
        load: f64,
        /// In what that is counted.
        axis: LoadAxis,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(error) => write!(f, "{error}"),
            Self::Arms(error) => write!(f, "{error}"),
            Self::Refused(error) => write!(f, "{error}"),
            Self::Fault(error) => write!(f, "{error}"),
            Self::Reach(error) => write!(f, "{error}"),
            Self::Unfit(error) => write!(f, "{error}"),
            Self::Instances(error) => write!(f, "{error}"),
            Self::Folder(error) => write!(f, "{error}"),
            Self::Target(error) => write!(f, "{error}"),
            Self::Engine(error) => write!(f, "the load could not be offered: {error}"),
            Self::EngineLost => {
                f.write_str("the engine ended without a word; what was measured is in the journal")
            }
            Self::System(error) => write!(f, "the system refused: {error}"),
            Self::Signal(_) => f.write_str("stopped before the load began; nothing was measured"),
            Self::Trial(error) => write!(f, "{error}"),
            Self::NeverCalm { load, axis } => write!(
                f,
                "the target does not recover: {load:.3}{} is not carried within the allowed loss, or its queues \
                 do not empty",
                axis.unit()
            ),
        }
    }
}

impl std::error::Error for RunError {}

/// The profile that a plan loads, if it loads the reference target.
pub fn profile(plan: &Plan) -> Result<Option<Profile>, RunError> {
    match &plan.target {
        TargetPlan::Profile { name, with, set } => {
            let profile = target::profile(name, with, set).map_err(RunError::Profile)?;
            arms::split(plan, profile).map(Some).map_err(RunError::Arms)
        }
        TargetPlan::Url { .. } => Ok(None),
    }
}

/// Everything that can be said about a plan before it starts.
pub fn check(plan: &Plan, external: &External, reach: &Reach) -> Result<Option<Profile>, RunError> {
    let profile = profile(plan)?;
    let mut waits = profile.as_ref().map(Profile::modelled_waits).unwrap_or_default();
    if let Some(profile) = &profile
        && let Some(experiment) = arms::experiment(plan, profile).map_err(RunError::Profile)?
    {
        waits.extend(experiment.modelled_waits());
    }
    admission::check(plan, profile.as_ref(), &waits).map_err(RunError::Refused)?;
    reach.check(plan, external).map_err(RunError::Reach)?;
    match &profile {
        Some(profile) => {
            admission::check_stores(profile, external).map_err(RunError::Refused)?;
            let (edges, processes) = target::places(profile);
            schedule::check(&plan.faults, &edges, &processes).map_err(RunError::Fault)?;
            target::check_kinds(profile, &plan.faults, external).map_err(RunError::Unfit)?;
            let until = plan.load.duration() + plan.drain;
            let reached = plan.max_blast.check_instances(&plan.faults, &processes, until);
            reached.map_err(RunError::Instances)?;
        }
        // A server's own proxies are edges too; which there are is asked when it is needed.
        None if reach.toxiproxy.is_some() => {}
        None => schedule::check(&plan.faults, &reach::fronts(plan), &[]).map_err(RunError::Fault)?,
    }
    Ok(profile)
}

/// Carries a plan out, whatever ends it.
pub async fn run(request: Request<'_>) -> Result<Finished, RunError> {
    let profile = check(&request.plan, &request.external, &request.reach)?;
    let mut signals = Signals::listen().map_err(RunError::System)?;
    let environment = environment::read();
    let stamp = environment.started.replace([':', '-'], "");
    let plan = Arc::new(request.plan.clone());
    let folder =
        RunFolder::create(request.out, &plan.name, &stamp, plan.seed.get()).map_err(RunError::Folder)?;
    let progress = Progress::start(plan.load.duration().as_secs_f64());
    progress.preparing("bringing the target up");
    let (what, with) = (What::Plan(&plan, profile.as_ref()), (&request.external, &request.reach));
    let mut target = match bring_up(what, with, &folder.logs(), &mut signals).await {
        Ok(target) => target,
        Err(error) => {
            progress.end();
            return Err(error);
        }
    };
    let header = header(&plan, environment, &target.info);
    let mut journal = JournalWriter::create(&folder).map_err(RunError::Folder)?;
    journal.append(&JournalLine::Header(Box::new(header))).map_err(RunError::Folder)?;
    let mut recording = Recording::new(Arc::clone(&plan), journal, progress);
    let generator = Generator::start().map_err(RunError::System)?;
    let mut load = measure::Load {
        plan,
        target: &mut target,
        generator: &generator,
        recording: &mut recording,
        signals: &mut signals,
    };
    let ending = load.carry_out().await?;
    recording.end(ending).map_err(RunError::Folder)?;
    finish(target, folder, signals).await
}

/// What is brought up.
#[derive(Debug, Clone, Copy)]
enum What<'a> {
    /// What the plan loads; with its profile, if that is the reference target.
    Plan(&'a Plan, Option<&'a Profile>),
    /// What a shell command starts, for the plan's journeys.
    Command(&'a Plan, &'a str),
}

/// The target, unless a signal comes first.
async fn bring_up(
    what: What<'_>,
    with: (&External, &Reach),
    logs: &Path,
    signals: &mut Signals,
) -> Result<Target, RunError> {
    let stop = CancellationToken::new();
    let up = async {
        match what {
            What::Plan(plan, profile) => target::up(plan, profile, with, logs, &stop).await,
            What::Command(plan, command) => target::command(command, plan, logs, &stop).await,
        }
    };
    tokio::pin!(up);
    tokio::select! {
        target = &mut up => target.map_err(RunError::Target),
        signal = signals.next() => {
            stop.cancel();
            // What was started is taken down before the program ends.
            drop(up.await);
            Err(RunError::Signal(signal))
        }
    }
}

fn header(plan: &Plan, environment: loadlab_record::Environment, target: &TargetInfo) -> Header {
    Header { format: FORMAT, plan: plan.clone(), environment, target: target.clone() }
}

/// Takes the stack down while the reports are written.
async fn finish(target: Target, folder: RunFolder, mut signals: Signals) -> Result<Finished, RunError> {
    let mut down = tokio::spawn(async move {
        if let Some(stack) = target.stack {
            // A keeper that had ended already has taken everything with it.
            drop(stack.down().await);
        }
    });
    let reports = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || write_all(&folder)
    });
    let run = reports.await.map_err(|error| RunError::System(error.into()))?.map_err(RunError::Folder)?;
    tokio::select! {
        _ = &mut down => {}
        // A second signal: with the stack its lease is dropped, and the keeper ends everything.
        _ = signals.next() => down.abort(),
    }
    Ok(Finished { folder, run })
}

/// Run file first, then what is made from it.
fn write_all(folder: &RunFolder) -> Result<RunFile, FolderError> {
    let run = folder.assemble()?;
    folder.write_run(&run)?;
    // The reports are a function of the saved file, so they are made from what was saved.
    let saved = folder.read()?;
    folder.write_reports(&saved)?;
    Ok(saved)
}
