//! What was full, who waited for it, and whether Little's law holds of it.
//!
//! Little's law: the mean number in a system is the rate of coming times the mean time in it (J. D. C.
//! Little, Operations Research 9, 1961). Both sides are published where the target publishes both, so a
//! gauge and a histogram that disagree show.

use loadlab_record::{Bottleneck, Little, Series};

use super::signals::Signals;
use crate::{Metrics, Points, health::service_cpu, held_at};

/// Of a resource of which all is in use, this share is.
const FULL: f64 = 1.0 - 1e-9;
/// Share of the memory limit from which memory counts as full: the stress-test report's OOM killer acts at 95 %.
const MEMORY_FULL: f64 = 0.95;
/// Share of the machine from which its CPU counts as full.
const CPU_FULL: f64 = 0.95;

/// Share of the arrivals' time in the system that is waited for a resource from which the waits matter: below
/// it, removing the resource's queue altogether would not be seen beside the noise of two runs.
const WAITS_MATTER: f64 = 0.05;

/// A resource as its gauges and histograms show it. Empty points are not published.
struct Gauges {
    resource: String,
    unit: &'static str,
    in_use: Points,
    /// How much there is; empty: it is full while something waits.
    limit: Points,
    waiting: Points,
    /// Histogram of its waits, with the label that picks its series.
    waits: Option<(&'static str, Option<(&'static str, String)>)>,
    /// Histogram of the times in service, likewise.
    served: Option<(&'static str, Option<(&'static str, String)>)>,
    full: f64,
    note: String,
}

/// The resources, the one that was waited for most first, then the most used.
pub(super) fn rank(signals: &Signals<'_>) -> Vec<Bottleneck> {
    let mut found: Vec<Bottleneck> = gauges(signals)
        .iter()
        .filter(|gauges| !gauges.in_use.is_empty() || !gauges.waiting.is_empty())
        .map(|gauges| gauges.look(signals))
        .collect();
    // A queue of milliseconds in front of something is no bottleneck, however early it stood there.
    let in_system = signals.sum(signals.span, |second| second.in_flight);
    let felt = |one: &Bottleneck| one.waited_s.is_none_or(|waited| waited >= WAITS_MATTER * in_system);
    let full_at = |one: &Bottleneck| one.saturated_s.filter(|_| felt(one));
    let first = found.iter().filter_map(full_at).fold(f64::INFINITY, f64::min);
    for one in &mut found {
        one.first = full_at(one).is_some_and(|at| at <= first);
    }
    found.sort_by(|a, b| {
        let key = |one: &Bottleneck| (one.waited_s.unwrap_or(0.0), one.utilisation_peak.unwrap_or(0.0));
        key(b).partial_cmp(&key(a)).unwrap_or(std::cmp::Ordering::Equal)
    });
    found
}

/// What the target's contract names.
fn gauges(signals: &Signals<'_>) -> Vec<Gauges> {
    let metrics = &signals.metrics;
    let mut all = vec![
        Gauges {
            waiting: metrics.sum("worker_queue_depth"),
            waits: Some(("worker_queue_wait_seconds", None)),
            ..plain("the workers' admission", "slots", metrics.sum("worker_in_flight"))
        },
        Gauges {
            limit: metrics.sum("backlog_limit"),
            ..plain("the backlog", "requests", metrics.sum("worker_queue_depth"))
        },
        memory(metrics),
        Gauges {
            limit: vec![(0.0, 1.0)],
            full: CPU_FULL,
            ..plain("the CPU", "of the machine", service_cpu(signals.run))
        },
        Gauges {
            waiting: metrics.sum("mock_queue_depth"),
            waits: Some(("mock_queue_wait_seconds", None)),
            ..plain("the LLM's own throughput", "calls at a time", metrics.sum("mock_in_flight"))
        },
    ];
    all.extend(pools(metrics));
    all.extend(llm(metrics));
    all.extend(database(signals));
    all.extend(cache(signals));
    // Without a limit a backlog is only another name for the workers' queue.
    all.retain(|gauges| {
        gauges.resource != "the backlog" || gauges.limit.iter().any(|(_, limit)| *limit > 0.0)
    });
    all
}

