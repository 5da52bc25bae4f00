//! The numbers that the rules look at, read off the signals. Nothing is compared here; what the target does
//! not publish is `None`.

use loadlab_record::{Aftermath, AftermathState, Bottleneck, EventKind, RunFile};
use loadlab_scenario::objective::{Compare, LatencyKind, Measure};

use super::signals::{Second, Signals, share_of_time};
use crate::{Points, Rules, View, evaluate, fault_spans, held_at, labels::label};

/// Seconds over which the share of errors is averaged on both sides of a jump.
pub(super) const JUMP_SIDE_S: usize = 5;
/// Seconds that a jump may take. The stress-test report's collapse takes less than 2 s.
pub(super) const JUMP_S: usize = 2;
/// Arrivals that must have ended on a side of a jump for its share to mean something.
const JUMP_ENDED_MIN: f64 = 5.0;
/// Calls that a mean latency needs.
const CALLS_MIN: f64 = 5.0;

/// A dependency, and how slow it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dependency {
    pub(super) name: &'static str,
    /// Mean latency in the slowest third of the span over that before.
    pub(super) slower: Option<f64>,
    /// Of the time by which searches took longer, the share spent in it.
    pub(super) share_of_longer: Option<f64>,
}

/// A rise of the share of attempts that fail. Attempts, since a user who comes again fails only later.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jump {
    pub(super) at_s: f64,
    pub(super) before: f64,
    pub(super) after: f64,
    /// `after` over the share from then to the end of the span: how much of the wall stands at once.
    pub(super) of_level: f64,
    /// The share of arrivals that failed from then to the end of the span.
    pub(super) stays: f64,
    /// How many they are.
    pub(super) failed: f64,
}

/// An objective that bounds a step's response time, and what was observed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepBound {
    /// The measure, as written: `p95(details)`.
    pub(super) measure: String,
    /// In seconds.
    pub(super) observed: f64,
    pub(super) bound: f64,
}

/// What the rules look at. Shares are of arrivals unless said; the stretch is the span.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Readings {
    pub(super) trigger: String,
    pub(super) allowed: f64,
    pub(super) late_allowed: Option<f64>,
    pub(super) errors: f64,
    pub(super) late: Option<f64>,
    /// The bound on a step's response time that is furthest from being kept.
    pub(super) step: Option<StepBound>,
    pub(super) success: f64,
    pub(super) p95_s: Option<f64>,
    /// The p95 over that before the trigger.
    pub(super) slower: Option<f64>,
    pub(super) queue_peak: Option<f64>,
    /// Largest share of the time in which a pool, the slots or a queue's resource was full with some waiting.
    pub(super) full_share: Option<f64>,
    pub(super) full_resource: Option<String>,
    pub(super) jump: Option<Jump>,
    /// Requests offered per request wanted.
    pub(super) gain: f64,
    /// The same before the trigger.
    pub(super) gain_before: Option<f64>,
    /// Calls of the LLM per attempt, over those before.
    pub(super) llm_gain: Option<f64>,
    /// Searches that were finished for nobody, of all that were finished.
    pub(super) for_nobody: Option<f64>,
    pub(super) metastable: bool,
    pub(super) dependencies: Vec<Dependency>,
    /// Attempts of which the connection was reset, cut or refused.
    pub(super) cut: f64,
    /// Attempts that were answered with an error.
    pub(super) error_answers: f64,
    /// Of the connections that were cut, the share that the target says it refused, or that a fault cut.
    pub(super) cut_explained: f64,
    /// Most memory, as a share of the limit.
    pub(super) memory_of_limit: Option<f64>,
    /// Most memory over that at the start.
    pub(super) memory_growth: Option<f64>,
    pub(super) memory_restarts: Option<f64>,
    pub(super) hits: Option<f64>,
    pub(super) hits_before: Option<f64>,
    pub(super) hits_late: Option<f64>,
    pub(super) look_ups: Option<f64>,
    pub(super) cache_errors: Option<f64>,
    /// Keys that the second level evicted, per look-up that it could not answer.
    pub(super) evictions: Option<f64>,
    pub(super) queries_per_search: Option<f64>,
    pub(super) details_per_arrival: Option<f64>,
    pub(super) details_of_queries: Option<f64>,
    pub(super) ingest_of_queries: Option<f64>,
    /// The share of the time of ingestion in which a resource that both use was full.
    pub(super) full_while_ingesting: Option<f64>,
    pub(super) breaker_open: Option<bool>,
}

