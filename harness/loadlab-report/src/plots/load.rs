//! Plots of what was offered and what came of it.

use loadlab_record::{Outcome, RunFile, Window};
use loadlab_scenario::objective::{LatencyKind, Measure};

use super::{
    Missing, Plot,
    frame::{Frame, peak_words, rule_within},
};
use crate::{
    chart::{Axis, Bar, Layer, Rule},
    figures,
    series::{self, Stretch},
};

/// The percentiles that are drawn over time, with their classes.
const DRAWN: [(f64, &str, &str); 3] =
    [(50.0, "p50", "s2"), (95.0, "p95", "s1 strong"), (99.0, "p99", "s3 dashed")];

/// How much more may be due than ends in a second, at its peak, for both to share an axis.
const DUE_OVER_ENDED_MAX: f64 = 3.0;

/// Response time percentiles over time.
pub(super) fn latency(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let stretches = series::stretches(run);
    let layers: Vec<Layer> = DRAWN
        .into_iter()
        .map(|(percentile, label, class)| {
            let point = |stretch: &Stretch| {
                let value = stretch.merged.response.percentile(percentile, run.speed);
                (stretch.middle_s(), value.map(|value| value.as_secs_f64()))
            };
            Layer::line(label, class, with_holes(&stretches, point))
        })
        .collect();
    let highest = highest(&layers);
    if layers.iter().all(|layer| layer.values().next().is_none()) {
        return Err(Missing::Nothing("Response time over time is left out: no arrival ended."));
    }
    let rules = latency_rules(run, highest);
    let top = rules.iter().map(|rule| rule.at * 1.05).fold(highest, f64::max);
    let mut note = "From due to the final outcome, by the second in which it ended.".to_owned();
    if let Some(peak) = peak_words(&layers[1], figures::measured) {
        note = format!("{note} The p95 is highest with {peak}.");
    }
    let mut chart = frame.chart("latency", "Response time", Axis::seconds("response time", top), layers);
    chart.rules = rules;
    Ok(Plot { chart, note })
}

/// Arrivals that ended, by outcome, and those that were due.
pub(super) fn outcomes(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let stretches = series::stretches(run);
    let per_second = |count: u64, stretch: &Stretch| count as f64 / stretch.length_s;
    let most = |of: fn(&Window) -> u64| {
        stretches.iter().map(|stretch| per_second(of(&stretch.merged), stretch)).fold(0.0, f64::max)
    };
    let (ended, due) = (most(|window| window.ended.total()), most(|window| window.scheduled));
    if ended <= 0.0 && due <= 0.0 {
        return Err(Missing::Nothing("Throughput and outcome are left out: no arrival was due."));
    }
    let mut bases = vec![0.0; stretches.len()];
    let mut layers = Vec::new();
    for outcome in Outcome::ALL {
        let mut bars = Vec::new();
        for (stretch, base) in stretches.iter().zip(&mut bases) {
            let high = *base + per_second(stretch.merged.ended.get(outcome), stretch);
            if high > *base {
                bars.push(Bar { from: stretch.from_s, to: stretch.end_s(), low: *base, high });
            }
            *base = high;
        }
        if !bars.is_empty() {
            layers.push(Layer::bars(outcome.description(), outcome_class(outcome), bars));
        }
    }
    let mut note = "Arrivals per second, by the second in which they ended.".to_owned();
    let same_axis = ended > 0.0 && due <= ended * DUE_OVER_ENDED_MAX;
    if same_axis {
        let point =
            |stretch: &Stretch| (stretch.middle_s(), Some(per_second(stretch.merged.scheduled, stretch)));
        layers.push(Layer::line("due", "due dashed", with_holes(&stretches, point)));
    } else {
        note = format!(
            "{note} Those that were due are not drawn: up to {} a second would flatten the rest.",
            figures::plain(due.round())
        );
    }
    let top = if same_axis { ended.max(due) } else { ended };
    let chart =
        frame.chart("outcomes", "Throughput and outcome", Axis::numbers("arrivals per second", top), layers);
    Ok(Plot { chart, note })
}

