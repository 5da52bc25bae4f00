//! The plots of a search: loss, p95 and throughput over the load, and latency over throughput.
//!
//! Percentiles are those of single trials: those of all together cannot be had from them.

use loadlab_analysis::{
    scaling::Scaling,
    search::{SearchResult, Trial},
};
use loadlab_scenario::LoadAxis;

use super::{
    field::{Field, plain},
    words,
};
use crate::{
    chart::{Axis, Chart, Layer, Rule},
    figures,
    plots::{Plot, PlotView, view},
};

/// The axis of losses ends at so many times the allowed share: near the breaking point losses are of its
/// size, and above it they are nearly all.
const LOSS_TIMES: f64 = 10.0;
/// Named losses, as parts of the allowed share.
const LOSS_TICKS: [f64; 7] = [0.0, 0.1, 0.5, 1.0, 2.0, 5.0, LOSS_TIMES];
/// Of an allowed share of nothing there are no multiples; then the axis is that of a thousandth.
const ALLOWED_LEAST: f64 = 0.001;
/// A law is drawn as far above the interval as trials are used to fit it.
const LAW_ABOVE: f64 = 1.1;
/// Points of a curve: more than these a phone does not show.
const CURVE_POINTS: u32 = 64;
/// A limit further above the data than this would flatten it.
const LIMIT_MOST: f64 = 2.0;

/// All plots of a search; none of one without trials.
pub(super) fn all(result: &SearchResult) -> Vec<PlotView> {
    let field = Field::of(result);
    let near = field.near();
    let plots = [
        loss(&field, ("search-loss", "Loss over load")),
        near.and_then(|near| loss(&near, ("search-near", "Loss near the breaking point"))),
        p95(&field),
        throughput(&field),
        knee(&field),
    ];
    plots.into_iter().flatten().map(view).collect()
}

fn loss(field: &Field<'_>, id: (&'static str, &str)) -> Option<Plot> {
    let allowed = field.result.rules.allowed_loss.get();
    let laid_out_for = allowed.max(ALLOWED_LEAST);
    let edge = (laid_out_for * LOSS_TIMES).min(1.0);
    // What says nothing is a ring wherever it is.
    let is_beyond = |trial: &Trial| trial.counts() && trial.loss() > edge;
    let point = |trial: &Trial| (trial.arrivals > 0).then(|| (trial.load, trial.loss()));
    let pooled: Vec<_> = field.loads.iter().filter_map(|at| Some((at.load, at.loss()?))).collect();
    let beyond = field.trials.iter().filter(|trial| is_beyond(trial)).filter_map(|trial| point(trial));
    let beyond: Vec<_> = beyond.collect();
    let mut layers = field.dots(|trial| point(trial).filter(|_| !is_beyond(trial)));
    let mut note = vec![edge_words(edge, allowed)];
    if !beyond.is_empty() {
        let count = beyond.len() as u64;
        let lost = if count == 1 { "that lost more is a ring" } else { "that lost more are rings" };
        note.push(format!("{} {lost} at its edge.", words::counted(count, "trial", "trials")));
        layers.push(Layer::rings(&format!("lost more than {}", figures::share(edge)), "s3", beyond));
    }
    if layers.is_empty() {
        return None;
    }
    if pooled.len() > 1 {
        layers.insert(0, Layer::curve("all trials at a load together", "s1", pooled));
    }
    let named = LOSS_TICKS.map(|part| part * laid_out_for);
    let rule = horizontal(allowed, format!("{} allowed", figures::share(allowed)), "objective");
    let chart = field.over_load(id, Axis::root_shares("lost", edge, &named), layers, vec![rule]);
    Some(Plot { chart, note: field.noted(note) })
}

fn edge_words(edge: f64, allowed: f64) -> String {
    let (share, ten_times) = (figures::share(edge), edge < 1.0 && allowed >= ALLOWED_LEAST);
    let end = if ten_times { format!("{share}, ten times what is allowed") } else { share };
    format!("The axis is that of the square root, so that small losses can be told apart, and ends at {end}.")
}