impl Readings {
    pub(super) fn of(signals: &Signals<'_>, bottlenecks: &[Bottleneck], aftermath: &Aftermath) -> Self {
        let span = signals.span;
        let ended = |second: &Second| second.ended - second.wrong;
        let share = |of: fn(&Second) -> f64| signals.share(span, of, ended).unwrap_or(0.0);
        let of_attempts = |of: fn(&Second) -> f64| signals.share(span, of, |one| one.attempts).unwrap_or(0.0);
        let errors = share(|one| one.failed);
        let full = fullest(signals, span);
        let hits = hit_share(signals, span);
        Self {
            trigger: signals.trigger.what.clone(),
            allowed: signals.allowed,
            late_allowed: signals.late_allowed,
            errors,
            late: signals.late_allowed.map(|_| share(|one| one.late)),
            step: step_bound(signals.run),
            success: 1.0 - errors,
            p95_s: p95(signals, span),
            slower: signals.before.and_then(|before| ratio(p95(signals, span), p95(signals, before))),
            queue_peak: bottlenecks.iter().filter_map(|one| one.queue_peak).max_by(f64::total_cmp),
            full_share: full.as_ref().map(|(_, share)| *share),
            full_resource: full.filter(|(_, share)| *share > 0.0).map(|(name, _)| name),
            jump: jump(signals),
            gain: gain(signals, span).unwrap_or(1.0),
            gain_before: signals.before.and_then(|before| gain(signals, before)),
            llm_gain: llm_gain(signals),
            for_nobody: for_nobody(signals),
            metastable: aftermath.state == AftermathState::Metastable,
            dependencies: dependencies(signals),
            cut: of_attempts(|one| one.cut),
            error_answers: of_attempts(|one| one.errors),
            cut_explained: cut_explained(signals),
            memory_of_limit: memory(bottlenecks, |one| one.utilisation_peak),
            memory_growth: memory_growth(signals),
            memory_restarts: signals.rise("memory_guard_restarts_total", span),
            hits,
            hits_before: signals.before.and_then(|before| hit_share(signals, before)),
            hits_late: hit_share(signals, (span.1 - (span.1 - span.0) / 3.0, span.1)),
            look_ups: signals.rise_of("cache_requests_total", &[("level", "l1")], span),
            cache_errors: cache_errors(signals),
            evictions: evictions(signals),
            queries_per_search: queries_per_search(signals),
            details_per_arrival: details(signals).map(|details| per_arrival(signals, details)),
            details_of_queries: details(signals)
                .and_then(|details| ratio(Some(details), statements(signals, false))),
            ingest_of_queries: ingest(signals)
                .and_then(|ingest| ratio(Some(ingest), statements(signals, true))),
            full_while_ingesting: full_while_ingesting(signals),
            breaker_open: breaker_open(signals),
        }
    }

    /// The dependency that is slowest compared with before.
    pub(super) fn slowest(&self) -> Option<&Dependency> {
        let known = self.dependencies.iter().filter(|one| one.slower.is_some());
        known.max_by(|a, b| a.slower.partial_cmp(&b.slower).unwrap_or(std::cmp::Ordering::Equal))
    }
}

/// Of the objectives that bound a step's response time from above, the one furthest from being kept.
fn step_bound(run: &RunFile) -> Option<StepBound> {
    let rules = Rules::of(&run.plan);
    let measured = run.windows.partition_point(|window| window.second < rules.first_second);
    let windows = &run.windows[measured..];
    let view = View { windows, seconds: windows.len() as f64, metric: None, rules: &rules };
    let bounds = run.plan.objectives.iter().filter(|objective| {
        let of_step =
            matches!(objective.measure, Measure::Latency { step: Some(_), kind: LatencyKind::Response, .. });
        of_step && matches!(objective.compare, Compare::Less | Compare::LessOrEqual)
    });
    let observed = bounds.filter_map(|objective| {
        let measure = objective.name.split('<').next().unwrap_or_default().trim().to_owned();
        let observed = evaluate(&objective.measure, &view).value?;
        Some(StepBound { measure, observed, bound: objective.bound })
    });
    observed.max_by(|a, b| (a.observed / a.bound).total_cmp(&(b.observed / b.bound)))
}

pub(super) fn ratio(of: Option<f64>, to: Option<f64>) -> Option<f64> {
    let (of, to) = (of?, to?);
    (to > 0.0).then(|| of / to)
}

fn per_arrival(signals: &Signals<'_>, count: f64) -> f64 {
    count / signals.sum(signals.span, |one| one.due).max(1.0)
}

