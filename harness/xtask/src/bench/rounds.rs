//! The runs of all rounds, and their medians: a round that something else disturbed does not count.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{
    competitor::{BASELINE, Competitor},
    counted::Counted,
};

/// One run of one competitor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    /// What it counted.
    pub(super) counted: Counted,
    /// CPU seconds of its process.
    pub(super) cpu_s: f64,
}

impl Run {
    fn cpu_us_per_request(&self) -> f64 {
        self.cpu_s * 1e6 / self.counted.requests as f64
    }

    fn requests_per_s(&self) -> f64 {
        self.counted.requests as f64 / self.counted.seconds
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cost, rate) = (self.cpu_us_per_request(), self.requests_per_s());
        write!(f, "{cost:>6.2} us CPU/request {rate:>9.0} requests/s, {} errors", self.counted.errors)
    }
}

/// Everyone's runs.
#[derive(Debug)]
pub(super) struct Rounds(Vec<Row>);

#[derive(Debug)]
struct Row {
    name: &'static str,
    what: &'static str,
    runs: Vec<Run>,
}

impl Rounds {
    pub(super) fn new(competitors: &[Competitor]) -> Self {
        let row =
            |competitor: &Competitor| Row { name: competitor.name, what: competitor.what, runs: Vec::new() };
        Self(competitors.iter().map(row).collect())
    }

    pub(super) fn add(&mut self, name: &str, run: Run) {
        let row = self.0.iter_mut().find(|row| row.name == name);
        row.expect("only competitors that take part are run").runs.push(run);
    }

    /// How many times the baseline's requests `name` makes per CPU second.
    pub(super) fn times_baseline(&self, name: &str) -> Option<f64> {
        let cost = |name| {
            let row = self.0.iter().find(|row| row.name == name)?;
            median(&row.all(Run::cpu_us_per_request))
        };
        Some(cost(BASELINE)? / cost(name)?)
    }

    pub(super) fn figures(&self) -> Map<String, Value> {
        let figures = |row: &Row| {
            let (costs, rates) = (row.all(Run::cpu_us_per_request), row.all(Run::requests_per_s));
            let errors: u64 = row.runs.iter().map(|run| run.counted.errors).sum();
            json!({
                "cpu_us_per_request": { "median": median(&costs), "rounds": costs },
                "requests_per_s": { "median": median(&rates), "rounds": rates },
                "times_goose_per_cpu_second": self.times_baseline(row.name).map(two_decimals),
                "errors": errors,
            })
        };
        self.0.iter().map(|row| (row.name.to_owned(), figures(row))).collect()
    }
}

impl Row {
    /// One figure of every run.
    fn all(&self, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.iter().map(|run| two_decimals(figure(run))).collect()
    }
}

/// More would be noise in the evidence.
fn two_decimals(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The middle value; the mean of the two middle ones where there is none. `None` of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<8} {:>15} {:>12} {:>8}  what", "", "us CPU/request", "requests/s", "x Goose")?;
        for row in &self.0 {
            let cost = median(&row.all(Run::cpu_us_per_request)).unwrap_or(0.0);
            let rate = median(&row.all(Run::requests_per_s)).unwrap_or(0.0);
            let times = self.times_baseline(row.name).unwrap_or(0.0);
            writeln!(f, "{:<8} {cost:>15.2} {rate:>12.0} {times:>8.2}  {}", row.name, row.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::competitor;

    fn run(requests: u64, cpu_s: f64) -> Run {
        Run { counted: Counted { requests, errors: 0, seconds: 2.0 }, cpu_s }
    }

    #[test]
    fn the_median_leaves_out_a_disturbed_round() {
        assert_eq!(median(&[5.0, 100.0, 6.0]), Some(6.0));
        assert_eq!(median(&[5.0, 6.0]), Some(5.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn competitors_are_compared_by_cpu_time_a_request() {
        let mut rounds = Rounds::new(&competitor::ALL);
        rounds.add(competitor::OURS, run(100_000, 0.7));
        rounds.add(BASELINE, run(100_000, 2.4));
        let times = rounds.times_baseline(competitor::OURS).expect("both ran");
        assert!((times - 24.0 / 7.0).abs() < 1e-9, "{times}");
        let figures = rounds.figures();
        assert_eq!(figures["loadlab"]["cpu_us_per_request"]["median"], 7.0);
        assert_eq!(figures["loadlab"]["requests_per_s"]["rounds"][0], 50_000.0);
    }
}
