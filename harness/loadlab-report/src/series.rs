//! What the windows and the target's series say over time, thinned so that a plot stays small.
//!
//! Gauges keep the lowest and the highest value of every stretch, so that no peak is lost. Windows
//! are merged: counts are added, and percentiles come from the merged histograms.

use std::collections::BTreeMap;

use loadlab_analysis::{Metrics, labels};
use loadlab_record::{RunFile, Series, Window};

/// Points of a gauge at most: two, the lowest and the highest, for every stretch.
const GAUGE_POINTS_MAX: usize = 600;
/// Stretches of a run at most: half a screen shows no more.
const STRETCHES_MAX: usize = 240;

/// Scenario seconds and value.
pub(crate) use loadlab_analysis::Points;

/// Consecutive windows as one.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    /// Its start, in scenario seconds.
    pub(crate) from_s: f64,
    /// Its length.
    pub(crate) length_s: f64,
    /// The windows, merged. Its gauges (`in_flight`, `users`) are those of its last window.
    pub(crate) merged: Window,
}

impl Stretch {
    /// Its middle: where a point of a line is drawn.
    pub(crate) fn middle_s(&self) -> f64 {
        self.from_s + self.length_s / 2.0
    }

    /// Its end: where a gauge read at the end of a second belongs.
    pub(crate) fn end_s(&self) -> f64 {
        self.from_s + self.length_s
    }
}

/// The windows in as many stretches of equal length as a plot shows.
pub(crate) fn stretches(run: &RunFile) -> Vec<Stretch> {
    stretches_at_most(run, STRETCHES_MAX)
}

/// The windows in at most `most` stretches of equal length.
pub(crate) fn stretches_at_most(run: &RunFile, most: usize) -> Vec<Stretch> {
    let Some(last) = run.windows.last() else { return Vec::new() };
    let seconds = last.second as usize + 1;
    let length = seconds.div_ceil(most.max(1)).max(1) as u64;
    let mut stretches: Vec<Stretch> = Vec::new();
    for window in &run.windows {
        let from_s = (window.second / length * length) as f64;
        match stretches.last_mut() {
            Some(stretch) if (stretch.from_s - from_s).abs() < 0.5 => {
                stretch.merged.merge(window);
                stretch.merged.in_flight = window.in_flight;
                stretch.merged.users = window.users;
            }
            _ => stretches.push(Stretch { from_s, length_s: length as f64, merged: window.clone() }),
        }
    }
    stretches
}

/// Whether the target published this metric at all.
pub(crate) fn is_published(run: &RunFile, name: &str) -> bool {
    run.series.iter().any(|series| series.name == name && !series.points.is_empty())
}

/// A gauge summed over labels and roles, thinned.
pub(crate) fn gauge(run: &RunFile, name: &str) -> Points {
    thinned(Metrics::of(run).sum(name))
}

/// A gauge by the values of one label, thinned.
pub(crate) fn gauges_by(run: &RunFile, name: &str, label: &str) -> BTreeMap<String, Points> {
    let by = Metrics::of(run).by_label(name, label);
    by.into_iter().map(|(value, points)| (value, thinned(points))).collect()
}

/// The value of one label of a series.
pub(crate) fn label_value(series: &Series, label: &str) -> Option<String> {
    labels(&series.labels).into_iter().find(|(name, _)| name == label).map(|(_, value)| value)
}

/// The increase of a counter in stretches of `step_s` until `end_s`, over those of its series that
/// are wanted: end of the stretch, increase. A counter that falls was restarted and counts from 0
/// again. A series that is new in a role that published before counts from 0 too: labels appear
/// when they first happen.
pub(crate) fn increases(
    run: &RunFile,
    name: &str,
    wanted: impl Fn(&Series) -> bool,
    step_s: f64,
    end_s: f64,
) -> Points {
    let number = ((end_s / step_s).ceil() as usize).max(1);
    let mut sums = vec![0.0; number];
    for series in run.series.iter().filter(|series| series.name == name && wanted(series)) {
        let Some(&(first_at, first)) = series.points.first() else { continue };
        let is_new = first_at > role_began(run, &series.role);
        let start = if is_new { 0.0 } else { first };
        let mut before = start;
        for &(at, value) in &series.points {
            // A scrape tells what happened up to it, so it belongs to the stretch that it ends.
            let place = ((at / step_s).ceil() as usize).clamp(1, number) - 1;
            sums[place] += if value >= before { value - before } else { value };
            before = value;
        }
    }
    sums.into_iter().enumerate().map(|(step, sum)| ((step + 1) as f64 * step_s, sum)).collect()
}

