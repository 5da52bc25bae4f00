//! Loads one target again and again: what a search and a gate are made of.
//!
//! ```text
//!   calm ──carried, nobody waits──> ramp ─> measured ─> drain ──> trials/NNN/run.json ──> TrialResult
//!     └──not so, again and again──> the target is started again, if it is loadlab's own
//! ```
//!
//! *Calm*: a tenth of the last good load is carried within the allowed loss, and nobody waits in the target's
//! queues. A trial that left the target so needs no such look before the next one.

use std::{path::PathBuf, sync::Arc, time::Duration};

use loadlab_analysis::{
    GeneratorLimit, LossLimit, Losses, Metrics, generator_limits,
    search::{Invalid, Offer, Trial, TrialResult, Validity},
};
use loadlab_clock::Seed;
use loadlab_record::{EndReason, Environment, JournalLine, RunFile, TargetInfo};
use loadlab_scenario::{Plan, TrialTimes, fault::Fault, quantity::Share};
use loadlab_stack::CpuTime;
use target_service::profile::Profile;

use super::{
    RunError, What, external::External, generator::Generator, header, measure, progress::Progress,
    reach::Reach, recording::Recording, target::Target,
};
use crate::{
    run_folder::{JournalWriter, RunFolder},
    signals::Signals,
};

/// The share of the last good load at which the target must be calm.
const CALM_SHARE: f64 = 0.1;
/// Arrivals of one look at whether it is: few, and enough that one slow answer is seen.
const CALM_ARRIVALS: f64 = 20.0;
/// One look lasts at least so long.
const CALM_LEAST: Duration = Duration::from_secs(2);
/// Looks before the target is started again.
const CALM_LOOKS: u32 = 5;
/// The share of the CPU time of a trial that the hypervisor may give to others; more disturbs it. Runs with
/// less were seen to agree, see the evidence of the scenarios.
const STOLEN_MOST: f64 = 0.05;
/// Who waits for the reference target's scarcest resource.
const WAITING: &str = "pool_waiting";

/// What all trials of a target have in common.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    /// The scenario.
    pub(crate) plan: Plan,
    /// The reference target's profile, if that is what is loaded.
    pub(crate) profile: Option<Profile>,
    /// The shell command that starts what is loaded, if that is how.
    pub(crate) command: Option<String>,
    /// Real services in place of stand-ins.
    pub(crate) external: &'a External,
    /// How far chaos reaches.
    pub(crate) reach: &'a Reach,
    /// How long trials last.
    pub(crate) times: TrialTimes,
    /// What may be lost.
    pub(crate) allowed: Share,
    /// In which the trials' folders are made.
    pub(crate) folder: PathBuf,
}

/// A target that is up, and what was done to it so far.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    setting: Setting<'a>,
    environment: Environment,
    target: Target,
    tried: u32,
    restarts: u32,
    /// Whether the last trial left the target as it found it.
    is_calm: bool,
}

/// Who offers, and who may interrupt.
pub(crate) struct Hands<'a> {
    pub(crate) generator: &'a Generator,
    pub(crate) signals: &'a mut Signals,
}

/// A trial as it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'t> {
    /// At what load, and which of those at it.
    pub(crate) offer: Offer,
    /// Where its arrivals come from.
    pub(crate) seed: Seed,
    /// It is ended when it has lost more arrivals than this.
    pub(crate) hopeless_beyond: f64,
    /// A load that is surely carried: the last good one.
    pub(crate) good: f64,
    /// What the moving line says of it.
    pub(crate) label: &'t str,
    /// What is broken meanwhile.
    pub(crate) faults: Vec<Fault>,
}

/// A trial, and all of what was measured in it.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) result: TrialResult,
    pub(crate) run: RunFile,
}

impl<'a> Site<'a> {
    /// Brings the target up.
    pub(crate) async fn open(
        setting: Setting<'a>,
        environment: Environment,
        signals: &mut Signals,
    ) -> Result<Self, RunError> {
        let target = up(&setting, 0, signals).await?;
        Ok(Self { setting, environment, target, tried: 0, restarts: 0, is_calm: false })
    }

