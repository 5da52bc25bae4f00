//! Whether goodput comes back once the trigger is gone.
//!
//! A failure that stays although what caused it is gone is *metastable*: the system keeps itself there, most
//! often by retries (N. Bronson et al., HotOS 2021; L. Huang et al., OSDI 2022).

use loadlab_record::{Aftermath, AftermathState};

use super::signals::{Second, Signals};
use crate::words::{seconds_text, value_text};

/// Goodput is back at this share of what it was.
const BACK: f64 = 0.95;
/// Below this share of what it was it stayed away: what is left is less than half.
const AWAY: f64 = 0.5;
/// Seconds that goodput is averaged over when the time at which it is back is looked for.
const AVERAGED_S: usize = 5;
/// Seconds that the time after the trigger needs for an answer.
const AFTER_MIN_S: f64 = 6.0;
/// Goodput stays away if it has not come back in so many times the trigger's length.
const FIRM: f64 = 5.0;

/// Compares goodput before and after.
pub(super) fn tell(signals: &Signals<'_>) -> Aftermath {
    let trigger = &signals.trigger;
    let Some(before) = signals.before.filter(|_| trigger.passing) else {
        return unknown(None, "there was no load before and after its trigger to compare");
    };
    let (from, to) = (trigger.to_s.ceil(), signals.load_end.floor());
    let good = |stretch: (f64, f64)| {
        let seconds = signals.within(stretch);
        seconds.iter().map(|second| second.good).sum::<f64>() / (seconds.len().max(1)) as f64
    };
    // Load that changed is no loss: what counts is what was answered of what was wanted.
    let wanted = |stretch: (f64, f64)| {
        let seconds = signals.within(stretch);
        seconds.iter().map(|second| second.due).sum::<f64>() / (seconds.len().max(1)) as f64
    };
    let was = good(before);
    if was <= 0.0 {
        return unknown(None, "nothing went well before the trigger");
    }
    if to - from < AFTER_MIN_S {
        return unknown(Some(was), "the load ended too soon after the trigger");
    }
    let late = (to - (to - from) / 3.0, to);
    // Chance makes fewer come in one stretch than in another, and fewer that come are no failure.
    let expected = was.min(wanted(late));
    let after = good(late);
    let share = if expected > 0.0 { after / expected } else { 1.0 };
    let chance = 2.0 / (expected * (late.1 - late.0)).max(1.0).sqrt();
    let state = match share {
        share if share >= BACK - chance.min(BACK - AWAY) => AftermathState::Recovered,
        share if share >= AWAY => AftermathState::Degraded,
        _ => AftermathState::Metastable,
    };
    let back = back_after(signals.within((from, to)), expected * BACK);
    let firm = to - from >= FIRM * (trigger.to_s - trigger.from_s);
    let length = seconds_text(to - from);
    let note = format!(
        "{} of the goodput before {}, {length} after it{}",
        value_text(share, "share"),
        trigger.what,
        if firm { "" } else { ", which is less than five times as long as it lasted" },
    );
    // What has not come back yet may still come: only a long wait tells that it stays away.
    let state = if firm || state == AftermathState::Recovered { state } else { AftermathState::Unknown };
    Aftermath {
        state,
        before: Some(was),
        after: Some(after),
        back_after_s: back.filter(|_| state == AftermathState::Recovered),
        note,
    }
}

/// Seconds until the mean goodput of some seconds is at the level.
fn back_after(after: &[Second], level: f64) -> Option<f64> {
    let mean = |seconds: &[Second]| seconds.iter().map(|second| second.good).sum::<f64>() / AVERAGED_S as f64;
    after.windows(AVERAGED_S).position(|seconds| mean(seconds) >= level).map(|index| index as f64)
}

fn unknown(before: Option<f64>, why: &str) -> Aftermath {
    Aftermath {
        state: AftermathState::Unknown,
        before,
        after: None,
        back_after_s: None,
        note: why.to_owned(),
    }
}
