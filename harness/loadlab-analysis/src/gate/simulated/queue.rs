//! A queue of sixteen servers in virtual time: losses as they really come in bursts.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

const SERVERS: usize = 16;
const SERVICE_S: f64 = 0.01;
const OBJECTIVE_S: f64 = 0.06;
/// Seconds that do not count yet, and after how many it ends.
const RAMP_S: f64 = 1.0;
const END_S: f64 = 6.0;
/// Arrivals a second of which 1 % take longer than the objective, from Erlang's C formula.
pub(super) const KNEE: f64 = 1_488.0;

/// Arrivals that count and those of them that are late.
pub(super) fn trial(rng: &mut ChaCha8Rng, arrivals_per_s: f64) -> (u64, u64) {
    let mut drawn = |mean: f64| mean * Distribution::<f64>::sample(&Exp1, rng);
    let mut free_at = [0.0_f64; SERVERS];
    let (mut now, mut arrivals, mut late) = (0.0, 0, 0);
    loop {
        now += drawn(1.0 / arrivals_per_s);
        if now > END_S {
            return (arrivals, late);
        }
        let first =
            (1..SERVERS).fold(0, |first, one| if free_at[one] < free_at[first] { one } else { first });
        free_at[first] = free_at[first].max(now) + drawn(SERVICE_S);
        if now >= RAMP_S {
            arrivals += 1;
            late += u64::from(free_at[first] - now > OBJECTIVE_S);
        }
    }
}