/// The p95 of all that ended in a stretch.
fn p95(signals: &Signals<'_>, (from, to): (f64, f64)) -> Option<f64> {
    let windows = signals.run.windows.iter();
    let within =
        windows.filter(|window| (window.second as f64) >= from.floor() && (window.second as f64) < to);
    let all = loadlab_record::Histogram::sum(within.map(|window| &window.response));
    all.percentile(95.0, signals.run.speed).map(|p95| p95.as_secs_f64())
}

/// Requests offered per request wanted: every want is one, and every extra attempt one more.
pub(super) fn gain(signals: &Signals<'_>, stretch: (f64, f64)) -> Option<f64> {
    let wanted = signals.sum(stretch, |one| one.due);
    (wanted > 0.0).then(|| 1.0 + signals.sum(stretch, |one| one.retried) / wanted)
}

fn llm_gain(signals: &Signals<'_>) -> Option<f64> {
    let per_attempt = |stretch| {
        let calls = signals.rise("llm_calls_total", stretch)?;
        let rejected = signals.rise_of("llm_calls_total", &[("outcome", "rejected")], stretch)?;
        let attempts = signals.sum(stretch, |one| one.due + one.retried);
        (attempts > 0.0 && calls > 0.0).then(|| (calls - rejected).max(0.0) / attempts)
    };
    ratio(per_attempt(signals.span), signals.before.and_then(per_attempt))
}

fn for_nobody(signals: &Signals<'_>) -> Option<f64> {
    let nobody = signals.rise("abandoned_work_total", signals.span)?;
    ratio(Some(nobody), signals.rise("search_total", signals.span))
}

