//! Searches that are written down, to report on: a service of sixteen servers that breaks at 1,488 a second.

use std::{collections::BTreeMap, time::Duration};

use loadlab_analysis::{
    scaling::{Estimated, Scaling},
    search::{
        FORMAT, Found, GaveWay, HiddenFound, HiddenReason, HiddenResult, HiddenTrial, HiddenTrialResult,
        Invalid, Method, Reason, Rules, SearchResult, Trial, TrialResult, Validity, hidden_rules,
    },
};
use loadlab_clock::{Seed, Speed};
use loadlab_record::{Aftermath, AftermathState, Environment, TargetInfo};
use loadlab_scenario::{LoadAxis, TrialTimes};

/// Load, arrivals lost, p95 in milliseconds; what is measured for less than 5 s was ended early.
type Row = (f64, u64, f64, f64);

/// Up by factors, bisection, and five trials at each of the two loads that decide.
const ROWS: [Row; 24] = [
    (372.0, 0, 30.1, 5.0),
    (483.6, 0, 29.7, 5.0),
    (628.68, 1, 30.3, 5.0),
    (817.28, 2, 29.9, 5.0),
    (1062.5, 4, 30.4, 5.0),
    (1381.2, 19, 36.8, 5.0),
    (1795.6, 371, 312.0, 0.6),
    (1574.8, 398, 140.0, 2.4),
    (1474.8, 61, 45.1, 5.0),
    (1524.0, 402, 104.0, 4.1),
    (1499.2, 148, 62.2, 5.0),
    (1487.0, 44, 46.0, 5.0),
    (1487.0, 118, 55.4, 5.0),
    (1487.0, 31, 44.8, 5.0),
    (1487.0, 97, 52.0, 5.0),
    (1487.0, 83, 50.9, 5.0),
    (1499.2, 61, 47.9, 5.0),
    (1499.2, 102, 53.3, 5.0),
    (1474.8, 18, 41.9, 5.0),
    (1474.8, 95, 50.2, 5.0),
    (1474.8, 40, 44.3, 5.0),
    (1474.8, 52, 45.9, 5.0),
    (1499.2, 171, 66.7, 5.0),
    (1493.1, 66, 48.4, 5.0),
];

/// A search that found what it looked for. Two of its trials say nothing.
pub(crate) fn found() -> SearchResult {
    let mut result = with_rows(&ROWS);
    let nothing = [(9, Invalid::LateDispatch), (16, Invalid::Disturbed)];
    for (at, why) in nothing {
        let one = &mut result.trials[at];
        one.trial.validity = Validity::Invalid(why);
    }
    // The disturbed one was repeated; the late one was too, and shows what it would have been.
    result.trials[9].doubts = vec![
        "arrivals were taken up late: p99 12 ms after they were due, where 5 ms is allowed; offer less"
            .to_owned(),
    ];
    result.trials[6].trial.recovered = false;
    result.found = Some(Found {
        at: Some(1474.8),
        estimate: Some(1489.23),
        interval: (Some(1471.8), Some(1503.44)),
        goodput_per_s: Some(1464.16),
        reached_precision: true,
        reason: Reason::Precise,
        not_recovered_at: Some(1795.6),
        requests: 164_211,
        trials: 22,
        invalid: 2,
    });
    result.gave_way = Some(GaveWay {
        load: 1499.2,
        mode: "slow degradation".to_owned(),
        resource: Some("session pool".to_owned()),
        wait_s: Some(0.0213),
        utilisation: Some(0.938),
    });
    let estimated = |at, low, high| Estimated { at, low, high };
    result.law = Some(Scaling {
        rate_per_s: estimated(1.004, 0.998, 1.011),
        contention: estimated(6.12e-6, 0.0, 1.4e-5),
        coherency: estimated(0.0, 0.0, 3.1e-9),
        off_share: 0.0062,
    });
    result.asymptote_per_s = Some(1600.0);
    result.took_s = 253.4;
    result.restarts = 1;
    result
}

/// The same, interrupted after eight trials.
pub(crate) fn unfinished() -> SearchResult {
    with_rows(&ROWS[..8])
}

/// Before the first trial has ended.
pub(crate) fn begun() -> SearchResult {
    with_rows(&[])
}

/// Users of a service that carries not even one of them.
pub(crate) fn fails_at_once() -> SearchResult {
    let mut result = with_rows(&[
        (4.0, 9, 8_100.0, 5.0),
        (3.0, 9, 7_900.0, 5.0),
        (2.0, 8, 7_600.0, 5.0),
        (1.0, 6, 7_350.0, 5.0),
    ]);
    result.axis = LoadAxis::Users;
    result.rules = Rules { whole: true, ..Rules::new(4.0, 1.0, 400.0) };
    result.objectives = vec!["p95 < 7s".to_owned()];
    result.speed = Speed::REAL;
    result.found = Some(Found {
        at: None,
        estimate: None,
        interval: (None, Some(1.0)),
        goodput_per_s: None,
        reason: Reason::LeastFails,
        ..answer(4, 0)
    });
    result.gave_way = Some(GaveWay {
        load: 1.0,
        mode: "slow degradation".to_owned(),
        resource: None,
        wait_s: None,
        utilisation: None,
    });
    result
}

