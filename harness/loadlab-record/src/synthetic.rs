//! Runs made up by a small queueing simulation, for tests that need a realistic run record.
//!
//! A search takes one of the pool's sessions, embeds, looks for sources, generates, and gives the
//! session back; users who wait too long give up, and most of those try once more. Equal settings
//! give equal runs. It is part of no product binary (feature `synthetic`).
//!
//! ```text
//!   Synthetic --simulation--> attempts --windows, scrapes--> Journal --> RunFile (not judged)
//! ```

mod plan;
mod scrapes;
mod simulation;
mod windows;

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::{Offset, Seed, Speed};
use loadlab_scenario::{
    objective::{Compare, Expectation, LatencyKind, Measure, Objective, ShareOf, Statistic},
    plan::{Load, Process, RateStage},
    quantity::Rate,
};

use crate::{
    EndReason, Ending, Environment, EventKind, FORMAT, Header, Journal, JournalLine, RunEvent, RunFile,
    TargetInfo,
};

/// What a made-up run is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// How arrivals come: a burst or arrivals per second at the rate of the first stage.
    pub load: Load,
    /// Sessions in the target's pool.
    pub sessions: usize,
    /// Where the draws come from.
    pub seed: Seed,
    /// Speed of the run; latencies in the journal are real time.
    pub speed: Speed,
    /// Warm-up of the plan.
    pub warm_up: Duration,
    /// Objectives of the plan.
    pub objectives: Vec<Objective>,
}

impl Synthetic {
    /// A burst of `users` searches on a pool of 20 sessions, with the objectives of the scenario
    /// `100-concurrent`. With 100 users the pool is full at once, 80 wait, and the pool is idle
    /// again after about 15 s; p95 is about 13 s, a quarter give up and most of those try again.
    pub fn burst(users: u32) -> Self {
        Self {
            load: Load::Burst { users, within: Duration::ZERO },
            sessions: 20,
            seed: Seed::new(1),
            speed: Speed::REAL,
            warm_up: Duration::ZERO,
            objectives: vec![p95_below(7.0), success_at_least(0.99)],
        }
    }

    /// Searches that come evenly for a time; the pool of 20 carries about 7 a second.
    pub fn arrivals(per_second: u32, over: Duration) -> Self {
        let rate = Rate::try_new(f64::from(per_second)).expect("a small whole number is a rate");
        let stages = vec![RateStage { from: rate, to: rate, over }];
        Self { load: Load::Arrivals { stages, process: Process::Uniform }, ..Self::burst(1) }
    }

    /// The journal of the run.
    pub fn journal(&self) -> Journal {
        let simulated = simulation::simulate(self);
        let end = simulated.end();
        let mut stamped: Vec<(u64, JournalLine)> = Vec::new();
        stamped.extend(scrapes::scrapes(&simulated));
        stamped.extend(windows::windows(&simulated, self.speed));
        stamped.extend(windows::generator(&simulated));
        stamped.extend(self.events(&simulated));
        stamped.sort_by_key(|(at, _)| *at);
        let ending = Ending { at: Offset::from_micros(end), reason: EndReason::Finished, in_flight: 0 };
        Journal {
            header: self.header(),
            lines: stamped.into_iter().map(|(_, line)| line).collect(),
            ending: Some(ending),
        }
    }

    /// The run file, not judged.
    pub fn run(&self) -> RunFile {
        RunFile::from_journal(&self.journal())
    }

    fn header(&self) -> Header {
        let edges =
            [("gateway", "127.0.0.1:40001"), ("service-0", "127.0.0.1:40002"), ("llm", "127.0.0.1:40003")];
        let environment = Environment {
            started: "2026-01-15T10:00:00Z".to_owned(),
            loadlab: "0.1.0".to_owned(),
            cpu_model: "Made-up CPU".to_owned(),
            cores: 2,
            memory_bytes: 8 << 30,
            kernel: "6.1.0".to_owned(),
            os: "Linux".to_owned(),
            command: ["loadlab", "run", "100-concurrent"].map(str::to_owned).to_vec(),
            load_average: 0.1,
        };
        let target = TargetInfo {
            base: "http://127.0.0.1:40001".to_owned(),
            profile: Some("baseline".to_owned()),
            settings: Some(serde_json::json!({ "pool": { "sessions_max": self.sessions } })),
            edges: edges.map(|(name, address)| (name.to_owned(), address.to_owned())).into(),
            versions: BTreeMap::from([("loadlab".to_owned(), "0.1.0".to_owned())]),
        };
        Header { format: FORMAT, plan: plan::plan(self), environment, target }
    }

