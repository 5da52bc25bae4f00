//! The run second by second, for curves.

use std::time::Duration;

use loadlab_record::{OutcomeCounts, RunFile};

/// One second of scenario time. Latencies are seconds of scenario time of the arrivals that ended in
/// it; `None` when none did.
#[derive(Debug, Clone, PartialEq)]
pub struct Second {
    /// Which, counted from 0.
    pub second: u64,
    /// Arrivals that were due.
    pub scheduled: u64,
    /// Arrivals that ended, by outcome.
    pub ended: OutcomeCounts,
    /// Extra attempts.
    pub retried: u64,
    /// Arrivals due and not ended at its end.
    pub in_flight: u64,
    /// Closed load: users at its end.
    pub users: u64,
    /// Median response time.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
}

/// Every second of the run, warm-up included.
pub fn timeline(run: &RunFile) -> Vec<Second> {
    let speed = run.speed;
    let seconds = run.windows.iter().map(|window| {
        let percentile =
            |percentile| window.response.percentile(percentile, speed).as_ref().map(Duration::as_secs_f64);
        Second {
            second: window.second,
            scheduled: window.scheduled,
            ended: window.ended,
            retried: window.retried,
            in_flight: window.in_flight,
            users: window.users,
            p50: percentile(50.0),
            p95: percentile(95.0),
            p99: percentile(99.0),
            max: window.response.max(speed).as_ref().map(Duration::as_secs_f64),
        }
    });
    seconds.collect()
}
