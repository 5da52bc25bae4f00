//! The verdict: everything above, together.
//!
//! | the run | verdict |
//! |---|---|
//! | the generator was the limit, or the counts do not balance | inconclusive |
//! | it was faster than the target's CPU time allows | inconclusive |
//! | a fault failed, or touched nothing | inconclusive |
//! | ended by a signal, by the loss of the target, or killed | inconclusive |
//! | an objective is missed (so is one that ended the run) | fail |
//! | otherwise | pass |
//!
//! A run that a signal ended is inconclusive even if an objective was missed up to there: the rest of it
//! might have mended that, and whoever ended it did not wait for an answer. The objectives' own results
//! stand in any case.

use loadlab_record::{
    EndReason, EventKind, GeneratorSummary, Judgement, ObjectiveResult, RunEvent, RunFile, SteadyResult,
    Verdict,
};
use loadlab_scenario::fault::{Disturbance, Fault};

use crate::{
    arms, documented, failure, generator, health,
    objectives::{self, Measured},
    remarks, speed, steady,
    words::value_text,
};

/// Judges a run, in place. What was judged before is replaced.
pub fn judge(run: &mut RunFile) {
    let judgement = judgement(run);
    run.set_judgement(judgement);
}

/// The judgement of what a run measured.
pub fn judgement(run: &RunFile) -> Judgement {
    let measured = Measured::of(run);
    let objectives: Vec<ObjectiveResult> =
        run.plan.objectives.iter().map(|objective| objectives::judge(objective, &measured)).collect();
    let generator = generator::summary(run);
    let steady = steady::results(run);
    let (verdict, reasons) = verdict(run, &generator, &objectives, &steady);
    Judgement {
        verdict,
        reasons,
        documented: documented::compare(run, &measured),
        steady,
        health: health::spans(run),
        remarks: remarks::remarks(run, &generator),
        arms: arms::compare(run),
        failure: failure::explain(run).map(Box::new),
        objectives,
        generator,
    }
}

fn verdict(
    run: &RunFile,
    generator: &GeneratorSummary,
    objectives: &[ObjectiveResult],
    steady: &[SteadyResult],
) -> (Verdict, Vec<String>) {
    let mut doubts: Vec<String> = Vec::new();
    doubts.extend(generator.reasons.iter().cloned());
    doubts.extend(ended_early(run));
    doubts.extend(speed::doubts(run));
    doubts.extend(faults(run));
    doubts.extend(steady::doubts(run, steady));
    doubts.extend(imbalance(run));
    let mut missed: Vec<String> =
        objectives.iter().filter(|result| result.verdict == Verdict::Fail).map(missed_text).collect();
    missed.extend(steady::missed(steady));
    missed.extend(aborted(run));
    match (doubts.is_empty(), missed.is_empty()) {
        (false, _) => (Verdict::Inconclusive, doubts),
        (true, false) => (Verdict::Fail, missed),
        (true, true) => (Verdict::Pass, Vec::new()),
    }
}

/// Why a run that ended early says nothing. An objective that ended the run does say something.
fn ended_early(run: &RunFile) -> Option<String> {
    let at = run.ending.at;
    match &run.ending.reason {
        EndReason::Finished | EndReason::Aborted { .. } | EndReason::AbortedIf { .. } => None,
        EndReason::Signal(signal) => Some(format!(
            "the run was ended after {at} by {}; what follows is what was measured until then",
            name(*signal)
        )),
        EndReason::TargetLost { how } => Some(format!("the target was lost after {at}: {how}")),
        EndReason::Killed => {
            Some(format!("the run was killed after {at}; what follows is what its journal still says"))
        }
    }
}

/// What of `abort_if` ended the run.
fn aborted(run: &RunFile) -> Option<String> {
    match &run.ending.reason {
        EndReason::AbortedIf { condition } => {
            Some(format!("`abort_if` ended the run after {}, when `{condition}` held", run.ending.at))
        }
        _ => None,
    }
}

