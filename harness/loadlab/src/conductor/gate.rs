//! Brings base and head up side by side and loads them in turn, until `loadlab-analysis` has decided.
//!
//! ```text
//!   base up, head up ─> calm, both ─> same ground? ─> where to begin: said, or searched on base
//!        next(trials so far) ──Try(side, load)──> that side's Site::trial ─┐
//!           ^ └──Decided──> beside: both at one load ─> gate.json, reports │
//!           └───────────────────────────────── gate.json, a line <────────┘
//! ```
//!
//! Both are up all the time: the one that waits does nothing, and each has the machine that the other has.
//! The trials of a pair share their seed.

mod beside;
mod error;
mod nightly;
mod request;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use loadlab_analysis::{
    compare::{self, Factor, FactorKind},
    gate::{
        self, Beside, Done, GateJob, GateResult, GateTrial, Limits, Offer, Rules, Side, Spoilt, Step,
        Validity,
    },
    search::{self, Invalid},
    seconds_text,
};
use loadlab_record::{Environment, RunFile};
use loadlab_scenario::{Plan, TrialTimes};
use target_service::profile::Profile;

pub use self::{
    error::GateError,
    request::{BesideRequest, FIRST_SHARE, GateRequest, Purpose, SideRequest},
};
use super::{
    RunError, check, environment,
    generator::Generator,
    search::{long_enough, times},
    trials::{Asked, Hands, Setting, Site, Tried},
};
use crate::{
    files, output,
    run_folder::{FolderError, RunFolder},
    signals::Signals,
};

/// A trial at least so long: a gate has few, and each should tell something.
const TRIAL_LEAST: Duration = Duration::from_secs(5);

/// A gate that came to an end, by itself or not.
#[derive(Debug)]
pub struct Gated {
    /// Its folder.
    pub folder: PathBuf,
    /// What was decided.
    pub job: GateJob,
    /// What ended it before its end.
    pub stopped: Option<GateError>,
    /// Real seconds of a trial, with all that belongs to it; none without trials.
    pub trial_s: Option<f64>,
    /// Trials of a search, on average; none without searches.
    pub trials_per_search: Option<f64>,
}

/// Compares, whatever ends it.
pub async fn gate(request: &GateRequest<'_>) -> Result<Gated, GateError> {
    let profiles = [checked(request, Side::Base)?, checked(request, Side::Head)?];
    let mut signals = Signals::listen().map_err(RunError::System)?;
    let environment = environment::read();
    let plan = &request.base.run.plan;
    let stamp = environment.started.replace([':', '-'], "");
    let folder = RunFolder::create(request.base.run.out, &plan.name, &stamp, plan.seed.get());
    let folder = folder.map_err(RunError::Folder)?.path().to_owned();
    let generator = Generator::start().map_err(RunError::System)?;
    let [base, head] = profiles;
    let base = open(request, Side::Base, base, (&folder, &environment), &mut signals).await?;
    let head = open(request, Side::Head, head, (&folder, &environment), &mut signals).await?;
    let mut work = Work {
        job: empty(request, (&base, &head), environment),
        request,
        base,
        head,
        folder,
        began: Instant::now(),
        spent: Duration::ZERO,
        trials_searched: Vec::new(),
    };
    let mut hands = Hands { generator: &generator, signals: &mut signals };
    let ended = Box::pin(work.carry_out(&mut hands)).await;
    work.write()?;
    Ok(Box::pin(work.close(ended.err())).await)
}

/// How long the parts of a trial last, as far as that is known before base is up.
pub fn times_known(plan: &Plan, trial: Option<Duration>) -> TrialTimes {
    times(plan, trial.unwrap_or(TRIAL_LEAST))
}

/// Everything that can be said about a side before it starts.
fn checked(request: &GateRequest<'_>, side: Side) -> Result<Option<Profile>, GateError> {
    let of = |error| GateError::Side { side, error };
    let run = &request.side(side).run;
    let times = times_known(&run.plan, request.trial);
    let first = run.plan.at_load(request.first_load(), run.plan.seed, times);
    check(&first.map_err(RunError::Trial).map_err(of)?, &run.external, &run.reach).map_err(of)
}

/// Brings one of the two up.
async fn open<'s>(
    request: &'s GateRequest<'_>,
    side: Side,
    profile: Option<Profile>,
    (folder, environment): (&Path, &Environment),
    signals: &mut Signals,
) -> Result<Site<'s>, GateError> {
    output::say(&format!("bringing {} up", side.name()));
    let asked = request.side(side);
    let setting = Setting {
        times: times_known(&asked.run.plan, request.trial),
        plan: asked.run.plan.clone(),
        profile,
        command: asked.command.clone(),
        external: &asked.run.external,
        reach: &asked.run.reach,
        allowed: request.allowed,
        folder: folder.join(side.name()),
    };
    let opened = Site::open(setting, environment.clone(), signals).await;
    opened.map_err(|error| GateError::Side { side, error })
}

