//! Runs to report on. All are made up by the queueing simulation of `loadlab-record`.

use std::{collections::BTreeMap, time::Duration};

use loadlab_analysis::judge;
use loadlab_clock::Offset;
use loadlab_record::{
    ArmWindow, EndReason, EventKind, Outcome, PeriodResult, RunEvent, RunFile, SteadyResult, Touched,
    Verdict,
    synthetic::{Synthetic, killed},
};
use loadlab_scenario::{
    arms::{Arm, Arms, Cohort},
    plan::TargetPlan,
    quantity::Share,
};

/// Text that would do harm where it is not escaped.
pub(crate) const HOSTILE: &str = "<script>alert('1')</script> & \"x\" | `y` {{ 7777 * 7 }}";

/// 100 searches at once: fails its objectives, reproduces some documented outcomes. Its remarks are
/// fixed, since how they are worded is no business of these tests.
pub(crate) fn burst() -> RunFile {
    let mut run = judged(Synthetic::burst(100).run());
    run.remarks = vec![
        "The session pool was the first resource to be full: all 20 sessions from 250 ms to 12.5 s; up to 80 \
         waited for it."
            .to_owned(),
        "Retries added 22 extra attempts, 22 % of the arrivals.".to_owned(),
    ];
    run
}

/// Searches below what the pool carries: passes.
pub(crate) fn calm() -> RunFile {
    judged(Synthetic::arrivals(3, Duration::from_secs(30)).run())
}

/// Killed in its first second: not one second was written.
pub(crate) fn killed_at_once() -> RunFile {
    judged(RunFile::from_journal(&killed(&Synthetic::burst(100).journal(), 0)))
}

/// Killed after four seconds.
pub(crate) fn killed_midway() -> RunFile {
    judged(RunFile::from_journal(&killed(&Synthetic::burst(100).journal(), 4)))
}

/// Somebody's service, which publishes nothing, with nothing documented.
pub(crate) fn foreign() -> RunFile {
    let mut run = Synthetic::burst(100).run();
    run.profile = None;
    run.plan.target = TargetPlan::Url { base: "http://127.0.0.1:8080".to_owned(), metrics: None };
    run.plan.documented = None;
    run.target.base = String::from("http://127.0.0.1:8080");
    run.target.profile = None;
    run.target.settings = None;
    run.target.edges = BTreeMap::new();
    run.target.versions = BTreeMap::new();
    run.series.clear();
    judged(run)
}

/// More seconds than a plot has points.
pub(crate) fn long() -> RunFile {
    judged(Synthetic::arrivals(5, Duration::from_secs(700)).run())
}

/// With text of a user who means harm wherever users write text.
pub(crate) fn hostile() -> RunFile {
    let mut run = Synthetic::burst(10).run();
    let text = || HOSTILE.to_owned();
    run.scenario = text();
    run.plan.name = text();
    run.plan.title = text();
    run.plan.question = text();
    run.profile = Some(text());
    run.plan.objectives[0].name = text();
    run.environment.cpu_model = text();
    run.environment.command = vec![text()];
    run.target.settings = Some(serde_json::json!({ "text": HOSTILE }));
    let documented = run.plan.documented.as_mut().expect("the made-up scenario has one");
    documented.source = text();
    documented.section = text();
    documented.outcomes[0].name = text();
    documented.deviations = vec![text()];
    run.ending.reason = EndReason::Aborted { objective: text() };
    for what in [EventKind::Note(text()), EventKind::Phase(text())] {
        run.events.push(RunEvent { at: run.ending.at, what });
    }
    for series in &mut run.series {
        series.labels = series.labels.replace("embedding", "<i>embedding</i>");
        series.role = series.role.replace("service", "<i>service</i>");
    }
    for window in &mut run.windows {
        window.steps = std::mem::take(&mut window.steps).into_values().map(|step| (text(), step)).collect();
    }
    run.steps = std::mem::take(&mut run.steps).into_values().map(|step| (text(), step)).collect();
    let mut run = judged(run);
    run.reasons.push(text());
    run.remarks.push(text());
    run.steady = faulted().steady;
    for result in &mut run.steady {
        (result.name, result.note) = (text(), Some(text()));
    }
    run.generator.reasons.push(text());
    run
}