/// Faults without effect: chaos that touched nothing proves nothing. A limit that was not met is no such fault: it
/// was in force, and staying below it is an answer.
fn faults(run: &RunFile) -> Vec<String> {
    let seen = |name: &str| {
        run.events
            .iter()
            .any(|event| matches!(&event.what, EventKind::FaultSeen { name: seen } if seen == name))
    };
    let doubt = |event: &RunEvent| match &event.what {
        EventKind::FaultEnded { name, touched: Some(touched) } if touched.is_nothing() => {
            let what = run.plan.faults.iter().find(|fault| fault.name == *name).map(|fault| &fault.what);
            if matches!(what, Some(Disturbance::Limit { .. })) {
                return None;
            }
            let place = what.map(|what| format!(" at {}", what.place())).unwrap_or_default();
            Some(format!(
                "the fault `{name}`{place} touched nothing: nothing went through there while it was on"
            ))
        }
        EventKind::FaultEnded { name, touched: None } if !seen(name) => Some(format!(
            "nobody counted what the fault `{name}` touched, and no probe met it: it may have had no effect"
        )),
        EventKind::FaultFailed { name, reason } => Some(format!("the fault `{name}` failed: {reason}")),
        _ => None,
    };
    let began = |name: &str| {
        run.events.iter().any(|event| match &event.what {
            EventKind::FaultBegan { name: begun, .. } | EventKind::FaultFailed { name: begun, .. } => {
                begun == name
            }
            _ => false,
        })
    };
    let never = run.plan.faults.iter().filter(|fault| !began(&fault.name));
    let never = never.map(|fault| format!("the fault `{}` never began: {}", fault.name, why_not(run, fault)));
    run.events.iter().filter_map(doubt).chain(never).collect()
}

/// Why a fault of the plan never began.
fn why_not(run: &RunFile, fault: &Fault) -> String {
    let stopped = run.events.iter().find_map(|event| match &event.what {
        EventKind::FaultsStopped { reason } => Some(reason),
        _ => None,
    });
    match (stopped, &fault.when) {
        (Some(reason), _) => format!("`max_blast` had stopped all faults ({reason})"),
        (None, Some(condition)) => format!("`{condition}`, for which it waited, was not seen"),
        (None, None) => {
            format!("the run was over before {}", loadlab_clock::text::format_duration(fault.at))
        }
    }
}

fn name(signal: i32) -> String {
    match signal {
        2 => "SIGINT".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => format!("signal {other}"),
    }
}

/// Arrivals that were lost in counting. A killed run may have been killed between two lines.
fn imbalance(run: &RunFile) -> Option<String> {
    let totals = &run.totals;
    let killed = run.ending.reason == EndReason::Killed;
    (!killed && !totals.balances()).then(|| {
        format!(
            "the counts do not balance: {} scheduled, but {} completed, {} failed, {} never sent and {} in \
             flight; this is a fault of loadlab",
            totals.scheduled, totals.completed, totals.failed, totals.undispatched, totals.in_flight
        )
    })
}

fn missed_text(result: &ObjectiveResult) -> String {
    let observed = result.observed.map(|value| format!("{} observed", value_text(value, &result.unit)));
    let parts: Vec<String> = observed.into_iter().chain(result.note.clone()).collect();
    format!("{} is missed: {}", result.name, parts.join("; "))
}

/// What a run came to, as a caller's exit code distinguishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeClass {
    /// Every objective holds.
    Pass,
    /// An objective is missed.
    Fail,
    /// A signal ended it: 2 is SIGINT, 15 SIGTERM.
    Interrupted(i32),
    /// The target was lost.
    TargetLost,
    /// The generator, not the target, was the limit.
    GeneratorLimited,
    /// It cannot be told for another reason.
    Inconclusive,
}

