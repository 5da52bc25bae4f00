//! What all plots of a search share: which loads are shown, each trial as a dot, and the interval behind
//! them.

use loadlab_analysis::search::{LoadResult, Method, SearchResult, Trial, bracket, loads};

use super::words;
use crate::chart::{Axis, Band, Chart, Height, Layer, Rule};

/// Loads up to so many times what bounds the breaking point from above are shown.
const ABOVE_MOST: f64 = 2.0;
/// Near the breaking point is within so many times the width of the interval, below and above it.
const NEAR_WIDTHS: f64 = 3.0;
/// And within this share of it at least: a precise interval is narrower than what decided it.
const NEAR_LEAST: f64 = 0.05;
/// A look from near is worth a plot if it is so much closer than from afar.
const NEAR_MOST: f64 = 0.5;
/// And if so many trials are there.
const NEAR_TRIALS: usize = 4;

/// The trials and loads that plots show.
pub(super) struct Field<'a> {
    pub(super) result: &'a SearchResult,
    /// Those that are shown.
    pub(super) loads: Vec<LoadResult>,
    /// Those that are shown.
    pub(super) trials: Vec<&'a Trial>,
    /// From which load on, and up to which.
    pub(super) range: (f64, f64),
    /// The interval, or the bracket of a search without one, if it has both ends.
    pub(super) bounds: Option<(f64, f64)>,
}

/// What a trial is drawn as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Carried,
    Lost,
    Silent,
}

impl<'a> Field<'a> {
    /// From no load to the highest that says something about the breaking point. Loads far above it would
    /// press all others to the left.
    pub(super) fn of(result: &'a SearchResult) -> Self {
        let trials = || result.trials.iter().map(|one| &one.trial);
        let loads = loads(&result.rules, trials());
        let (low, high) = result.found.as_ref().map_or_else(|| bracket(&loads), |found| found.interval);
        let ends =
            loads.first().zip(loads.last()).map_or((0.0, 0.0), |(first, last)| (first.load, last.load));
        let most = high.map_or(ends.1, |high| ends.1.min((high * ABOVE_MOST).max(ends.0)));
        let all =
            Self { result, loads, trials: trials().collect(), range: (0.0, most), bounds: low.zip(high) };
        all.within((0.0, most))
    }

    /// A closer look at where the breaking point is, if there is more to see.
    pub(super) fn near(&self) -> Option<Self> {
        let (low, high) = self.bounds?;
        let around = ((high - low) * NEAR_WIDTHS).max(high * NEAR_LEAST);
        let range = ((low - around).max(0.0), (high + around).min(self.range.1));
        let near = self.within(range);
        let closer = range.1 - range.0 <= (self.range.1 - self.range.0) * NEAR_MOST;
        (closer && near.trials.len() >= NEAR_TRIALS).then_some(near)
    }

    fn within(&self, range: (f64, f64)) -> Self {
        let is_within = |load: f64| (range.0..=range.1).contains(&load);
        Self {
            result: self.result,
            loads: self.loads.iter().filter(|at| is_within(at.load)).cloned().collect(),
            trials: self.trials.iter().copied().filter(|trial| is_within(trial.load)).collect(),
            range,
            bounds: self.bounds,
        }
    }

    fn look(&self, trial: &Trial) -> Look {
        if !trial.counts() {
            Look::Silent
        } else if trial.loss() > self.result.rules.allowed_loss.get() {
            Look::Lost
        } else {
            Look::Carried
        }
    }

    /// Each trial as a dot, by what came of it.
    pub(super) fn dots(&self, at: impl Fn(&Trial) -> Option<(f64, f64)>) -> Vec<Layer> {
        let points = |look: Look| {
            let of_look = self.trials.iter().filter(|trial| self.look(trial) == look);
            of_look.filter_map(|trial| at(trial)).collect::<Vec<_>>()
        };
        let layers = [
            Layer::rings("says nothing", "s5", points(Look::Silent)),
            Layer::dots("carried", "s2", points(Look::Carried)),
            Layer::dots("lost too much", "s3", points(Look::Lost)),
        ];
        layers.into_iter().filter(|layer| layer.values().next().is_some()).collect()
    }

    /// A chart over the offered load, with the interval shaded and the estimate marked.
    pub(super) fn over_load(
        &self,
        (id, title): (&'static str, &str),
        y: Axis,
        layers: Vec<Layer>,
        rules: Vec<Rule>,
    ) -> Chart {
        let axis = self.result.axis;
        let x = if self.range.0 > 0.0 {
            Axis::numbers_within(words::axis_title(axis), self.range)
        } else {
            Axis::numbers(words::axis_title(axis), self.range.1)
        };
        let band = self.bounds.map(|(from, to)| Band { from, to, class: "interval" });
        let estimate = self.result.found.as_ref().and_then(|found| found.estimate);
        let point = estimate.filter(|_| self.result.method != Method::Ramp).map(|at| Rule {
            at,
            label: words::estimated(at, axis),
            class: "estimate",
            vertical: true,
        });
        Chart {
            bands: band.into_iter().collect(),
            rules: point.into_iter().chain(rules).collect(),
            ..plain((id, title), x, y, layers)
        }
    }

    /// A note, with what is shaded and what is left out.
    pub(super) fn noted(&self, mut sentences: Vec<String>) -> String {
        if self.bounds.is_some() {
            let estimated = self.result.found.as_ref().is_some_and(|found| found.estimate.is_some());
            let certain = estimated && self.result.method != Method::Ramp;
            let how = if certain { "with 95 %" } else { "as far as it was tried" };
            sentences.push(format!("Shaded: where the breaking point is, {how}."));
        }
        let out = (self.result.trials.len() - self.trials.len()) as u64;
        let are = if out == 1 { "is" } else { "are" };
        let trials = words::counted(out, "trial", "trials");
        if out > 0 && self.range.0 > 0.0 {
            sentences.push(format!("{trials} at loads further away {are} not shown."));
        } else if out > 0 {
            let most = words::estimated(self.range.1, self.result.axis);
            sentences.push(format!("{trials} above {most} {are} not shown."));
        }
        sentences.join(" ")
    }
}

/// A chart without bands, rules and marks.
pub(super) fn plain((id, title): (&'static str, &str), x: Axis, y: Axis, layers: Vec<Layer>) -> Chart {
    Chart {
        id,
        title: title.to_owned(),
        x,
        y,
        layers,
        bands: Vec::new(),
        rules: Vec::new(),
        marks: Vec::new(),
        height: Height::Full,
    }
}
