//! In which order the components left their steady state, and which may have followed from which.
//!
//! A component leaves its steady state when it leaves the band of median ± 3 scaled MAD of the time before
//! the trigger (C. Leys et al., J. Exp. Soc. Psychology 49, 2013: robust where a mean and its deviation are
//! not) for two seconds of three, or at once if it leaves it by far. Without a time before, a count's steady
//! state is nothing, and a latency's is that of the run's first answers. The band is never narrower than a
//! floor, since a component at rest has no deviation at all.
//!
//! A latency is known when a call ends, and that is late. A dependency is slow from the first call on that turns
//! out to be slow; a user waits too long from the moment on at which the wait is longer than the band allows.

use loadlab_record::{Cascade, CascadeEdge, ChainResult, Onset};
use loadlab_scenario::component::Component;

use super::signals::{Second, Signals};
use crate::{Points, held_at, labels::label};

/// Half the band in scaled MADs: the moderate choice of the source.
const MADS: f64 = 3.0;
/// From MAD to standard deviation, for the normal distribution.
const SCALE: f64 = 1.4826;
/// So many bands away is left at once.
const FAR: f64 = 3.0;
/// Answers whose latency stands for the steady state, where there is no time before.
const FIRST_ANSWERS: usize = 5;
/// Seconds by which scrapes and windows may mistake the order.
const RESOLUTION_S: f64 = 1.0;
/// Causes that are drawn for a component at most: the nearest.
const CAUSES_MAX: usize = 2;

/// What can follow from what, by how the reference target is built and by the framework's loops.
const FOLLOWS: [(Component, &[Component]); 12] = [
    (Component::Database, &[Component::Cache, Component::Retries]),
    (Component::Llm, &[Component::Retries]),
    (Component::Cache, &[Component::Memory, Component::Errors]),
    (Component::Pool, &[Component::Database, Component::Llm, Component::Cache, Component::Retries]),
    (
        Component::Queue,
        &[Component::Pool, Component::Llm, Component::Database, Component::Cache, Component::Retries],
    ),
    (
        Component::ResponseTime,
        &[
            Component::Queue,
            Component::Pool,
            Component::Llm,
            Component::Database,
            Component::Cache,
            Component::Memory,
        ],
    ),
    (Component::Timeouts, &[Component::ResponseTime, Component::Queue, Component::Llm, Component::Database]),
    (Component::Retries, &[Component::Timeouts, Component::Errors, Component::Resets]),
    (Component::Breaker, &[Component::Llm, Component::Database]),
    (Component::Memory, &[Component::Queue, Component::ResponseTime]),
    (Component::Resets, &[Component::Memory, Component::Queue]),
    (
        Component::Errors,
        &[Component::Breaker, Component::Llm, Component::Database, Component::Queue, Component::Cache],
    ),
];

/// When a value was first out of its band.
#[derive(Debug, Clone, Copy)]
enum Since {
    /// When it was seen.
    Seen,
    /// It is a latency, and what took it began so long before.
    Begun,
    /// It is a latency, and was too long once it had passed the band.
    Overdue,
}

/// How a component is looked at.
struct Watched {
    component: Component,
    /// By second; holes where there is nothing to see.
    values: Vec<(f64, f64)>,
    unit: &'static str,
    /// The band's least half-width, as a share of the steady value and in the unit.
    floor: (f64, f64),
    /// When a value that is a latency was first out of its band.
    since: Since,
    /// Whether less is trouble as well.
    counts: bool,
}

/// Onsets, edges, and the documented chain.
pub(super) fn spread(signals: &Signals<'_>) -> Cascade {
    let mut unknown = Vec::new();
    let mut onsets: Vec<Onset> = Vec::new();
    for watched in watched(signals) {
        match watched {
            Ok(watched) => onsets.extend(onset(signals, &watched)),
            Err((component, why)) => unknown.push(format!("{}: {why}", component.name())),
        }
    }
    onsets.sort_by(|a, b| a.at_s.total_cmp(&b.at_s).then(a.component.cmp(&b.component)));
    let edges = edges(&onsets);
    let chain = signals.run.plan.documented.as_ref().map(|documented| documented.chain.as_slice());
    let documented = chain.filter(|chain| !chain.is_empty()).map(|chain| compared(chain, &onsets));
    Cascade { onsets, edges, unknown, documented }
}

/// All components, or why one cannot be looked at.
fn watched(signals: &Signals<'_>) -> Vec<Result<Watched, (Component, &'static str)>> {
    vec![
        latency(signals, Component::Database, "db_query_seconds"),
        latency(signals, Component::Llm, "llm_call_seconds"),
        caches(signals),
        pool(signals),
        queue(signals),
        Ok(Watched {
            since: Since::Overdue,
            floor: (0.5, 0.05),
            ..own(signals, Component::ResponseTime, "s", |one| one.p95)
        }),
        Ok(own(signals, Component::Timeouts, "/s", |one| Some(one.given_up))),
        Ok(own(signals, Component::Retries, "/s", |one| Some(one.retried))),
        gauge(signals, Component::Breaker, &["breaker_state"], (0.0, 0.5)),
        memory(signals),
        Ok(own(signals, Component::Resets, "/s", |one| Some(one.cut))),
        Ok(own(signals, Component::Errors, "/s", |one| Some(one.errors))),
    ]
}