    fn events(&self, simulated: &simulation::Simulated) -> Vec<(u64, JournalLine)> {
        let mut phases = vec![(0, "steady"), (simulated.last_due() + 1, "drain")];
        if !self.warm_up.is_zero() {
            let end = Offset::from_duration(self.warm_up).as_micros();
            phases.insert(1, (end, "steady"));
            phases[0].1 = "warm-up";
        }
        let event = |(at, phase): (u64, &str)| {
            let what = EventKind::Phase(phase.to_owned());
            (at, JournalLine::Event(RunEvent { at: Offset::from_micros(at), what }))
        };
        phases.into_iter().map(event).collect()
    }
}

/// What a SIGKILL at the start of `second` leaves: no ending, and nothing from then on.
pub fn killed(journal: &Journal, second: u64) -> Journal {
    let at = |line: &JournalLine| match line {
        JournalLine::Window(window) => window.second,
        JournalLine::Generator(sample) => sample.second,
        JournalLine::Event(event) => event.at.second(),
        JournalLine::Scrape(scrape) => scrape.at.second(),
        JournalLine::Header(_) | JournalLine::Ending(_) => 0,
    };
    let lines = journal.lines.iter().filter(|line| at(line) < second).cloned().collect();
    Journal { header: journal.header.clone(), lines, ending: None }
}

/// `p95 < …s` on the response time.
pub fn p95_below(seconds: f64) -> Objective {
    objective(&format!("p95 < {seconds}s"), p95(), Compare::Less, seconds)
}

/// `success >= …`, of the arrivals.
pub fn success_at_least(share: f64) -> Objective {
    let name = format!("success >= {}%", share * 100.0);
    objective(&name, Measure::Share { of: ShareOf::Success, step: None }, Compare::GreaterOrEqual, share)
}

/// An objective without window and abort.
pub fn objective(name: &str, measure: Measure, compare: Compare, bound: f64) -> Objective {
    Objective { name: name.to_owned(), measure, compare, bound, window: None, abort: false }
}

/// A band in which `measure` is expected.
pub fn expectation(text: &str, measure: Measure, min: Option<f64>, max: Option<f64>) -> Expectation {
    Expectation { text: text.to_owned(), measure, min, max }
}

/// The 95th percentile of the response time.
pub fn p95() -> Measure {
    Measure::Latency { statistic: Statistic::Percentile(95.0), step: None, kind: LatencyKind::Response }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    /// What other crates' tests rely on: the shape of scenario 1A.
    #[test]
    fn a_burst_of_100_fills_the_pool_and_makes_users_give_up() {
        let run = Synthetic::burst(100).run();
        assert_eq!(run.totals.scheduled, 100);
        assert!(run.totals.balances(), "{:?}", run.totals);
        let peak = |name: &str| {
            let series = run.series.iter().find(|series| series.name == name).expect(name);
            series.points.iter().map(|(_, value)| *value).fold(0.0, f64::max)
        };
        assert_eq!((peak("pool_sessions_busy"), peak("pool_waiting")), (20.0, 80.0));
        let p95 = run.latency_ms.response.p95.expect("arrivals ended");
        assert!((10_000.0..15_000.0).contains(&p95), "{p95}");
        assert!((10..45).contains(&run.totals.gave_up), "{:?}", run.totals);
        assert!(run.totals.retried > 5 && run.totals.outcomes.get(Outcome::Ok) > 50, "{:?}", run.totals);
        assert!((15.0..25.0).contains(&run.ending.at.as_secs_f64()), "{}", run.ending.at);
    }

    #[test]
    fn equal_settings_give_equal_journals_and_another_seed_another() {
        let text = |synthetic: Synthetic| synthetic.journal().to_text();
        assert_eq!(text(Synthetic::burst(10)), text(Synthetic::burst(10)));
        assert_ne!(
            text(Synthetic::burst(10)),
            text(Synthetic { seed: Seed::new(2), ..Synthetic::burst(10) })
        );
    }
}