/// What a judged run came to. How it ended comes before how the generator did.
pub fn outcome_class(run: &RunFile) -> OutcomeClass {
    match (&run.ending.reason, run.verdict) {
        (EndReason::Signal(signal), _) => OutcomeClass::Interrupted(*signal),
        (EndReason::TargetLost { .. }, _) => OutcomeClass::TargetLost,
        _ if run.generator.limited => OutcomeClass::GeneratorLimited,
        (_, Verdict::Pass) => OutcomeClass::Pass,
        (_, Verdict::Fail) => OutcomeClass::Fail,
        (_, Verdict::Inconclusive) => OutcomeClass::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_record::{Outcome, Touched, Verdict, synthetic::Synthetic};
    use loadlab_scenario::{
        condition::SteadyState,
        fault::{Disturbance, Fault, Limit, MemoryBound, ProcessAction},
        objective::{ShareOf, Statistic},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::made_up::{MadeUp, at_least, at_most, response, share};

    const OK: Outcome = Outcome::Ok;

    fn kept() -> MadeUp {
        MadeUp::new().seconds(10, OK, 100).objective(at_least(share(ShareOf::Success), 0.99))
    }

    fn missed() -> MadeUp {
        MadeUp::new().seconds(10, Outcome::Status, 100).objective(at_least(share(ShareOf::Success), 0.99))
    }

    #[test]
    fn objectives_decide_a_finished_run() {
        let (kept, missed) = (kept().finished(), missed().finished());
        assert_eq!(
            (kept.verdict, kept.reasons.len(), outcome_class(&kept)),
            (Verdict::Pass, 0, OutcomeClass::Pass)
        );
        assert_eq!((missed.verdict, outcome_class(&missed)), (Verdict::Fail, OutcomeClass::Fail));
        assert!(missed.reasons[0].ends_with("is missed: 0 % observed"), "{:?}", missed.reasons);
    }

    #[test]
    fn a_run_that_ended_early_is_inconclusive_whatever_was_observed() {
        let lost = EndReason::TargetLost { how: "service-0 ended with status 1".to_owned() };
        let cases = [
            (EndReason::Signal(2), "SIGINT", OutcomeClass::Interrupted(2)),
            (EndReason::Signal(15), "SIGTERM", OutcomeClass::Interrupted(15)),
            (lost, "the target was lost after 10.0s: service-0 ended", OutcomeClass::TargetLost),
            (EndReason::Killed, "killed after 10.0s", OutcomeClass::Inconclusive),
        ];
        for (reason, text, class) in cases {
            for run in [kept(), missed()] {
                let run = run.ended(reason.clone());
                assert_eq!((run.verdict, outcome_class(&run)), (Verdict::Inconclusive, class));
                assert!(run.reasons.iter().any(|reason| reason.contains(text)), "{:?}", run.reasons);
            }
        }
    }

    #[test]
    fn an_objective_that_ends_the_run_fails_it() {
        let objective = missed().finished().objectives[0].name.clone();
        let run = missed().ended(EndReason::Aborted { objective });
        assert_eq!((run.verdict, outcome_class(&run)), (Verdict::Fail, OutcomeClass::Fail));
    }

    #[test]
    fn a_generator_that_was_the_limit_is_never_blamed_on_the_target() {
        let late = |run: MadeUp, micros| run.window(1, &[(OK, 9)], |w| w.dispatch_lag.record_micros(micros));
        let busy = |run: MadeUp, cpu| (0..10).fold(run, |run, second| run.generator_cpu(second, cpu));
        let lagging =
            |objective| missed().objective(at_most(response(Statistic::Percentile(95.0)), objective));
        let cases = [
            (
                missed().second(1, &[(Outcome::Undispatched, 10_000)]),
                Some("1 of 11 arrivals were never sent"),
            ),
            (late(lagging(0.1), 5_200), Some("p99 5.2 ms after they were due, where 5 ms is allowed")),
            (late(lagging(0.2), 5_200), None),
            (busy(missed(), 0.9), Some("used 90 % of its CPU over 5 s, where 80 % is allowed")),
            (busy(missed(), 0.8), None),
            (missed().generator_cpu(0, 1.0).generator_cpu(1, 0.1).generator_cpu(2, 0.1), None),
        ];
        for (run, text) in cases {
            let run = run.finished();
            assert_eq!(run.generator.limited, text.is_some(), "{:?}", run.generator);
            match text {
                None => assert_eq!(run.verdict, Verdict::Fail),
                Some(text) => {
                    assert_eq!(
                        (run.verdict, outcome_class(&run)),
                        (Verdict::Inconclusive, OutcomeClass::GeneratorLimited)
                    );
                    assert!(run.reasons[0].contains(text), "{:?}", run.reasons);
                }
            }
        }
    }

    #[test]
    fn lateness_is_measured_against_the_steady_state_where_no_objective_bounds_the_response_time() {
        let steady = SteadyState {
            conditions: vec![at_most(response(Statistic::Percentile(95.0)), 0.2)],
            tolerate: false,
            recover_within: None,
            window: Duration::from_secs(5),
            min_samples: 1,
        };
        let late = |run: MadeUp| run.window(1, &[(OK, 9)], |w| w.dispatch_lag.record_micros(5_200));
        let with = late(missed().plan(|plan| plan.steady_state = Some(steady)));
        assert!(!with.finished().generator.limited);
        assert!(late(missed()).finished().generator.limited);
    }

    #[test]
    fn a_limit_that_was_not_met_is_an_answer() {
        let limit = Limit::Memory(MemoryBound::Bytes(2_000_000_000));
        let fault = Fault {
            name: "f".to_owned(),
            at: Duration::from_secs(2),
            lasts: Duration::from_secs(1),
            every: None,
            ramp: None,
            seed: None,
            when: None,
            what: Disturbance::Limit { role: "service-0".to_owned(), limit },
        };
        let name = || "f".to_owned();
        let began = EventKind::FaultBegan { name: name(), kind: "memory_limit".to_owned(), place: name() };
        let ended = EventKind::FaultEnded { name: name(), touched: Some(Touched::default()) };
        let run = kept().plan(|plan| plan.faults.push(fault)).event(began).event(ended).finished();
        assert_eq!(run.verdict, Verdict::Pass);
    }

    #[test]
    fn chaos_without_effect_proves_nothing() {
        let pause =
            Disturbance::Process { role: "service-0".to_owned(), share: None, action: ProcessAction::Pause };
        let (at, lasts) = (Duration::from_secs(2), Duration::from_secs(1));
        let name = "f".to_owned();
        let fault = Fault { name, at, lasts, every: None, ramp: None, seed: None, when: None, what: pause };
        let run = |events: Vec<EventKind>| {
            let fault = fault.clone();
            events.into_iter().fold(kept().plan(|plan| plan.faults.push(fault)), MadeUp::event).finished()
        };
        let name = || "f".to_owned();
        let began = || EventKind::FaultBegan { name: name(), kind: "pause".to_owned(), place: name() };
        let ended = |processes| {
            let touched = Touched { processes, ..Touched::default() };
            EventKind::FaultEnded { name: name(), touched: Some(touched) }
        };
        assert_eq!(run(vec![began(), ended(1)]).verdict, Verdict::Pass);
        let uncounted = || EventKind::FaultEnded { name: name(), touched: None };
        let seen = EventKind::FaultSeen { name: name() };
        assert_eq!(run(vec![began(), seen, uncounted()]).verdict, Verdict::Pass);
        let failed = EventKind::FaultFailed { name: name(), reason: "refused".to_owned() };
        let cases = [
            (vec![began(), ended(0)], "`f` at service-0 touched nothing"),
            (vec![began(), uncounted()], "nobody counted what the fault `f` touched"),
            (vec![failed], "the fault `f` failed: refused"),
            (vec![], "the fault `f` never began: the run was over before 2s"),
        ];
        for (events, reason) in cases {
            let run = run(events);
            assert_eq!(run.verdict, Verdict::Inconclusive);
            assert!(run.reasons[0].contains(reason), "{:?}", run.reasons);
        }
    }

    #[test]
    fn arrivals_that_were_lost_in_counting_are_loadlabs_fault() {
        let run = kept().window(5, &[], |window| window.in_flight = 0);
        let mut journal = run.journal(EndReason::Finished);
        journal.ending.as_mut().expect("it finished").in_flight = 0;
        let mut run = RunFile::from_journal(&journal);
        judge(&mut run);
        assert_eq!(run.verdict, Verdict::Inconclusive);
        assert!(run.reasons[0].contains("do not balance: 15 scheduled"), "{:?}", run.reasons);
    }

    /// Scenario 1A's shape: the pool is full, users give up, the objective is missed, as documented.
    #[test]
    fn a_burst_of_100_misses_its_objectives_and_says_why() {
        let mut run = Synthetic::burst(100).run();
        judge(&mut run);
        assert_eq!(run.verdict, Verdict::Fail);
        let results: Vec<_> = run.objectives.iter().map(|o| (o.name.as_str(), o.verdict)).collect();
        assert_eq!(results, [("p95 < 7s", Verdict::Fail), ("success >= 99%", Verdict::Fail)]);
        let documented: Vec<_> =
            run.documented.iter().map(|d| (d.name.as_str(), d.observed, d.reproduced)).collect();
        assert_eq!(documented[4], ("pool queue", Some(80.0), true));
        assert_eq!(documented[2], ("retry rate", Some(0.22), true));
        assert_eq!(documented[1], ("timeout rate", Some(0.26), true));
        let again = judgement(&run);
        judge(&mut run);
        assert_eq!(
            (run.verdict, run.reasons.clone()),
            (again.verdict, again.reasons),
            "judging twice is judging once"
        );
        assert_eq!(RunFile::from_json(&run.to_json()).as_ref(), Ok(&run));
    }

    /// The band of a document is what a result is compared with, never where it comes from.
    #[test]
    fn what_is_documented_changes_nothing_that_is_measured() {
        let judged = |change: &dyn Fn(&mut loadlab_scenario::plan::Plan)| {
            let mut run = Synthetic::burst(100).run();
            change(&mut run.plan);
            judge(&mut run);
            let documented = std::mem::take(&mut run.documented);
            run.plan.documented = None;
            (documented, run)
        };
        let (claims, real) = judged(&|_| {});
        let (none, without) = judged(&|plan| plan.documented = None);
        let (absurd, with_absurd) = judged(&|plan| {
            for outcome in plan.documented.iter_mut().flat_map(|documented| &mut documented.outcomes) {
                (outcome.expect.min, outcome.expect.max) = (Some(1e6), Some(2e6));
            }
        });
        assert!(none.is_empty() && claims.len() == absurd.len());
        assert_eq!((&real, &real), (&without, &with_absurd));
        for (claim, absurd) in claims.iter().zip(&absurd) {
            assert_eq!((claim.observed, absurd.reproduced), (absurd.observed, false), "{}", claim.name);
        }
    }

    #[test]
    fn a_killed_burst_is_judged_on_what_its_journal_says() {
        let journal = loadlab_record::synthetic::killed(&Synthetic::burst(100).journal(), 8);
        let mut run = RunFile::from_journal(&journal);
        judge(&mut run);
        assert_eq!((run.verdict, run.windows.len()), (Verdict::Inconclusive, 8));
        assert!(run.totals.balances() && run.totals.in_flight > 0, "{:?}", run.totals);
        assert!(run.reasons[0].contains("killed after 8.0s"), "{:?}", run.reasons);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_run_fails_exactly_if_an_objective_does_and_the_generator_kept_up(
            outcomes in proptest::collection::vec(0_usize..10, 1..40),
            bounds in proptest::collection::vec(0.0_f64..1.0, 0..3),
        ) {
            let second = |run: MadeUp, index: &usize| run.second(1, &[(Outcome::ALL[*index], 50)]);
            let run = outcomes.iter().fold(MadeUp::new(), second);
            let run = bounds.iter().fold(run, |run, bound| run.objective(at_least(share(ShareOf::Success), *bound)));
            let run = run.finished();
            let fails = run.objectives.iter().any(|objective| objective.verdict == Verdict::Fail);
            prop_assert_eq!(run.verdict == Verdict::Fail, fails && !run.generator.limited);
            prop_assert_eq!(run.verdict == Verdict::Inconclusive, run.generator.limited);
            prop_assert_eq!(run.generator.limited, outcomes.contains(&9), "9 is undispatched");
        }
    }

    #[test]
    fn no_objectives_are_kept() {
        let run = MadeUp::new().plan(|plan| plan.drain = Duration::ZERO).seconds(3, OK, 10).finished();
        assert_eq!(run.verdict, Verdict::Pass);
    }
}
