//! What is said while a gate goes on: a moving line for the trial under way, and a line for each that has
//! ended.

use loadlab_analysis::gate::{
    Done, GateJob, GateTrial, Limits, NightlyRules, Offer, Rules, SearchPair, bars, course, ended_pairs,
    spoilt,
};

use super::{evidence, trials, words};
use crate::{figures, search::words as search_words};

/// What is tried now, for a line that moves: `pair 3, head at 948.7/s (evidence -4.0 after 2 of 10
/// pairs)`.
pub fn before_trial(job: &GateJob, offer: Offer) -> String {
    let again = match offer.attempt {
        0 => String::new(),
        attempt => format!("repeated {}", times(attempt)),
    };
    let known = match &job.result.limits {
        Limits::Fast(rules) => standing(rules, &done(job)).unwrap_or_default(),
        Limits::Nightly(_) => String::new(),
    };
    let more = [again, known].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let load = search_words::load(offer.load, job.axis);
    let label = format!("pair {}, {} at {load}", offer.repetition + 1, offer.side.name());
    if more.is_empty() { label } else { format!("{label} ({more})") }
}

/// What came of a trial, in one line, whether it is already among the job's or not.
pub fn after_trial(job: &GateJob, trial: &GateTrial) -> String {
    let mut all = done(job);
    let is_same = |one: &GateTrial| one.folder == trial.folder && one.done.side == trial.done.side;
    match job.trials.iter().position(is_same) {
        Some(at) => all.truncate(at + 1),
        None => all.push(trial.done),
    }
    let one = &trial.done;
    let p95 = trial.p95_s.map_or_else(String::new, |p95| format!(", p95 {}", figures::measured(p95)));
    let after = match &job.result.limits {
        Limits::Fast(rules) => of_trials(rules, &all, trial),
        Limits::Nightly(_) => String::new(),
    };
    format!(
        "pair {}, {} at {}: lost {}{p95}{after}",
        one.repetition + 1,
        one.side.name(),
        search_words::load(one.load, job.axis),
        figures::part(one.lost, one.arrivals),
    )
}

/// Why the last trial does not count, or how the evidence stands if it completes a pair.
fn of_trials(rules: &Rules, done: &[Done], last: &GateTrial) -> String {
    if let Some(why) = spoilt(rules, done).pop().flatten() {
        return format!("; does not count ({})", trials::because(why, last));
    }
    let pairs = |trials: usize| course(rules, &done[..trials]).len();
    if pairs(done.len()) == pairs(done.len() - 1) {
        return String::new();
    }
    let bars = bars(rules);
    let known = standing(rules, done).map(|known| {
        format!(
            "; {known}: below {} passes, above {} after all is a regression",
            words::score(bars.better),
            words::score(bars.worse)
        )
    });
    known.unwrap_or_default()
}

/// What came of a pair of searches, in one line, whether it is already among the job's or not; `number` counts
/// from 1.
pub fn after_searches(job: &GateJob, number: usize, pair: &SearchPair) -> String {
    let load = |load: f64| search_words::estimated(load, job.axis);
    let Some(x) = pair.x() else {
        return format!("pair {number} of searches does not count: one found nothing, or was spoilt");
    };
    let known = match &job.result.limits {
        Limits::Nightly(rules) => of_searches(rules, job, number, pair),
        Limits::Fast(_) => String::new(),
    };
    format!(
        "pair {number} of searches: base breaks at {}, head at {}, {} of base{known}",
        load(pair.base),
        load(pair.head),
        words::ratio(x.exp())
    )
}

fn of_searches(rules: &NightlyRules, job: &GateJob, number: usize, pair: &SearchPair) -> String {
    let mut all = job.result.searches.clone();
    all.truncate(number.saturating_sub(1));
    all.push(*pair);
    match evidence::standing(&ended_pairs(rules, &all)).as_str() {
        "" => String::new(),
        known => format!("; {known}"),
    }
}

fn done(job: &GateJob) -> Vec<Done> {
    job.trials.iter().map(|one| one.done).collect()
}

/// How the evidence stands; none before the first pair is complete.
fn standing(rules: &Rules, done: &[Done]) -> Option<String> {
    let pairs = course(rules, done);
    let sum = words::score(pairs.last()?.sum);
    Some(format!("evidence {sum} after {} of {} pairs", pairs.len(), rules.pairs_max()))
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
