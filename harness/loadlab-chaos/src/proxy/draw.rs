//! Randomness of the proxy: a function of names and numbers, never of who came first.

use loadlab_clock::Seed;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::Direction;

/// What a stream of draws is for. Each purpose has a stream of its own, so that drawing more for
/// one leaves the others as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Whether a toxic takes hold of a connection.
    Connection = 0,
    /// Whether it takes hold of a chunk, or of a request.
    Piece = 1,
    /// The values themselves: delays, sizes, places.
    Value = 2,
}

/// The draws of one toxic on one connection: equal for equal (seed, proxy, direction, toxic,
/// connection), whatever other connections and toxics there are.
#[derive(Debug, Clone)]
pub struct Draws {
    seed: Seed,
    key: String,
    connection: u64,
}

impl Draws {
    /// The draws of the toxic named `toxic` on connection number `connection` of `proxy`.
    pub fn new(seed: Seed, proxy: &str, direction: Direction, toxic: &str, connection: u64) -> Self {
        Self { seed, key: format!("{proxy}\0{direction}\0{toxic}"), connection }
    }

    /// The stream for a purpose, from its beginning.
    pub fn stream(&self, purpose: Purpose) -> ChaCha8Rng {
        self.seed.stream(&self.key, self.connection, purpose as u64)
    }

    /// Whether a toxic with this toxicity takes hold of the connection. The same number is drawn
    /// every time, so that raising the toxicity keeps the connections that it already has.
    pub fn takes_connection(&self, toxicity: f32) -> bool {
        takes(&mut self.stream(Purpose::Connection), toxicity)
    }
}

/// Whether the next draw of `rng` is under `toxicity`.
pub(crate) fn takes(rng: &mut ChaCha8Rng, toxicity: f32) -> bool {
    let unit: f64 = rng.random();
    unit < f64::from(toxicity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(seed: u64, proxy: &str, toxic: &str, toxicity: f32) -> Vec<u64> {
        (1..=1000)
            .filter(|number| {
                Draws::new(Seed::new(seed), proxy, Direction::Upstream, toxic, *number)
                    .takes_connection(toxicity)
            })
            .collect()
    }

    #[test]
    fn toxicity_is_the_share_of_connections() {
        let count = taken(1, "p", "t", 0.1).len();
        assert!((70..=130).contains(&count), "{count} of 1000");
        assert_eq!(taken(1, "p", "t", 0.0).len(), 0);
        assert_eq!(taken(1, "p", "t", 1.0).len(), 1000);
    }

    #[test]
    fn draws_are_a_function_of_seed_and_names() {
        let one = taken(1, "p", "t", 0.5);
        assert_eq!(taken(1, "p", "t", 0.5), one);
        for other in [taken(2, "p", "t", 0.5), taken(1, "q", "t", 0.5), taken(1, "p", "u", 0.5)] {
            assert_ne!(other, one);
        }
    }

    #[test]
    fn a_higher_toxicity_keeps_the_connections_it_has() {
        let few = taken(1, "p", "t", 0.1);
        let more = taken(1, "p", "t", 0.3);
        assert!(few.iter().all(|number| more.contains(number)));
    }
}