/// Arrivals under way, and users.
pub(super) fn in_flight(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let stretches = series::stretches(run);
    let line = |label, class, of: fn(&Window) -> u64| {
        let point = |stretch: &Stretch| (stretch.end_s(), Some(of(&stretch.merged) as f64));
        Layer::line(label, class, with_holes(&stretches, point))
    };
    let mut layers = vec![line("arrivals under way", "s1 strong", |window| window.in_flight)];
    let users = line("users", "s2 dashed", |window| window.users);
    if users.highest() > 0.0 {
        layers.push(users);
    }
    for (name, label, class) in
        [("streams_open", "streams open", "s4"), ("gateway_in_flight", "in the gateway", "s5 dotted")]
    {
        if series::is_published(run, name) {
            layers.push(Layer::steps(label, class, series::gauge(run, name)));
        }
    }
    let highest = highest(&layers);
    if highest <= 0.0 {
        return Err(Missing::Nothing(
            "What was under way is left out: nothing was, at the end of any second.",
        ));
    }
    let mut note = "At the end of each second.".to_owned();
    if let Some(peak) = peak_words(&layers[0], figures::plain) {
        note = format!("{note} At most {peak}.");
    }
    let y = Axis::numbers("arrivals", highest);
    Ok(Plot { chart: frame.chart("in-flight", "Under way", y, layers), note })
}

/// First events and gaps of streams over time.
pub(super) fn stream_timing(run: &RunFile, frame: &Frame) -> Result<Plot, Missing> {
    let stretches = series::stretches(run);
    let line = |label, class, percentile: f64, gaps: bool| {
        let point = |stretch: &Stretch| {
            let mut merged = loadlab_record::Histogram::new();
            for step in stretch.merged.steps.values() {
                merged.merge(if gaps { &step.event_gap } else { &step.first_event });
            }
            let value = merged.percentile(percentile, run.speed);
            (stretch.middle_s(), value.map(|value| value.as_secs_f64()))
        };
        Layer::line(label, class, with_holes(&stretches, point))
    };
    let layers = vec![
        line("first event p95", "s1 strong", 95.0, false),
        line("first event p50", "s2", 50.0, false),
        line("gap p99", "s4 dashed", 99.0, true),
    ];
    if layers.iter().all(|layer| layer.values().next().is_none()) {
        return Err(Missing::Nothing("Streams are left out: no stream showed an event."));
    }
    let y = Axis::seconds("time", highest(&layers));
    let chart = frame.chart("streams", "Streams: first event and gaps", y, layers);
    Ok(Plot {
        chart,
        note: "From sent to the first event, and between events, by the second of the end.".to_owned(),
    })
}

/// The bounds of the plain response objectives, and where the health states begin.
fn latency_rules(run: &RunFile, highest: f64) -> Vec<Rule> {
    let response = |objective: &&loadlab_scenario::objective::Objective| {
        matches!(&objective.measure, Measure::Latency { step: None, kind: LatencyKind::Response, .. })
    };
    let objectives = run.plan.objectives.iter().filter(response);
    let health = &run.plan.health;
    let limits = [(health.degraded_latency, "degraded above"), (health.failed_latency, "failed above")];
    let limits = limits.into_iter().filter_map(|(at, label)| {
        let at = at.as_secs_f64();
        rule_within(at, highest, format!("{label} {}", figures::seconds(at)), "limit")
    });
    objectives
        .filter_map(|objective| rule_within(objective.bound, highest, objective.name.clone(), "objective"))
        .chain(limits)
        .collect()
}

/// Points of the stretches, with a hole wherever seconds are missing between two.
fn with_holes(
    stretches: &[Stretch],
    point: impl Fn(&Stretch) -> (f64, Option<f64>),
) -> Vec<(f64, Option<f64>)> {
    let mut points = Vec::with_capacity(stretches.len());
    let mut end = None;
    for stretch in stretches {
        if end.is_some_and(|end| stretch.from_s > end + 0.5) {
            points.push((stretch.from_s, None));
        }
        points.push(point(stretch));
        end = Some(stretch.end_s());
    }
    points
}

fn highest(layers: &[Layer]) -> f64 {
    layers.iter().map(Layer::highest).fold(0.0, f64::max)
}

const fn outcome_class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "o-ok",
        Outcome::Status => "o-status",
        Outcome::Timeout => "o-timeout",
        Outcome::Abandoned => "o-abandoned",
        Outcome::Connect => "o-connect",
        Outcome::Reset => "o-reset",
        Outcome::Truncated => "o-truncated",
        Outcome::WrongAnswer => "o-wrong",
        Outcome::Shed => "o-shed",
        Outcome::Undispatched => "o-undispatched",
    }
}
