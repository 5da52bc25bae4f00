//! Looking up what the target published: sums, rates, shares and quantiles over time.

use std::collections::{BTreeMap, BTreeSet};

use loadlab_record::{RunFile, Series};

use crate::{
    Facts,
    facts::{self, Point, Summed},
    labels::label,
};

/// Scenario seconds and value, in order of time; a value holds until the next.
pub type Points = Vec<(f64, f64)>;

/// The published series of a run.
#[derive(Debug, Clone, Copy)]
pub struct Metrics<'a> {
    series: &'a [Series],
    /// The last instant that is known.
    end: f64,
}

impl<'a> Metrics<'a> {
    /// What the target of a run published. The series hold until the run's last second is over.
    pub fn of(run: &'a RunFile) -> Self {
        let windows = run.windows.last().map_or(0.0, |window| (window.second + 1) as f64);
        let points = run.series.iter().filter_map(|series| series.points.last());
        let end = points.map(|(at, _)| *at).fold(windows, f64::max);
        Self { series: &run.series, end }
    }

    /// The last instant that is known, in scenario seconds.
    pub const fn end(&self) -> f64 {
        self.end
    }

    /// The names that were published.
    pub fn names(&self) -> BTreeSet<&'a str> {
        self.series.iter().map(|series| series.name.as_str()).collect()
    }

    /// The series of one metric.
    pub fn series(&self, name: &str) -> impl Iterator<Item = &'a Series> {
        self.series.iter().filter(move |series| series.name == name)
    }

    /// A metric summed over labels and roles. Empty if it was not published.
    pub fn sum(&self, name: &str) -> Points {
        self.sum_where(name, |_| true)
    }

    /// A metric summed over those of its series that are wanted.
    pub fn sum_where(&self, name: &str, wanted: impl Fn(&Series) -> bool) -> Points {
        let points = self.points(name, wanted);
        points.into_iter().map(|point| (point.at, point.value)).collect()
    }

    /// A metric by the values of one label, each summed over the rest.
    pub fn by_label(&self, name: &str, by: &str) -> BTreeMap<String, Points> {
        let values: BTreeSet<String> =
            self.series(name).filter_map(|series| label(&series.labels, by)).collect();
        let sum =
            |value: &String| self.sum_where(name, |series| label(&series.labels, by).as_ref() == Some(value));
        values.iter().map(|value| (value.clone(), sum(value))).collect()
    }

    /// What a metric did from one instant up to another (the end of the run included, if it is that);
    /// `None` if it was not published.
    pub fn facts(&self, name: &str, from: f64, to: f64) -> Option<Facts> {
        self.facts_of(&self.points(name, |_| true), from, to)
    }

    /// What those series of a metric that are wanted did over the whole run.
    pub fn facts_where(&self, name: &str, wanted: impl Fn(&Series) -> bool) -> Option<Facts> {
        facts::all(&self.points(name, wanted), 0.0, self.end)
    }

    /// How fast those series of a counter that are wanted rise together, per scenario second: over each
    /// `step` seconds, stamped with the end of the step. A restart of the process is no fall.
    pub fn rate_where(&self, name: &str, step: f64, wanted: impl Fn(&Series) -> bool) -> Points {
        let rises = self.rises(name, step, wanted);
        rises.into_iter().map(|(at, rise)| (at, rise / step)).collect()
    }

    /// How fast a counter rises, summed over labels and roles; see [`Metrics::rate_where`].
    pub fn rate(&self, name: &str, step: f64) -> Points {
        self.rate_where(name, step, |_| true)
    }

    /// The share that some series of a counter have in its rise (hits in lookups), from 0 to 1, over
    /// each `step` seconds. Steps in which nothing rose are left out.
    pub fn share_where(
        &self,
        name: &str,
        step: f64,
        whole: impl Fn(&Series) -> bool,
        part: impl Fn(&Series) -> bool,
    ) -> Points {
        let all = self.rises(name, step, &whole);
        let some = self.rises(name, step, |series| whole(series) && part(series));
        let share = |(at, all): (f64, f64)| {
            let some = held_at(&some, at).unwrap_or(0.0);
            (all > 0.0).then_some((at, some / all))
        };
        all.into_iter().filter_map(share).collect()
    }

    /// The share of hits in one cache level's lookups over time; see [`Metrics::share_where`].
    pub fn hit_share(&self, level: &str, step: f64) -> Points {
        let is = |series: &Series, name, value: &str| label(&series.labels, name).as_deref() == Some(value);
        self.share_where(
            "cache_requests_total",
            step,
            |series| is(series, "level", level),
            |series| is(series, "result", "hit"),
        )
    }

    /// By how much a counter rose in each whole step, stamped with its end.
    fn rises(&self, name: &str, step: f64, wanted: impl Fn(&Series) -> bool) -> Points {
        let points = self.points(name, wanted);
        let risen: Points = points.iter().map(|point| (point.at, point.risen)).collect();
        if risen.is_empty() {
            return Vec::new();
        }
        let at = |step_index: usize| step_index as f64 * step;
        let risen_at = |index| held_at(&risen, at(index)).unwrap_or(0.0);
        let steps = (self.end / step).floor() as usize;
        (0..steps).map(|index| (at(index + 1), risen_at(index + 1) - risen_at(index))).collect()
    }

    /// The quantile (0 to 1) of a Prometheus histogram, of what was observed between two instants, in
    /// the metric's own unit: linear within the bucket. `None` if nothing was observed, or if the
    /// value lies above the last finite bound.
    pub fn quantile(&self, histogram: &str, quantile: f64, from: f64, to: f64) -> Option<f64> {
        let name = format!("{histogram}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (bound, _) in self.by_label(&name, "le") {
            let le: f64 = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            let of_bound = self.points(&name, |series| label(&series.labels, "le").as_ref() == Some(&bound));
            buckets.push((le, self.facts_of(&of_bound, from, to).map_or(0.0, |facts| facts.increase)));
        }
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        within_buckets(&buckets, quantile)
    }

    /// The sums with their rise, as evaluation needs them.
    pub(crate) fn points(&self, name: &str, wanted: impl Fn(&Series) -> bool) -> Vec<Point> {
        let chosen: Vec<&Series> = self.series(name).filter(|series| wanted(series)).collect();
        let mut changes: Vec<(f64, &Series, f64)> = Vec::new();
        for series in &chosen {
            changes.extend(series.points.iter().map(|(at, value)| (*at, *series, *value)));
        }
        changes.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let mut summed = Summed::new(name);
        let mut points: Vec<Point> = Vec::new();
        let began: BTreeMap<&str, f64> =
            chosen.iter().map(|series| (series.role.as_str(), self.role_began(&series.role))).collect();
        for (at, series, value) in changes {
            let role_is_new = began.get(series.role.as_str()).is_some_and(|began| at <= *began);
            summed.apply(&series.role, &series.labels, value, role_is_new);
            points.pop_if(|point| point.at >= at);
            points.push(summed.point(at));
        }
        points
    }

    fn facts_of(&self, points: &[Point], from: f64, to: f64) -> Option<Facts> {
        if to >= self.end { facts::all(points, from, to) } else { facts::between(points, from, to) }
    }

    /// When a role was first scraped.
    fn role_began(&self, role: &str) -> f64 {
        let first = self.series.iter().filter(|series| series.role == role);
        first.filter_map(|series| series.points.first()).map(|(at, _)| *at).fold(f64::INFINITY, f64::min)
    }
}