/// The generator was the limit, again and again.
pub(crate) fn says_nothing() -> SearchResult {
    let rows = [(372.0, 0, 30.1, 5.0), (483.6, 1, 30.0, 5.0)];
    let more = [(628.68, 400, 900.0, 5.0); 7];
    let mut result = with_rows(&[&rows[..], &more[..]].concat());
    for one in &mut result.trials[2..] {
        one.trial.validity = Validity::Invalid(Invalid::GeneratorBusy);
    }
    result.found = Some(Found {
        at: Some(483.6),
        interval: (Some(483.6), None),
        goodput_per_s: Some(483.4),
        reason: Reason::TooManyInvalid,
        ..answer(2, 7)
    });
    result
}

/// No load that was allowed is too much, on a foreign target without a bound on the response time.
pub(crate) fn never_breaks() -> SearchResult {
    let mut result = with_rows(&[(372.0, 0, 30.1, 5.0), (483.6, 0, 29.7, 5.0), (500.0, 1, 30.2, 5.0)]);
    result.rules.most = 500.0;
    result.objectives = vec!["success >= 99%".to_owned()];
    result.target = TargetInfo { base: "http://127.0.0.1:8080".to_owned(), ..TargetInfo::default() };
    result.found = Some(Found {
        at: Some(500.0),
        interval: (Some(500.0), None),
        goodput_per_s: Some(499.8),
        reason: Reason::MostPasses,
        ..answer(3, 0)
    });
    result
}

/// A ramp in steps of 200, begun far too high for the axes to show it all.
pub(crate) fn ramp() -> SearchResult {
    let rows: Vec<Row> =
        (1..=8).map(|step| (f64::from(step) * 200.0, if step == 8 { 612 } else { 2 }, 30.0, 5.0)).collect();
    let mut result = with_rows(&rows);
    result.method = Method::Ramp;
    result.rules.ramp_step = 200.0;
    result.found = Some(Found {
        at: Some(1400.0),
        estimate: Some(1400.0),
        interval: (Some(1400.0), Some(1600.0)),
        goodput_per_s: Some(1399.6),
        reason: Reason::FirstFailure,
        ..answer(8, 0)
    });
    result
}

/// Twelve trials were all that were allowed, and the search began far above the breaking point.
pub(crate) fn imprecise() -> SearchResult {
    let above = [(6_000.0, 2_900, 700.0, 0.5), (4_615.4, 2_200, 600.0, 0.5), (3_550.3, 1_700, 500.0, 0.5)];
    let mut result = with_rows(&[&above[..], &ROWS[5..10]].concat());
    result.rules.trials_most = 8;
    result.rules.start = 6_000.0;
    result.found = Some(Found {
        at: Some(1381.2),
        estimate: Some(1468.0),
        interval: (Some(1402.0), Some(1540.0)),
        goodput_per_s: Some(1377.4),
        reason: Reason::TrialsUsedUp,
        ..answer(8, 0)
    });
    result.took_s = 61.0;
    result
}

/// The search that found what it looked for, and how much of that heals itself.
pub(crate) fn healing() -> SearchResult {
    let mut result = found();
    result.hidden = Some(hidden(false));
    result
}

/// Only how much heals itself; what is carried was given, and the last trial is still to come.
pub(crate) fn given() -> SearchResult {
    let mut result = begun();
    result.hidden = Some(HiddenResult { found: None, ..hidden(true) });
    result
}

fn hidden(carried_is_given: bool) -> HiddenResult {
    use AftermathState::{Degraded, Metastable, Recovered, Unknown};
    // Load, what became of it, goodput at the end, and how long until it was back.
    let rows = [
        (737.4, Metastable, 31.2, None),
        (491.6, Recovered, 490.8, Some(1.0)),
        (602.08, Degraded, 410.0, None),
        (544.04, Unknown, 0.0, None),
        (544.04, Recovered, 543.0, Some(3.0)),
        (572.32, Recovered, 571.1, Some(4.0)),
        (572.32, Recovered, 570.9, Some(6.0)),
        (572.32, Recovered, 572.0, Some(2.0)),
    ];
    let trial =
        |(at, (load, state, after, back_after_s)): (usize, (f64, AftermathState, f64, Option<f64>))| {
            let note = if state == Unknown { "the load ended too soon after the trigger" } else { "" };
            let aftermath = Aftermath {
                state,
                before: Some(load),
                after: Some(after),
                back_after_s,
                note: note.to_owned(),
            };
            let trial = HiddenTrial {
                load,
                repetition: 1,
                aftermath,
                validity: Validity::Valid,
                recovered: state != Metastable,
                requests: 40_000,
            };
            HiddenTrialResult { trial, folder: format!("trials/{:03}", at + 25), doubts: Vec::new() }
        };
    HiddenResult {
        trigger: "latency at load/target".to_owned(),
        before_s: 10.0,
        trigger_s: 5.0,
        after_s: 30.0,
        carried: 1474.8,
        carried_is_given,
        rules: hidden_rules(&Rules::new(372.0, 37.2, 37_200.0), 1474.8),
        trials: rows.into_iter().enumerate().map(trial).collect(),
        found: Some(HiddenFound {
            at: Some(572.32),
            stays_down_at: Some(602.08),
            back_after_s: Some(6.0),
            reached_precision: true,
            reason: HiddenReason::Bracketed,
            requests: 320_000,
            trials: 7,
            invalid: 1,
        }),
    }
}

