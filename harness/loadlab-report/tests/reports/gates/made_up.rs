//! Gates that are written down, to report on: a service that breaks at 1,000 arrivals a second.

use std::{collections::BTreeMap, time::Duration};

use loadlab_analysis::gate::{
    Beside, Bound, BoundResult, Cost, Done, FORMAT, GateJob, GateResult, GateTrial, MeasureResult, Measured,
    NightlyRules, Noise, Offer, Rules, Scale, SearchPair, SecondaryRules, Side, Spoilt, Step, Tier, Usage,
    Validity, bounds, next, secondary,
};
use loadlab_clock::{Seed, Speed};
use loadlab_record::{Environment, TargetInfo};
use loadlab_scenario::{LoadAxis, TrialTimes};

/// What base and head lose of each pair, as shares.
type Pair = (f64, f64);

/// How long a trial measures.
const MEASURED_S: f64 = 5.0;
/// Base near its breaking point, and head that has room.
const FINE: [Pair; 10] = [
    (0.013, 0.0011),
    (0.007, 0.0004),
    (0.016, 0.0022),
    (0.009, 0.0031),
    (0.012, 0.001),
    (0.01, 0.001),
    (0.011, 0.002),
    (0.008, 0.001),
    (0.012, 0.001),
    (0.009, 0.001),
];
/// Head overloaded by as much.
const DROPPED: [Pair; 10] = [
    (0.004, 0.062),
    (0.021, 0.094),
    (0.007, 0.051),
    (0.0012, 0.088),
    (0.015, 0.0091),
    (0.006, 0.071),
    (0.012, 0.043),
    (0.009, 0.067),
    (0.004, 0.052),
    (0.011, 0.08),
];
/// Neither.
const CLOSE: [Pair; 10] = [
    (0.012, 0.004),
    (0.006, 0.013),
    (0.011, 0.008),
    (0.008, 0.012),
    (0.014, 0.011),
    (0.009, 0.021),
    (0.012, 0.007),
    (0.005, 0.006),
    (0.016, 0.014),
    (0.007, 0.012),
];

/// Head has room, measures and costs hold, and the noise is known.
pub(crate) fn pass() -> GateJob {
    let beside = Beside { measures: measures(1.0), bounds: held(0.52), noise: Some(noise(Tier::Fast)) };
    job(&FINE, &[], usize::MAX, beside)
}

/// Head broke at a lower load and became slower too. One trial was disturbed.
pub(crate) fn regression() -> GateJob {
    let beside = Beside { measures: measures(1.4), bounds: held(0.52), noise: Some(noise(Tier::Fast)) };
    let mut job = job(&DROPPED, &[(3, Spoilt::CpuStolen)], usize::MAX, beside);
    job.trials[3].doubts = vec!["the hypervisor gave 8.2 % of the CPU time to others; be alone".to_owned()];
    job
}

/// All pairs together are for neither side.
pub(crate) fn inconclusive() -> GateJob {
    job(&CLOSE, &[], usize::MAX, Beside::default())
}

/// Head is no worse, but needs more CPU than somebody wrote down; nobody measured its memory.
pub(crate) fn bound_missed() -> GateJob {
    let mut bounds = held(0.73);
    bounds.extend(bounds_of(Cost::PeakMemory, None, f64::from(64 << 20)));
    let weak = Measured { base: vec![0.02, 0.05, 0.03], head: vec![0.04, 0.02, 0.06], ..p95(1.0) };
    let measures = secondary(&SecondaryRules::default(), &[weak]);
    job(&FINE, &[], usize::MAX, Beside { measures, bounds, noise: None })
}

/// It was interrupted after a pair and a half.
pub(crate) fn unfinished() -> GateJob {
    let mut job = job(&FINE, &[(1, Spoilt::DispatchLate)], 4, Beside::default());
    job.took_s = 31.0;
    job
}

/// Before the first trial has ended.
pub(crate) fn begun() -> GateJob {
    let mut job = job(&FINE, &[], 0, Beside::default());
    job.took_s = 0.0;
    job
}

/// The generator was the limit, again and again.
pub(crate) fn spoilt() -> GateJob {
    let all: Vec<(usize, Spoilt)> = (1..12).map(|at| (at, Spoilt::GeneratorLimited)).collect();
    job(&FINE, &all, usize::MAX, Beside::default())
}

/// Users, of whom base carries whatever it is offered.
pub(crate) fn too_low() -> GateJob {
    let rules = Rules { whole: true, ..Rules::new(0.1, 100.0) };
    let mut job = job_by(rules, &[(0.0, 0.0); 10], &[], usize::MAX);
    job.axis = LoadAxis::Users;
    job.speed = Speed::REAL;
    job.objectives = vec!["success >= 99%".to_owned()];
    job
}