/// When a role was first scraped.
fn role_began(run: &RunFile, role: &str) -> f64 {
    let firsts =
        run.series.iter().filter(|series| series.role == role).filter_map(|series| series.points.first());
    firsts.map(|point| point.0).fold(f64::INFINITY, f64::min)
}

/// At most [`GAUGE_POINTS_MAX`] points: of every stretch the lowest and the highest, in their order, and
/// the first and last of all.
pub(crate) fn thinned(points: Points) -> Points {
    if points.len() <= GAUGE_POINTS_MAX {
        return points;
    }
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return points };
    let chunk = points.len().div_ceil(GAUGE_POINTS_MAX / 2 - 1);
    let mut thin = vec![first];
    for stretch in points.chunks(chunk) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let lowest = stretch.iter().min_by(by_value);
        let highest = stretch.iter().max_by(by_value);
        let mut pair: Vec<(f64, f64)> = lowest.into_iter().chain(highest).copied().collect();
        pair.sort_by(|a, b| a.0.total_cmp(&b.0));
        pair.dedup();
        thin.extend(pair);
    }
    thin.push(last);
    thin.dedup();
    thin
}

/// The length of a stretch in which counters are compared: a second, or as long as keeps the plot
/// small.
pub(crate) fn counter_step_s(length_s: f64) -> f64 {
    (length_s / STRETCHES_MAX as f64).ceil().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_long_gauge_survives_thinning() {
        let points: Points =
            (0..50_000).map(|n| (f64::from(n), if n == 31_415 { 99.0 } else { 1.0 })).collect();
        let thin = thinned(points);
        assert!(thin.len() <= GAUGE_POINTS_MAX, "{}", thin.len());
        assert!(thin.contains(&(31_415.0, 99.0)));
        assert_eq!((thin.first(), thin.last()), (Some(&(0.0, 1.0)), Some(&(49_999.0, 1.0))));
    }

    #[test]
    fn windows_are_merged_into_stretches_and_nothing_is_lost() {
        let run = loadlab_record::synthetic::Synthetic::burst(100).run();
        let all = stretches(&run);
        let few = stretches_at_most(&run, 4);
        assert_eq!((all.len(), few.len()), (run.windows.len(), 4));
        let ended = |stretches: &[Stretch]| -> u64 {
            stretches.iter().map(|stretch| stretch.merged.response.count()).sum()
        };
        assert_eq!((ended(&all), ended(&few)), (100, 100));
        let bounds: Vec<(f64, f64)> = few.iter().map(|stretch| (stretch.from_s, stretch.end_s())).collect();
        assert_eq!(bounds, [(0.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 16.0)]);
        assert_eq!(few[1].merged.in_flight, run.windows[7].in_flight, "the gauge of its last second");
    }

    #[test]
    fn a_counter_that_restarts_counts_from_zero_again_and_so_does_a_new_label() {
        let mut run = loadlab_record::synthetic::Synthetic::burst(1).run();
        let series = |labels: &str, points: &[(f64, f64)]| Series {
            role: "service-0".to_owned(),
            name: "calls_total".to_owned(),
            labels: labels.to_owned(),
            points: points.to_vec(),
        };
        run.series = vec![
            series("outcome=\"ok\"", &[(0.0, 10.0), (0.5, 12.0), (1.0, 15.0), (1.5, 1.0), (2.0, 4.0)]),
            series("outcome=\"error\"", &[(2.5, 7.0)]),
        ];
        let all = increases(&run, "calls_total", |_| true, 1.0, 3.0);
        assert_eq!(all, vec![(1.0, 5.0), (2.0, 4.0), (3.0, 7.0)]);
        let ok = |series: &Series| label_value(series, "outcome").as_deref() == Some("ok");
        assert_eq!(increases(&run, "calls_total", ok, 1.0, 3.0), vec![(1.0, 5.0), (2.0, 4.0), (3.0, 0.0)]);
        assert_eq!(increases(&run, "other_total", |_| true, 1.0, 1.0), vec![(1.0, 0.0)]);
    }
}