/// Resources that a request holds or waits for, with the share of a stretch in which they were full.
fn fullest(signals: &Signals<'_>, stretch: (f64, f64)) -> Option<(String, f64)> {
    let metrics = &signals.metrics;
    let pool = |waiting: Points| share_of_time(&waiting, stretch, |waiting| waiting > 0.0);
    let mut shares: Vec<(String, Option<f64>)> =
        vec![("the workers' admission".to_owned(), pool(metrics.sum("worker_queue_depth")))];
    let named = metrics.by_label("pool_waiting", "pool");
    if named.is_empty() {
        shares.push(("the session pool".to_owned(), pool(metrics.sum("pool_waiting"))));
    }
    shares.extend(named.into_iter().filter(|(name, _)| name != "ingest").map(|(name, waiting)| {
        let name = if name == "main" { "the session pool".to_owned() } else { format!("the {name} pool") };
        (name, pool(waiting))
    }));
    shares.extend(
        metrics
            .by_label("llm_queued", "operation")
            .into_iter()
            .map(|(operation, waiting)| (format!("the slots for {operation}s"), pool(waiting))),
    );
    let known = shares.into_iter().filter_map(|(name, share)| Some((name, share?)));
    known.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The rise of the share of failed attempts within [`JUMP_S`] seconds that comes nearest to a collapse: out of
/// the blue if there is one, and then the highest; else the steepest.
fn jump(signals: &Signals<'_>) -> Option<Jump> {
    let (from, to) = (signals.span.0 as usize, signals.span.1.ceil() as usize);
    let to = to.min(signals.seconds.len());
    let share = |from: usize, to: usize| {
        let seconds = &signals.seconds[from.min(to)..to];
        let ended: f64 = seconds.iter().map(|one| one.attempts).sum();
        let failed: f64 = seconds.iter().map(|one| one.failed_attempts).sum();
        (ended, if ended > 0.0 { failed / ended } else { 0.0 })
    };
    let at = |second: usize| {
        let (_, before) = share(second.saturating_sub(JUMP_SIDE_S), second);
        let begun = (second + JUMP_S).min(to);
        let (ended, after) = share(begun, (begun + JUMP_SIDE_S).min(to));
        let (_, level) = share(begun, to);
        let rest = (begun as f64, to as f64);
        let failed = signals.sum(rest, |one| one.failed);
        let stays = signals.share(rest, |one| one.failed, |one| one.ended - one.wrong).unwrap_or(0.0);
        let of_level = if level > 0.0 { after / level } else { 0.0 };
        (ended >= JUMP_ENDED_MIN).then_some(Jump {
            at_s: second as f64,
            before,
            after,
            of_level,
            stays,
            failed,
        })
    };
    let clean = |jump: &Jump| jump.before <= super::rules::COLLAPSE_BEFORE;
    let height = |jump: &Jump| if clean(jump) { jump.after } else { jump.after - jump.before };
    (from..to).filter_map(at).max_by(|a, b| clean(a).cmp(&clean(b)).then(height(a).total_cmp(&height(b))))
}

/// The dependencies of the contract, compared with the time before the trigger; without one, with the fastest
/// third of the run's stretches. What counts is the slowest third of the span: what comes after the dependency
/// has recovered must not hide that it was slow.
fn dependencies(signals: &Signals<'_>) -> Vec<Dependency> {
    let of = |name, histogram: &str| {
        let blocks = blocks(signals, histogram);
        let mut all: Vec<f64> = blocks.iter().map(|(_, mean)| *mean).collect();
        all.sort_by(f64::total_cmp);
        let before = signals.before.and_then(|before| enough(signals, histogram, before));
        let within = blocks.iter().filter(|(at, _)| *at >= signals.span.0);
        let mut slowest: Vec<f64> = within.map(|(_, mean)| *mean).collect();
        slowest.sort_by(|a, b| b.total_cmp(a));
        let slower = ratio(mean_of_third(&slowest), before.or_else(|| mean_of_third(&all)));
        Dependency { name, slower, share_of_longer: share_of_longer(signals, histogram) }
    };
    vec![of("database", "db_query_seconds"), of("LLM", "llm_call_seconds")]
}

/// Mean of the first third, at least of the first.
fn mean_of_third(sorted: &[f64]) -> Option<f64> {
    let third = &sorted[..sorted.len().div_ceil(3)];
    (!third.is_empty()).then(|| third.iter().sum::<f64>() / third.len() as f64)
}

/// Means of a latency over stretches of [`JUMP_SIDE_S`], where enough calls ended, by their ends.
fn blocks(signals: &Signals<'_>, histogram: &str) -> Vec<(f64, f64)> {
    let step = JUMP_SIDE_S as f64;
    let counts = signals.metrics.rate(&format!("{histogram}_count"), step);
    let sums = signals.metrics.rate(&format!("{histogram}_sum"), step);
    let last = signals.span.1.max(signals.load_end);
    let known = counts.iter().zip(&sums).filter(|((at, rate), _)| rate * step >= CALLS_MIN && *at <= last);
    known.map(|((at, count), (_, sum))| (*at, sum / count)).collect()
}

fn enough(signals: &Signals<'_>, histogram: &str, stretch: (f64, f64)) -> Option<f64> {
    let calls = signals.rise(&format!("{histogram}_count"), stretch)?;
    if calls >= CALLS_MIN { signals.mean(histogram, stretch) } else { None }
}

/// Of the time by which an attempt holds its session longer than before, the part in a dependency. Calls side
/// by side count each, so it is cut at 1. Where no pool is published, the time of an attempt stands for it.
fn share_of_longer(signals: &Signals<'_>, histogram: &str) -> Option<f64> {
    let before = signals.before?;
    let per_attempt = |stretch: (f64, f64)| {
        let attempts = signals.rise("pool_wait_seconds_count", stretch)?;
        ratio(signals.rise(&format!("{histogram}_sum"), stretch), Some(attempts))
    };
    let longer = hold(signals, signals.span)? - hold(signals, before)?;
    let spent = per_attempt(signals.span)? - per_attempt(before)?;
    (longer > 0.0).then(|| (spent / longer).clamp(0.0, 1.0))
}

/// How long a session was held on average: how many were busy, over how many were taken per second.
pub(super) fn hold(signals: &Signals<'_>, stretch: (f64, f64)) -> Option<f64> {
    let taken = signals.rise("pool_wait_seconds_count", stretch)?;
    let busy = signals.average("pool_sessions_busy", stretch)?;
    (taken >= CALLS_MIN).then(|| busy * (stretch.1 - stretch.0) / taken)
}

/// Of the connections that were cut, those that the target counted as refused, or that a fault cut.
fn cut_explained(signals: &Signals<'_>) -> f64 {
    let cut = signals.sum(signals.span, |one| one.cut);
    if cut <= 0.0 {
        return 0.0;
    }
    let kinds = ["kill", "terminate", "pause", "down", "reset_peer"];
    let by_fault = fault_spans(signals.run).iter().any(|fault| kinds.contains(&fault.kind.as_str()));
    let refused = ["backlog_refused_total", "worker_resets_total", "streams_refused_total"];
    let refused: f64 = refused.iter().filter_map(|name| signals.rise(name, signals.span)).fold(0.0, f64::max);
    if by_fault { 1.0 } else { (refused / cut).min(1.0) }
}

fn memory(bottlenecks: &[Bottleneck], of: impl Fn(&Bottleneck) -> Option<f64>) -> Option<f64> {
    bottlenecks.iter().find(|one| one.resource == "memory").and_then(of)
}

fn memory_growth(signals: &Signals<'_>) -> Option<f64> {
    let of_service = |series: &loadlab_record::Series| series.role.starts_with("service");
    let points = signals.metrics.sum_where("process_resident_memory_bytes", of_service);
    let begun = held_at(&points, signals.span.0).or_else(|| points.first().map(|(_, bytes)| *bytes));
    let within = points.iter().filter(|(at, _)| (signals.span.0..=signals.span.1).contains(at));
    ratio(within.map(|(_, bytes)| *bytes).max_by(f64::total_cmp), begun)
}

/// The share of the first level's look-ups that one of the two levels answers. The second is asked for what
/// the first does not hold.
pub(super) fn hit_share(signals: &Signals<'_>, stretch: (f64, f64)) -> Option<f64> {
    let of = |level, result: Option<&str>| {
        let mut labels = vec![("level", level)];
        labels.extend(result.map(|result| ("result", result)));
        signals.rise_of("cache_requests_total", &labels, stretch)
    };
    let (asked, first, second) = (of("l1", None)?, of("l1", Some("hit"))?, of("l2", Some("hit"))?);
    let asked = if asked > 0.0 { asked } else { of("l2", None)? };
    (asked > 0.0).then(|| (first + second) / asked)
}

fn cache_errors(signals: &Signals<'_>) -> Option<f64> {
    let of = |labels: &[(&str, &str)]| signals.rise_of("cache_requests_total", labels, signals.span);
    ratio(of(&[("level", "l2"), ("result", "error")]), of(&[("level", "l2")]))
}

fn evictions(signals: &Signals<'_>) -> Option<f64> {
    let evicted = signals.rise("redis_evicted_total", signals.span)?;
    let missed =
        signals.rise_of("cache_requests_total", &[("level", "l2"), ("result", "miss")], signals.span)?;
    (missed > 0.0).then(|| evicted / missed)
}

fn details(signals: &Signals<'_>) -> Option<f64> {
    signals
        .rise_of("details_total", &[("how", "single")], signals.span)
        .or_else(|| signals.rise_of("db_queries_total", &[("kind", "detail")], signals.span))
}

fn ingest(signals: &Signals<'_>) -> Option<f64> {
    signals.rise_of("db_queries_total", &[("kind", "ingest")], signals.span)
}

/// Statements that the store was sent, with or without those of ingestion.
fn statements(signals: &Signals<'_>, with_ingest: bool) -> Option<f64> {
    let all = signals
        .rise("db_queries_total", signals.span)
        .or_else(|| signals.rise("db_query_seconds_count", signals.span))?;
    Some(if with_ingest { all } else { all - ingest(signals).unwrap_or(0.0) })
}

fn queries_per_search(signals: &Signals<'_>) -> Option<f64> {
    let look_ups = signals.rise_of("cache_requests_total", &[("level", "l1")], signals.span)?;
    let statements = statements(signals, false)? - details(signals).unwrap_or(0.0);
    (look_ups > 0.0).then(|| statements.max(0.0) / look_ups)
}

/// How much of the time of ingestion searches had to wait for something that both use.
fn full_while_ingesting(signals: &Signals<'_>) -> Option<f64> {
    let in_flight = signals.metrics.sum("ingest_in_flight");
    let (from, to) = signals.span;
    let busy: Vec<f64> = in_flight.iter().filter(|(_, count)| *count > 0.0).map(|(at, _)| *at).collect();
    let first = busy.first()?.max(from);
    let idle =
        in_flight.iter().find(|(at, count)| *count <= 0.0 && busy.last().is_some_and(|last| at > last));
    let stretch = (first, idle.map_or(to, |(at, _)| *at).min(to));
    fullest(signals, stretch).map(|(_, share)| share)
}

fn breaker_open(signals: &Signals<'_>) -> Option<bool> {
    let mut states = signals.metrics.series("breaker_state").peekable();
    states.peek()?;
    let within = |at: f64| (signals.span.0..=signals.span.1).contains(&at);
    let opened = states.any(|series| {
        let name = label(&series.labels, "breaker");
        let open = series.points.iter().any(|(at, state)| within(*at) && *state >= 2.0);
        name.is_some() && open
    });
    let moved = signals.run.events.iter().any(|event| {
        matches!(&event.what, EventKind::Breaker { to, .. } if to == "open") && within(event.at.as_secs_f64())
    });
    Some(opened || moved)
}