/// Head breaks no earlier, but answers later long before.
pub(crate) fn slower() -> GateJob {
    let beside = Beside { measures: measures(1.6), bounds: Vec::new(), noise: Some(noise(Tier::Nightly)) };
    job(&FINE, &[], usize::MAX, beside)
}

/// Four pairs of searches that leave no doubt, with one in between that found nothing.
pub(crate) fn nightly() -> GateJob {
    let mut searches = searches(&[0.9, 0.915, 0.89, 0.9]);
    let nothing = SearchPair { base: 1012.0, head: 0.0, validity: Validity::Invalid(Spoilt::Nothing) };
    searches.insert(2, nothing);
    of_searches(searches, Some(noise(Tier::Nightly)))
}

/// Eight pairs about the limit.
pub(crate) fn nightly_open() -> GateJob {
    of_searches(searches(&[0.93, 0.97, 0.94, 0.96, 0.93, 0.97, 0.94, 0.96]), None)
}

/// One pair so far.
pub(crate) fn nightly_begun() -> GateJob {
    GateJob { took_s: 1_020.0, ..of_searches(searches(&[0.98]), None) }
}

/// With text of a user who means harm wherever a document has text.
pub(crate) fn hostile(text: &str) -> GateJob {
    let mut job = regression();
    let text = || text.to_owned();
    (job.scenario, job.title, job.objectives) = (text(), text(), vec![text()]);
    (job.base, job.head, job.result.factor) = (text(), text(), text());
    (job.targets.0.base, job.targets.1.base) = (text(), text());
    (job.environment.cpu_model, job.environment.command) = (text(), vec![text()]);
    for one in job.trials.iter_mut().chain(&mut job.beside) {
        (one.folder, one.doubts) = (text(), vec![text()]);
    }
    for measure in &mut job.result.beside.measures {
        (measure.measure, measure.sentence) = (text(), text());
    }
    job.result.reasons = job.result.reasons.iter().map(|_| text()).collect();
    job
}

/// Each of them, with a name for files and messages.
pub(crate) fn all() -> Vec<(&'static str, GateJob)> {
    vec![
        ("pass", pass()),
        ("regression", regression()),
        ("inconclusive", inconclusive()),
        ("bound-missed", bound_missed()),
        ("unfinished", unfinished()),
        ("begun", begun()),
        ("spoilt", spoilt()),
        ("too-low", too_low()),
        ("slower", slower()),
        ("nightly", nightly()),
        ("nightly-open", nightly_open()),
        ("nightly-begun", nightly_begun()),
        ("hostile", hostile("<script>alert('1')</script> & \"x\" | `y` {{ 7777 * 7 }}")),
    ]
}

/// What a machine's A/A job may have found.
pub(crate) fn noise(tier: Tier) -> Noise {
    let (deviation, steepness) = if tier == Tier::Fast { (0.041, Some(24.0)) } else { (0.014, None) };
    let of_verdict = if tier == Tier::Fast { deviation / 10.0_f64.sqrt() } else { deviation };
    Noise { tier, pairs: 20, mean: 0.002, deviation, deviation_high: deviation * 1.3, steepness, of_verdict }
}

fn p95(slower: f64) -> Measured {
    let base = [0.0301, 0.0306, 0.0298, 0.0303, 0.0299];
    Measured {
        measure: "p95".to_owned(),
        unit: "s".to_owned(),
        scale: Scale::Ratio,
        margin: 0.1,
        base: base.to_vec(),
        head: base.map(|value| value * slower * 1.01).to_vec(),
    }
}

/// Two measures, of which the first is slower by so much.
fn measures(slower: f64) -> Vec<MeasureResult> {
    let errors = Measured {
        measure: "errors".to_owned(),
        unit: "share".to_owned(),
        scale: Scale::Difference,
        margin: 0.005,
        base: vec![0.001, 0.0012, 0.0009, 0.0011, 0.001],
        head: vec![0.0011, 0.001, 0.0012, 0.0009, 0.001],
    };
    secondary(&SecondaryRules::default(), &[p95(slower), errors])
}

/// A bound on CPU of 600 ms, of which head needs so much.
fn held(cpu_s: f64) -> Vec<BoundResult> {
    bounds_of(Cost::CpuSeconds, Some(cpu_s), 0.6)
}

fn bounds_of(cost: Cost, value: Option<f64>, at_most: f64) -> Vec<BoundResult> {
    let head: Vec<Usage> = value
        .into_iter()
        .map(|value| Usage { completed: 1_000, cpu_s: Some(value), peak_bytes: Some(value) })
        .collect();
    bounds(&head, &[Bound { cost, at_most }])
}

fn searches(ratios: &[f64]) -> Vec<SearchPair> {
    let machine = [1.0, 1.012, 0.991, 1.004, 0.996, 1.008, 1.001, 0.987];
    let pairs = ratios.iter().zip(machine);
    let pair = |(ratio, day): (&f64, f64)| SearchPair {
        base: 1_000.0 * day,
        head: 1_000.0 * day * ratio,
        validity: Validity::Valid,
    };
    pairs.map(pair).collect()
}

