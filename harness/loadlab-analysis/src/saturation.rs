//! Which of the target's resources were full, when, and what waited for them.

use loadlab_record::RunFile;

use crate::{Metrics, Points, held_at};

/// A resource of which all was in use for some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Saturation {
    /// What it is, for a sentence: `the session pool`.
    pub resource: String,
    /// What there is of it: `20 sessions`.
    pub capacity: String,
    /// When it was first full, in scenario seconds.
    pub from_s: f64,
    /// When it was last full.
    pub to_s: f64,
    /// Most that waited for it at once.
    pub queue_peak: f64,
    /// When nothing waited any more; `None` if something waited at the end.
    pub drained_s: Option<f64>,
    /// Seconds waited for it, by all together: the area under the queue.
    pub waited_s: f64,
    /// 95th percentile of the waits, as well as the published histogram's buckets tell it.
    pub wait_p95_s: Option<f64>,
    /// Mean wait by Little's law, where it is published how many waited.
    pub wait_mean_s: Option<f64>,
}

/// A resource as its gauges show it.
struct Gauges<'a> {
    resource: String,
    /// Its unit, for the capacity.
    unit: &'a str,
    in_use: Points,
    /// `None`: it is full while something waits.
    limit: Option<Points>,
    waiting: Points,
    /// The histogram of its waits.
    waits: Option<&'a str>,
}

/// The resources that were full, the one with the longest waits first.
pub fn saturations(run: &RunFile) -> Vec<Saturation> {
    let metrics = Metrics::of(run);
    let mut found: Vec<Saturation> =
        resources(&metrics).iter().filter_map(|gauges| gauges.saturation(&metrics)).collect();
    found.sort_by(|a, b| b.waited_s.total_cmp(&a.waited_s).then(a.from_s.total_cmp(&b.from_s)));
    found
}