/// A gate without trials.
fn empty(
    request: &GateRequest<'_>,
    (base, head): (&Site<'_>, &Site<'_>),
    environment: Environment,
) -> GateJob {
    let plan = &request.base.run.plan;
    let beside = Beside { noise: request.noise, ..Beside::default() };
    let result = match request.limits.clone() {
        Limits::Fast(rules) => GateResult::fast("", rules, Vec::new(), beside),
        Limits::Nightly(rules) => GateResult::nightly("", rules, Vec::new(), beside),
    };
    GateJob {
        format: gate::FORMAT,
        scenario: plan.name.clone(),
        title: plan.title.clone(),
        objectives: plan.objectives.iter().map(loadlab_analysis::line).collect(),
        base: request.base.name.clone(),
        head: request.head.name.clone(),
        axis: plan.load_axis(),
        times: base.times(),
        speed: plan.speed,
        seed: plan.seed,
        trials: Vec::new(),
        beside: Vec::new(),
        result,
        took_s: 0.0,
        environment,
        targets: (base.info().clone(), head.info().clone()),
    }
}

/// A gate while it is carried out.
struct Work<'s> {
    request: &'s GateRequest<'s>,
    base: Site<'s>,
    head: Site<'s>,
    folder: PathBuf,
    job: GateJob,
    began: Instant,
    /// Real time of all trials, with what belongs to them.
    spent: Duration,
    /// Trials of each search.
    trials_searched: Vec<usize>,
}