/// Users split into two arms, of which the experiment is half a second slower and fails now and then.
pub(crate) fn split() -> RunFile {
    let mut run = Synthetic::arrivals(3, Duration::from_secs(60)).run();
    run.plan.arms = Some(Arms { experiment: Share::try_new(0.5).expect("a share"), set: BTreeMap::new() });
    run.plan.users.count = 40;
    for window in &mut run.windows {
        for n in 0..10 {
            let arm = Arm::BOTH[usize::from(n % 2 == 1)];
            let more = if arm == Arm::Experiment { 500_000 } else { 0 };
            let number = ((window.second * 5 + n / 2) % 16) as u8;
            let mut cohort = ArmWindow::of(Cohort { arm, number });
            let failed = arm == Arm::Experiment && (window.second + n) % 10 == 3;
            let outcome = if failed { Outcome::Timeout } else { Outcome::Ok };
            cohort.book(outcome, 1_000_000 + more + (window.second * 7 + n * 13) % 60 * 10_000);
            window.add_cohort(&cohort);
        }
    }
    judged(run)
}

/// With a fault in the middle that was not tolerated: what came of each condition is written down here,
/// since how it comes about is no business of these tests.
pub(crate) fn faulted() -> RunFile {
    let mut run = Synthetic::arrivals(3, Duration::from_secs(30)).run();
    let touched = Touched { connections: 12, ..Touched::default() };
    let (name, kind, place) = (String::from("slow"), String::from("latency"), String::from("service-0/sql"));
    let ended = EventKind::FaultEnded { name: name.clone(), touched: Some(touched) };
    for (at, what) in [(10, EventKind::FaultBegan { name, kind, place }), (20, ended)] {
        run.events.push(RunEvent { at: Offset::from_micros(at * 1_000_000), what });
    }
    let mut run = judged(run);
    let period = |samples: u64, observed: f64, holds: Option<bool>| PeriodResult {
        seconds: 10,
        samples,
        observed: Some(observed),
        holds,
    };
    let during = Some(period(30, 9.31, Some(false)));
    let note = "`p95 < 7s` did not hold during the faults: 9.31 s observed".to_owned();
    let slow = SteadyResult {
        name: "p95 < 7s".to_owned(),
        bound: 7.0,
        unit: "s".to_owned(),
        before: period(30, 2.1, Some(true)),
        during,
        after: Some(period(30, 2.4, Some(true))),
        recovered_after_s: Some(11.0),
        verdict: Verdict::Fail,
        note: Some(note.clone()),
    };
    let bad = SteadyResult {
        name: "success >= 99%".to_owned(),
        bound: 0.99,
        unit: "share".to_owned(),
        before: period(30, 1.0, Some(true)),
        during: Some(period(7, 0.7, None)),
        after: Some(period(30, 0.8, Some(false))),
        recovered_after_s: None,
        verdict: Verdict::Pass,
        note: None,
    };
    run.steady = vec![slow, bad];
    (run.verdict, run.reasons) = (Verdict::Fail, vec![note]);
    run
}

/// Each of them, with a name for messages.
pub(crate) fn all() -> Vec<(&'static str, RunFile)> {
    vec![
        ("burst", burst()),
        ("calm", calm()),
        ("killed at once", killed_at_once()),
        ("killed midway", killed_midway()),
        ("foreign", foreign()),
        ("hostile", hostile()),
        ("split", split()),
        ("faulted", faulted()),
    ]
}

fn judged(mut run: RunFile) -> RunFile {
    judge(&mut run);
    run
}
