//! Loops that amplify and loops that dampen, as the systems-thinking framework names them.
//!
//! | loop | gain |
//! |---|---|
//! | retry storm | requests offered per request wanted |
//! | cache stampede | refills per missing key |
//! | connection exhaustion | how long a session is held, over how long it was before |

use loadlab_record::{Dampener, FeedbackLoop};

use super::{
    readings::{gain, hold, ratio},
    signals::Signals,
};
use crate::{
    Points,
    words::{count, seconds_text},
};

/// A gain from which on a loop is said to have acted: a tenth more than there would be.
const ACTED: f64 = 1.1;
/// Seconds over which a peak is taken at least.
const PEAK_S: f64 = 5.0;
/// Stretches of a long span at most, since each reads all metrics.
const STRETCHES: f64 = 24.0;

/// The amplifying loops.
pub(super) fn loops(signals: &Signals<'_>) -> Vec<FeedbackLoop> {
    vec![retry_storm(signals), cache_stampede(signals), connection_exhaustion(signals)]
}

fn feedback(name: &str, meaning: &str, gain: Option<f64>, peak: Option<f64>, note: String) -> FeedbackLoop {
    FeedbackLoop {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        gain,
        gain_peak: peak,
        acted: gain.map(|gain| gain >= ACTED),
        note,
    }
}

fn retry_storm(signals: &Signals<'_>) -> FeedbackLoop {
    let span = signals.span;
    let steps = stretches(span).filter_map(|stretch| gain(signals, stretch));
    let mean = gain(signals, span);
    let peak = steps.chain(mean).max_by(f64::total_cmp);
    let (wanted, extra) = (signals.sum(span, |one| one.due), signals.sum(span, |one| one.retried));
    let note = format!(
        "{} for {}",
        count(extra, "extra attempt", "extra attempts"),
        count(wanted, "arrival", "arrivals")
    );
    feedback("retry storm", "requests offered per request wanted", mean, peak, note)
}

/// Look-ups that brought in a key, per key that was brought in. One of each is what a cache costs; more are
/// searches that looked for the same key at the same time.
fn cache_stampede(signals: &Signals<'_>) -> FeedbackLoop {
    let refills_per_key = |stretch| {
        let refills =
            signals.rise_of("cache_requests_total", &[("level", "l2"), ("result", "miss")], stretch)?;
        let held = signals.rise("redis_keys", stretch)?;
        let gone = ["redis_expired_total", "redis_evicted_total"]
            .iter()
            .filter_map(|name| signals.rise(name, stretch))
            .sum::<f64>();
        let keys = held + gone;
        (keys > 0.0).then_some((refills, keys))
    };
    let meaning = "refills per missing key";
    let name = "cache stampede";
    let Some((refills, keys)) = refills_per_key(signals.span) else {
        let why = match signals.rise("redis_keys", signals.span) {
            None => "the store of the cache does not publish its keys",
            Some(_) => "the cache took in no key",
        };
        return feedback(name, meaning, None, None, why.to_owned());
    };
    let steps = stretches(signals.span).filter_map(refills_per_key);
    let gain = refills / keys;
    // Stretches with a key or two say nothing.
    let peak = steps.filter(|(_, keys)| *keys >= 5.0).map(|(refills, keys)| refills / keys);
    let peak = peak.chain([gain]).max_by(f64::total_cmp);
    let note = format!("{} for {}", count(refills, "refill", "refills"), count(keys, "key", "keys"));
    feedback(name, meaning, Some(gain), peak, note)
}

fn connection_exhaustion(signals: &Signals<'_>) -> FeedbackLoop {
    let meaning = "how long a session is held, over how long before";
    let name = "connection exhaustion";
    let Some(under) = hold(signals, signals.span) else {
        let why = "the target publishes no session pool, or too few sessions were taken".to_owned();
        return feedback(name, meaning, None, None, why);
    };
    let Some(before) = signals.before.and_then(|before| hold(signals, before)) else {
        let why = format!("held for {}; there was no steady time before to compare", seconds_text(under));
        return feedback(name, meaning, None, None, why);
    };
    let steps = stretches(signals.span).filter_map(|stretch| ratio(hold(signals, stretch), Some(before)));
    let gain = under / before;
    let note = format!("held for {}, before for {}", seconds_text(under), seconds_text(before));
    feedback(name, meaning, Some(gain), steps.chain([gain]).max_by(f64::total_cmp), note)
}

fn stretches((from, to): (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    let length = PEAK_S.max((to - from) / STRETCHES);
    let steps = ((to - from) / length).floor().max(0.0) as usize;
    (0..steps).map(move |step| (from + step as f64 * length, from + (step + 1) as f64 * length))
}

/// What dampened, with how often it acted; what is not published is told as unknown.
pub(super) fn dampeners(signals: &Signals<'_>) -> Vec<Dampener> {
    let of = |name: &str, metric: &str, labels: &[(&str, &str)]| Dampener {
        name: name.to_owned(),
        acted: signals.rise_of(metric, labels, signals.span),
        first_s: first_rise(signals, metric, labels),
    };
    let all = vec![
        of("breaker: calls refused", "breaker_rejections_total", &[]),
        of("rate limit: requests refused", "gateway_rejections_total", &[("reason", "rate_limited")]),
        of("load shedding: requests refused", "shed_total", &[]),
        of("backlog limit: connections reset", "backlog_refused_total", &[]),
        of("stream limit: streams refused", "streams_refused_total", &[]),
        of("one refill for all: waits for another's", "single_flight_shared_total", &[]),
        of("degradation: answers by keywords", "degraded_total", &[("tier", "keyword")]),
        of("degradation: answers from the cache", "degraded_total", &[("tier", "cached")]),
        of("memory guard: restarts", "memory_guard_restarts_total", &[]),
    ];
    all.into_iter().filter(|one| one.acted.is_some()).collect()
}

/// When those series of a counter first rose in the span.
fn first_rise(signals: &Signals<'_>, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let wanted = |series: &loadlab_record::Series| {
        labels.iter().all(|(key, value)| crate::labels::label(&series.labels, key).as_deref() == Some(*value))
    };
    let points = signals.metrics.points(name, wanted);
    let risen: Points = points.iter().map(|point| (point.at, point.risen)).collect();
    let before = crate::held_at(&risen, signals.span.0).unwrap_or(0.0);
    let (from, to) = signals.span;
    risen.iter().find(|(at, risen)| (from..=to).contains(at) && *risen > before).map(|(at, _)| *at)
}
