//! Searches the breaking point: asks `loadlab-analysis` what to try, tries it, and writes down what came
//! of it, until there is an answer.
//!
//! ```text
//!   calm ─> next(trials so far) ──Try──> Site::trial ──> search.json, a line ──┐
//!              ^ │                                                              │
//!              │ └──Done──> law, what gave way ──> search.json, reports         │
//!              └────────────────────────────────────────────────────────────────┘
//! ```
//!
//! How much of what is carried heals itself is asked afterwards, in [`hidden`].

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use loadlab_analysis::{
    scaling::{self, Point},
    search::{self, Found, GaveWay, Method, Offer, Rules, SearchResult, Step, Trial},
};
use loadlab_record::{Environment, FailureMode, RunFile};
use loadlab_scenario::{Plan, TrialTimes, fault::Fault};

use super::{
    Request, RunError, check, environment,
    generator::Generator,
    hidden::{self, Healing, HiddenRequest},
    trials::{Asked, Hands, Setting, Site, Tried},
};
use crate::{
    files, output,
    run_folder::{FolderError, RunFolder},
    signals::Signals,
};

/// Mean service times that a trial lasts at least: near the breaking point arrivals of one trial resemble
/// each other for dozens of them.
const SERVICE_TIMES: f64 = 500.0;
/// A trial lasts at least so long, in scenario time.
const TRIAL_LEAST: Duration = Duration::from_secs(5);
/// The ramp, as a share of the measured part, and its limits.
const RAMP_SHARE: u32 = 10;
const RAMP_LEAST: Duration = Duration::from_secs(1);
const RAMP_MOST: Duration = Duration::from_secs(30);

/// What is searched for, and how.
#[derive(Debug)]
pub struct SearchRequest<'a> {
    /// The scenario, and where the search's own folder is made.
    pub run: Request<'a>,
    /// The shell command that starts what is loaded, if that is how.
    pub command: Option<String>,
    /// How loads are chosen.
    pub method: Method,
    /// What may be tried. How long a trial measures is set when that is known.
    pub rules: Rules,
    /// How long a trial measures; otherwise as long as five hundred of the target's service times.
    pub trial: Option<Duration>,
    /// Whether it is searched too how much of what is carried heals itself.
    pub hidden: Option<HiddenRequest>,
}

/// A search that came to an end, by itself or not.
#[derive(Debug)]
pub struct Searched {
    /// Its folder.
    pub folder: PathBuf,
    /// What was found.
    pub result: SearchResult,
    /// What ended it before its end.
    pub stopped: Option<RunError>,
}

/// Searches, whatever ends it.
pub async fn search(request: SearchRequest<'_>) -> Result<Searched, RunError> {
    let SearchRequest { mut run, command, method, rules, trial, hidden } = request;
    let triggers: Vec<Fault> = hidden.iter().map(|hidden| hidden.trigger.clone()).collect();
    let times_known = times(&run.plan, trial.unwrap_or(TRIAL_LEAST));
    let lowest = run.plan.at_load_with(rules.start, run.plan.seed, times_known, triggers);
    if let Some(hidden) = &hidden {
        run.plan = hidden::prepared(run.plan, &hidden.trigger);
    }
    let profile = check(&lowest.map_err(RunError::Trial)?, &run.external, &run.reach)?;
    let mut signals = Signals::listen().map_err(RunError::System)?;
    let environment = environment::read();
    let stamp = environment.started.replace([':', '-'], "");
    let folder =
        RunFolder::create(run.out, &run.plan.name, &stamp, run.plan.seed.get()).map_err(RunError::Folder)?;
    let generator = Generator::start().map_err(RunError::System)?;
    output::say("bringing the target up");
    let setting = Setting {
        times: times_known,
        plan: run.plan.clone(),
        profile,
        command,
        external: &run.external,
        reach: &run.reach,
        allowed: rules.allowed_loss,
        folder: folder.path().join("trials"),
    };
    let mut site = Site::open(setting, environment.clone(), &mut signals).await?;
    let mut hands = Hands { generator: &generator, signals: &mut signals };
    let began = Instant::now();
    let mut result = empty(&run.plan, (method, rules), &site, environment);
    let mut work = Work { site: &mut site, hands: &mut hands, folder: folder.path(), failing: None };
    let given = hidden.as_ref().and_then(|hidden| hidden.carried);
    let mut ended = if given.is_some() { Ok(()) } else { work.carry_out(&mut result, trial).await };
    let carried = given.or_else(|| result.found.as_ref()?.at);
    if let (Ok(()), Some(hidden), Some(carried)) = (&ended, &hidden, carried) {
        ended = work.heal((&run.plan, hidden), carried, &mut result).await;
    }
    result.took_s = began.elapsed().as_secs_f64();
    result.restarts = work.site.restarts();
    write(folder.path(), &result)?;
    site.close().await;
    Ok(Searched { folder: folder.path().to_owned(), result, stopped: ended.err() })
}

