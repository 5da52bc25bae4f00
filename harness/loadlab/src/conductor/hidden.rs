//! Searches the hidden capacity of a target that is up: loads it steadily, disturbs it for a while, and sees
//! whether it comes back by itself.
//!
//! ```text
//!   ────────────────────────────────────────────────────── load
//!   ramp │ before │ trigger │ after: six times as long │ drain ──healed──> next(trials so far)
//!                                                         └──not healed──> settled, or started again
//! ```
//!
//! Which loads, and when it is found, is decided by `loadlab-analysis`; what healed, by the finding of each
//! trial's own run.

use std::time::Duration;

use loadlab_analysis::search::{
    HiddenResult, HiddenStep, HiddenTrial, HiddenTrialResult, Offer, Rules, SearchResult, TrialResult,
    hidden_rules, next_hidden,
};
use loadlab_scenario::{Plan, TrialTimes, fault::Fault};

use super::{
    RunError, search,
    trials::{Asked, Hands, Site},
};
use crate::output;

/// The time before the trigger, and its limits: as many arrivals as tell goodput within a tenth.
const BEFORE_ARRIVALS: f64 = 400.0;
const BEFORE_LEAST: Duration = Duration::from_secs(10);
const BEFORE_MOST: Duration = Duration::from_secs(60);
/// The time after it, in lengths of the trigger. Five are asked for; the sixth makes up for what begins and
/// ends between two seconds.
const AFTER_TIMES: u32 = 6;
/// And at least so long: goodput is averaged over some seconds.
const AFTER_LEAST: Duration = Duration::from_secs(15);

/// What is asked for beside the breaking point.
#[derive(Debug, Clone)]
pub struct HiddenRequest {
    /// What disturbs, and how long; when is told by the trial.
    pub trigger: Fault,
    /// The load that is carried, if it is known and not to be searched for.
    pub carried: Option<f64>,
}

/// How long the parts of a trial last, in scenario time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    before: Duration,
    trigger: Duration,
    after: Duration,
}

impl Parts {
    fn of(plan: &Plan, trigger: &Fault) -> Self {
        let before = Duration::try_from_secs_f64(BEFORE_ARRIVALS / plan.load_most()).unwrap_or(BEFORE_MOST);
        let lasts = trigger.lasts;
        Self {
            before: before.clamp(BEFORE_LEAST, BEFORE_MOST),
            trigger: lasts,
            after: (lasts * AFTER_TIMES).max(AFTER_LEAST),
        }
    }

    fn times(self, plan: &Plan) -> TrialTimes {
        search::times(plan, self.before + self.trigger + self.after)
    }

    /// When the trigger begins, in whole seconds as the record has them.
    fn begins(self, plan: &Plan) -> Duration {
        let at = self.times(plan).ramp + self.before;
        Duration::from_secs(at.as_secs() + u64::from(at.subsec_nanos() > 0))
    }
}

/// The search before its first trial.
pub fn empty(plan: &Plan, request: &HiddenRequest, (rules, carried): (&Rules, f64)) -> HiddenResult {
    let (parts, what) = (Parts::of(plan, &request.trigger), &request.trigger.what);
    HiddenResult {
        trigger: format!("{} at {}", what.kind(), what.place()),
        before_s: parts.before.as_secs_f64(),
        trigger_s: parts.trigger.as_secs_f64(),
        after_s: parts.after.as_secs_f64(),
        carried,
        carried_is_given: request.carried.is_some(),
        rules: hidden_rules(rules, carried),
        trials: Vec::new(),
        found: None,
    }
}

/// A plan whose target is brought up with room for the trigger. What ends a run early would end a trial in
/// the middle of what it is to show.
pub(super) fn prepared(mut plan: Plan, trigger: &Fault) -> Plan {
    plan.faults = vec![trigger.clone()];
    plan.objectives.iter_mut().for_each(|objective| objective.abort = false);
    plan
}

/// Who is loaded, by whom, and where what came of it is written.
pub(super) struct Healing<'w, 's, 'h> {
    pub(super) site: &'w mut Site<'s>,
    pub(super) hands: &'w mut Hands<'h>,
    pub(super) plan: &'w Plan,
    pub(super) request: &'w HiddenRequest,
    pub(super) write: &'w dyn Fn(&SearchResult) -> Result<(), RunError>,
}

