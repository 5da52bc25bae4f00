//! What follows from a search: what gave way, how throughput grows, and what a reader may conclude and what
//! not.

use loadlab_analysis::{
    scaling::Estimated,
    search::{Found, Method, SearchResult},
};

use super::words;
use crate::figures;

/// A curve that the trials are further off than this, on average, does not describe the target.
const OFF_MOST: f64 = 0.05;

/// What nobody may conclude from any search.
const ELSEWHERE: &str = "Nothing about another machine, build, profile, scenario or objective: each has a \
                         breaking point of its own. Two are compared by trials that alternate in one job, not \
                         by two pages like this.";
const BURSTS: &str =
    "Nothing about bursts: each trial is one steady load on a target that was idle before it.";
/// And from such ones.
const UNFINISHED: &str = "No breaking point: the search did not come to its end.";
/// From one whose second part alone was made.
const GIVEN: &str = "No breaking point: what is carried was given and not tried.";
/// And of the hidden capacity.
const OTHER_TRIGGERS: &str =
    "Nothing about other triggers: one that lasts longer or does more leaves less that heals itself.";
const RAMP: &str = "No share of certainty: a ramp tries each load once.";

/// What gave way first, in a sentence.
pub(super) fn gave_way(result: &SearchResult) -> Option<String> {
    let way = result.gave_way.as_ref()?;
    let at = words::load(way.load, result.axis);
    let Some(resource) = &way.resource else {
        return Some(format!(
            "In a trial at {at} that lost too much, the failure mode was {}. The target names no resource \
             that was waited for.",
            way.mode
        ));
    };
    let used = way.utilisation.map(|used| format!("{} of it was in use", figures::share(used)));
    let waited = way.wait_s.map(|wait| format!("it was waited for {} on average", figures::measured(wait)));
    let how = [used, waited].into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let how = if how.is_empty() { String::new() } else { format!(": {how}") };
    Some(format!(
        "In a trial at {at} that lost too much, {resource} gave way first{how}. The failure mode was {}.",
        way.mode
    ))
}

/// The law of throughput, in sentences.
pub(super) fn law(result: &SearchResult) -> Option<String> {
    let law = result.law.as_ref()?;
    let number = |of: &Estimated| {
        let text = figures::coefficient;
        format!("{} (95 %: {} to {})", text(of.at), text(of.low), text(of.high))
    };
    let peak = match law.peak_load() {
        Some(peak) => format!("It would be highest at {}.", words::estimated(peak, result.axis)),
        None => "It has no peak.".to_owned(),
    };
    let off = figures::share(law.off_share);
    let trust = if law.off_share > OFF_MOST {
        format!("The trials are {off} off the curve: it does not describe this target.")
    } else {
        format!("The trials are {off} off the curve.")
    };
    Some(format!(
        "The law of scalability that fits throughput has a contention of {} and a coherency of {}. {peak} \
         {trust} It explains, and decides nothing.",
        number(&law.contention),
        number(&law.coherency)
    ))
}

/// What a reader may conclude.
pub(super) fn conclusions(result: &SearchResult) -> (Vec<String>, Vec<String>) {
    let may = result.found.as_ref().map_or_else(Vec::new, |found| may(result, found));
    let speed = result.speed.get();
    let at_speed = ((speed - 1.0).abs() > f64::EPSILON).then(|| {
        format!(
            "Nothing about CPU: at speed {speed} modelled waits are that much shorter in real time, and what \
             costs CPU is not. Where the CPU is the limit, the target carries more at speed 1."
        )
    });
    let longest = format!(
        "Nothing about what takes longer than a trial: it measures for {}, and disks that fill or memory \
         that leaks show later.",
        figures::seconds(result.rules.trial_s)
    );
    let given = result.hidden.as_ref().is_some_and(|hidden| hidden.carried_is_given);
    let unfinished = result.found.is_none().then(|| if given { GIVEN } else { UNFINISHED }.to_owned());
    let triggers = result.hidden.as_ref().map(|_| OTHER_TRIGGERS.to_owned());
    let ramp = (result.method == Method::Ramp).then(|| RAMP.to_owned());
    let (elsewhere, bursts) = (Some(ELSEWHERE.to_owned()), Some(BURSTS.to_owned()));
    let may_not = [unfinished, ramp, elsewhere, Some(longest), bursts, triggers, at_speed];
    (may, may_not.into_iter().flatten().collect())
}

fn may(result: &SearchResult, found: &Found) -> Vec<String> {
    let allowed = figures::share(result.rules.allowed_loss.get());
    let carried = found.at.map(|at| {
        format!(
            "This target on this machine was seen to carry {} with at most {allowed} lost.",
            words::load(at, result.axis)
        )
    });
    let bounded = match (result.method, found.estimate, found.interval) {
        (Method::Mlr | Method::Bayes, Some(_), (Some(_), Some(_))) => Some(format!(
            "With 95 % its breaking point is {}. That comes from how trials differ, not from the number of \
             arrivals, and supposes that the loss grows with the load.",
            words::interval(found.interval, result.axis)
        )),
        _ => None,
    };
    let failing = result.gave_way.as_ref().map(|way| {
        format!(
            "What failed at {} failed there; far above the breaking point something else may fail first.",
            words::load(way.load, result.axis)
        )
    });
    [carried, bounded, failing].into_iter().flatten().collect()
}
