//! The plots of a gate: what the pairs lost, their loads, and the evidence; of tier 2 the breaking points and
//! their ratio.

use loadlab_analysis::gate::{
    Done, GateJob, Limits, NightlyRules, PairScore, Rules, SearchPair, Side, bars, course, looks, spoilt,
};
use loadlab_scenario::LoadAxis;

use super::words;
use crate::{
    chart::{Axis, Chart, Height, Layer, Rule},
    figures,
    plots::{Plot, PlotView, view},
};

/// The axis of losses shows at least so many times what is allowed.
const LOSS_TIMES: f64 = 2.0;
/// Losses that may be named, as many as have room.
const LOSS_TICKS: [f64; 12] = [0.0, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
/// Two names closer than this part of the axis touch.
const TICKS_APART: f64 = 0.11;
/// An axis of loads or ratios spans at least this part of them: less would show noise as mountains.
const SPAN_LEAST: f64 = 0.02;
/// Room above and below what is drawn, as a part of it.
const ROOM: f64 = 0.1;

/// All plots of a gate; none before anything is complete.
pub(super) fn all(job: &GateJob) -> Vec<PlotView> {
    let plots = match &job.result.limits {
        Limits::Fast(rules) => fast(job, rules),
        Limits::Nightly(rules) => nightly(job, rules),
    };
    plots.into_iter().map(view).collect()
}

fn fast(job: &GateJob, rules: &Rules) -> Vec<Plot> {
    let pairs = course(rules, &job.result.trials);
    if pairs.is_empty() {
        return Vec::new();
    }
    vec![loss(job, rules, &pairs), evidence(rules, &pairs), loads(job, rules, &pairs)]
}

fn nightly(job: &GateJob, rules: &NightlyRules) -> Vec<Plot> {
    let searches = &job.result.searches;
    if searches.iter().all(|pair| pair.x().is_none()) {
        return Vec::new();
    }
    vec![ratios(job, rules), breaking_points(job, searches)]
}

/// What both sides lost in each pair.
fn loss(job: &GateJob, rules: &Rules, pairs: &[PairScore]) -> Plot {
    let of = |side: fn(&PairScore) -> Done| over_pairs(pairs, |pair| side(pair).loss());
    let why = spoilt(rules, &job.result.trials);
    let silent = job.result.trials.iter().zip(why).filter(|(trial, why)| why.is_some() && trial.arrivals > 0);
    let silent: Vec<_> = silent.map(|(trial, _)| (f64::from(trial.repetition + 1), trial.loss())).collect();
    let mut layers = Vec::new();
    let mut note =
        "The axis is that of the square root, so that small losses can be told apart. Head is offered \
                    less, so equal builds have head below base."
            .to_owned();
    if !silent.is_empty() {
        note.push_str(" Rings: trials that do not count; they were repeated.");
        layers.push(Layer::rings("does not count", "s5", silent));
    }
    layers.push(Layer::line("base", "s1", of(|pair| pair.base)));
    layers.push(Layer::line("head, at less load", "s3", of(|pair| pair.head)));
    let highest = layers.iter().map(Layer::highest).fold(rules.allowed * LOSS_TIMES, f64::max);
    let y = Axis::root_shares("lost", highest, &named_losses(highest));
    let allowed = Rule {
        at: rules.allowed,
        label: format!("{} allowed", figures::share(rules.allowed)),
        class: "objective",
        vertical: false,
    };
    // A trial that does not count may be the first of a pair that is not complete.
    let places = job.result.trials.iter().map(|trial| trial.repetition as usize + 1).max().unwrap_or(1);
    let x = Axis::counted("pair", pairs.len().max(places));
    Plot { chart: chart(("gate-loss", "Loss of the pairs"), x, y, layers, vec![allowed]), note }
}

/// As many names of losses as have room, nothing always among them.
fn named_losses(highest: f64) -> Vec<f64> {
    let mut named: Vec<f64> = Vec::new();
    for loss in LOSS_TICKS {
        let place = |loss: f64| (loss / highest).sqrt();
        if named.last().is_none_or(|last| place(loss) - place(*last) >= TICKS_APART) {
            named.push(loss);
        }
    }
    named
}

/// The sum of the scores against what it is held against.
fn evidence(rules: &Rules, pairs: &[PairScore]) -> Plot {
    let bars = bars(rules);
    let sums = over_pairs(pairs, |pair| pair.sum);
    let scores = over(pairs, |pair| pair.score).collect();
    let layers = vec![Layer::dots("score of the pair", "s5", scores), Layer::line("sum", "s1 strong", sums)];
    let values =
        || layers.iter().flat_map(Layer::values).map(|(_, value)| value).chain([bars.better, bars.worse]);
    let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let y = Axis::numbers_within("evidence against head", (low - 1.0, high + 1.0));
    let x = Axis::counted("pair", rules.pairs_max() as usize);
    let rules_drawn = vec![
        across(bars.better, format!("pass below {}", words::score(bars.better)), "quiet"),
        across(bars.worse, format!("regression above {}", words::score(bars.worse)), "objective"),
    ];
    let note = format!(
        "A score is the logarithm of head's odds of loss over base's, between -2 and 2, and they add up. The \
         lower line counts after {} pairs and after all {}, the upper one after all.",
        rules.pairs,
        rules.pairs_max()
    );
    Plot { chart: chart(("gate-evidence", "Evidence over the pairs"), x, y, layers, rules_drawn), note }
}

/// What both sides were offered.
fn loads(job: &GateJob, rules: &Rules, pairs: &[PairScore]) -> Plot {
    let of = |side: fn(&PairScore) -> Done| over_pairs(pairs, |pair| side(pair).load);
    let layers = vec![
        Layer::line("base", "s1", of(|pair| pair.base)),
        Layer::line("head", "s3", of(|pair| pair.head)),
    ];
    let y = Axis::numbers_within(axis_title(job.axis), range(&layers, [rules.carried]));
    let began = across(rules.carried, "where it began".to_owned(), "quiet");
    let note = "The load goes a step up after a pair in which base carried its load, two if it lost next to \
                nothing, and down likewise: so it stays about base's breaking point, wherever that is today.";
    let x = Axis::counted("pair", pairs.len());
    let chart = chart(("gate-load", "Load of the pairs"), x, y, layers, vec![began]);
    Plot { chart, note: note.to_owned() }
}

/// The ratio that each pair of searches found, and the interval at each look.
fn ratios(job: &GateJob, rules: &NightlyRules) -> Plot {
    let counted = job.result.searches.iter().filter_map(SearchPair::x);
    let found: Vec<_> = counted.enumerate().map(|(at, x)| ((at + 1) as f64, x.exp())).collect();
    // An interval is a line upwards; what stands between two of them is a gap.
    let intervals = looks(rules, &job.result.searches).into_iter().flat_map(|look| {
        let at = f64::from(look.ratio.pairs);
        [(at, Some(look.ratio.low)), (at, Some(look.ratio.at)), (at, Some(look.ratio.high)), (at, None)]
    });
    let intervals: Vec<_> = intervals.collect();
    let mut layers = vec![Layer::dots("one pair of searches", "s5", found)];
    if !intervals.is_empty() {
        layers.push(Layer::line("estimate and interval at a look", "s1 strong", intervals));
    }
    let least = 1.0 - rules.delta;
    let y = Axis::numbers_within("head's breaking point over base's", range(&layers, [least, 1.0]));
    let drawn = vec![
        across(least, format!("regression below {}", words::ratio(least)), "objective"),
        across(1.0, "equal".to_owned(), "limit"),
    ];
    let x = Axis::counted("pair of searches", rules.pairs_max() as usize);
    let note =
        "A look decides if its whole interval is on one side of the line; otherwise two more pairs follow.";
    let chart = chart(("gate-ratio", "Ratio of the breaking points"), x, y, layers, drawn);
    Plot { chart, note: note.to_owned() }
}

/// Where both sides broke in each pair of searches.
fn breaking_points(job: &GateJob, searches: &[SearchPair]) -> Plot {
    let of = |side: Side| {
        let load = move |pair: &SearchPair| if side == Side::Base { pair.base } else { pair.head };
        let points = searches.iter().enumerate();
        points.map(move |(at, pair)| ((at + 1) as f64, pair.x().map(|_| load(pair)))).collect::<Vec<_>>()
    };
    let layers = vec![Layer::line("base", "s1", of(Side::Base)), Layer::line("head", "s3", of(Side::Head))];
    let y = Axis::numbers_within(axis_title(job.axis), range(&layers, []));
    let x = Axis::counted("pair of searches, those that do not count among them", searches.len());
    let note = "Both move with the machine; what counts is how far they are apart.";
    let chart = chart(("gate-points", "Breaking points"), x, y, layers, Vec::new());
    Plot { chart, note: note.to_owned() }
}

fn over_pairs(pairs: &[PairScore], of: impl Fn(&PairScore) -> f64) -> Vec<(f64, Option<f64>)> {
    over(pairs, of).map(|(pair, value)| (pair, Some(value))).collect()
}

fn over(pairs: &[PairScore], of: impl Fn(&PairScore) -> f64) -> impl Iterator<Item = (f64, f64)> {
    pairs.iter().enumerate().map(move |(at, pair)| ((at + 1) as f64, of(pair)))
}

/// From the lowest to the highest of what is drawn, with room.
fn range<const N: usize>(layers: &[Layer], more: [f64; N]) -> (f64, f64) {
    let values = || layers.iter().flat_map(Layer::values).map(|(_, value)| value).chain(more);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let span = (high - low).max(high * SPAN_LEAST);
    (low - span * ROOM, high + span * ROOM)
}

fn across(at: f64, label: String, class: &'static str) -> Rule {
    Rule { at, label, class, vertical: false }
}

const fn axis_title(axis: LoadAxis) -> &'static str {
    match axis {
        LoadAxis::ArrivalsPerSecond => "arrivals/s",
        LoadAxis::Users => "users",
    }
}

fn chart((id, title): (&'static str, &str), x: Axis, y: Axis, layers: Vec<Layer>, rules: Vec<Rule>) -> Chart {
    Chart {
        id,
        title: title.to_owned(),
        x,
        y,
        layers,
        bands: Vec::new(),
        rules,
        marks: Vec::new(),
        height: Height::Full,
    }
}
