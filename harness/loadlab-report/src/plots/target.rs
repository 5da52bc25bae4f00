//! Plots of what the target published about itself. Another service that publishes the same names
//! gets the same plots.

use loadlab_analysis::Metrics;
use loadlab_record::{RunFile, Series};

use super::{
    Missing, Plot,
    frame::{Frame, peak_words, rule_within},
};
use crate::{
    chart::{Axis, Height, Layer},
    figures, series,
};

/// Colours of lines that are counted off: levels, operations, roles.
const CLASSES: [&str; 6] = ["s1 strong", "s2", "s4 dashed", "s3", "s5 dotted", "s6"];
/// Roles that the CPU plot tells apart; the rest is added up.
const ROLES_MAX: usize = 5;

/// the session pool.
pub(super) fn pool(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    if !series::is_published(run, "pool_sessions_busy") {
        return Err(not_published("the session pool", "pool_sessions_busy"));
    }
    let gauge = |name, label, class| Layer::steps(label, class, series::gauge(run, name));
    let layers = vec![
        gauge("pool_waiting", "waiting for a session", "s3 strong"),
        gauge("pool_sessions_open", "sessions open", "s5 dotted"),
        gauge("pool_sessions_busy", "sessions busy", "s1"),
    ];
    let most = gauge_max(run, "pool_sessions_max");
    let highest = layers.iter().map(Layer::highest).fold(0.0, f64::max);
    let note = match peak_words(&layers[0], figures::plain).filter(|_| layers[0].highest() > 0.0) {
        Some(peak) => format!("Requests that wait for a session: at most {peak}."),
        None => "Nothing waited for a session.".to_owned(),
    };
    let y = Axis::numbers("sessions, requests", highest.max(most.unwrap_or(0.0)));
    let mut chart = frame.chart("pool", "Session pool", y, layers);
    let label = most.map(|most| format!("largest pool: {}", figures::plain(most)));
    chart
        .rules
        .extend(most.zip(label).and_then(|(most, label)| rule_within(most, f64::INFINITY, label, "limit")));
    Ok(Plot { chart, note })
}

/// The workers' backlog and the requests they work on.
pub(super) fn queue(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    if !series::is_published(run, "worker_queue_depth") && !series::is_published(run, "worker_in_flight") {
        return Err(not_published("the workers' queues", "worker_queue_depth"));
    }
    let layers = vec![
        Layer::steps("in the backlog", "s3 strong", series::gauge(run, "worker_queue_depth")),
        Layer::steps("being worked on", "s1", series::gauge(run, "worker_in_flight")),
    ];
    let workers = Metrics::of(run).by_label("worker_in_flight", "worker").len();
    let y = Axis::numbers("requests", layers.iter().map(Layer::highest).fold(0.0, f64::max));
    let note = match workers {
        0 | 1 => "Requests in the service.".to_owned(),
        workers => format!("Requests in the service, of {workers} workers together."),
    };
    Ok(Plot { chart: frame.chart("queue", "Workers and their backlog", y, layers), note })
}

/// Share of hits by cache level.
pub(super) fn caches(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let levels = Metrics::of(run).by_label("cache_requests_total", "level");
    let step_s = series::counter_step_s(frame.length_s);
    let mut layers = Vec::new();
    let mut overall = Vec::new();
    for (level, class) in levels.keys().zip(CLASSES) {
        let is = |series: &Series, label, value: &str| {
            series::label_value(series, label).is_some_and(|found| found == value)
        };
        let counted = |wanted: &dyn Fn(&Series) -> bool| {
            series::increases(run, "cache_requests_total", wanted, step_s, frame.length_s)
        };
        let all = counted(&|series| is(series, "level", level));
        let hits = counted(&|series| is(series, "level", level) && is(series, "result", "hit"));
        let total: f64 = all.iter().map(|point| point.1).sum();
        if total <= 0.0 {
            continue;
        }
        let share = |(&(end, all), &(_, hits)): (&(f64, f64), &(f64, f64))| {
            (end - step_s / 2.0, (all > 0.0).then(|| hits / all))
        };
        layers.push(Layer::line(&level.to_uppercase(), class, all.iter().zip(&hits).map(share).collect()));
        let hits: f64 = hits.iter().map(|point| point.1).sum();
        overall.push(format!("{} {}", level.to_uppercase(), figures::share(hits / total)));
    }
    if layers.is_empty() {
        return Err(not_published("cache hits", "cache_requests_total"));
    }
    let chart = frame.chart("caches", "Cache hits", Axis::shares("hits", 1.0), layers);
    Ok(Plot {
        chart,
        note: format!("Share of look-ups that hit, by level. Over the run: {}.", overall.join(", ")),
    })
}