/// What the target's contract names.
fn resources(metrics: &Metrics<'_>) -> Vec<Gauges<'static>> {
    let mut all = pools(metrics);
    all.push(Gauges {
        resource: "the workers' admission".to_owned(),
        unit: "slots",
        in_use: metrics.sum("worker_in_flight"),
        limit: None,
        waiting: metrics.sum("worker_queue_depth"),
        waits: Some("worker_queue_wait_seconds"),
    });
    let mut in_flight = metrics.by_label("llm_in_flight", "operation");
    for (operation, waiting) in metrics.by_label("llm_queued", "operation") {
        all.push(Gauges {
            resource: format!("the {operation} limit"),
            unit: "calls at a time",
            in_use: in_flight.remove(&operation).unwrap_or_default(),
            limit: None,
            waiting,
            waits: None,
        });
    }
    all
}

/// The session pools: one, or several by their label. Together they are not full where one of them is.
fn pools(metrics: &Metrics<'_>) -> Vec<Gauges<'static>> {
    let mut busy = metrics.by_label("pool_sessions_busy", "pool");
    if busy.is_empty() {
        busy.insert("main".to_owned(), metrics.sum("pool_sessions_busy"));
    }
    let alone = busy.len() == 1;
    let of = |name: &str, pool: &str| {
        if alone {
            metrics.sum(name)
        } else {
            metrics.by_label(name, "pool").remove(pool).unwrap_or_default()
        }
    };
    let gauges = |(pool, in_use): (String, Points)| Gauges {
        limit: Some(of("pool_sessions_max", &pool)),
        waiting: of("pool_waiting", &pool),
        // The histogram's buckets are read of all pools together.
        waits: alone.then_some("pool_wait_seconds"),
        resource: match pool.as_str() {
            "main" => "the session pool".to_owned(),
            other => format!("the {other} pool"),
        },
        unit: "sessions",
        in_use,
    };
    busy.into_iter().map(gauges).collect()
}

impl Gauges<'_> {
    /// When it was full; `None` if it never was, or nobody ever waited for it.
    fn saturation(&self, metrics: &Metrics<'_>) -> Option<Saturation> {
        let end = metrics.end();
        let full: Vec<(f64, f64)> = self.full_times(end);
        let (from_s, to_s) = (full.first()?.0, full.last()?.1);
        let queue_peak = self.waiting.iter().map(|(_, waiting)| *waiting).fold(0.0, f64::max);
        if queue_peak <= 0.0 {
            return None;
        }
        let spans = held_spans(&self.waiting, end);
        let waited_s = spans.iter().map(|(from, to, waiting)| waiting * (to - from)).sum();
        let drained = self.waiting.iter().rposition(|(_, waiting)| *waiting > 0.0);
        let wait_p95 = self.waits.and_then(|name| metrics.quantile(name, 0.95, 0.0, end));
        let served = self.waits.and_then(|name| metrics.facts(&format!("{name}_count"), 0.0, end));
        let served = served.map(|facts| facts.increase).filter(|served| *served > 0.0);
        Some(Saturation {
            resource: self.resource.clone(),
            capacity: format!("{} {}", self.capacity(&full), self.unit),
            from_s,
            to_s,
            queue_peak,
            drained_s: drained.and_then(|last| self.waiting.get(last + 1)).map(|(at, _)| *at),
            waited_s,
            wait_p95_s: wait_p95.map(|wait| wait.min(longest_queue(&spans))),
            wait_mean_s: served.map(|served| waited_s / served),
        })
    }

    /// The times in which all of it was in use.
    fn full_times(&self, end: f64) -> Vec<(f64, f64)> {
        match &self.limit {
            None => {
                let spans = held_spans(&self.waiting, end);
                spans
                    .into_iter()
                    .filter(|(.., waiting)| *waiting > 0.0)
                    .map(|(from, to, _)| (from, to))
                    .collect()
            }
            Some(limit) => {
                let full = |from: f64, busy: f64| {
                    held_at(limit, from).is_some_and(|limit| limit > 0.0 && busy >= limit)
                };
                let spans = held_spans(&self.in_use, end);
                spans
                    .into_iter()
                    .filter(|(from, _, busy)| full(*from, *busy))
                    .map(|(from, to, _)| (from, to))
                    .collect()
            }
        }
    }

    /// The most that was in use while it was full.
    fn capacity(&self, full: &[(f64, f64)]) -> f64 {
        let in_use = full.iter().filter_map(|(from, _)| held_at(&self.in_use, *from));
        in_use.fold(0.0, f64::max)
    }
}

/// The longest time for which something waited without a pause: no wait is longer, whatever a wide bucket
/// makes of it.
fn longest_queue(spans: &[(f64, f64, f64)]) -> f64 {
    let (mut longest, mut current) = (0.0_f64, 0.0);
    for (from, to, waiting) in spans {
        current = if *waiting > 0.0 { current + to - from } else { 0.0 };
        longest = longest.max(current);
    }
    longest
}

/// From when to when each value held.
fn held_spans(points: &[(f64, f64)], end: f64) -> Vec<(f64, f64, f64)> {
    let ends = points.iter().skip(1).map(|(at, _)| *at).chain([end]);
    points.iter().zip(ends).map(|((from, value), to)| (*from, to.max(*from), *value)).collect()
}

#[cfg(test)]
mod tests {
    use loadlab_record::Outcome;

    use super::*;
    use crate::made_up::MadeUp;

    #[test]
    fn of_several_pools_the_full_one_is_named() {
        let run = MadeUp::new()
            .seconds(4, Outcome::Ok, 10)
            .published(
                0,
                &[
                    ("pool_sessions_busy{pool=\"main\"}", 10.0),
                    ("pool_sessions_max{pool=\"main\"}", 10.0),
                    ("pool_waiting{pool=\"main\"}", 3.0),
                    ("pool_sessions_busy{pool=\"ingest\"}", 1.0),
                    ("pool_sessions_max{pool=\"ingest\"}", 10.0),
                    ("pool_waiting{pool=\"ingest\"}", 0.0),
                ],
            )
            .published(
                2_000,
                &[("pool_sessions_busy{pool=\"main\"}", 2.0), ("pool_waiting{pool=\"main\"}", 0.0)],
            );
        let found = saturations(&run.finished());
        let named: Vec<(&str, &str, f64)> =
            found.iter().map(|one| (one.resource.as_str(), one.capacity.as_str(), one.to_s)).collect();
        assert_eq!(named, [("the session pool", "10 sessions", 2.0)]);
    }
}