impl Healing<'_, '_, '_> {
    /// Searches from `carried` downwards. What was tried is in the result, whatever ends it.
    pub(super) async fn carry_out(mut self, result: &mut SearchResult, carried: f64) -> Result<(), RunError> {
        let mut hidden = empty(self.plan, self.request, (&result.rules, carried));
        self.site.set_times(Parts::of(self.plan, &self.request.trigger).times(self.plan));
        loop {
            match next_hidden(&hidden.rules, &hidden.done()) {
                HiddenStep::Try(offer) => {
                    let one = self.one(offer, result, &hidden).await?;
                    output::say(&loadlab_report::hidden_line(&hidden, result.axis, &one));
                    hidden.trials.push(one);
                }
                HiddenStep::Done(found) => {
                    hidden.found = Some(found);
                    result.hidden = Some(hidden);
                    return (self.write)(result);
                }
            }
            result.hidden = Some(hidden.clone());
            (self.write)(result)?;
        }
    }

    async fn one(
        &mut self,
        offer: Offer,
        result: &SearchResult,
        hidden: &HiddenResult,
    ) -> Result<HiddenTrialResult, RunError> {
        let parts = Parts::of(self.plan, &self.request.trigger);
        let trigger = Fault { at: parts.begins(self.plan), ..self.request.trigger.clone() };
        let label = loadlab_report::hidden_label(hidden, result.axis, offer);
        let asked = Asked {
            offer,
            seed: result.seed.of("healing", offer.load.to_bits(), u64::from(offer.repetition)),
            // A trial that loses much is what is looked for.
            hopeless_beyond: f64::INFINITY,
            good: hidden.carried,
            label: &label,
            faults: vec![trigger],
        };
        let tried = self.site.trial(asked, self.hands).await?;
        let mut trial = HiddenTrial::of(&tried.run, &tried.result.trial);
        if trial.heals() != Some(true) {
            // Its queues may be empty because the load is gone; it has to be well with a little of it.
            let before = self.site.restarts();
            self.site.settle(hidden.carried, self.hands).await?;
            trial.recovered &= self.site.restarts() == before;
        }
        let TrialResult { folder, doubts, .. } = tried.result;
        Ok(HiddenTrialResult { trial, folder, doubts })
    }
}

#[cfg(test)]
mod tests {
    use loadlab_scenario::Source;

    use super::*;

    fn plan(load: &str, fault: &str) -> Plan {
        let text = format!(
            "title: T\nquestion: Q?\ntarget: {{ url: \"http://127.0.0.1:1\" }}\nload: {load}\n\
             journeys: [{{ name: j, steps: [{{ name: s, get: / }}] }}]\n\
             objectives: [{{ that: p95 < 1s, for: 30s, abort: true }}]\n\
             faults: [{{ name: f, at: 3s, {fault}, latency: {{ edge: load/target, add: 1s }} }}]\n"
        );
        let none = |path: &str| Err(format!("there is no {path}"));
        loadlab_scenario::load(&Source { path: "t.yaml", text: &text }, &[], &none).expect("it is valid")
    }

    fn parts(plan: &Plan) -> [u64; 3] {
        let parts = Parts::of(plan, &plan.faults[0]);
        [parts.before, parts.trigger, parts.after].map(|part| part.as_secs())
    }

    #[test]
    fn the_load_goes_on_long_enough_before_the_trigger_and_at_least_five_times_its_length_after_it() {
        let many = plan("{ arrivals: { rate: 500/s, for: 60s } }", "for: 8s");
        assert_eq!(parts(&many), [10, 8, 48]);
        let few = plan("{ arrivals: { rate: 10/s, for: 60s } }", "for: 1s");
        assert_eq!(parts(&few), [40, 1, 15]);
    }

    #[test]
    fn the_trigger_begins_after_ramp_and_time_before_in_the_measured_part() {
        let plan = plan("{ arrivals: { rate: 500/s, for: 60s } }", "for: 8s");
        let parts = Parts::of(&plan, &plan.faults[0]);
        // A tenth of 66 s, in whole seconds, and ten more.
        assert_eq!(parts.begins(&plan), Duration::from_secs(17));
        let trigger = Fault { at: parts.begins(&plan), ..plan.faults[0].clone() };
        let trial = plan.at_load_with(100.0, plan.seed, parts.times(&plan), vec![trigger]).expect("a load");
        assert_eq!((trial.warm_up.as_secs(), trial.load.duration().as_secs()), (7, 73));
        let rest = trial.load.duration().saturating_sub(trial.faults[0].at + trial.faults[0].lasts);
        assert_eq!(rest, Duration::from_secs(48));
    }

    #[test]
    fn nothing_ends_a_trial_in_the_middle_of_what_it_is_to_show() {
        let plan = plan("{ arrivals: { rate: 500/s, for: 60s } }", "for: 8s");
        assert!(plan.objectives[0].abort);
        let trigger = Fault { name: "g".to_owned(), ..plan.faults[0].clone() };
        let prepared = prepared(plan, &trigger);
        assert!(!prepared.objectives[0].abort);
        assert_eq!(prepared.faults, [trigger]);
    }
}