/// What the client saw, second by second.
fn own(
    signals: &Signals<'_>,
    component: Component,
    unit: &'static str,
    of: impl Fn(&Second) -> Option<f64>,
) -> Watched {
    let values = signals.seconds.iter().enumerate();
    let values = values.filter_map(|(index, second)| Some(((index + 1) as f64, of(second)?))).collect();
    Watched { component, values, unit, floor: (0.5, 0.5), since: Since::Seen, counts: unit != "s" }
}

fn latency(
    signals: &Signals<'_>,
    component: Component,
    histogram: &str,
) -> Result<Watched, (Component, &'static str)> {
    let count = signals.metrics.rate(&format!("{histogram}_count"), 1.0);
    let sum = signals.metrics.rate(&format!("{histogram}_sum"), 1.0);
    if count.is_empty() {
        return Err((component, "its latency is not published"));
    }
    let mean =
        |(&(at, count), &(_, sum)): (&(f64, f64), &(f64, f64))| (count > 0.0).then(|| (at, sum / count));
    let values = count.iter().zip(&sum).filter_map(mean).collect();
    Ok(Watched { component, values, unit: "s", floor: (1.0, 0.01), since: Since::Begun, counts: false })
}

/// The share of look-ups that no level answers, over three seconds, since there are few of them.
fn caches(signals: &Signals<'_>) -> Result<Watched, (Component, &'static str)> {
    if signals.metrics.series("cache_requests_total").next().is_none() {
        return Err((Component::Cache, "its look-ups are not published"));
    }
    let rate = |level: &str, hit: bool| {
        signals.metrics.rate_where("cache_requests_total", 1.0, |series| {
            let is = |key, value: &str| label(&series.labels, key).as_deref() == Some(value);
            is("level", level) && (!hit || is("result", "hit"))
        })
    };
    let (asked, first, second) = (rate("l1", false), rate("l1", true), rate("l2", true));
    let recent = |points: &Points, index: usize| {
        points
            .get(index.saturating_sub(2)..=index)
            .map_or(0.0, |recent| recent.iter().map(|(_, rate)| rate).sum())
    };
    let misses = |(index, (at, _)): (usize, &(f64, f64))| {
        let asked: f64 = recent(&asked, index);
        let hit: f64 = recent(&first, index) + recent(&second, index);
        (asked > 0.0).then(|| (*at, 1.0 - hit / asked))
    };
    let values = asked.iter().enumerate().filter_map(misses).collect();
    Ok(Watched {
        component: Component::Cache,
        values,
        unit: "share",
        floor: (0.0, 0.3),
        since: Since::Seen,
        counts: false,
    })
}

fn pool(signals: &Signals<'_>) -> Result<Watched, (Component, &'static str)> {
    let (busy, most) = (signals.metrics.sum("pool_sessions_busy"), signals.metrics.sum("pool_sessions_max"));
    if busy.is_empty() || most.is_empty() {
        return Err((Component::Pool, "no session pool is published"));
    }
    // Only a full pool is trouble, however steady it was half full.
    let full = |(at, busy): &(f64, f64)| {
        let most = held_at(&most, *at).filter(|most| *most > 0.0)?;
        Some((*at, if *busy >= most { 1.0 } else { 0.0 }))
    };
    let values = by_second(signals, &busy.iter().filter_map(full).collect());
    Ok(Watched {
        component: Component::Pool,
        values,
        unit: "share",
        floor: (0.0, 0.5),
        since: Since::Seen,
        counts: true,
    })
}

fn queue(signals: &Signals<'_>) -> Result<Watched, (Component, &'static str)> {
    gauge(signals, Component::Queue, &["pool_waiting", "worker_queue_depth", "llm_queued"], (0.5, 2.5))
}

fn gauge(
    signals: &Signals<'_>,
    component: Component,
    names: &[&str],
    floor: (f64, f64),
) -> Result<Watched, (Component, &'static str)> {
    let published: Vec<Points> =
        names.iter().map(|name| signals.metrics.sum(name)).filter(|points| !points.is_empty()).collect();
    if published.is_empty() {
        return Err((component, "its gauges are not published"));
    }
    let mut values: Points = by_second(signals, &published[0]);
    for more in &published[1..] {
        let more = by_second(signals, more);
        values.iter_mut().zip(more).for_each(|(value, more)| value.1 += more.1);
    }
    Ok(Watched { component, values, unit: "", floor, since: Since::Seen, counts: true })
}

fn memory(signals: &Signals<'_>) -> Result<Watched, (Component, &'static str)> {
    let of_service = |series: &loadlab_record::Series| series.role.starts_with("service");
    let points = signals.metrics.sum_where("process_resident_memory_bytes", of_service);
    if points.is_empty() {
        return Err((Component::Memory, "its memory is not published"));
    }
    let values = by_second(signals, &points);
    Ok(Watched {
        component: Component::Memory,
        values,
        unit: "B",
        floor: (0.25, 0.0),
        since: Since::Seen,
        counts: false,
    })
}