fn plain(resource: &str, unit: &'static str, in_use: Points) -> Gauges {
    Gauges {
        resource: resource.to_owned(),
        unit,
        in_use,
        limit: Vec::new(),
        waiting: Vec::new(),
        waits: None,
        served: None,
        full: FULL,
        note: String::new(),
    }
}

/// The pools, each by its label; one without a label where there is one only.
fn pools(metrics: &Metrics<'_>) -> Vec<Gauges> {
    let named = metrics.by_label("pool_sessions_busy", "pool");
    if named.is_empty() {
        return vec![Gauges {
            limit: metrics.sum("pool_sessions_max"),
            waiting: metrics.sum("pool_waiting"),
            waits: Some(("pool_wait_seconds", None)),
            ..plain("the session pool", "sessions", metrics.sum("pool_sessions_busy"))
        }];
    }
    let (mut limits, mut waiting) =
        (metrics.by_label("pool_sessions_max", "pool"), metrics.by_label("pool_waiting", "pool"));
    let one = |(pool, in_use): (String, Points)| {
        let resource = match pool.as_str() {
            "main" => "the session pool".to_owned(),
            pool => format!("the {pool} pool"),
        };
        Gauges {
            limit: limits.remove(&pool).unwrap_or_default(),
            waiting: waiting.remove(&pool).unwrap_or_default(),
            waits: Some(("pool_wait_seconds", Some(("pool", pool)))),
            ..plain(&resource, "sessions", in_use)
        }
    };
    named.into_iter().map(one).collect()
}

/// Calls to the LLM, by operation: those of embeddings pass the breaker's slots.
fn llm(metrics: &Metrics<'_>) -> Vec<Gauges> {
    let mut waiting = metrics.by_label("llm_queued", "operation");
    let one = |(operation, in_use): (String, Points)| {
        let resource = match operation.as_str() {
            "embedding" => "the breaker's slots for embeddings".to_owned(),
            other => format!("LLM calls: {other}"),
        };
        Gauges {
            waiting: waiting.remove(&operation).unwrap_or_default(),
            served: Some(("llm_call_seconds", Some(("operation", operation)))),
            ..plain(&resource, "calls at a time", in_use)
        }
    };
    metrics.by_label("llm_in_flight", "operation").into_iter().map(one).collect()
}

/// Memory of the service's instances against their limit.
fn memory(metrics: &Metrics<'_>) -> Gauges {
    let of_service = |series: &Series| series.role.starts_with("service");
    Gauges {
        limit: metrics.sum_where("memory_limit_bytes", of_service),
        full: MEMORY_FULL,
        ..plain("memory", "bytes", metrics.sum_where("process_resident_memory_bytes", of_service))
    }
}

/// The database has no gauge: how many queries run at once follows from their times.
fn database(signals: &Signals<'_>) -> Option<Gauges> {
    let busy = signals.rise("db_query_seconds_sum", signals.span)?;
    let length = signals.span.1 - signals.span.0;
    let mean = signals.mean("db_query_seconds", signals.span)?;
    let note = format!("a query took {} on average", crate::words::seconds_text(mean));
    let at_once = vec![(signals.span.0, if length > 0.0 { busy / length } else { 0.0 })];
    Some(Gauges { note, ..plain("the database", "queries at a time", at_once) })
}

/// A cache is not waited for; what it does not hold is.
fn cache(signals: &Signals<'_>) -> Option<Gauges> {
    let hits = super::readings::hit_share(signals, signals.span)?;
    let note = format!("{} of the look-ups hit", crate::words::value_text(hits, "share"));
    let limit = signals.metrics.sum("redis_memory_limit_bytes");
    Some(Gauges { limit, note, ..plain("the caches", "bytes", signals.metrics.sum("redis_memory_bytes")) })
}

