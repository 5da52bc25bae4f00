//! When it failed, and when it was back.

use loadlab_record::{FailureTimes, Measured};

use super::signals::Signals;
use crate::words::value_text;

/// Time to failure and time to recovery.
pub(super) fn of(signals: &Signals<'_>) -> FailureTimes {
    FailureTimes {
        allowed_loss: signals.allowed,
        to_failure: to_failure(signals),
        to_recovery: to_recovery(signals),
    }
}

/// From the trigger to the end of the first second of which, by time of failing, too much was lost.
fn to_failure(signals: &Signals<'_>) -> Measured {
    let from = signals.trigger.from_s;
    let over = |index: &usize| {
        let second = &signals.seconds[*index];
        let decided = second.lost + second.good;
        second.lost > 0.0 && second.lost / decided > signals.allowed
    };
    let allowed = value_text(signals.allowed, "share");
    if let Some((start, end)) = signals.before
        && signals.sum((start, end), |second| second.lost)
            > signals.allowed * signals.sum((start, end), |second| second.lost + second.good)
    {
        return Measured::none(format!(
            "more than {allowed} was lost before {} already",
            signals.trigger.what
        ));
    }
    match (from as usize..signals.seconds.len()).find(over) {
        Some(index) => Measured::of((index + 1) as f64 - from),
        None => Measured::none(format!("no second lost more than the {allowed} that may be")),
    }
}

/// From the end of the trigger to the first second that is within the objectives and after which none fails.
/// Seconds in which nothing ends say nothing: what hangs in them ends later, and badly.
fn to_recovery(signals: &Signals<'_>) -> Measured {
    let (from, to) = (signals.trigger.from_s as usize, signals.trigger.to_s);
    let failing = |index: &usize| signals.is_failing(&signals.seconds[*index]);
    let Some(last) = (from..signals.seconds.len()).rfind(failing) else {
        return Measured::none("nothing failed that it could recover from");
    };
    let rest = &signals.seconds[last + 1..];
    let waiting = signals.seconds.last().map_or(0.0, |second| second.in_flight);
    let good = rest.iter().position(|second| second.ended > 0.0);
    if good.is_none() && waiting > 0.0 {
        return Measured::none("it was failing when the run ended");
    }
    let back = (last + 1 + good.unwrap_or(0)) as f64;
    let mut measured = Measured::of((back - to).max(0.0));
    if back < to {
        measured.note =
            format!("it was back {} before {} was over", seconds(to - back), signals.trigger.what);
    } else if rest.iter().all(|second| second.due == 0.0) {
        measured.note.push_str("nothing more was asked of it by then: it had served what was left");
    }
    measured
}

fn seconds(value: f64) -> String {
    crate::words::seconds_text(value)
}
