//! A token bucket whose rate and size may change between two calls.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;

use crate::profile::LlmRateLimit;

/// The bucket. It starts full.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// What was in it, and when; none before the first call.
    level: Option<(f64, Instant)>,
}

impl Bucket {
    /// Takes a token, or says after how much scenario time there will be one.
    pub(super) fn take(&mut self, limit: &LlmRateLimit, speed: Speed, now: Instant) -> Result<(), Duration> {
        let burst = f64::from(limit.burst);
        let tokens = self.level.map_or(burst, |(tokens, at)| {
            let passed = speed.scenario(now.saturating_duration_since(at)).as_secs_f64();
            (tokens + passed * limit.per_second).min(burst)
        });
        let taken = tokens >= 1.0;
        self.level = Some((if taken { tokens - 1.0 } else { tokens }, now));
        if taken {
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64((1.0 - tokens) / limit.per_second).unwrap_or(Duration::MAX);
        Err(wait.max(limit.retry_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_lets_a_burst_in_and_then_a_call_per_interval() {
        let limit = LlmRateLimit { per_second: 2.0, burst: 3, retry_after: Duration::ZERO };
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let speed = Speed::try_new(10.0).expect("a speed");
        let mut take = |at| bucket.take(&limit, speed, start + at);
        for _ in 0..3 {
            assert_eq!(take(Duration::ZERO), Ok(()));
        }
        assert_eq!(take(Duration::ZERO), Err(Duration::from_millis(500)));
        // Half a second of scenario time is a twentieth of a real one.
        assert_eq!(take(Duration::from_millis(50)), Ok(()));
        assert!(take(Duration::from_millis(51)).is_err());
    }

    #[test]
    fn the_answer_never_asks_for_less_than_the_least() {
        let limit = LlmRateLimit { per_second: 1000.0, burst: 1, retry_after: Duration::from_secs(2) };
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert_eq!(bucket.take(&limit, Speed::REAL, now), Ok(()));
        assert_eq!(bucket.take(&limit, Speed::REAL, now), Err(Duration::from_secs(2)));
    }
}
