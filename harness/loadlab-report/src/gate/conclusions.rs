//! What a reader may conclude from a gate, and what not.

use loadlab_analysis::gate::{Decision, Evidence, GateJob, GateVerdict, Limits, Losses, Ratio};

use super::words;
use crate::{figures, search::words as search_words};

const ELSEWHERE: &str = "Nothing about another machine, scenario or objective: both were compared here, in one job, on one of each.";
const BURSTS: &str =
    "Nothing about bursts: each trial is one steady load on a target that was idle before it.";
const UNFINISHED: &str = "No verdict on the breaking point: the job did not come to its end.";
const OPEN: &str = "Neither that head is worse nor that it is not: it could not be told.";

/// What may be concluded, and what may not.
pub(super) fn conclusions(job: &GateJob) -> (Vec<String>, Vec<String>) {
    (may(job), may_not(job))
}

fn may(job: &GateJob) -> Vec<String> {
    let result = &job.result;
    let breaking_point = match (&result.decision, &result.limits) {
        (Decision::Pass { evidence: Evidence::Losses(losses) }, _) => Some(passed(losses)),
        (Decision::Regression { evidence: Evidence::Losses(losses) }, _) => Some(regressed(losses)),
        (Decision::Pass { evidence: Evidence::Ratio(ratio) }, _) => {
            Some(within(ratio, "not lower by more than"))
        }
        (Decision::Regression { evidence: Evidence::Ratio(ratio) }, _) => {
            Some(within(ratio, "lower by more than"))
        }
        (Decision::Inconclusive { .. }, _) => None,
    };
    let worse = result.beside.measures.iter().filter(|measure| measure.worse).count();
    let measures = (worse > 0).then(|| {
        format!(
            "{} became worse by more than the margin; the adjusted p says how often that is chance.",
            search_words::counted(worse as u64, "measure", "measures")
        )
    });
    breaking_point.into_iter().chain(measures).collect()
}

fn passed(losses: &Losses) -> String {
    let less = figures::share(losses.offered_less);
    format!(
        "Head's breaking point is not lower than base's by {less} or more, as far as trials tell: with so much \
         less load it lost less."
    )
}

fn regressed(losses: &Losses) -> String {
    let less = figures::share(losses.offered_less);
    format!(
        "Head's breaking point is lower than base's, by more than {less}, as far as trials tell: even with so \
         much less load it lost more."
    )
}

fn within(ratio: &Ratio, is: &str) -> String {
    format!(
        "Head's breaking point is {is} {}: it lies between {} and {} of base's, by intervals that allow for \
         three looks.",
        figures::share(1.0 - ratio.least),
        words::ratio(ratio.low),
        words::ratio(ratio.high)
    )
}

fn may_not(job: &GateJob) -> Vec<String> {
    let result = &job.result;
    let delta = words::delta(&result.limits);
    let verdict = match &result.decision {
        decision if words::is_unfinished(decision) => Some(UNFINISHED.to_owned()),
        Decision::Inconclusive { .. } => Some(OPEN.to_owned()),
        _ => None,
    };
    let small = match &result.limits {
        Limits::Fast(_) => format!(
            "Nothing about a drop of about {}, half of the one that is looked for: it comes out either way, or \
             stays open.",
            figures::share(delta / 2.0)
        ),
        Limits::Nightly(_) => format!(
            "Nothing about a drop of just {}: it mostly stays open, and one of twice that is found.",
            figures::share(delta)
        ),
    };
    let at_load = matches!(result.limits, Limits::Fast(_)).then(|| {
        "No number for a breaking point, and nothing about how head does at base's load, which it was never \
         offered in a pair."
            .to_owned()
    });
    let unseen = result.beside.measures.iter().any(|measure| measure.weak).then(|| {
        "That a measure with too few trials did not become worse: only larger changes would be found."
            .to_owned()
    });
    let bound = (result.verdict == GateVerdict::BoundMissed).then(|| {
        "That head is worse than base: a missed bound is about head alone, and base may miss it too."
            .to_owned()
    });
    let longest = format!(
        "Nothing about what takes longer than a trial: it measures for {}, and disks that fill or memory that \
         leaks show later.",
        figures::duration(job.times.measured)
    );
    let fixed = [Some(small), at_load, unseen, bound, Some(ELSEWHERE.to_owned()), Some(longest)];
    let burst = Some(BURSTS.to_owned());
    std::iter::once(verdict).chain(fixed).chain([burst, at_speed(job)]).flatten().collect()
}

fn at_speed(job: &GateJob) -> Option<String> {
    let speed = job.speed.get();
    ((speed - 1.0).abs() > f64::EPSILON).then(|| {
        format!(
            "Nothing about CPU as a limit: at speed {speed} modelled waits are that much shorter in real time, \
             and what costs CPU is not."
        )
    })
}
