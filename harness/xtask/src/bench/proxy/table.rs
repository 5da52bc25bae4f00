//! The turns of all rounds, and their medians: a round that something else disturbed does not count.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{
    contender::Contender,
    load::{Exchanged, Streamed},
};
use crate::bench::rounds::median;

/// One turn of one contender.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    pub(super) exchanged: Exchanged,
    pub(super) streamed: Streamed,
    /// CPU seconds of the proxy during the exchanges; `None` without a proxy.
    pub(super) cpu_s: Option<f64>,
}

impl Turn {
    fn requests_per_s(&self) -> f64 {
        self.exchanged.requests as f64 / self.exchanged.seconds
    }

    fn cpu_us_per_request(&self) -> Option<f64> {
        self.cpu_s.map(|cpu_s| cpu_s * 1e6 / self.exchanged.requests.max(1) as f64)
    }

    /// Of a million bytes.
    fn megabytes_per_s(&self) -> f64 {
        self.streamed.bytes as f64 / 1e6 / self.streamed.seconds
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        write!(
            f,
            "{:>9.0} requests/s, p50 {:>7.1} us, p99 {:>7.1} us, {:>6} us CPU/request, {:>6.0} MB/s",
            self.requests_per_s(),
            self.exchanged.p50_us,
            self.exchanged.p99_us,
            number(self.cpu_us_per_request()),
            self.megabytes_per_s(),
        )
    }
}

/// Everyone's turns.
#[derive(Debug)]
pub(super) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    name: &'static str,
    what: &'static str,
    turns: Vec<Turn>,
}

impl Table {
    pub(super) fn new(contenders: &[Contender]) -> Self {
        let row = |one: &Contender| Row { name: one.name, what: one.what, turns: Vec::new() };
        Self(contenders.iter().map(row).collect())
    }

    pub(super) fn add(&mut self, name: &str, turn: Turn) {
        let row = self.0.iter_mut().find(|row| row.name == name);
        row.expect("only contenders that take part are measured").turns.push(turn);
    }

    fn row(&self, name: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.name == name)
    }

    /// The middle of a figure over all rounds.
    pub(super) fn median(&self, name: &str, figure: impl Fn(&Turn) -> Option<f64>) -> Option<f64> {
        median(&self.row(name)?.all(figure))
    }

    /// How many of `other`'s requests `name` makes per CPU second.
    pub(super) fn efficiency(&self, name: &str, other: &str) -> Option<f64> {
        let cost = |name| self.median(name, Turn::cpu_us_per_request);
        Some(cost(other)? / cost(name)?)
    }

    /// What a percentile is over that of the direct way, in microseconds.
    fn added(&self, name: &str, percentile: impl Fn(&Turn) -> Option<f64> + Copy) -> Option<f64> {
        let direct = self.median("direct", percentile)?;
        self.median(name, percentile).map(|value| value - direct)
    }

    pub(super) fn figures(&self) -> Map<String, Value> {
        let p50 = |turn: &Turn| Some(turn.exchanged.p50_us);
        let p99 = |turn: &Turn| Some(turn.exchanged.p99_us);
        let figures = |row: &Row| {
            let of = |figure: &dyn Fn(&Turn) -> Option<f64>| {
                let all = row.all(figure);
                json!({ "median": median(&all), "rounds": all })
            };
            json!({
                "requests_per_s": of(&|turn| Some(turn.requests_per_s())),
                "p50_us": of(&p50),
                "p99_us": of(&p99),
                "p50_added_us": self.added(row.name, p50).map(two_decimals),
                "p99_added_us": self.added(row.name, p99).map(two_decimals),
                "cpu_us_per_request": of(&Turn::cpu_us_per_request),
                "stream_mb_per_s": of(&|turn| Some(turn.megabytes_per_s())),
                "of_haproxys_requests_per_cpu_second":
                    self.efficiency(row.name, "haproxy").map(two_decimals),
            })
        };
        self.0.iter().map(|row| (row.name.to_owned(), figures(row))).collect()
    }
}

impl Row {
    /// One figure of every turn.
    fn all(&self, figure: impl Fn(&Turn) -> Option<f64>) -> Vec<f64> {
        self.turns.iter().filter_map(figure).map(two_decimals).collect()
    }
}

/// More would be noise in the evidence.
pub(super) fn two_decimals(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>8}  what",
            "", "requests/s", "p50, us", "p99, us", "+p50, us", "+p99, us", "CPU us/r", "x HAProxy", "MB/s"
        )?;
        let text = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
        };
        for row in &self.0 {
            let p50 = |turn: &Turn| Some(turn.exchanged.p50_us);
            let p99 = |turn: &Turn| Some(turn.exchanged.p99_us);
            let of = |figure: &dyn Fn(&Turn) -> Option<f64>| self.median(row.name, figure);
            let is_direct = row.name == "direct";
            writeln!(
                f,
                "{:<16} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>8}  {}",
                row.name,
                text(of(&|turn| Some(turn.requests_per_s())), 0),
                text(of(&p50), 1),
                text(of(&p99), 1),
                text(self.added(row.name, p50).filter(|_| !is_direct), 1),
                text(self.added(row.name, p99).filter(|_| !is_direct), 1),
                text(of(&Turn::cpu_us_per_request), 2),
                text(self.efficiency(row.name, "haproxy"), 2),
                text(of(&|turn| Some(turn.megabytes_per_s())), 0),
                row.what,
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(name: &'static str) -> Contender {
        let nowhere = "127.0.0.1:1".parse().expect("an address");
        Contender { name, what: "", echo: nowhere, source: nowhere, process: None }
    }

    fn turn(requests: u64, p99_us: f64, cpu_s: f64) -> Turn {
        Turn {
            exchanged: Exchanged { requests, seconds: 2.0, p50_us: p99_us / 2.0, p99_us },
            streamed: Streamed { bytes: 4_000_000_000, seconds: 2.0 },
            cpu_s: Some(cpu_s),
        }
    }

    #[test]
    fn proxies_are_compared_by_cpu_time_a_request_and_medians_leave_a_bad_round_out() {
        let mut table = Table::new(&["direct", "haproxy", "loadlab"].map(contender));
        for (requests, p99_us, cpu_s) in [(1_000, 100.0, 0.01), (1_000, 900.0, 0.09), (1_000, 110.0, 0.01)] {
            table.add("haproxy", turn(requests, p99_us, cpu_s));
            table.add("loadlab", turn(requests, p99_us, cpu_s / 2.0));
            table.add("direct", Turn { cpu_s: None, ..turn(requests, 60.0, 0.0) });
        }
        assert_eq!(table.efficiency("loadlab", "haproxy"), Some(2.0));
        assert_eq!(table.efficiency("direct", "haproxy"), None);
        let figures = table.figures();
        assert_eq!(figures["haproxy"]["p99_us"]["median"], 110.0);
        assert_eq!(figures["haproxy"]["p99_added_us"], 50.0);
        assert_eq!(figures["loadlab"]["cpu_us_per_request"]["median"], 5.0);
        assert_eq!(figures["loadlab"]["stream_mb_per_s"]["median"], 2_000.0);
    }
}
