//! The line that changes while a run goes on.

use crate::figures;

/// What is known at a moment of a run. All times are scenario time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProgressState {
    /// The phase: `warm-up`, `steady`, `drain`.
    pub phase: String,
    /// Seconds since the start.
    pub at_s: f64,
    /// Users there are, in closed load.
    pub users: Option<u64>,
    /// Arrivals under way.
    pub in_flight: u64,
    /// Arrivals that were due so far.
    pub scheduled: u64,
    /// Arrivals that ended well so far.
    pub ended_ok: u64,
    /// Arrivals that did not, undispatched ones included.
    pub failed: u64,
    /// Arrivals that ended in the last second.
    pub rate: f64,
    /// 95th percentile of the response time of late, in seconds.
    pub p95_s: Option<f64>,
    /// The target's session pool, if it publishes one.
    pub pool: Option<Pool>,
    /// The state of the target's breaker, if it publishes one: `closed`, `half_open`, `open`.
    pub breaker: Option<String>,
}

/// A session pool at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pool {
    /// Sessions in use.
    pub busy: u64,
    /// Sessions at most.
    pub max: u64,
    /// Requests that wait for one.
    pub waiting: u64,
}

/// One line, under 100 columns while counts stay under 100,000. The most important comes first, for
/// narrower terminals that cut it off.
pub fn progress_line(state: &ProgressState) -> String {
    let mut parts = vec![format!("{} {}", figures::instant(state.at_s), state.phase)];
    let ended = state.ended_ok + state.failed;
    parts.push(format!("{}/{} ended", figures::count(ended), figures::count(state.scheduled)));
    match state.users {
        Some(users) => {
            parts.push(format!(
                "{} users, {} waiting",
                figures::count(users),
                figures::count(state.in_flight)
            ));
        }
        None => parts.push(format!("{} under way", figures::count(state.in_flight))),
    }
    parts.push(format!("{}/s", figures::plain((state.rate * 10.0).round() / 10.0)));
    if let Some(p95) = state.p95_s {
        parts.push(format!("p95 {}", figures::seconds(p95)));
    }
    parts.push(format!("failed {}", figures::part(state.failed, ended)));
    if let Some(pool) = &state.pool {
        parts.push(format!("pool {}/{} +{}", pool.busy, pool.max, pool.waiting));
    }
    // A closed breaker is no news.
    if let Some(breaker) = state.breaker.as_deref().filter(|state| *state != "closed") {
        parts.push(format!("breaker {}", breaker.replace('_', "-")));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst() -> ProgressState {
        ProgressState {
            phase: "drain".to_owned(),
            at_s: 8.25,
            in_flight: 52,
            scheduled: 100,
            ended_ok: 40,
            failed: 8,
            rate: 6.75,
            p95_s: Some(7.91),
            pool: Some(Pool { busy: 20, max: 20, waiting: 32 }),
            breaker: Some("closed".to_owned()),
            ..ProgressState::default()
        }
    }

    #[test]
    fn the_line_tells_where_the_run_is() {
        assert_eq!(
            progress_line(&burst()),
            "8.2 s drain · 48/100 ended · 52 under way · 6.8/s · p95 7.91 s · failed 16.7 % · pool 20/20 +32"
        );
    }

    #[test]
    fn an_open_breaker_is_told_and_users_too() {
        let state = ProgressState {
            users: Some(150),
            breaker: Some("half_open".to_owned()),
            pool: None,
            p95_s: None,
            ..burst()
        };
        assert_eq!(
            progress_line(&state),
            "8.2 s drain · 48/100 ended · 150 users, 52 waiting · 6.8/s · failed 16.7 % · breaker half-open"
        );
    }

    #[test]
    fn nothing_has_happened_yet() {
        let line = progress_line(&ProgressState { phase: "steady".to_owned(), ..ProgressState::default() });
        assert_eq!(line, "0.0 s steady · 0/0 ended · 0 under way · 0/s · failed –");
    }
}
