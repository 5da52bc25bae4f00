//! Makes room when the memory is full. As in Redis, the least recently used key is approximated: of a
//! few picked at random, the one used longest ago goes.

use bytes::Bytes;
use rand::RngExt as _;

use super::{DATABASES, State};
use crate::profile::MaxmemoryPolicy;

/// Keys looked at to evict one: Redis's `maxmemory-samples`.
const SAMPLES: usize = 5;

impl State {
    /// Evicts until the memory is at most `limit` bytes (0: no limit); false when it cannot.
    pub(in super::super) fn make_room(&mut self, limit: u64, policy: MaxmemoryPolicy) -> bool {
        if limit == 0 {
            return true;
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        while self.memory() > limit {
            let Some((database, key)) = self.victim(policy) else { return false };
            self.database(database).remove(&key);
            self.evicted += 1;
        }
        true
    }

    fn victim(&mut self, policy: MaxmemoryPolicy) -> Option<(usize, Bytes)> {
        let (samples, volatile) = match policy {
            MaxmemoryPolicy::Noeviction => return None,
            MaxmemoryPolicy::AllkeysLru => (SAMPLES, false),
            MaxmemoryPolicy::VolatileLru => (SAMPLES, true),
            MaxmemoryPolicy::AllkeysRandom => (1, false),
        };
        let mut oldest: Option<(u64, usize, Bytes)> = None;
        for index in 0..DATABASES {
            let database = &self.databases[index];
            let candidates = database.candidates(volatile);
            if candidates == 0 {
                continue;
            }
            for _ in 0..samples {
                let position = self.rng.random_range(0..candidates);
                let Some((key, used)) = database.candidate(volatile, position) else { continue };
                if oldest.as_ref().is_none_or(|(oldest, ..)| used < *oldest) {
                    oldest = Some((used, index, key.clone()));
                }
            }
        }
        oldest.map(|(_, index, key)| (index, key))
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Seed;

    use super::{super::super::value::Value, *};

    fn filled(keys: usize) -> State {
        let mut state = State::new(Seed::new(3));
        for key in 0..keys {
            state.tick();
            let key = Bytes::from(format!("key:{key}"));
            state.database(0).set(key, Value::Text(Bytes::from(vec![b'x'; 1000])), None);
        }
        state
    }

    fn present(state: &mut State, keys: std::ops::Range<usize>) -> usize {
        let database = state.database(0);
        keys.filter(|key| database.peek(format!("key:{key}").as_bytes()).is_some()).count()
    }

    #[test]
    fn lru_keeps_what_was_used_lately() {
        let mut state = filled(1_000);
        // The older half is used again, so the newer half is what was used longest ago.
        for key in 0..500 {
            state.tick();
            state.database(0).read::<Bytes>(format!("key:{key}").as_bytes()).expect("text");
        }
        let half = state.memory() as u64 / 2;
        assert!(state.make_room(half, MaxmemoryPolicy::AllkeysLru));
        assert!(state.memory() as u64 <= half);
        let (used, unused) = (present(&mut state, 0..500), present(&mut state, 500..1_000));
        // With five samples about nine in ten of the right ones stay.
        assert!(used > 400 && unused < 100, "{used} of the used, {unused} of the others");
        assert_eq!(state.figures().evicted, 1_000 - used as u64 - unused as u64);
    }

    #[test]
    fn noeviction_and_volatile_lru_leave_keys_without_a_time_to_live() {
        let mut state = filled(10);
        assert!(!state.make_room(1, MaxmemoryPolicy::Noeviction));
        assert!(!state.make_room(1, MaxmemoryPolicy::VolatileLru));
        assert_eq!(present(&mut state, 0..10), 10);
        let later = state.now().unix_ms + 100_000;
        state.database(0).set_expiry(b"key:4", Some(later));
        assert!(!state.make_room(1, MaxmemoryPolicy::VolatileLru));
        assert_eq!(present(&mut state, 0..10), 9);
        assert!(state.make_room(1, MaxmemoryPolicy::AllkeysRandom));
        assert_eq!((present(&mut state, 0..10), state.memory()), (0, 0));
    }
}