/// With text of a user who means harm wherever a document has text.
pub(crate) fn hostile(text: &str) -> SearchResult {
    let mut result = found();
    let text = || text.to_owned();
    (result.scenario, result.title, result.objectives) = (text(), text(), vec![text()]);
    (result.target.base, result.target.profile) = (text(), Some(text()));
    (result.environment.cpu_model, result.environment.command) = (text(), vec![text()]);
    for one in &mut result.trials {
        (one.folder, one.doubts) = (text(), vec![text()]);
    }
    if let Some(way) = &mut result.gave_way {
        (way.mode, way.resource) = (text(), Some(text()));
    }
    let mut hidden = hidden(false);
    hidden.trigger = text();
    for one in &mut hidden.trials {
        (one.folder, one.doubts, one.trial.aftermath.note) = (text(), vec![text()], text());
    }
    result.hidden = Some(hidden);
    result
}

/// Each of them, with a name for files and messages.
pub(crate) fn all() -> Vec<(&'static str, SearchResult)> {
    vec![
        ("found", found()),
        ("unfinished", unfinished()),
        ("begun", begun()),
        ("fails-at-once", fails_at_once()),
        ("says-nothing", says_nothing()),
        ("never-breaks", never_breaks()),
        ("ramp", ramp()),
        ("imprecise", imprecise()),
        ("healing", healing()),
        ("given", given()),
        ("hostile", hostile("<script>alert('1')</script> & \"x\" | `y` {{ 7777 * 7 }}")),
    ]
}

fn answer(trials: u32, invalid: u32) -> Found {
    Found {
        at: None,
        estimate: None,
        interval: (None, None),
        goodput_per_s: None,
        reached_precision: false,
        reason: Reason::TrialsUsedUp,
        not_recovered_at: None,
        requests: 40_000,
        trials,
        invalid,
    }
}

fn with_rows(rows: &[Row]) -> SearchResult {
    let mut trials: Vec<TrialResult> = Vec::new();
    for (at, &(load, lost, p95_ms, seconds)) in rows.iter().enumerate() {
        let arrivals = ((load * seconds).round() as u64).max(lost);
        let before = trials.iter().filter(|one| (one.trial.load - load).abs() < 1e-9).count();
        let trial = Trial {
            load,
            repetition: before as u32 + 1,
            arrivals,
            lost,
            seconds,
            goodput_per_s: (arrivals - lost) as f64 / seconds,
            p95_s: Some(p95_ms / 1e3),
            ended_early: seconds < 5.0,
            validity: Validity::Valid,
            recovered: true,
            requests: arrivals + arrivals / 10,
        };
        trials.push(TrialResult { trial, folder: format!("trials/{:03}", at + 1), doubts: Vec::new() });
    }
    SearchResult {
        format: FORMAT,
        scenario: "sixteen-servers".to_owned(),
        title: "Sixteen servers of ten milliseconds".to_owned(),
        objectives: vec!["p99 < 60ms".to_owned(), "success >= 99%".to_owned()],
        axis: LoadAxis::ArrivalsPerSecond,
        method: Method::Mlr,
        rules: Rules::new(372.0, 37.2, 37_200.0),
        times: TrialTimes {
            ramp: Duration::from_secs(1),
            measured: Duration::from_secs(5),
            drain: Duration::from_secs(3),
        },
        speed: Speed::try_new(4.0).expect("a speed"),
        seed: Seed::new(7),
        trials,
        found: None,
        hidden: None,
        gave_way: None,
        law: None,
        asymptote_per_s: None,
        restarts: 0,
        took_s: 0.0,
        environment: Environment {
            started: "2026-01-15T10:00:00Z".to_owned(),
            loadlab: "0.1.0".to_owned(),
            cpu_model: "Made-up CPU".to_owned(),
            cores: 2,
            memory_bytes: 8 << 30,
            kernel: "6.1.0".to_owned(),
            os: "Made-up OS".to_owned(),
            command: vec!["loadlab".to_owned(), "breakpoint".to_owned(), "sixteen-servers".to_owned()],
            load_average: 0.12,
        },
        target: TargetInfo {
            base: "http://127.0.0.1:40001".to_owned(),
            profile: Some("baseline".to_owned()),
            settings: None,
            edges: BTreeMap::new(),
            versions: BTreeMap::from([("loadlab".to_owned(), "0.1.0".to_owned())]),
        },
    }
}
