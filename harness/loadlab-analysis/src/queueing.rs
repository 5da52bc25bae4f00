//! Queues with several servers, calculated: how long arrivals stay, and from which rate on too many stay
//! too long.
//!
//! This is M/M/c: arrivals come by chance (Poisson), each needs an exponential time of one of `c` servers,
//! and they wait in the order in which they came, however long. A real service is no M/M/c; what is
//! calculated here explains and calibrates, and judges nothing.
//!
//! - Erlang's C, the share that must wait: A. K. Erlang, 1917; from his B by the usual recursion, which
//!   does not overflow: R. B. Cooper, Introduction to Queueing Theory, 2nd edition (1981), chapter 3.
//! - The time in the system is a service, and for those that wait an exponential time before it; its tail
//!   is that of the sum: L. Kleinrock, Queueing Systems I (1975), chapter 3.

use std::time::Duration;

/// Halvings until the knee is known better than a rate can be offered.
const HALVINGS: u32 = 60;

/// A queue with several servers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queue {
    /// Servers, workers or sessions: how many are served at once.
    pub servers: u32,
    /// How long one is served, on average.
    pub mean_service: Duration,
}

impl Queue {
    /// The rate at which no server would ever be idle.
    pub fn capacity_per_s(self) -> f64 {
        pool_asymptote(self.servers, self.mean_service)
    }

    /// Erlang's C: the share of the arrivals that finds all servers busy. All of them from the capacity on.
    pub fn wait_share(self, rate_per_s: f64) -> f64 {
        let utilisation = rate_per_s / self.capacity_per_s();
        if utilisation >= 1.0 {
            return 1.0;
        }
        let offered = rate_per_s * self.mean_service.as_secs_f64();
        let refused = (1..=self.servers).fold(1.0, |refused, servers| {
            let rest = offered * refused;
            rest / (f64::from(servers) + rest)
        });
        refused / (1.0 - utilisation * (1.0 - refused))
    }

    /// The share of the arrivals that stays longer than `limit`, waiting and being served.
    pub fn late_share(self, rate_per_s: f64, limit: Duration) -> f64 {
        let spare = self.capacity_per_s() - rate_per_s;
        if spare <= 0.0 {
            return 1.0;
        }
        let service_rate = 1.0 / self.mean_service.as_secs_f64();
        let limit = limit.as_secs_f64();
        // Who waits does so with the rate `spare`. The tail of two exponential times, one after the other,
        // written so that it also holds where their rates are equal.
        let apart = spare - service_rate;
        let lasts = if apart.abs() < 1e-9 * spare { limit } else { -(-apart * limit).exp_m1() / apart };
        let served = (-service_rate * limit).exp();
        served * (1.0 + self.wait_share(rate_per_s) * service_rate * lasts)
    }

    /// How long an arrival stays on average, in seconds; none from the capacity on.
    pub fn mean_response_s(self, rate_per_s: f64) -> Option<f64> {
        let spare = self.capacity_per_s() - rate_per_s;
        (spare > 0.0).then(|| self.mean_service.as_secs_f64() + self.wait_share(rate_per_s) / spare)
    }
}

/// The highest rate per second at which at most the share `allowed` stays longer than `objective`. None if
/// already the service alone takes too long too often.
pub fn knee(servers: u32, mean_service: Duration, objective: Duration, allowed: f64) -> Option<f64> {
    let queue = Queue { servers, mean_service };
    let holds = |rate: f64| queue.late_share(rate, objective) <= allowed;
    if !holds(0.0) {
        return None;
    }
    let (low, _) = (0..HALVINGS).fold((0.0, queue.capacity_per_s()), |(low, high), _| {
        let middle = f64::midpoint(low, high);
        if holds(middle) { (middle, high) } else { (low, middle) }
    });
    Some(low)
}

/// What a pool can carry at most, per second: its size over the time for which one holds a place. The line
/// that throughput bends towards, whatever the load.
pub fn pool_asymptote(size: u32, hold: Duration) -> f64 {
    f64::from(size) / hold.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn near(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() <= within, "{found} is not {expected} ± {within}");
    }

    #[test]
    fn sixteen_servers_of_10_ms_break_a_60_ms_objective_at_1488_a_second() {
        let knee = knee(16, 10 * MS, 60 * MS, 0.01).expect("a service of 10 ms is mostly in time");
        println!("knee of M/M/16, 10 ms, 60 ms, 1 %: {knee:.2} per second");
        near(knee, 1488.0, 1.0);
    }

    /// With one server the time in the system is exponential: the formula of every textbook.
    #[test]
    fn one_server_is_the_simple_queue() {
        let queue = Queue { servers: 1, mean_service: 10 * MS };
        near(queue.wait_share(80.0), 0.8, 1e-12);
        near(queue.mean_response_s(80.0).expect("stable"), 1.0 / 20.0, 1e-12);
        near(queue.late_share(80.0, 100 * MS), (-2.0_f64).exp(), 1e-12);
        // P(T > 60 ms) = 1 % at spare = ln 100 / 60 ms.
        near(knee(1, 10 * MS, 60 * MS, 0.01).expect("stable"), 100.0 - 100.0_f64.ln() / 0.06, 1e-6);
    }

    /// Two servers, 3/4 busy: 9/14 wait (by hand: C = 2ρ² / (1 + ρ)).
    #[test]
    fn two_servers_are_as_by_hand() {
        let queue = Queue { servers: 2, mean_service: Duration::from_secs(1) };
        near(queue.wait_share(1.5), 9.0 / 14.0, 1e-12);
        near(queue.mean_response_s(1.5).expect("stable"), 1.0 + 9.0 / 14.0 / 0.5, 1e-12);
    }

    #[test]
    fn what_cannot_hold_has_no_knee_and_no_mean() {
        assert_eq!(knee(16, 100 * MS, 60 * MS, 0.01), None);
        let queue = Queue { servers: 4, mean_service: 10 * MS };
        assert_eq!(queue.mean_response_s(400.0), None);
        near(queue.late_share(400.0, 60 * MS), 1.0, 0.0);
        near(pool_asymptote(20, 2500 * MS), 8.0, 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn more_load_makes_more_late_and_more_servers_fewer(
            servers in 1_u32..64, busy in 0.01..0.98_f64, more in 1.001..1.02_f64,
        ) {
            let queue = Queue { servers, mean_service: 10 * MS };
            let rate = busy * queue.capacity_per_s();
            let late = queue.late_share(rate, 30 * MS);
            prop_assert!((0.0..=1.0).contains(&late));
            prop_assert!(queue.late_share(rate * more, 30 * MS) >= late);
            let larger = Queue { servers: servers + 1, ..queue };
            prop_assert!(larger.late_share(rate, 30 * MS) <= late);
        }
    }
}