    /// What is loaded.
    pub(crate) const fn info(&self) -> &TargetInfo {
        &self.target.info
    }

    /// How often it was started again.
    pub(crate) const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// How long trials last.
    pub(crate) const fn times(&self) -> TrialTimes {
        self.setting.times
    }

    /// From now on trials last so long.
    pub(crate) fn set_times(&mut self, times: TrialTimes) {
        self.setting.times = times;
    }

    /// Takes the target down.
    pub(crate) async fn close(self) {
        if let Some(stack) = self.target.stack {
            // A keeper that had ended already has taken everything with it.
            drop(stack.down().await);
        }
    }

    /// One trial. What is broken or lost in it is a result; an error is whatever leaves none.
    pub(crate) async fn trial(&mut self, asked: Asked<'_>, hands: &mut Hands<'_>) -> Result<Tried, RunError> {
        if !self.is_calm {
            self.settle(asked.good, hands).await?;
        }
        let times = self.setting.times;
        let plan = self.setting.plan.at_load_with(asked.offer.load, asked.seed, times, asked.faults);
        let plan = Arc::new(plan.map_err(RunError::Trial)?);
        let limit = LossLimit::new(&plan, asked.hopeless_beyond);
        self.tried += 1;
        let name = format!("{:03}", self.tried);
        let cpu = CpuTime::now();
        let run = self.offer(plan, &name, (Some(limit), asked.label), hands).await?;
        let stolen = cpu.stolen_since();
        self.is_calm =
            run.ending.reason == EndReason::Finished && run.totals.in_flight == 0 && nobody_waits(&run);
        if !self.is_calm {
            // It is known only now whether it becomes well again by itself.
            let restarts = self.restarts;
            self.settle(asked.good, hands).await?;
            let recovered = self.restarts == restarts;
            return Ok(tried(run, asked.offer, stolen, (name, recovered)));
        }
        Ok(tried(run, asked.offer, stolen, (name, true)))
    }

    /// Waits until the target is calm. One of loadlab's own that does not become so is started again.
    pub(crate) async fn settle(&mut self, good: f64, hands: &mut Hands<'_>) -> Result<RunFile, RunError> {
        for restart in [false, true] {
            if restart {
                self.restart(hands.signals).await?;
            }
            for look in 1..=CALM_LOOKS {
                let run = self.look(good, look, hands).await?;
                let share = Losses::of(&run).share().unwrap_or(1.0);
                if share <= self.setting.allowed.get() && run.totals.in_flight == 0 && nobody_waits(&run) {
                    self.is_calm = true;
                    return Ok(run);
                }
            }
            if self.setting.profile.is_none() && self.setting.command.is_none() {
                break;
            }
        }
        Err(RunError::NeverCalm { load: self.calm_load(good), axis: self.setting.plan.load_axis() })
    }

    /// A tenth of a good load for a moment.
    async fn look(&mut self, good: f64, look: u32, hands: &mut Hands<'_>) -> Result<RunFile, RunError> {
        let load = self.calm_load(good);
        let enough = Duration::from_secs_f64(CALM_ARRIVALS / load).max(CALM_LEAST);
        let times = TrialTimes { ramp: Duration::ZERO, measured: enough, drain: self.setting.plan.drain };
        let seed = self.setting.plan.seed.of("calm", u64::from(self.tried), u64::from(look));
        let plan = self.setting.plan.at_load(load, seed, times).map_err(RunError::Trial)?;
        let name = format!("{:03}-calm-{}-{look}", self.tried, self.restarts);
        self.offer(Arc::new(plan), &name, (None, "is the target calm?"), hands).await
    }

    fn calm_load(&self, good: f64) -> f64 {
        let load = good * CALM_SHARE;
        if self.setting.plan.load_axis().is_whole() { load.round().max(1.0) } else { load }
    }

