//! What a search would do, said before it does anything.

use loadlab_analysis::search::{Method, Offer, Rules, Step, Trial, Validity, next};
use loadlab_scenario::{LoadAxis, Plan, plan::TargetPlan};

use super::words;
use crate::{facts::Fact, figures, terminal};

/// So many loads are told in advance: enough to see where it begins and how fast it goes up.
const LOADS_TOLD: usize = 5;

/// What a search would try, from which load on and between which limits, what counts as lost, and how long
/// that may take. It ends with a line break.
pub fn search_plan(plan: &Plan, rules: Rules, method: Method) -> String {
    let title = format!("Search for the breaking point of {}: {}", plan.name, plan.title);
    let (name, how) = words::method(method);
    let mut facts = vec![
        Fact::new("target", target(&plan.target)),
        Fact::new("loads", range(plan, &rules)),
        Fact::new("first", first(plan.load_axis(), &rules, method)),
        Fact::new("method", format!("{name}: {how}")),
        Fact::new("lost", lost(plan, &rules)),
        Fact::new("answer", answer(&rules, method)),
        Fact::new("trial", trial(plan, &rules)),
        Fact::new("at most", at_most(plan, &rules)),
        Fact::new("left out", left_out(plan)),
    ];
    facts.retain(|fact| !fact.value.is_empty());
    terminal::search_plan(&title, &facts)
}

fn target(target: &TargetPlan) -> String {
    match target {
        TargetPlan::Profile { name, with, .. } if with.is_empty() => {
            format!("reference target, profile {name}")
        }
        TargetPlan::Profile { name, with, .. } => {
            format!("reference target, profile {name} with {}", with.join(", "))
        }
        TargetPlan::Url { base, .. } => base.clone(),
    }
}

fn range(plan: &Plan, rules: &Rules) -> String {
    let axis = plan.load_axis();
    let counted = match axis {
        LoadAxis::ArrivalsPerSecond => "arrivals per second",
        LoadAxis::Users => "users",
    };
    let text = |load| words::load(load, axis);
    let (start, least, most) = (text(rules.start), text(rules.least), text(rules.most));
    format!("counted in {counted}; from {start} on, none below {least} and none above {most}")
}

/// The first loads, as long as each is carried: asked of the search itself, with trials that lose nothing.
fn first(axis: LoadAxis, rules: &Rules, method: Method) -> String {
    let (mut done, mut told) = (Vec::new(), Vec::new());
    while told.len() < LOADS_TOLD {
        match next(method, rules, &done) {
            Step::Try(offer) if offer.repetition == 1 => {
                told.push(words::load(offer.load, axis));
                done.push(carried(offer));
            }
            _ => break,
        }
    }
    let goes_on = if told.len() == LOADS_TOLD { ", and so on" } else { "" };
    format!("{}{goes_on}, as long as each is carried", told.join(", "))
}

/// A trial that lost nothing.
fn carried(Offer { load, repetition }: Offer) -> Trial {
    Trial {
        load,
        repetition,
        arrivals: 1,
        lost: 0,
        seconds: 1.0,
        goodput_per_s: load,
        p95_s: None,
        ended_early: false,
        validity: Validity::Valid,
        recovered: true,
        requests: 1,
    }
}

fn lost(plan: &Plan, rules: &Rules) -> String {
    let late = match loadlab_analysis::tightest_response(&plan.objectives) {
        Some(bound) => {
            format!("is never sent, or ends later than {} after it was due", figures::duration(bound))
        }
        None => "or is never sent; no objective bounds the response time".to_owned(),
    };
    format!("what fails, {late}; of all arrivals {} may be", figures::share(rules.allowed_loss.get()))
}

/// What the answer is made of.
fn answer(rules: &Rules, method: Method) -> String {
    let precise = format!(
        "precise when the interval's ends are within {} of the estimate",
        figures::share(rules.precision)
    );
    match method {
        Method::Mlr => {
            let trials = words::counted(rules.trials_per_load, "trial", "trials");
            format!("a load's verdict pools {trials}; {precise}")
        }
        Method::Bayes => precise,
        Method::Ramp => format!(
            "one trial decides at each step of {}, so no share of certainty belongs to it",
            words::bare(rules.ramp_step)
        ),
    }
}

/// How long a trial lasts can depend on a target that is not up yet.
fn trial(plan: &Plan, rules: &Rules) -> String {
    format!(
        "measures for {}, or for 500 service times of the calm target where no length was set and that is \
         longer; a ramp before it and up to {} to drain after it are not counted",
        figures::seconds(rules.trial_s),
        figures::duration(plan.drain)
    )
}

fn at_most(plan: &Plan, rules: &Rules) -> String {
    let measured = rules.trial_s * f64::from(rules.trials_most);
    let speed = plan.speed.get();
    let real = if (speed - 1.0).abs() < f64::EPSILON {
        String::new()
    } else {
        format!(" of scenario time, {} at speed {speed}", figures::seconds(measured / speed))
    };
    format!(
        "{} that count, and {} that say nothing; with {} each they measure for {}{real}, and ramps, drains \
         and looks between trials come on top",
        words::counted(rules.trials_most, "trial", "trials"),
        figures::count(u64::from(rules.invalid_most)),
        figures::seconds(rules.trial_s),
        figures::seconds(measured)
    )
}

/// What of the scenario belongs to its own load.
fn left_out(plan: &Plan) -> String {
    let parts = [
        (!plan.faults.is_empty(), "faults"),
        (plan.arms.is_some(), "arms"),
        (plan.steady_state.is_some(), "the steady state"),
        (!plan.abort_if.is_empty(), "what ends a run early"),
        (plan.documented.is_some(), "documented outcomes"),
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect();
    parts.join(", ")
}
