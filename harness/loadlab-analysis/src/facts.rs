//! What a published metric did over a time: its peak, average, increase, and when it drained.
//!
//! A metric is the sum of its series over labels and roles. Each series holds its value until its next
//! point. One fold serves the live evaluation, which sees points as they come, and the final one.

use std::collections::BTreeMap;

/// The endings of names whose series only rise; a fall means that the process began anew.
const COUNTER_ENDINGS: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];

/// The sum of a metric's series from one instant on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// Scenario seconds.
    pub(crate) at: f64,
    /// The sum.
    pub(crate) value: f64,
    /// By how much the series rose since the run began, restarts of their process not counted as
    /// falls.
    pub(crate) risen: f64,
}

/// The newest value of each series of one metric.
#[derive(Debug, Clone)]
pub(crate) struct Summed {
    counter: bool,
    newest: BTreeMap<(String, String), f64>,
    risen: f64,
}

impl Summed {
    /// Nothing was published yet.
    pub(crate) fn new(name: &str) -> Self {
        let counter = COUNTER_ENDINGS.iter().any(|ending| name.ends_with(ending));
        Self { counter, newest: BTreeMap::new(), risen: 0.0 }
    }

    /// Takes a series' new value. A series that is new in a role that published before counts from
    /// zero: label values appear when they first happen. In a role's first scrape it is the start.
    pub(crate) fn apply(&mut self, role: &str, labels: &str, value: f64, role_is_new: bool) {
        let before = self.newest.insert((role.to_owned(), labels.to_owned()), value);
        let rise = match before {
            Some(before) if self.counter && value < before => value,
            Some(before) => value - before,
            None if role_is_new => 0.0,
            None => value,
        };
        self.risen += rise;
    }

    /// The sum from `at` on.
    pub(crate) fn point(&self, at: f64) -> Point {
        // Folding from 0: the empty sum of floats is -0, which would be written so.
        Point { at, value: self.newest.values().fold(0.0, |sum, value| sum + value), risen: self.risen }
    }
}

/// What a metric did from one instant to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// The largest value.
    pub peak: f64,
    /// The value at the end.
    pub last: f64,
    /// By how much it rose; for a counter, restarts of its process are not falls.
    pub increase: f64,
    /// The mean over time; the only value if no time passed.
    pub average: f64,
    /// Scenario seconds since the run began after which it was 0 for good; `None` if it was not 0 at
    /// the end. 0 if it never was anything else.
    pub drained: Option<f64>,
}

/// Facts in the making. Points come in order of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fold {
    from: f64,
    state: Option<State>,
}

/// What is known up to the newest point.
#[derive(Debug, Clone, Copy)]
struct State {
    begun: f64,
    newest: Point,
    peak: f64,
    integral: f64,
    risen_before: f64,
    zero_since: Option<f64>,
}

impl Fold {
    /// Facts from this instant on.
    pub(crate) const fn new(from: f64) -> Self {
        Self { from, state: None }
    }

    /// The next point. Of those before the start, the last tells the value at the start.
    pub(crate) fn push(&mut self, point: Point) {
        let zero_since = |at| (point.value == 0.0).then_some(at);
        let begin = |begun, risen_before, zero_since| State {
            begun,
            newest: Point { at: begun, ..point },
            peak: point.value,
            integral: 0.0,
            risen_before,
            zero_since,
        };
        match &mut self.state {
            _ if point.at <= self.from => self.state = Some(begin(self.from, point.risen, zero_since(0.0))),
            None => self.state = Some(begin(point.at, 0.0, zero_since(0.0))),
            Some(state) => {
                state.integral += state.newest.value * (point.at - state.newest.at);
                state.peak = state.peak.max(point.value);
                state.zero_since = state.zero_since.filter(|_| point.value == 0.0).or(zero_since(point.at));
                state.newest = point;
            }
        }
    }

    /// The facts up to an instant at or after the newest point; `None` if nothing was published.
    pub(crate) fn until(&self, to: f64) -> Option<Facts> {
        let state = self.state?;
        let to = to.max(state.newest.at);
        let integral = state.integral + state.newest.value * (to - state.newest.at);
        let length = to - state.begun;
        Some(Facts {
            peak: state.peak,
            last: state.newest.value,
            increase: state.newest.risen - state.risen_before,
            average: if length > 0.0 { integral / length } else { state.newest.value },
            drained: state.zero_since,
        })
    }
}

/// The facts of the time from one instant up to another, from points in order of time. What changes at
/// the very end belongs to the time after it.
pub(crate) fn between(points: &[Point], from: f64, to: f64) -> Option<Facts> {
    let end = points.partition_point(|point| point.at < to);
    all(&points[..end], from, to)
}

/// The facts from one instant to the end of the run, whose last point may lie at the very end.
pub(crate) fn all(points: &[Point], from: f64, end: f64) -> Option<Facts> {
    let first = points.partition_point(|point| point.at <= from).saturating_sub(1);
    let mut fold = Fold::new(from);
    points[first..].iter().for_each(|point| fold.push(*point));
    fold.until(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[(f64, f64)]) -> Vec<Point> {
        let mut summed = Summed::new("pool_waiting");
        let mut new = true;
        let mut point = |&(at, value): &(f64, f64)| {
            summed.apply("service-0", "", value, std::mem::take(&mut new));
            summed.point(at)
        };
        values.iter().map(&mut point).collect()
    }

    #[test]
    fn a_value_holds_until_the_next_one() {
        let facts = between(&points(&[(0.0, 4.0), (1.0, 10.0), (3.0, 0.0)]), 0.0, 8.0).expect("published");
        assert_eq!(facts, Facts { peak: 10.0, last: 0.0, increase: -4.0, average: 3.0, drained: Some(3.0) });
    }

    #[test]
    fn a_stretch_begins_with_the_value_that_holds() {
        let facts = between(&points(&[(0.0, 4.0), (1.0, 10.0), (3.0, 0.0)]), 2.0, 4.0).expect("published");
        assert_eq!(facts, Facts { peak: 10.0, last: 0.0, increase: -10.0, average: 5.0, drained: Some(3.0) });
    }

    #[test]
    fn a_queue_that_fills_again_drains_later() {
        let all = points(&[(0.0, 0.0), (1.0, 5.0), (2.0, 0.0), (4.0, 1.0), (6.0, 0.0)]);
        assert_eq!(between(&all, 0.0, 9.0).expect("published").drained, Some(6.0));
        assert_eq!(between(&all, 0.0, 5.0).expect("published").drained, None, "at 5 s one waits");
        assert_eq!(between(&all[..1], 0.0, 9.0).expect("published").drained, Some(0.0), "it never filled");
    }

    #[test]
    fn a_counter_that_restarts_goes_on_rising() {
        let mut summed = Summed::new("search_total");
        summed.apply("service-0", "a", 100.0, true);
        let start = summed.point(0.0);
        summed.apply("service-0", "a", 110.0, false);
        summed.apply("service-0", "b", 3.0, false);
        summed.apply("service-0", "a", 5.0, false);
        let facts = all(&[start, summed.point(2.0)], 0.0, 2.0).expect("published");
        assert!((facts.increase - 18.0).abs() < 1e-9, "10 + 3 + 5, not {}", facts.increase);
    }

    #[test]
    fn nothing_published_has_no_facts() {
        assert_eq!(between(&[], 0.0, 5.0), None);
    }
}
