//! The health states of the systems-thinking framework, second by second.
//!
//! A second is as bad as the worst of these, by the plan's thresholds:
//!
//! - the p95 of the arrivals that ended in it, and the share of them that did not end well;
//! - while nothing ends, the age of what is in flight: it is at least as old as the silence is long.
//!   Until that passes a threshold, the state before goes on, as it does while nothing is in flight;
//! - the CPU that the service's instances used, of all the machine's cores.

use loadlab_clock::Speed;
use loadlab_record::{HealthSpan, HealthState, RunFile, Series, Window};
use loadlab_scenario::plan::Health;

use crate::{Metrics, Points, held_at};

/// Roles whose CPU is the target's.
const SERVICE_ROLE: &str = "service-";

/// Stretches of one state, from the start to the end without gaps.
pub(crate) fn spans(run: &RunFile) -> Vec<HealthSpan> {
    let cpu = service_cpu(run);
    let thresholds = &run.plan.health;
    let mut traffic = Traffic::new(thresholds, run.speed);
    let windows = run.windows.last().map_or(0.0, |window| (window.second + 1) as f64);
    let end = match run.ending.at.as_secs_f64() {
        end if end > windows - 1.0 && end > 0.0 => end,
        _ => windows,
    };
    let mut spans: Vec<HealthSpan> = Vec::new();
    for second in 0..end.ceil() as usize {
        let traffic = run.windows.get(second).map_or(traffic.state, |window| traffic.next(window));
        let used = held_at(&cpu, (second + 1) as f64).unwrap_or(0.0);
        let state = traffic.max(state(used, thresholds.degraded_cpu.get(), thresholds.failed_cpu.get()));
        let to_s = ((second + 1) as f64).min(end);
        match spans.last_mut() {
            Some(last) if last.state == state => last.to_s = to_s,
            _ => spans.push(HealthSpan { from_s: second as f64, to_s, state }),
        }
    }
    spans
}

/// Share of all the machine's cores that the service's instances used, second by second. Empty if they
/// did not publish it.
pub(crate) fn service_cpu(run: &RunFile) -> Points {
    let of_service = |series: &Series| series.role.starts_with(SERVICE_ROLE);
    let used = Metrics::of(run).rate_where("process_cpu_seconds_total", 1.0, of_service);
    // The counter is of real seconds, and its time is the scenario's.
    let cores = f64::from(run.environment.cores.max(1));
    used.into_iter().map(|(at, rate)| (at, rate * run.speed.get() / cores)).collect()
}

/// The state of a value with two thresholds.
fn state(value: f64, degraded: f64, failed: f64) -> HealthState {
    match value {
        value if value > failed => HealthState::Failed,
        value if value > degraded => HealthState::Degraded,
        _ => HealthState::Healthy,
    }
}

/// What the users see, with what goes on from one second to the next.
struct Traffic<'a> {
    thresholds: &'a Health,
    speed: Speed,
    state: HealthState,
    /// Seconds at whose ends something was in flight, since anything ended.
    silence: u64,
}

impl<'a> Traffic<'a> {
    const fn new(thresholds: &'a Health, speed: Speed) -> Self {
        Self { thresholds, speed, state: HealthState::Healthy, silence: 0 }
    }

    fn next(&mut self, window: &Window) -> HealthState {
        let (degraded, failed) =
            (self.thresholds.degraded_latency.as_secs_f64(), self.thresholds.failed_latency.as_secs_f64());
        let ended = window.ended.total();
        if ended > 0 {
            let p95 = window.response.percentile(95.0, self.speed).map_or(0.0, |p95| p95.as_secs_f64());
            let errors = window.ended.not_ok() as f64 / ended as f64;
            let (some, many) = (self.thresholds.degraded_errors.get(), self.thresholds.failed_errors.get());
            self.state = state(p95, degraded, failed).max(state(errors, some, many));
            self.silence = 0;
        } else if window.in_flight > 0 {
            // What was in flight a silence ago still is, so it is at least as old.
            self.state = self.state.max(state(self.silence as f64, degraded, failed));
            self.silence += 1;
        } else {
            self.silence = 0;
        }
        self.state
    }
}

#[cfg(test)]
mod tests {
    use HealthState::{Degraded, Failed, Healthy};
    use loadlab_record::Outcome;

    use super::*;
    use crate::made_up::MadeUp;

    const OK: Outcome = Outcome::Ok;

    /// The thresholds are 5 s and 7 s, 1 % and 10 %, 70 % and 90 % of two cores.
    fn states(run: &MadeUp) -> Vec<(f64, f64, HealthState)> {
        run.finished().health.iter().map(|span| (span.from_s, span.to_s, span.state)).collect()
    }

    #[test]
    fn latency_and_errors_make_a_second_as_bad_as_the_worse_of_them() {
        let mostly: Vec<(Outcome, u64)> = (0..19).map(|_| (OK, 10)).chain([(Outcome::Status, 10)]).collect();
        let run = MadeUp::new()
            .seconds(2, OK, 4_900)
            .seconds(1, OK, 5_100)
            .seconds(1, OK, 7_100)
            .second(20, &mostly)
            .seconds(1, Outcome::Status, 10)
            .seconds(1, OK, 10);
        let expected = [
            (0.0, 2.0, Healthy),
            (2.0, 3.0, Degraded),
            (3.0, 4.0, Failed),
            (4.0, 5.0, Degraded),
            (5.0, 6.0, Failed),
            (6.0, 7.0, Healthy),
        ];
        assert_eq!(states(&run), expected);
    }

    #[test]
    fn a_silence_is_as_bad_as_what_waits_in_it_is_old() {
        let run = (0..9).fold(MadeUp::new().second(3, &[]), |run, _| run.second(0, &[]));
        let run = run.second(0, &[(OK, 10), (OK, 10), (OK, 10)]).second(0, &[]);
        let expected =
            [(0.0, 6.0, Healthy), (6.0, 8.0, Degraded), (8.0, 10.0, Failed), (10.0, 12.0, Healthy)];
        assert_eq!(states(&run), expected);
    }

    #[test]
    fn a_state_goes_on_while_nothing_is_in_flight() {
        let run = MadeUp::new().seconds(1, OK, 6_000).second(0, &[]).second(0, &[]).seconds(1, OK, 10);
        assert_eq!(states(&run), [(0.0, 3.0, Degraded), (3.0, 4.0, Healthy)]);
    }

    #[test]
    fn cpu_is_a_share_of_all_cores_in_real_time() {
        let cpu = "process_cpu_seconds_total";
        let run = MadeUp::new()
            .seconds(4, OK, 10)
            .published(0, &[(cpu, 5.0)])
            .published(1_000, &[(cpu, 5.2)])
            .published(2_000, &[(cpu, 6.7)])
            .published(3_000, &[(cpu, 8.6)]);
        let expected = [(0.0, 1.0, Healthy), (1.0, 2.0, Degraded), (2.0, 3.0, Failed), (3.0, 4.0, Healthy)];
        assert_eq!(states(&run), expected, "1.5 and 1.9 of 2 cores");
    }

    #[test]
    fn the_states_cover_the_run_without_gaps() {
        let mut run = loadlab_record::synthetic::Synthetic::burst(100).run();
        crate::judge(&mut run);
        assert_eq!(run.health.first().map(|span| span.from_s), Some(0.0));
        assert_eq!(run.health.last().map(|span| span.to_s), Some(run.ending.at.as_secs_f64()));
        assert!(run.health.windows(2).all(|pair| pair[0].to_s.to_bits() == pair[1].from_s.to_bits()));
        assert!(run.health.iter().any(|span| span.state == Failed));
    }
}