fn of_searches(searches: Vec<SearchPair>, noise: Option<Noise>) -> GateJob {
    let mut job = begun();
    let beside = Beside { noise, ..Beside::default() };
    job.result = GateResult::nightly("the build", NightlyRules::default(), searches, beside);
    job.took_s = 8_040.0;
    job
}

/// The trials that such losses lead to, up to so many, with some that did not count.
fn trials(rules: &Rules, losses: &[Pair], spoilt: &[(usize, Spoilt)], most: usize) -> Vec<GateTrial> {
    let mut trials: Vec<GateTrial> = Vec::new();
    loop {
        let done: Vec<Done> = trials.iter().map(|one| one.done).collect();
        let Step::Try(offer) = next(rules, &done) else { break };
        if done.len() >= most {
            break;
        }
        let because = spoilt.iter().find(|(at, _)| *at == done.len()).map(|(_, because)| *because);
        trials.push(trial(offer, losses, because, done.len()));
    }
    trials
}

fn trial(offer: Offer, losses: &[Pair], because: Option<Spoilt>, at: usize) -> GateTrial {
    let (base, head) = losses[offer.repetition as usize % losses.len()];
    let share = if offer.side == Side::Base { base } else { head };
    let arrivals = (offer.load * MEASURED_S).round();
    let lost = (arrivals * share).round();
    let validity = because.map_or(Validity::Valid, Validity::Invalid);
    GateTrial {
        done: Done::of(offer, arrivals as u64, lost as u64, validity),
        p95_s: Some(0.04 + share * 0.5),
        goodput_per_s: (arrivals - lost) / MEASURED_S,
        folder: format!("{:03}", at + 1),
        doubts: Vec::new(),
    }
}

/// Two pairs of trials at one load, in which next to nothing is lost.
fn at_one_load(losses: &[Pair]) -> Vec<GateTrial> {
    let offers = [(Side::Base, 0), (Side::Head, 0), (Side::Head, 1), (Side::Base, 1)];
    let trial = |(at, (side, repetition)): (usize, (Side, u32))| {
        let one = trial(Offer { side, load: 800.0, repetition, attempt: 0 }, losses, None, 40 + at);
        let done = Done { lost: 1, ..one.done };
        GateTrial { done, goodput_per_s: 799.8, p95_s: Some(0.0302), ..one }
    };
    offers.into_iter().enumerate().map(trial).collect()
}

fn job(losses: &[Pair], spoilt: &[(usize, Spoilt)], most: usize, beside: Beside) -> GateJob {
    let mut job = job_by(Rules::new(0.1, 1_000.0), losses, spoilt, most);
    if !beside.measures.is_empty() {
        job.beside = at_one_load(losses);
    }
    let done = job.result.trials.clone();
    job.result = GateResult::fast("the build", Rules::new(0.1, 1_000.0), done, beside);
    job
}

fn job_by(rules: Rules, losses: &[Pair], spoilt: &[(usize, Spoilt)], most: usize) -> GateJob {
    let trials = trials(&rules, losses, spoilt, most);
    let done: Vec<Done> = trials.iter().map(|one| one.done).collect();
    let target = |port: u16, build: &str| TargetInfo {
        base: format!("http://127.0.0.1:{port}"),
        versions: BTreeMap::from([("search".to_owned(), build.to_owned())]),
        ..TargetInfo::default()
    };
    GateJob {
        format: FORMAT,
        scenario: "search-capacity".to_owned(),
        title: "How much the search carries".to_owned(),
        objectives: vec!["p99 < 60ms".to_owned(), "success >= 99%".to_owned()],
        base: "./base/serve --port $PORT".to_owned(),
        head: "./head/serve --port $PORT".to_owned(),
        axis: LoadAxis::ArrivalsPerSecond,
        times: TrialTimes {
            ramp: Duration::from_secs(1),
            measured: Duration::from_secs(5),
            drain: Duration::from_secs(3),
        },
        speed: Speed::try_new(4.0).expect("a speed"),
        seed: Seed::new(7),
        took_s: trials.len() as f64 * 3.1,
        trials,
        beside: Vec::new(),
        result: GateResult::fast("the build", rules, done, Beside::default()),
        environment: Environment {
            started: "2026-01-15T10:00:00Z".to_owned(),
            loadlab: "0.1.0".to_owned(),
            cpu_model: "Made-up CPU".to_owned(),
            cores: 2,
            memory_bytes: 8 << 30,
            kernel: "6.1.0".to_owned(),
            os: "Made-up OS".to_owned(),
            command: vec!["loadlab".to_owned(), "gate".to_owned(), "search-capacity".to_owned()],
            load_average: 0.12,
        },
        targets: (target(40_001, "1.4.0"), target(40_002, "1.5.0")),
    }
}
