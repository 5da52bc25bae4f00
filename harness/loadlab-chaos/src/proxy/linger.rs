//! How long proxies that nobody holds a lease on any more stay as pass-through: whoever is connected
//! through them must not be cut off by the end of a run.

use std::time::{Duration, Instant};

/// For so long nobody may have been connected before the proxies go.
const QUIET: Duration = Duration::from_secs(10);

/// The time after the end of a lease. Whoever lingers looks every [`Linger::LOOK`] whether it
/// [goes on](Linger::goes_on).
#[derive(Debug)]
pub struct Linger {
    longest: Duration,
    began: Instant,
    used: Instant,
}

impl Linger {
    /// Time between two looks at who is connected.
    pub const LOOK: Duration = Duration::from_millis(100);

    /// Begins now and lasts until nobody was connected for 10 s, or until `longest` has passed.
    pub fn begin(longest: Duration) -> Self {
        let now = Instant::now();
        Self { longest, began: now, used: now }
    }

    /// Whether the proxies are to stay, when so many connections are open.
    pub fn goes_on(&mut self, open_connections: u64) -> bool {
        self.goes_on_at(Instant::now(), open_connections)
    }

    fn goes_on_at(&mut self, now: Instant, open_connections: u64) -> bool {
        if open_connections > 0 {
            self.used = now;
        }
        now - self.began < self.longest && now - self.used < QUIET.min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it goes on at each of these seconds, with so many connections.
    fn goes_on(longest: u64, looks: &[(u64, u64)]) -> Vec<bool> {
        let mut linger = Linger::begin(Duration::from_secs(longest));
        let began = linger.began;
        let look = |&(at, open): &(u64, u64)| linger.goes_on_at(began + Duration::from_secs(at), open);
        looks.iter().map(look).collect()
    }

    #[test]
    fn it_ends_ten_seconds_after_the_last_connection_and_at_its_longest_whoever_is_connected() {
        assert_eq!(goes_on(60, &[(0, 0), (9, 0), (10, 0)]), [true, true, false]);
        assert_eq!(goes_on(60, &[(9, 2), (18, 1), (27, 0), (28, 0)]), [true, true, true, false]);
        assert_eq!(goes_on(60, &[(20, 1), (59, 1), (60, 1)]), [true, true, false]);
        assert_eq!(goes_on(3, &[(2, 0), (3, 0)]), [true, false]);
        assert_eq!(goes_on(0, &[(0, 5)]), [false]);
    }
}
