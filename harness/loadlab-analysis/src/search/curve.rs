//! The curve that losses are on, and how far trials are from it.
//!
//! ```text
//!   loss of a trial = base + excess
//!   base                    what is lost at low loads already: errors and slow services that no load causes
//!   mean excess μ(load)   = (allowed − base) · (load / breaking point) ^ slope
//!   variance of an excess = φ · μ^1.5
//!   deviance of a trial   = 4 (√excess − √μ)² / √μ
//! ```
//!
//! Excess losses come in bursts: by chance so many in a trial, each of a chance size. Such a sum has
//! Tweedie's distribution, between Poisson and gamma: its variance is a power of the mean between 1 and 2.
//! With 3/2 the deviance is as simple as above, and φ was found to be much the same from half of the allowed
//! loss to ten times it. A trial without any excess is then as ordinary as it really is, where a logarithm
//! of it could not be taken. (B. Jørgensen, Exponential dispersion models, JRSS B 49, 1987.)
//!
//! The curve is a power of the load only near the breaking point: what lost far more, counts as if it had
//! lost [`EXCESS`] times what is allowed.

use super::{Rules, level::Level};

/// φ of a trial of 500 service times. Simulated queues have, from 1.5 % below the breaking point over it to
/// 1.5 % above: of 4 servers, in trials twice as long, 0.17, 0.06, 0.24; of 16, 0.12, 0.35, 0.54; of 64, 0.004,
/// 0.13, 0.24.
const DISPERSION: f64 = 0.2;
/// So many trials is that worth. With fewer, the few that a search makes would often seem alike by chance.
const DISPERSION_TRIALS: f64 = 8.0;
/// Excesses count from this to this many times what is allowed.
const EXCESS: (f64, f64) = (0.01, 30.0);
/// Below this share of the lowest load that leans to fail, losses are the base.
const CALM: f64 = 0.8;
/// The least share that the curve crosses, so that there is something to cross if nothing is allowed.
const ALLOWED_LEAST: f64 = 1e-4;

/// A breaking point, as the logarithm of a load, and a slope.
pub(super) type Parameters = (f64, f64);

/// The trials that count, and the bounds of their excess.
pub(super) struct Curve {
    seen: Vec<Seen>,
    /// The excess that is allowed, and the least and the most that counts.
    allowed: f64,
    least: f64,
    most: f64,
}

/// The trials of one load.
struct Seen {
    ln_load: f64,
    trials: Vec<Excess>,
    /// Sums over the trials, of their weights, and by weight of their excess and of its root: all that the
    /// deviance needs.
    weight: f64,
    sum: f64,
    sum_of_roots: f64,
}

/// What one trial lost beyond the base. It weighs as much of a whole trial as it lasted: those that are
/// ended because they lose too much would otherwise make the loss seem higher than it is.
#[derive(Clone, Copy)]
struct Excess {
    share: f64,
    weight: f64,
}

impl Curve {
    /// The trials at loads up to `most`; `fails` is the lowest load that leans to fail.
    pub(super) fn of(rules: &Rules, levels: &[Level], fails: f64, most: f64) -> Self {
        let allowed = rules.allowed_loss.get().max(ALLOWED_LEAST);
        // Most of what is allowed may not be base: too little would be left to tell loads by.
        let base = base(levels, CALM * fails).min(allowed / 2.0);
        let allowed = allowed - base;
        let bounds = (allowed * EXCESS.0, (allowed * EXCESS.1).min(1.0));
        let near = levels.iter().filter(|level| level.load <= most);
        let seen = near.map(|level| Seen::of(level, base, bounds.1)).collect();
        Self { seen, allowed, least: bounds.0, most: bounds.1 }
    }

    /// The mean excess at a load.
    fn mean(&self, ln_load: f64, (at, slope): Parameters) -> f64 {
        (self.allowed * (slope * (ln_load - at)).exp()).clamp(self.least, self.most)
    }

    /// How far all trials are from the curve.
    pub(super) fn deviance(&self, curve: Parameters) -> f64 {
        let of_load = |seen: &Seen| {
            let root = self.mean(seen.ln_load, curve).sqrt();
            4.0 * (seen.sum / root + seen.weight * root - 2.0 * seen.sum_of_roots)
        };
        self.seen.iter().map(of_load).sum()
    }

    /// φ, and of how many trials it is known: from how they differ from the curve (Pearson), together with
    /// what is usual. Trials count by how near to the allowed share the curve has them: far above, losses
    /// have reached their bound, and far below there are hardly any.
    pub(super) fn dispersion(&self, curve: Parameters) -> (f64, f64) {
        let (mut squares, mut trials) = (0.0, 0.0);
        for seen in &self.seen {
            let mean = self.mean(seen.ln_load, curve);
            let near = (mean / self.allowed).min(self.allowed / mean);
            let square = |trial: &Excess| trial.weight * (trial.share - mean).powi(2) / mean.powf(1.5);
            squares += near * seen.trials.iter().map(square).sum::<f64>();
            trials += near * seen.trials.len() as f64;
        }
        // The curve was laid through these trials: that costs one of them.
        let free = DISPERSION_TRIALS + (trials - 1.0).max(0.0);
        ((DISPERSION_TRIALS * DISPERSION + squares) / free, free)
    }
}

impl Seen {
    fn of(level: &Level, base: f64, most: f64) -> Self {
        let excess =
            |(loss, part): (&f64, &f64)| Excess { share: (loss - base).clamp(0.0, most), weight: *part };
        let trials: Vec<Excess> = level.losses.iter().zip(&level.parts).map(excess).collect();
        Self {
            ln_load: level.load.ln(),
            weight: trials.iter().map(|trial| trial.weight).sum(),
            sum: trials.iter().map(|trial| trial.weight * trial.share).sum(),
            sum_of_roots: trials.iter().map(|trial| trial.weight * trial.share.sqrt()).sum(),
            trials,
        }
    }
}

/// The mean loss of the trials at low loads; none if there were none.
fn base(levels: &[Level], calm: f64) -> f64 {
    let losses: Vec<f64> =
        levels.iter().filter(|level| level.load <= calm).flat_map(|level| level.losses.clone()).collect();
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}