/// The value at a quantile of cumulative buckets, by upper bound.
fn within_buckets(buckets: &[(f64, f64)], quantile: f64) -> Option<f64> {
    let wanted = buckets.last().map(|(_, count)| count * quantile).filter(|wanted| *wanted > 0.0)?;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= wanted {
            let part = (wanted - below) / (count - below);
            return bound.is_finite().then(|| lower + (bound - lower) * part);
        }
        (lower, below) = (*bound, *count);
    }
    None
}

/// The value that holds at an instant; `None` before the first point.
pub fn held_at(points: &[(f64, f64)], at: f64) -> Option<f64> {
    let after = points.partition_point(|(known, _)| *known <= at);
    Some(points[after.checked_sub(1)?].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(role: &str, name: &str, labels: &str, points: &[(f64, f64)]) -> Series {
        let own = str::to_owned;
        Series { role: own(role), name: own(name), labels: own(labels), points: points.to_vec() }
    }

    #[test]
    fn a_metric_is_summed_over_labels_and_roles() {
        let all = [
            series("service-0", "worker_queue_depth", "worker=\"0\"", &[(0.0, 1.0), (2.0, 5.0)]),
            series("service-0", "worker_queue_depth", "worker=\"1\"", &[(0.0, 2.0), (2.0, 0.0)]),
            series("service-1", "worker_queue_depth", "worker=\"0\"", &[(1.0, 10.0)]),
            series("service-1", "pool_waiting", "", &[(0.0, 7.0)]),
        ];
        let metrics = Metrics { series: &all, end: 4.0 };
        assert_eq!(metrics.sum("worker_queue_depth"), [(0.0, 3.0), (1.0, 13.0), (2.0, 15.0)]);
        assert_eq!(metrics.by_label("worker_queue_depth", "worker")["1"], [(0.0, 2.0), (2.0, 0.0)]);
        assert_eq!(metrics.sum("pool_wait"), []);
    }

    #[test]
    fn a_moment_that_two_series_share_is_one_point() {
        let all = [
            series("a", "x", "n=\"0\"", &[(0.0, 9.0), (1.0, 0.0)]),
            series("a", "x", "n=\"1\"", &[(1.0, 9.0)]),
        ];
        let metrics = Metrics { series: &all, end: 2.0 };
        assert_eq!(metrics.sum("x"), [(0.0, 9.0), (1.0, 9.0)]);
        assert_eq!(metrics.facts("x", 0.0, 2.0).expect("published").peak.to_bits(), 9.0_f64.to_bits());
    }

    #[test]
    fn a_rate_is_per_second_and_survives_a_restart() {
        let all = [
            series("a", "x_total", "", &[(0.0, 10.0), (0.5, 14.0), (1.5, 20.0), (2.5, 3.0)]),
            series("a", "x_total", "late=\"yes\"", &[(2.75, 4.0)]),
        ];
        let metrics = Metrics { series: &all, end: 3.5 };
        assert_eq!(metrics.rate("x_total", 1.0), [(1.0, 4.0), (2.0, 6.0), (3.0, 7.0)]);
        assert_eq!(metrics.rate("y_total", 1.0), []);
    }

    #[test]
    fn a_hit_share_leaves_out_seconds_without_lookups() {
        let cache = |result: &str, points: &[(f64, f64)]| {
            series("a", "cache_requests_total", &format!("level=\"l1\",result=\"{result}\""), points)
        };
        let all =
            [cache("hit", &[(0.0, 0.0), (0.5, 3.0), (2.5, 4.0)]), cache("miss", &[(0.0, 0.0), (0.5, 1.0)])];
        let metrics = Metrics { series: &all, end: 3.0 };
        assert_eq!(metrics.hit_share("l1", 1.0), [(1.0, 0.75), (3.0, 1.0)]);
        assert_eq!(metrics.hit_share("l2", 1.0), []);
    }

    #[test]
    fn a_quantile_is_linear_within_its_bucket() {
        let bucket = |le: &str, count: f64| {
            series("a", "wait_seconds_bucket", &format!("le=\"{le}\""), &[(0.0, 0.0), (1.0, count)])
        };
        let all = [bucket("1.0", 50.0), bucket("2.0", 90.0), bucket("4.0", 100.0), bucket("+Inf", 100.0)];
        let metrics = Metrics { series: &all, end: 2.0 };
        assert_eq!(metrics.quantile("wait_seconds", 0.5, 0.0, 2.0), Some(1.0));
        assert_eq!(metrics.quantile("wait_seconds", 0.95, 0.0, 2.0), Some(3.0));
        assert_eq!(metrics.quantile("other_seconds", 0.95, 0.0, 2.0), None);
    }

    #[test]
    fn held_values_begin_with_the_first_point() {
        let points = [(1.0, 5.0), (3.0, 7.0)];
        let at = [0.5, 1.0, 2.9, 3.0, 9.0].map(|at| held_at(&points, at));
        assert_eq!(at, [None, Some(5.0), Some(5.0), Some(7.0), Some(7.0)]);
    }
}