/// Searches on a target that is up, in trials as long as it has them: a part of a gate. `folder` is the
/// search's own; its trials are beside those of the gate.
pub(super) async fn on_site(
    site: &mut Site<'_>,
    (plan, rules): (&Plan, Rules),
    environment: Environment,
    folder: &Path,
    hands: &mut Hands<'_>,
) -> Result<SearchResult, RunError> {
    let error = |source| RunError::Folder(FolderError::Create { path: folder.to_owned(), source });
    std::fs::create_dir_all(folder).map_err(error)?;
    let began = Instant::now();
    let times = site.times();
    let mut result = empty(plan, (Method::Mlr, rules), site, environment);
    let mut work = Work { site, hands, folder, failing: None };
    let ended = work.carry_out(&mut result, Some(times.measured)).await;
    result.took_s = began.elapsed().as_secs_f64();
    result.restarts = work.site.restarts();
    write(folder, &result)?;
    ended.map(|()| result)
}

/// How long the parts of a trial last that measures for so long.
pub(super) fn times(plan: &Plan, measured: Duration) -> TrialTimes {
    let ramp = (measured / RAMP_SHARE).clamp(RAMP_LEAST, RAMP_MOST);
    TrialTimes { ramp, measured, drain: plan.drain }
}

/// A search without trials.
fn empty(
    plan: &Plan,
    (method, rules): (Method, Rules),
    site: &Site<'_>,
    environment: Environment,
) -> SearchResult {
    SearchResult {
        format: search::FORMAT,
        scenario: plan.name.clone(),
        title: plan.title.clone(),
        objectives: plan.objectives.iter().map(loadlab_analysis::line).collect(),
        axis: plan.load_axis(),
        method,
        rules,
        times: site.times(),
        speed: plan.speed,
        seed: plan.seed,
        trials: Vec::new(),
        found: None,
        hidden: None,
        gave_way: None,
        law: None,
        asymptote_per_s: None,
        restarts: 0,
        took_s: 0.0,
        environment,
        target: site.info().clone(),
    }
}

/// A search while it is carried out.
struct Work<'w, 's, 'h> {
    site: &'w mut Site<'s>,
    hands: &'w mut Hands<'h>,
    folder: &'w Path,
    /// The run of the lowest load that failed, and that load.
    failing: Option<(f64, RunFile)>,
}