impl<'s> Work<'s> {
    fn site(&mut self, side: Side) -> &mut Site<'s> {
        match side {
            Side::Base => &mut self.base,
            Side::Head => &mut self.head,
        }
    }

    async fn carry_out(&mut self, hands: &mut Hands<'_>) -> Result<(), GateError> {
        output::say("are both calm?");
        let base = self.settle(Side::Base, hands).await?;
        let head = self.settle(Side::Head, hands).await?;
        let factor = compare::same_ground(&base, &head).map_err(GateError::Incomparable)?;
        self.job.result.factor = in_words(&factor);
        self.set_times(&base);
        match self.job.result.limits.clone() {
            Limits::Fast(rules) => {
                let rules = Box::pin(self.begin(rules, hands)).await?;
                self.fast(&rules, hands).await?;
                self.beside(&rules, hands).await
            }
            Limits::Nightly(rules) => Box::pin(self.searches(&rules, hands)).await,
        }
    }

    async fn settle(&mut self, side: Side, hands: &mut Hands<'_>) -> Result<RunFile, GateError> {
        let load = self.request.first_load();
        let calm = self.site(side).settle(load, hands).await;
        calm.map_err(|error| GateError::Side { side, error })
    }

    /// Trials as long as was said, or as base's service times ask for.
    fn set_times(&mut self, calm: &RunFile) {
        if self.request.trial.is_none() {
            let times = times(&self.request.base.run.plan, long_enough(calm));
            self.base.set_times(times);
            self.head.set_times(times);
            self.job.times = times;
        }
    }

    /// The rules, with the load to begin with.
    async fn begin(&mut self, rules: Rules, hands: &mut Hands<'_>) -> Result<Rules, GateError> {
        let carried = match self.request.carried {
            Some(load) => load,
            None => Box::pin(self.search_base(hands)).await?,
        };
        let rules = Rules { carried, ..rules };
        rules.check().map_err(GateError::Rules)?;
        let most = 2 * rules.pairs_max() + 2 * self.request.beside.pairs;
        let times = self.job.times;
        let real = self.job.speed.real(times.ramp + times.measured).as_secs_f64();
        output::say(&format!(
            "up to {most} trials of {} each, {} in all; drains and looks between them come on top",
            seconds_text(real),
            minutes_text(f64::from(most) * real)
        ));
        self.job.result.limits = Limits::Fast(rules);
        Ok(rules)
    }

    /// Tier 1: one trial after another, until it is decided, or until there are enough for the noise.
    async fn fast(&mut self, rules: &Rules, hands: &mut Hands<'_>) -> Result<(), GateError> {
        loop {
            let done: Vec<Done> = self.job.trials.iter().map(|one| one.done).collect();
            let offer = match self.request.purpose {
                Purpose::Noise => gate::aa_next(rules, rules.pairs_max(), &done),
                Purpose::Decide => match gate::next(rules, &done) {
                    Step::Try(offer) => Some(offer),
                    Step::Decided(_) => None,
                },
            };
            let Some(offer) = offer else { return Ok(()) };
            let scheduled = offer.load * self.job.times.measured.as_secs_f64();
            // A closed load is not given up early: how much it will want is not known beforehand.
            let hopeless_beyond = if rules.whole { f64::INFINITY } else { rules.ceiling() * scheduled };
            let label = loadlab_report::gate_label(&self.job, offer);
            let tried = self.one(offer, ("pair", hopeless_beyond, &label), hands).await?;
            let trial = gate_trial(offer, &tried);
            output::say(&loadlab_report::gate_line(&self.job, &trial));
            self.job.trials.push(trial);
            self.write()?;
        }
    }

    /// One trial. Trials of one purpose and repetition share their seed, on whichever side.
    async fn one(
        &mut self,
        offer: Offer,
        (purpose, hopeless_beyond, label): (&str, f64, &str),
        hands: &mut Hands<'_>,
    ) -> Result<Tried, GateError> {
        let asked = Asked {
            offer: search::Offer { load: offer.load, repetition: offer.repetition + 1 },
            seed: self.job.seed.of(purpose, u64::from(offer.repetition), 0),
            hopeless_beyond,
            good: self.request.first_load(),
            label,
            faults: Vec::new(),
        };
        let began = Instant::now();
        let tried = self.site(offer.side).trial(asked, hands).await;
        self.spent += began.elapsed();
        tried.map_err(|error| GateError::Side { side: offer.side, error })
    }

    /// Decides anew, and writes all of it.
    fn write(&mut self) -> Result<(), GateError> {
        let GateResult { factor, limits, beside, searches, .. } = self.job.result.clone();
        self.job.result = match limits {
            Limits::Fast(rules) => {
                let done = self.job.trials.iter().map(|one| one.done).collect();
                GateResult::fast(&factor, rules, done, beside)
            }
            Limits::Nightly(rules) => GateResult::nightly(&factor, rules, searches, beside),
        };
        self.job.took_s = self.began.elapsed().as_secs_f64();
        let job = &self.job;
        let files = [
            ("gate.json", format!("{}\n", job.to_json())),
            ("gate.html", loadlab_report::gate_html(job)),
            ("gate.md", loadlab_report::gate_markdown(job)),
            ("junit.xml", loadlab_report::gate_junit(job)),
        ];
        for (name, text) in files {
            let written = files::write_whole(&self.folder.join(name), &text);
            written.map_err(|error| RunError::Folder(FolderError::Write(error)))?;
        }
        Ok(())
    }

    /// Takes both down.
    async fn close(self, stopped: Option<GateError>) -> Gated {
        let mean = |sum: f64, count: usize| (count > 0).then(|| sum / count as f64);
        let searched: usize = self.trials_searched.iter().sum();
        let trials_per_search = mean(searched as f64, self.trials_searched.len());
        let tried = self.job.trials.len() + self.job.beside.len() + searched;
        self.base.close().await;
        self.head.close().await;
        let trial_s = mean(self.spent.as_secs_f64(), tried);
        Gated { folder: self.folder, job: self.job, stopped, trial_s, trials_per_search }
    }
}

/// `40 s`, `5.2 minutes`.
fn minutes_text(seconds: f64) -> String {
    if seconds < 120.0 { seconds_text(seconds) } else { format!("{:.1} minutes", seconds / 60.0) }
}

/// The one thing that differs.
fn in_words(factor: &Factor) -> String {
    match factor.kind {
        FactorKind::Nothing => "nothing: the same build twice".to_owned(),
        kind => format!("{}: {} instead of {}", kind.name(), factor.after, factor.before),
    }
}

fn gate_trial(offer: Offer, tried: &Tried) -> GateTrial {
    let trial = &tried.result.trial;
    let validity = match trial.validity {
        search::Validity::Valid => Validity::Valid,
        search::Validity::Invalid(why) => Validity::Invalid(spoilt(why)),
    };
    GateTrial {
        done: Done::of(offer, trial.arrivals, trial.lost, validity),
        p95_s: trial.p95_s,
        goodput_per_s: trial.goodput_per_s,
        folder: tried.result.folder.clone(),
        doubts: tried.result.doubts.clone(),
    }
}

const fn spoilt(why: Invalid) -> Spoilt {
    match why {
        Invalid::LateDispatch => Spoilt::DispatchLate,
        Invalid::TooFewSent | Invalid::GeneratorBusy | Invalid::ConnectionLimit => Spoilt::GeneratorLimited,
        Invalid::NotSettled => Spoilt::NotSettled,
        Invalid::Disturbed => Spoilt::CpuStolen,
    }
}
