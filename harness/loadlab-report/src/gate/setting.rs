//! What was compared, by which rules, and on what.

use loadlab_analysis::gate::{GateJob, Limits, NightlyRules, Rules, Side};
use loadlab_record::TargetInfo;

use super::{noise, words};
use crate::{
    facts::{self, Fact},
    figures,
    search::words as search_words,
};

/// What was compared with what.
pub(super) fn compared(job: &GateJob) -> Vec<Fact> {
    let mut compared = vec![
        Fact::new("Base", words::build(job, Side::Base)).with(told(&job.targets.0)),
        Fact::new("Head", words::build(job, Side::Head)).with(told(&job.targets.1)),
        Fact::new("They differ in", job.result.factor.clone()),
    ];
    compared.retain(|fact| !fact.value.is_empty());
    compared
}

/// What a target says of itself. The command that started it is its name already.
fn told(target: &TargetInfo) -> String {
    let versions = target.versions.iter().filter(|(name, _)| *name != "command");
    let versions = versions.map(|(name, version)| format!("{name} {version}"));
    let parts = std::iter::once(target.base.clone()).chain(versions);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// How it was measured.
pub(super) fn setting(job: &GateJob) -> Vec<Fact> {
    let times = &job.times;
    let mut facts = vec![Fact::new("Tier", noise::tier(job.result.tier))];
    facts.extend(match &job.result.limits {
        Limits::Fast(rules) => fast(job, rules),
        Limits::Nightly(rules) => nightly(rules),
    });
    facts.extend([
        Fact::new(
            "A trial",
            format!(
                "{} ramp, {} measured, up to {} to drain",
                figures::duration(times.ramp),
                figures::duration(times.measured),
                figures::duration(times.drain)
            ),
        ),
        Fact::new("Objectives", job.objectives.join(", ")),
        Fact::new("Seed", format!("{}; the trials of a pair share one that follows from it", job.seed)),
        Fact::new("Speed", facts::speed(job.speed)),
        Fact::new("Took", if job.took_s > 0.0 { figures::seconds(job.took_s) } else { String::new() }),
        Fact::new("Started", job.environment.started.clone()),
    ]);
    facts.extend(facts::machine_facts(&job.environment));
    facts.push(Fact::new("Command", job.environment.command.join(" ")));
    facts.retain(|fact| !fact.value.is_empty());
    facts
}

fn fast(job: &GateJob, rules: &Rules) -> Vec<Fact> {
    vec![
        Fact::new("Question", asked(rules)),
        Fact::new(
            "Loads",
            format!(
                "base from {} on, then a step up after what it carried and down after what it did not; head {} \
                 less",
                search_words::load(rules.carried, job.axis),
                figures::share(1.0 - rules.cut())
            ),
        ),
        Fact::new("Lost", lost(rules.allowed, &job.objectives)),
        Fact::new("Order", "base head, head base, base head, and so on"),
        Fact::new(
            "Pairs",
            format!(
                "{} pass a head that is clearly fine, {} decide about every other",
                rules.pairs,
                rules.pairs_max()
            ),
        ),
        Fact::new("Repeated", format!("up to {} that do not count", trials(rules.invalid_max))),
    ]
}

fn nightly(rules: &NightlyRules) -> Vec<Fact> {
    let looks: Vec<String> = rules.looks.iter().map(ToString::to_string).collect();
    vec![
        Fact::new(
            "Question",
            format!(
                "is head's breaking point lower than base's by more than {}?",
                figures::share(rules.delta)
            ),
        ),
        Fact::new("Looks", format!("after {} pairs of searches", looks.join(", "))),
        Fact::new(
            "Alpha",
            format!("{} at each look, one-sided, after Pocock: 5 % in all", figures::digits(rules.alpha, 3)),
        ),
        Fact::new("Order", "base head, head base, base head, and so on"),
        Fact::new("Repeated", format!("up to {} of searches that do not count", pairs(rules.invalid_max))),
    ]
}

/// What tier 1 asks.
pub(super) fn asked(rules: &Rules) -> String {
    format!(
        "does head break at a load that is lower by {} or more? It is offered {} less than base: who loses more?",
        figures::share(rules.delta),
        figures::share(1.0 - rules.cut())
    )
}

/// What counts as lost, and how much of it is allowed.
pub(super) fn lost(allowed: f64, objectives: &[String]) -> String {
    let late = search_words::late_after_s(objectives).map_or_else(String::new, |bound| {
        format!(", and what ends later than {} after it was due", figures::seconds(bound))
    });
    format!("what fails or is never sent{late}; {} may be", figures::share(allowed))
}

fn trials(count: u32) -> String {
    search_words::counted(count, "trial", "trials")
}

fn pairs(count: u32) -> String {
    search_words::counted(count, "pair", "pairs")
}
