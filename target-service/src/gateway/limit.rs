//! How often one user may ask, a token bucket each; and how often all of them together.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use loadlab_clock::Speed;

use crate::profile::{GlobalLimit, RateLimit};

/// Users whose buckets are full again are forgotten every so many requests.
const FORGET_EVERY: usize = 10_000;

/// One bucket for all.
#[derive(Debug)]
pub(super) struct OverallLimit {
    bucket: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl OverallLimit {
    /// None if there is no limit; the reason if the settings make none at this speed.
    pub(super) fn new(settings: &GlobalLimit, speed: Speed) -> Result<Option<Self>, String> {
        if !settings.enabled {
            return Ok(None);
        }
        let quota = quota(settings.per_second, settings.burst, speed)?;
        Ok(Some(Self { bucket: RateLimiter::direct(quota), clock: DefaultClock::default() }))
    }

    /// None if one more may ask now, else for how long not, in real time.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.bucket.check().err().map(|until| until.wait_time_from(self.clock.now()))
    }
}

fn quota(per_second: f64, burst: u32, speed: Speed) -> Result<Quota, String> {
    let period = Duration::try_from_secs_f64(1.0 / speed.real_rate(per_second)).ok();
    let quota = period.and_then(Quota::with_period).zip(NonZeroU32::new(burst));
    let (quota, burst) =
        quota.ok_or_else(|| format!("{per_second} per second with a burst of {burst} is no limit"))?;
    Ok(quota.allow_burst(burst))
}

/// One bucket per user.
#[derive(Debug)]
pub(super) struct UserLimit {
    buckets: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    asked: AtomicUsize,
}

impl UserLimit {
    /// None if there is no limit; the reason if the settings make none at this speed.
    pub(super) fn new(settings: &RateLimit, speed: Speed) -> Result<Option<Self>, String> {
        if !settings.enabled {
            return Ok(None);
        }
        let quota = quota(settings.per_second, settings.burst, speed)?;
        Ok(Some(Self {
            buckets: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            asked: AtomicUsize::new(0),
        }))
    }

    /// None if the user may ask now, else for how long not, in real time.
    pub(super) fn wait(&self, user: &String) -> Option<Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.buckets.retain_recent();
        }
        self.buckets.check_key(user).err().map(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_second: f64, burst: u32) -> Result<Option<UserLimit>, String> {
        UserLimit::new(&RateLimit { enabled: true, per_second, burst }, Speed::REAL)
    }

    #[test]
    fn a_user_has_a_burst_and_does_not_spend_another_users() {
        let limit = limit(0.01, 3).expect("a limit").expect("enabled");
        let (one, other) = ("one".to_owned(), "other".to_owned());
        assert!((0..3).all(|_| limit.wait(&one).is_none()));
        let wait = limit.wait(&one).expect("the burst is spent");
        assert!((95..=100).contains(&wait.as_secs()), "{wait:?}");
        assert!(limit.wait(&other).is_none());
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for (per_second, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (1.0, 0)] {
            assert!(limit(per_second, burst).is_err(), "{per_second} {burst}");
        }
    }
}