fn p95(field: &Field<'_>) -> Option<Plot> {
    let layers = field.dots(|trial| Some((trial.load, trial.p95_s?)));
    let (y, late) = latency_axis(field, &layers)?;
    let chart = field.over_load(("search-p95", "p95 over load"), y, layers, late);
    let note = "From due to the final outcome, in each trial by itself, on a logarithmic axis.".to_owned();
    Some(Plot { chart, note: field.noted(vec![note]) })
}

/// Latency over throughput: it goes up, and back where goodput falls.
fn knee(field: &Field<'_>) -> Option<Plot> {
    let layers = field.dots(|trial| Some((trial.goodput_per_s, trial.p95_s?)));
    let (y, late) = latency_axis(field, &layers)?;
    let highest = layers.iter().flat_map(Layer::values).map(|(goodput, _)| goodput).fold(0.0, f64::max);
    let x = Axis::numbers("goodput (arrivals/s)", highest);
    let chart = Chart { rules: late, ..plain(("search-knee", "Latency over throughput"), x, y, layers) };
    let note = "Up to the knee, more load is more throughput at nearly the same latency. Behind it latency \
                grows, and where goodput falls again the dots turn back to the left.";
    Some(Plot { chart, note: note.to_owned() })
}

/// A logarithmic axis for the p95 of trials, and where arrivals are late.
fn latency_axis(field: &Field<'_>, layers: &[Layer]) -> Option<(Axis, Vec<Rule>)> {
    let values = || layers.iter().flat_map(Layer::values).map(|(_, seconds)| seconds);
    values().next()?;
    let late = words::late_after_s(&field.result.objectives);
    let all = || values().chain(late);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let rule = late.map(|at| horizontal(at, format!("late after {}", figures::seconds(at)), "objective"));
    Some((Axis::log_seconds("p95 of a trial", low, high), rule.into_iter().collect()))
}

fn throughput(field: &Field<'_>) -> Option<Plot> {
    let result = field.result;
    let dots = field.dots(|trial| Some((trial.load, trial.goodput_per_s)));
    let highest = dots.iter().map(Layer::highest).fold(0.0, f64::max);
    if dots.is_empty() {
        return None;
    }
    let mut note = vec!["Goodput is what ended well and in time, per second.".to_owned()];
    let mut layers = Vec::new();
    if result.axis == LoadAxis::ArrivalsPerSecond {
        let most = field.range.1;
        layers.push(Layer::curve("all that is offered", "s5 dotted", vec![(0.0, 0.0), (most, most)]));
    }
    if let Some(law) = &result.law {
        layers.push(Layer::curve("law of scalability", "s1 strong", law_points(field, law)));
        note.push("The curve is fitted to the trials below its end.".to_owned());
    }
    layers.extend(dots);
    let limit = result.asymptote_per_s.filter(|limit| limit.is_finite() && *limit <= highest * LIMIT_MOST);
    let named = result.gave_way.as_ref().and_then(|way| way.resource.as_deref());
    let rule = limit.map(|at| {
        note.push("The line across is the most that what gave way can carry.".to_owned());
        let resource = named.unwrap_or("what gave way");
        horizontal(at, format!("{resource}: at most {}", words::per_second(at)), "limit")
    });
    let highest = layers.iter().map(Layer::highest).chain(limit).fold(0.0, f64::max);
    let y = Axis::numbers("goodput (arrivals/s)", highest);
    let id = ("search-throughput", "Throughput over load");
    let chart = field.over_load(id, y, layers, rule.into_iter().collect());
    Some(Plot { chart, note: field.noted(note) })
}

/// From the lowest load that was tried to where trials are used to fit it.
fn law_points(field: &Field<'_>, law: &Scaling) -> Vec<(f64, f64)> {
    let from = field.loads.first().map_or(0.0, |at| at.load);
    let to = field.bounds.map_or(field.range.1, |(_, high)| (high * LAW_ABOVE).min(field.range.1));
    let at = |point: u32| from + (to - from) * f64::from(point) / f64::from(CURVE_POINTS - 1);
    (0..CURVE_POINTS).map(at).map(|load| (load, law.throughput_per_s(load).max(0.0))).collect()
}

fn horizontal(at: f64, label: String, class: &'static str) -> Rule {
    Rule { at, label, class, vertical: false }
}