/// Calls to the LLM.
pub(super) fn llm(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let out = series::gauges_by(run, "llm_in_flight", "operation");
    let waiting = series::gauges_by(run, "llm_queued", "operation");
    let mut layers = Vec::new();
    for ((operation, points), class) in out.into_iter().zip(["s1 strong", "s2", "s5"]) {
        layers.push(Layer::steps(&format!("{operation}: out"), class, points));
    }
    for ((operation, points), class) in waiting.into_iter().zip(["s3 dashed", "s4 dashed", "s6 dashed"]) {
        let queued = Layer::steps(&format!("{operation}: waiting"), class, points);
        if queued.highest() > 0.0 {
            layers.push(queued);
        }
    }
    if layers.is_empty() {
        return Err(not_published("calls to the LLM", "llm_in_flight"));
    }
    let y = Axis::numbers("calls", layers.iter().map(Layer::highest).fold(0.0, f64::max));
    let note = "Calls that are out, and calls that wait for a slot.".to_owned();
    Ok(Plot { chart: frame.chart("llm", "Calls to the LLM", y, layers), note })
}

/// The states of the breakers.
pub(super) fn breakers(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let breakers: Vec<_> = run.series.iter().filter(|series| series.name == "breaker_state").collect();
    let mut layers = Vec::new();
    for (series, class) in breakers.iter().zip(CLASSES) {
        let name = series::label_value(series, "breaker").unwrap_or_else(|| series.role.clone());
        layers.push(Layer::steps(&name, class, series::thinned(series.points.clone())));
    }
    if layers.is_empty() {
        return Err(not_published("the circuit breaker", "breaker_state"));
    }
    let opened = layers.iter().any(|layer| layer.highest() > 0.0);
    let y = Axis::states("state", &["closed", "half-open", "open"]);
    let mut chart = frame.chart("breakers", "Circuit breaker", y, layers);
    chart.height = Height::Low;
    let note =
        if opened { "Open means that calls are refused." } else { "It stayed closed: no call was refused." };
    Ok(Plot { chart, note: note.to_owned() })
}

/// CPU of the target's processes and of the generator.
pub(super) fn cpu(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let step_s = series::counter_step_s(frame.length_s);
    let mut roles: Vec<&str> = run
        .series
        .iter()
        .filter(|series| series.name == "process_cpu_seconds_total")
        .map(|series| series.role.as_str())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let mut layers = Vec::new();
    for (role, class) in roles.iter().take(ROLES_MAX).zip(CLASSES) {
        let counter = |series: &Series| series.role == *role;
        let seconds = series::increases(run, "process_cpu_seconds_total", counter, step_s, frame.length_s);
        // CPU seconds are real ones: per real second, the stretch is shorter by the speed.
        let used =
            |(time, seconds): (f64, f64)| (time - step_s / 2.0, Some(seconds / step_s * run.speed.get()));
        layers.push(Layer::line(role, class, seconds.into_iter().map(used).collect()));
    }
    if layers.iter().all(|layer| layer.highest() <= 0.0) {
        return Err(not_published("CPU by process", "process_cpu_seconds_total"));
    }
    let y = Axis::shares("CPU, of one core", layers.iter().map(Layer::highest).fold(0.0, f64::max));
    let rest = roles.len().saturating_sub(ROLES_MAX);
    let note = match rest {
        0 => "100 % is one core.".to_owned(),
        rest => format!("100 % is one core. {rest} more processes are not drawn."),
    };
    Ok(Plot { chart: frame.chart("cpu", "CPU by process", y, layers), note })
}

fn gauge_max(run: &RunFile, name: &str) -> Option<f64> {
    series::is_published(run, name)
        .then(|| Metrics::of(run).sum(name).into_iter().map(|point| point.1).fold(0.0, f64::max))
}

const fn not_published(what: &'static str, metric: &'static str) -> Missing {
    Missing::Metric { what, metric }
}
