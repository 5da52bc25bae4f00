//! Where all randomness of a run comes from.

use std::fmt;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The seed of a plan. Every stream of draws is named by words and counters, never by the worker
/// that happens to draw, so a run replays however its work is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Seed(u64);

impl Seed {
    /// A seed.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The generator of one stream of draws: equal for equal `(seed, purpose, a, b)`, and
    /// independent otherwise. `purpose` names what is drawn; `a` and `b` count, for example user
    /// and iteration.
    pub fn stream(self, purpose: &str, a: u64, b: u64) -> ChaCha8Rng {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&fnv1a(purpose).to_le_bytes());
        key[16..24].copy_from_slice(&a.to_le_bytes());
        key[24..].copy_from_slice(&b.to_le_bytes());
        ChaCha8Rng::from_seed(key)
    }

    /// A seed for a run of its own, of the runs that belong together: equal for equal
    /// `(seed, purpose, a, b)`. It has at most 48 bits, so that it stays whole in any JSON reader.
    #[must_use]
    pub fn of(self, purpose: &str, a: u64, b: u64) -> Self {
        Self(self.stream(purpose, a, b).next_u64() >> 16)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): short, fixed for ever, and good enough to tell names apart.
fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    #[test]
    fn a_stream_is_a_function_of_its_name_and_counters() {
        let draw = |seed: u64, purpose, a, b| Seed::new(seed).stream(purpose, a, b).next_u64();
        assert_eq!(draw(1, "think", 2, 3), draw(1, "think", 2, 3));
        let others =
            [draw(2, "think", 2, 3), draw(1, "pick", 2, 3), draw(1, "think", 3, 3), draw(1, "think", 2, 4)];
        for other in others {
            assert_ne!(draw(1, "think", 2, 3), other);
        }
    }
}