/// The largest value of a gauge in each second, stamped with when it was first so in it.
fn by_second(signals: &Signals<'_>, points: &Points) -> Points {
    let largest = |index: usize| {
        let (from, to) = (index as f64, (index + 1) as f64);
        let held = (from, held_at(points, from).unwrap_or(0.0));
        let start = points.partition_point(|(at, _)| *at <= from);
        let end = points.partition_point(|(at, _)| *at < to).max(start);
        points[start..end].iter().copied().fold(held, |most, next| if next.1 > most.1 { next } else { most })
    };
    (0..signals.seconds.len()).map(largest).collect()
}

/// When a component left its band since the trigger.
fn onset(signals: &Signals<'_>, watched: &Watched) -> Option<Onset> {
    let (from, to) = signals.span;
    let (middle, half) = band(signals, watched)?;
    let over = |value: f64| value - middle > half;
    let within: Vec<&(f64, f64)> =
        watched.values.iter().filter(|(at, _)| *at >= from && *at <= to + 1.0).collect();
    let left = |index: usize| {
        let (_, value) = *within[index];
        let next = &within[index..(index + 3).min(within.len())];
        let again = next.iter().filter(|(_, value)| over(*value)).count();
        over(value) && (again >= 2 || value - middle > FAR * half)
    };
    let (at, value) = *within[(0..within.len()).find(|index| left(*index))?];
    // It was too long from the moment on at which it had taken as long as the band is high.
    let at = match watched.since {
        Since::Seen => at,
        Since::Begun => at - value,
        Since::Overdue => at - (value - middle - half),
    }
    .max(from);
    Some(Onset {
        component: watched.component,
        at_s: at,
        before: middle,
        after: value,
        unit: watched.unit.to_owned(),
    })
}

/// Middle and half-width of the steady state.
fn band(signals: &Signals<'_>, watched: &Watched) -> Option<(f64, f64)> {
    let steady: Vec<f64> = match signals.before {
        Some((from, to)) => {
            watched.values.iter().filter(|(at, _)| *at > from && *at <= to).map(|(_, value)| *value).collect()
        }
        None if watched.counts => vec![0.0],
        None => watched.values.iter().take(FIRST_ANSWERS).map(|(_, value)| *value).collect(),
    };
    let middle = median(steady.clone())?;
    let deviation = median(steady.iter().map(|value| (value - middle).abs()).collect())? * SCALE;
    let floor = (middle * watched.floor.0).max(watched.floor.1);
    Some((middle, (MADS * deviation).max(floor)))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[half - 1], upper) })
}

/// For each component the nearest of those that it can follow from and that came before it.
fn edges(onsets: &[Onset]) -> Vec<CascadeEdge> {
    let mut edges = Vec::new();
    for (place, to) in onsets.iter().enumerate() {
        let causes =
            FOLLOWS.iter().find(|(component, _)| *component == to.component).map_or(&[][..], |one| one.1);
        let rank = |component: Component| causes.iter().position(|cause| *cause == component);
        let mut before: Vec<(usize, &Onset)> = onsets
            .iter()
            .enumerate()
            .filter(|(other, from)| {
                // What came within the resolution may have come before: then the structure decides.
                let order = from.at_s <= to.at_s || (from.at_s - to.at_s <= RESOLUTION_S && *other > place);
                order && !follows_back(from.component, to.component, onsets)
            })
            .filter_map(|(_, from)| Some((rank(from.component)?, from)))
            .collect();
        before.sort_by(|a, b| b.1.at_s.total_cmp(&a.1.at_s).then(a.0.cmp(&b.0)));
        edges.extend(before.iter().take(CAUSES_MAX).map(|(_, from)| CascadeEdge {
            from: from.component,
            to: to.component,
            lag_s: (to.at_s - from.at_s).max(0.0),
        }));
    }
    edges
}

/// Of two that can each follow from the other, the one that came first is the cause.
fn follows_back(from: Component, to: Component, onsets: &[Onset]) -> bool {
    let at = |component| onsets.iter().find(|one| one.component == component).map(|one| one.at_s);
    let back = FOLLOWS.iter().any(|(component, causes)| *component == from && causes.contains(&to));
    back && at(to) < at(from)
}

/// The documented chain beside the measured order.
fn compared(chain: &[Component], onsets: &[Onset]) -> ChainResult {
    let at =
        |component: &Component| onsets.iter().find(|one| one.component == *component).map(|one| one.at_s);
    let missing: Vec<Component> = chain.iter().filter(|component| at(component).is_none()).copied().collect();
    let seen: Vec<Component> = chain.iter().filter(|component| at(component).is_some()).copied().collect();
    let turned: Vec<(Component, Component)> = seen
        .windows(2)
        .filter(|pair| at(&pair[0]) > at(&pair[1]).map(|second| second + RESOLUTION_S))
        .map(|pair| (pair[0], pair[1]))
        .collect();
    let reproduced = missing.is_empty() && turned.is_empty();
    ChainResult { chain: chain.to_vec(), missing, turned, reproduced }
}