    /// Offers a load and keeps what was measured, whatever ended it.
    async fn offer(
        &mut self,
        plan: Arc<Plan>,
        name: &str,
        (limit, label): (Option<LossLimit>, &str),
        hands: &mut Hands<'_>,
    ) -> Result<RunFile, RunError> {
        let folder = RunFolder::at(&self.setting.folder.join(name)).map_err(RunError::Folder)?;
        let mut journal = JournalWriter::create(&folder).map_err(RunError::Folder)?;
        let header = header(&plan, self.environment.clone(), &self.target.info);
        journal.append(&JournalLine::Header(Box::new(header))).map_err(RunError::Folder)?;
        let progress = Progress::labelled(label, plan.load.duration().as_secs_f64());
        let mut recording = Recording::new(Arc::clone(&plan), journal, progress).limited(limit);
        let mut load = measure::Load {
            plan,
            target: &mut self.target,
            generator: hands.generator,
            recording: &mut recording,
            signals: hands.signals,
        };
        let ending = load.carry_out().await?;
        let signal = match &ending.reason {
            EndReason::Signal(signal) => Some(*signal),
            _ => None,
        };
        recording.end(ending).map_err(RunError::Folder)?;
        let run = folder.assemble().map_err(RunError::Folder)?;
        folder.write_run(&run).map_err(RunError::Folder)?;
        match signal {
            Some(signal) => Err(RunError::Signal(signal)),
            None => Ok(run),
        }
    }

    async fn restart(&mut self, signals: &mut Signals) -> Result<(), RunError> {
        self.restarts += 1;
        if let Some(stack) = self.target.stack.take() {
            drop(stack.down().await);
        }
        self.target = up(&self.setting, self.restarts, signals).await?;
        Ok(())
    }
}

/// Brings the target up; the logs of each time have a folder of their own.
async fn up(setting: &Setting<'_>, time: u32, signals: &mut Signals) -> Result<Target, RunError> {
    let logs = setting.folder.join(format!("logs-{time}"));
    let error =
        |source| RunError::Folder(crate::run_folder::FolderError::Create { path: logs.clone(), source });
    std::fs::create_dir_all(&logs).map_err(error)?;
    let what = match &setting.command {
        Some(command) => What::Command(&setting.plan, command),
        None => What::Plan(&setting.plan, setting.profile.as_ref()),
    };
    super::bring_up(what, (setting.external, setting.reach), &logs, signals).await
}

/// Nobody waits for the scarcest resource, as far as the target says.
fn nobody_waits(run: &RunFile) -> bool {
    Metrics::of(run).sum(WAITING).last().is_none_or(|(_, waiting)| *waiting <= 0.0)
}

fn tried(run: RunFile, offer: Offer, stolen: f64, (folder, recovered): (String, bool)) -> Tried {
    let losses = Losses::of(&run);
    let mut doubts: Vec<String> = generator_limits(&run).into_iter().map(|(_, reason)| reason).collect();
    let mut validity = generator_limits(&run).first().map(|(limit, _)| match limit {
        GeneratorLimit::Undispatched => Invalid::TooFewSent,
        GeneratorLimit::Late => Invalid::LateDispatch,
        GeneratorLimit::Busy => Invalid::GeneratorBusy,
    });
    if stolen > STOLEN_MOST {
        doubts.push(format!("the hypervisor gave {:.1} % of the CPU time to others", stolen * 100.0));
        validity.get_or_insert(Invalid::Disturbed);
    }
    let offered = run.plan.load.duration().saturating_sub(run.plan.warm_up).as_secs_f64();
    let lasted = (run.ending.at.as_secs_f64() - run.plan.warm_up.as_secs_f64()).max(0.0);
    let seconds = offered.min(lasted);
    let per_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    let p95 = run.histograms.response.percentile(95.0, run.speed);
    let trial = Trial {
        load: offer.load,
        repetition: offer.repetition,
        arrivals: losses.ended,
        lost: losses.lost,
        seconds,
        goodput_per_s: per_second(losses.good()),
        p95_s: p95.map(|p95| p95.as_secs_f64()),
        ended_early: run.ending.reason != EndReason::Finished,
        validity: validity.map_or(Validity::Valid, Validity::Invalid),
        recovered,
        requests: run.totals.requests,
    };
    Tried { result: TrialResult { trial, folder, doubts }, run }
}