impl Gauges {
    fn look(&self, signals: &Signals<'_>) -> Bottleneck {
        let (from, to) = signals.span;
        let share = |at: f64, used: f64| {
            held_at(&self.limit, at).filter(|limit| *limit > 0.0).map(|limit| used / limit)
        };
        let shares: Points =
            self.in_use.iter().filter_map(|(at, used)| Some((*at, share(*at, *used)?))).collect();
        let queue_peak = peak(&self.waiting, from, to);
        // Full without a limit that is published: while something waits.
        let (busy, waited) = (&shares, &self.waiting);
        let full = |points: &Points, least: f64| {
            points.iter().find(|(at, value)| *at >= from && *at < to && *value >= least).map(|(at, _)| *at)
        };
        let saturated =
            if self.limit.is_empty() { full(waited, f64::MIN_POSITIVE) } else { full(busy, self.full) };
        let capacity = if self.limit.is_empty() {
            saturated.and_then(|at| peak(&self.in_use, at, to)).filter(|most| *most > 0.0)
        } else {
            held_at(&self.limit, to).filter(|limit| *limit > 0.0)
        };
        Bottleneck {
            resource: self.resource.clone(),
            capacity,
            unit: self.unit.to_owned(),
            utilisation: mean(busy, from, to)
                .or_else(|| mean(&self.in_use, from, to).zip(capacity).map(|(used, of)| used / of)),
            utilisation_peak: peak(busy, from, to),
            saturated_s: saturated,
            first: false,
            queue_peak,
            waited_s: mean(waited, from, to).map(|waiting| waiting * (to - from)),
            wait_mean_s: self.waits.as_ref().and_then(|of| observed(signals, of)).map(|(_, mean)| mean),
            little: self.little(signals),
            note: self.note.clone(),
        }
    }

    /// Of what waits where waits are published, else of what is in service.
    fn little(&self, signals: &Signals<'_>) -> Option<Little> {
        let (from, to) = signals.span;
        let (points, (rate, time_s)) = match (&self.waits, &self.served) {
            (Some(waits), _) => (&self.waiting, observed(signals, waits)?),
            (None, Some(served)) => (&self.in_use, observed(signals, served)?),
            (None, None) => return None,
        };
        let number = mean(points, from, to)?;
        let ratio = if number > 0.0 { rate * time_s / number } else { 1.0 };
        (number > 0.0).then_some(Little { number, rate, time_s, ratio })
    }
}

/// Rate and mean of what a histogram observed in the span, of one of its series.
fn observed(signals: &Signals<'_>, of: &(&str, Option<(&'static str, String)>)) -> Option<(f64, f64)> {
    let (histogram, picked) = of;
    let labels: Vec<(&str, &str)> = picked.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let count = signals.rise_of(&format!("{histogram}_count"), &labels, signals.span)?;
    let sum = signals.rise_of(&format!("{histogram}_sum"), &labels, signals.span)?;
    let length = signals.span.1 - signals.span.0;
    (count > 0.0 && length > 0.0).then(|| (count / length, sum / count))
}

/// Mean over time of what is known of the stretch.
fn mean(points: &Points, from: f64, to: f64) -> Option<f64> {
    let begun = from.max(points.first()?.0);
    if to <= begun {
        return None;
    }
    let mut times: Vec<f64> = vec![begun];
    times.extend(points.iter().map(|(at, _)| *at).filter(|at| *at > begun && *at < to));
    let ends = times.iter().skip(1).copied().chain([to]);
    let area: f64 =
        times.iter().zip(ends).map(|(at, end)| held_at(points, *at).unwrap_or(0.0) * (end - at)).sum();
    Some(area / (to - begun))
}

fn peak(points: &Points, from: f64, to: f64) -> Option<f64> {
    let within = points.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, value)| *value);
    within.chain(held_at(points, from)).max_by(f64::total_cmp)
}
