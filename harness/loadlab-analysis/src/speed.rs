//! Whether a run was too fast for what it asked. Modelled waits shrink with the speed, CPU time does
//! not: at speed 20 a millisecond of work takes 20 ms of scenario time.
//!
//! The rules, for runs faster than real time: what the target computes for a request takes at most 5 %
//! of the tightest response objective; what it computes for a burst, whose requests all want the CPU at once,
//! takes at most 20 % of it; and all that was measured together, generator included, uses at most 60 % of the
//! machine's CPU.

use std::time::Duration;

use loadlab_record::RunFile;
use loadlab_scenario::plan::Load;

use crate::{
    Metrics, tightest_response,
    words::{percent, seconds_text},
};

/// Share of the objective that a request's CPU time may take.
const CPU_SHARE: f64 = 0.05;
/// Share of the objective that the CPU time of a whole burst may take, spread over the cores. The last of the
/// burst waits for some of it: of the 2.4 s that a hundred searches are at speed 20, p95 had 1.2 s, and of the
/// 0.7 s at speed 5 a third. A fifth of the objective so moves p95 by a tenth at most.
const BURST_SHARE: f64 = 0.2;
/// Most of the machine's CPU that a run may use.
const BUSY_MAX: f64 = 0.6;
/// Over how many seconds in a row: a burst begins with a peak.
const BUSY_SECONDS: usize = 5;
/// Real CPU seconds, as every process of the target publishes them.
const CPU: &str = "process_cpu_seconds_total";

/// Why the speed puts the result in doubt.
pub(crate) fn doubts(run: &RunFile) -> Vec<String> {
    if run.speed.get() <= 1.0 {
        return Vec::new();
    }
    [work(run), burst(run), busy(run)].into_iter().flatten().collect()
}

/// CPU time that the target takes for a request, in seconds of the scenario.
fn per_request(run: &RunFile) -> Option<f64> {
    let used = Metrics::of(run).facts_where(CPU, |_| true)?.increase;
    Some(used * run.speed.get() / run.totals.requests.max(1) as f64)
}

fn work(run: &RunFile) -> Option<String> {
    too_much(run, "a request", per_request(run)?, CPU_SHARE)
}

fn burst(run: &RunFile) -> Option<String> {
    // One that is spread over a while is as any other load.
    let Load::Burst { users, within: Duration::ZERO } = &run.plan.load else { return None };
    let cores = f64::from(run.environment.cores.max(1));
    let all = per_request(run)? * f64::from(*users) / cores;
    too_much(run, &format!("{users} requests at once"), all, BURST_SHARE)
}

fn too_much(run: &RunFile, of_what: &str, cpu: f64, share: f64) -> Option<String> {
    let objective = tightest_response(&run.plan.objectives)?.as_secs_f64();
    (cpu > share * objective).then(|| {
        format!(
            "at speed {} the CPU time of {of_what} counts as {}, over {} of the objective of {}; run it slower",
            run.speed,
            seconds_text(cpu),
            percent(share, 1.0),
            seconds_text(objective)
        )
    })
}

fn busy(run: &RunFile) -> Option<String> {
    let cores = f64::from(run.environment.cores.max(1));
    // The counters are of real seconds, and their time is the scenario's.
    let target = Metrics::of(run).rate_where(CPU, 1.0, |_| true);
    let share = |(at, rate): &(f64, f64)| {
        let second = *at as u64 - 1;
        let generator = run.generator_series.iter().find(|sample| sample.second == second);
        rate * run.speed.get() / cores + generator.map_or(0.0, |sample| sample.cpu)
    };
    let shares: Vec<f64> = target.iter().map(share).collect();
    let length = BUSY_SECONDS.min(shares.len()).max(1);
    let mean = |window: &[f64]| window.iter().sum::<f64>() / length as f64;
    let busiest = shares.windows(length).map(mean).fold(0.0, f64::max);
    (busiest > BUSY_MAX).then(|| {
        format!(
            "at speed {} the run used {} of the machine's CPU over {length} s, where {} is allowed; run it slower",
            run.speed,
            percent(busiest, 1.0),
            percent(BUSY_MAX, 1.0)
        )
    })
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Speed;
    use loadlab_record::{Outcome, Verdict};
    use loadlab_scenario::objective::Statistic;

    use super::*;
    use crate::made_up::{MadeUp, at_most, response};

    /// Ten seconds with a request each, within an objective of one second; each second the target uses
    /// so many real milliseconds of CPU.
    fn run(speed: f64, cpu_ms: f64) -> RunFile {
        let run = MadeUp::new()
            .plan(|plan| plan.speed = Speed::try_new(speed).expect("a speed"))
            .objective(at_most(response(Statistic::Percentile(95.0)), 1.0));
        let run = (0..10).fold(run, |run, _| {
            run.window(1, &[(Outcome::Ok, 9)], |window| {
                window.steps.entry("search".to_owned()).or_default().ended.add(Outcome::Ok);
            })
        });
        (0..=10)
            .fold(run, |run, second| run.published(second * 1_000, &[(CPU, second as f64 * cpu_ms / 1e3)]))
            .finished()
    }

    #[test]
    fn cpu_time_that_the_speed_turns_into_latency_makes_a_run_inconclusive() {
        // Speed 10: 4 ms of CPU are 40 ms of the scenario, under 5 % of a second; 6 ms are over it.
        assert_eq!(run(10.0, 4.0).verdict, Verdict::Pass);
        let over = run(10.0, 6.0);
        assert_eq!(over.verdict, Verdict::Inconclusive);
        assert!(
            over.reasons[0].contains("counts as 60 ms, over 5 % of the objective of 1 s"),
            "{:?}",
            over.reasons
        );
        assert_eq!(run(1.0, 600.0).verdict, Verdict::Pass, "real time is what it is");
    }

    #[test]
    fn a_burst_whose_work_comes_all_at_once_makes_a_run_inconclusive() {
        let of_burst = |speed: f64| {
            let mut record = run(speed, 2.0);
            let cores = record.environment.cores.max(1);
            // Ten requests, each with 2 ms of CPU: with 25 users for each core 50 ms of real time.
            record.plan.load = Load::Burst { users: 25 * cores, within: Duration::ZERO };
            burst(&record)
        };
        assert_eq!(of_burst(4.0), None, "200 ms are 20 % of a second");
        let reason = of_burst(5.0).expect("250 ms");
        assert!(reason.contains("requests at once counts as 250 ms, over 20 % of the objective"), "{reason}");
    }

    #[test]
    fn a_machine_that_is_busy_at_a_speed_makes_a_run_inconclusive() {
        let cores = f64::from(run(2.0, 1.0).environment.cores.max(1));
        // At speed 2 a scenario second is half a real one.
        let over = run(2.0, 0.7 * cores * 500.0);
        assert!(
            over.reasons.iter().any(|reason| reason.contains("used 70 % of the machine's CPU")),
            "{:?}",
            over.reasons
        );
    }
}
