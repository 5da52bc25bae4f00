//! Draws that are functions of names and counters, so that a run replays.

use loadlab_clock::Seed;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Which way the bytes that a fault acts on flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the upstream: requests and commands.
    Upstream,
    /// From the upstream to the client: replies and events.
    Downstream,
}

/// The draws of one fault on one edge.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    seed: Seed,
    upstream: String,
    downstream: String,
}

impl Draws {
    /// Names are taken with their length, so that no two edges and faults share draws.
    pub(crate) fn new(seed: Seed, edge: &str, fault: &str) -> Self {
        let purpose = |direction| format!("fault/{}:{edge}/{direction}/{fault}", edge.len());
        Self { seed, upstream: purpose("upstream"), downstream: purpose("downstream") }
    }

    /// The draws for one request of one connection.
    pub(crate) fn of(&self, direction: Direction, connection: u64, request: u64) -> ChaCha8Rng {
        let purpose = match direction {
            Direction::Upstream => &self.upstream,
            Direction::Downstream => &self.downstream,
        };
        self.seed.stream(purpose, connection, request)
    }
}

/// Whether a draw falls into `share`, which is between 0 and 1. It always uses up one draw.
pub(crate) fn within(share: f64, rng: &mut ChaCha8Rng) -> bool {
    rng.random::<f64>() < share
}

/// A byte other than `byte`, printable and no line break.
pub(crate) fn other_printable(byte: u8, rng: &mut ChaCha8Rng) -> u8 {
    let drawn = rng.random_range(b'!'..b'~');
    if drawn >= byte { drawn + 1 } else { drawn }
}

/// Any byte other than `byte`.
pub(crate) fn other_byte(byte: u8, rng: &mut ChaCha8Rng) -> u8 {
    byte ^ rng.random_range(1..=u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(edge: &str, fault: &str, connection: u64) -> Vec<bool> {
        let draws = Draws::new(Seed::new(7), edge, fault);
        (0..64).map(|request| within(0.5, &mut draws.of(Direction::Upstream, connection, request))).collect()
    }

    #[test]
    fn a_draw_depends_on_its_names_and_numbers_only() {
        assert_eq!(hits("a", "b", 3), hits("a", "b", 3));
        for other in [hits("a", "c", 3), hits("b", "b", 3), hits("a", "b", 4)] {
            assert_ne!(hits("a", "b", 3), other);
        }
        let draws = Draws::new(Seed::new(7), "a", "b");
        let down: Vec<bool> =
            (0..64).map(|n| within(0.5, &mut draws.of(Direction::Downstream, 3, n))).collect();
        assert_ne!(hits("a", "b", 3), down);
    }

    #[test]
    fn names_that_run_together_do_not_share_draws() {
        assert_ne!(hits("a/upstream/b", "c", 1), hits("a", "b/upstream/c", 1));
    }

    #[test]
    fn a_share_is_that_share_of_requests_and_its_ends_are_exact() {
        let draws = Draws::new(Seed::new(1), "edge", "fault");
        let count =
            |share| (0..10_000).filter(|n| within(share, &mut draws.of(Direction::Upstream, 1, *n))).count();
        assert_eq!((count(0.0), count(1.0)), (0, 10_000));
        assert!((900..1_100).contains(&count(0.1)), "{}", count(0.1));
    }

    #[test]
    fn an_altered_byte_is_another_byte() {
        let mut rng = Draws::new(Seed::new(1), "e", "f").of(Direction::Upstream, 0, 0);
        for byte in 0..=u8::MAX {
            assert_ne!(other_byte(byte, &mut rng), byte);
            let printable = other_printable(byte, &mut rng);
            assert!(printable != byte && (b'!'..=b'~').contains(&printable), "{printable}");
        }
    }
}
