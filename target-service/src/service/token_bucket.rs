//! How fast the LLM is called at most: a token bucket for each kind of call, shared by all workers.
//!
//! Who comes too early waits in one line, first come first served; who would wait too long, or has
//! waited too long, is turned away.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use loadlab_clock::{Sleeper, Speed};
use tokio::sync::Mutex;

use crate::profile::TokenBucket;

/// The buckets of an instance.
#[derive(Debug)]
pub(super) struct Buckets {
    embeddings: Bucket,
    generations: Bucket,
}

/// One kind of call.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// Held by the first in line. Tokio's lock is fair.
    line: Mutex<()>,
    /// Real time.
    wait_max: Duration,
}

/// There was no token in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoToken;

impl Buckets {
    /// None if they are off; the reason if the settings make none at this speed.
    pub(super) fn new(settings: &TokenBucket, speed: Speed) -> Result<Option<Self>, String> {
        if !settings.enabled {
            return Ok(None);
        }
        let bucket = |per_second| Bucket::new(per_second, settings, speed);
        Ok(Some(Self {
            embeddings: bucket(settings.embeddings_per_second)?,
            generations: bucket(settings.generations_per_second)?,
        }))
    }

    /// The bucket of `embedding` or `generation`.
    pub(super) fn of(&self, operation: &str) -> &Bucket {
        if operation == "embedding" { &self.embeddings } else { &self.generations }
    }
}

impl Bucket {
    fn new(per_second: f64, settings: &TokenBucket, speed: Speed) -> Result<Self, String> {
        let burst = settings.burst;
        let period = Duration::try_from_secs_f64(1.0 / speed.real_rate(per_second)).ok();
        let quota = period.and_then(Quota::with_period).zip(NonZeroU32::new(burst));
        let (quota, burst) =
            quota.ok_or_else(|| format!("{per_second} per second with a burst of {burst} is no limit"))?;
        Ok(Self {
            tokens: RateLimiter::direct(quota.allow_burst(burst)),
            clock: DefaultClock::default(),
            line: Mutex::default(),
            wait_max: speed.real(settings.wait_max),
        })
    }

    /// Waits for a token.
    pub(super) async fn token(&self) -> Result<(), NoToken> {
        let deadline = Instant::now() + self.wait_max;
        Sleeper::shared().timeout(deadline, self.wait(deadline)).await.map_err(|_| NoToken)?
    }

    async fn wait(&self, deadline: Instant) -> Result<(), NoToken> {
        let _first = self.line.lock().await;
        while let Err(until) = self.tokens.check() {
            let ready = Instant::now() + until.wait_time_from(self.clock.now());
            if ready > deadline {
                return Err(NoToken);
            }
            Sleeper::shared().until(ready).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    fn bucket(per_second: f64, burst: u32, wait_max: Duration) -> Bucket {
        let settings = TokenBucket { burst, wait_max, ..TokenBucket::default() };
        Bucket::new(per_second, &settings, Speed::REAL).expect("a limit")
    }

    #[tokio::test]
    async fn after_the_burst_calls_come_at_the_rate() {
        let bucket = bucket(50.0, 5, Duration::from_secs(60));
        let started = Instant::now();
        let tokens = join_all((0..15).map(|_| bucket.token())).await;
        assert!(tokens.iter().all(Result::is_ok));
        // Ten after the burst, 20 ms apart. A busy machine is later, never earlier.
        assert!(started.elapsed() >= Duration::from_millis(195), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_turned_away_at_once() {
        let bucket = bucket(0.01, 2, Duration::from_secs(5));
        let started = Instant::now();
        let tokens = [bucket.token().await, bucket.token().await, bucket.token().await];
        assert_eq!(tokens, [Ok(()), Ok(()), Err(NoToken)]);
        assert!(started.elapsed() < Duration::from_secs(5), "it would have been 100 s");
    }
}