impl Work<'_, '_, '_> {
    async fn carry_out(
        &mut self,
        result: &mut SearchResult,
        trial: Option<Duration>,
    ) -> Result<(), RunError> {
        output::say("is it calm?");
        let calm = self.site.settle(result.rules.start, self.hands).await?;
        if trial.is_none() {
            let times = TrialTimes { drain: result.times.drain, ..times(&calm.plan, long_enough(&calm)) };
            self.site.set_times(times);
            result.times = times;
        }
        result.rules.trial_s = result.times.measured.as_secs_f64();
        loop {
            let done = result.done();
            match search::next(result.method, &result.rules, &done) {
                Step::Try(offer) => {
                    let tried = self.one(offer, result).await?;
                    output::say(&loadlab_report::trial_line(result, &tried.result));
                    self.keep_failing(&tried, result);
                    result.trials.push(tried.result);
                    write(self.folder, result)?;
                }
                Step::Done(found) => {
                    self.explain(&found, result);
                    result.found = Some(found);
                    return Ok(());
                }
            }
        }
    }

    async fn one(&mut self, offer: Offer, result: &SearchResult) -> Result<Tried, RunError> {
        let scheduled = match result.axis {
            loadlab_scenario::LoadAxis::ArrivalsPerSecond => offer.load * result.rules.trial_s,
            // How many a closed load will want is not known beforehand: nothing is given up early.
            loadlab_scenario::LoadAxis::Users => f64::INFINITY,
        };
        let label = loadlab_report::trial_label(result, offer);
        let asked = Asked {
            offer,
            // Streams of their own: bursts that all loads shared would shift all of them alike.
            seed: result.seed.of("trial", offer.load.to_bits(), u64::from(offer.repetition)),
            hopeless_beyond: result.rules.hopeless_beyond(scheduled),
            good: highest_good(result).unwrap_or(result.rules.start),
            label: &label,
            faults: Vec::new(),
        };
        self.site.trial(asked, self.hands).await
    }

    /// What failed first is read off the lowest load that failed.
    fn keep_failing(&mut self, tried: &Tried, result: &SearchResult) {
        let Trial { load, .. } = tried.result.trial;
        let fails =
            tried.result.trial.counts() && tried.result.trial.loss() > result.rules.allowed_loss.get();
        if fails && self.failing.as_ref().is_none_or(|(lowest, _)| load < *lowest) {
            self.failing = Some((load, tried.run.clone()));
        }
    }

    /// What there is to say beside the answer.
    fn explain(&self, found: &Found, result: &mut SearchResult) {
        let reaches = found.interval.1.map_or(f64::INFINITY, |high| high * 1.1);
        let near = result
            .trials
            .iter()
            .map(|one| &one.trial)
            .filter(|trial| trial.counts() && trial.load <= reaches);
        let points: Vec<Point> =
            near.map(|trial| Point { load: trial.load, throughput_per_s: trial.goodput_per_s }).collect();
        // Too few trials make no law, and that is no error.
        result.law = scaling::fit(&points).ok();
        let Some((load, run)) = &self.failing else { return };
        let Some(failure) = &run.failure else { return };
        let first = failure.bottlenecks.iter().find(|one| one.first).or_else(|| failure.bottlenecks.first());
        result.gave_way = Some(GaveWay {
            load: *load,
            mode: loadlab_report::mode_name(failure.mode).to_owned(),
            resource: first.map(|one| one.resource.clone()),
            wait_s: first.and_then(|one| one.wait_mean_s),
            utilisation: first.and_then(|one| one.utilisation),
        });
        if failure.mode == FailureMode::None {
            result.gave_way = None;
        }
        let carried = result.trials.iter().map(|one| &one.trial).filter(|trial| trial.load >= *load);
        let carried = carried.map(|trial| trial.goodput_per_s).fold(0.0, f64::max);
        let used = first.and_then(|one| one.utilisation).filter(|used| *used > 0.0);
        result.asymptote_per_s = used.map(|used| carried / used);
    }

    /// How much of what is carried heals itself.
    async fn heal(
        &mut self,
        (plan, request): (&Plan, &HiddenRequest),
        carried: f64,
        result: &mut SearchResult,
    ) -> Result<(), RunError> {
        output::say("how much of it heals itself?");
        let folder = self.folder;
        let write = |result: &SearchResult| write(folder, result);
        let healing = Healing { site: self.site, hands: self.hands, plan, request, write: &write };
        healing.carry_out(result, carried).await
    }
}

/// The document and its reports, over those of before.
fn write(folder: &Path, result: &SearchResult) -> Result<(), RunError> {
    let files = [
        ("search.json", format!("{}\n", result.to_json())),
        ("search.html", loadlab_report::search_html(result)),
        ("search.md", loadlab_report::search_markdown(result)),
    ];
    for (name, text) in files {
        let written = files::write_whole(&folder.join(name), &text);
        written.map_err(|error| RunError::Folder(FolderError::Write(error)))?;
    }
    Ok(())
}

/// As long as five hundred of the service times that a calm target has.
pub(super) fn long_enough(calm: &RunFile) -> Duration {
    let mean = calm.histograms.service.mean(calm.speed).unwrap_or_default();
    let seconds = (mean.as_secs_f64() * SERVICE_TIMES).ceil();
    Duration::from_secs_f64(seconds).max(TRIAL_LEAST)
}

/// The highest load that was carried.
fn highest_good(result: &SearchResult) -> Option<f64> {
    let allowed = result.rules.allowed_loss.get();
    let good =
        result.trials.iter().map(|one| &one.trial).filter(|trial| trial.counts() && trial.loss() <= allowed);
    good.map(|trial| trial.load).max_by(f64::total_cmp)
}
