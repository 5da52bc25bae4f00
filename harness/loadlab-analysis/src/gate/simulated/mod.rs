//! A machine and a target whose truth is known, to see how often a gate is right.
//!
//! A target loses 1 % of what arrives at its *capacity*, its breaking point. Around it the log odds of loss
//! rise by *steepness* for each unit of ln(load): ten times the loss at 1.03 to 1.15 times the capacity.
//! Losses come in bursts: a trial's variance at the breaking point is a hundred times the binomial one.

mod others;
mod queue;
mod tests;

use loadlab_clock::Seed;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution as _, Exp1, Poisson, StandardNormal};

use super::{Decision, Done, Offer, Rules, Side, Spoilt, Step, Validity, next};

/// Arrivals of a trial.
const ARRIVALS: u64 = 7_000;
/// The share that is lost at the breaking point.
const ALLOWED: f64 = 0.01;
/// A trial's variance at the breaking point over the binomial one. It is 60 to 300 in simulated queues.
const OVERDISPERSION: f64 = 100.0;
/// How much the capacity differs from trial to trial.
const JITTER: f64 = 0.007;
/// The first seed: none of those with which the limits of the score were chosen.
const FIRST_SEED: u64 = 10_000;
/// Trials of 15 s.
const IN_SIX_MINUTES: u32 = 24;
/// How far the stored breaking point is off.
pub(super) const STORED_OFF: f64 = 0.02;

/// Where trials are run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Machine {
    /// Nobody else is on it.
    Stable,
    /// Its capacity drifts, and neighbours spoil trials.
    Shared,
}

/// How losses come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bursts {
    /// A trial's odds of loss are those expected times a lognormal factor.
    Lognormal,
    /// Bursts of exponential size come independently, so that many a trial loses nothing at all.
    Compound,
    /// As in a queue of sixteen servers, which has a steepness of its own.
    Queue,
}

/// A machine with a target of some steepness.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) bursts: Bursts,
    /// At so many times its capacity a target loses ten times as much.
    pub(super) tenfold_at: f64,
}

/// A world under way.
pub(super) struct Trials {
    world: World,
    rng: ChaCha8Rng,
    /// ln of what is left of the capacity at this time.
    drift: f64,
}

/// What came out of many gates.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    gates: u32,
    passed: u32,
    regressions: u32,
    inconclusive: u32,
    trials: u32,
    most_trials: u32,
    /// Gates of more trials than fit in six minutes.
    longer: u32,
}

impl World {
    pub(super) fn start(self, seed: u64) -> Trials {
        let mut rng = Seed::new(seed).stream("gate", 0, 0);
        // Where the drift is after a long time: 3 % around 0.
        let start: f64 = StandardNormal.sample(&mut rng);
        Trials { world: self, rng, drift: (0.03 * start).clamp(-0.06, 0.06) }
    }

    /// Gates of a head that dropped by a share.
    pub(super) fn gates(self, delta: f64, drop: f64, gates: u32) -> Found {
        self.gates_from(1.0, delta, drop, gates)
    }

    /// The same with a stored breaking point that is so many times too high.
    pub(super) fn gates_from(self, stale: f64, delta: f64, drop: f64, gates: u32) -> Found {
        (0..gates).fold(Found::default(), |found, seed| {
            let mut trials = self.start(FIRST_SEED + u64::from(seed));
            let rules = Rules::new(delta, stale * trials.stored());
            let (decision, done) = trials.gate(&rules, drop);
            found.with(&decision, done.len() as u32)
        })
    }
}

impl Trials {
    /// The breaking point as it was found before. Truly it is 1.
    pub(super) fn stored(&mut self) -> f64 {
        (STORED_OFF * self.normal()).exp()
    }

    pub(super) fn gate(&mut self, rules: &Rules, drop: f64) -> (Decision, Vec<Done>) {
        let mut done = Vec::new();
        loop {
            match next(rules, &done) {
                Step::Decided(decision) => return (decision, done),
                Step::Try(offer) => done.push(self.trial(offer, drop)),
            }
        }
    }

    /// A trial on base, whose capacity is 1, or on a head that dropped.
    pub(super) fn trial(&mut self, offer: Offer, drop: f64) -> Done {
        let of_side = if offer.side == Side::Head { 1.0 - drop } else { 1.0 };
        let (spoilt, validity) = self.neighbour();
        let capacity = of_side * (self.drift + JITTER * self.normal()).exp() * (1.0 - spoilt);
        self.pass_time();
        let (arrivals, lost) = self.lost((offer.load / capacity).ln());
        Done::of(offer, arrivals, lost, validity)
    }

    /// The capacity goes up and down by 1 % a trial, and comes back to what it is on average.
    fn pass_time(&mut self) {
        if self.world.machine == Machine::Shared {
            let step = 0.01 * self.normal();
            self.drift = (self.drift * (1.0 - 1.0 / 18.0) + step).clamp(-0.06, 0.06);
        } else {
            self.drift = 0.0;
        }
    }

    /// One trial in twenty loses 10 to 30 % of its capacity to a neighbour; half of these are noticed.
    fn neighbour(&mut self) -> (f64, Validity) {
        if self.world.machine == Machine::Stable || self.rng.random::<f64>() >= 0.05 {
            return (0.0, Validity::Valid);
        }
        let stolen = 0.1 + 0.2 * self.rng.random::<f64>();
        let noticed = self.rng.random::<f64>() < 0.5;
        (stolen, if noticed { Validity::Invalid(Spoilt::CpuStolen) } else { Validity::Valid })
    }

    /// Arrivals and those of them that are lost, at so much over the capacity, as a logarithm.
    fn lost(&mut self, over_capacity: f64) -> (u64, u64) {
        if self.world.bursts == Bursts::Queue {
            return queue::trial(&mut self.rng, queue::KNEE * over_capacity.exp());
        }
        let steepness = 10.0_f64.ln() / self.world.tenfold_at.ln();
        let log_odds = (ALLOWED / (1.0 - ALLOWED)).ln() + steepness * over_capacity;
        // The square of the deviation of a trial's loss over its mean, at the breaking point.
        let spread = OVERDISPERSION * (1.0 - ALLOWED) / (ALLOWED * ARRIVALS as f64);
        let burst = match self.world.bursts {
            Bursts::Lognormal | Bursts::Queue => {
                let square = spread.ln_1p();
                square.sqrt() * self.normal() - square / 2.0
            }
            Bursts::Compound => {
                // The mean of n exponential sizes varies by 2 / n, and more bursts come at a higher load.
                let bursts = (2.0 / spread * (steepness * over_capacity).exp()).min(200.0);
                let size: f64 = (0..self.poisson(bursts)).map(|_| self.exponential()).sum();
                (size / bursts).ln()
            }
        };
        let odds = (log_odds + burst).exp();
        let share = if odds.is_infinite() { 1.0 } else { odds / (1.0 + odds) };
        (ARRIVALS, Binomial::new(ARRIVALS, share).expect("a share").sample(&mut self.rng))
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        let drawn: f64 = Poisson::new(mean).expect("a positive mean").sample(&mut self.rng);
        drawn as u64
    }

    fn exponential(&mut self) -> f64 {
        Exp1.sample(&mut self.rng)
    }

    pub(super) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.rng)
    }
}

impl Found {
    pub(super) fn with(mut self, decision: &Decision, trials: u32) -> Self {
        match decision {
            Decision::Pass { .. } => self.passed += 1,
            Decision::Regression { .. } => self.regressions += 1,
            Decision::Inconclusive { .. } => self.inconclusive += 1,
        }
        self.gates += 1;
        self.trials += trials;
        self.most_trials = self.most_trials.max(trials);
        self.longer += u32::from(trials > IN_SIX_MINUTES);
        self
    }

    pub(super) fn regressions(&self) -> f64 {
        f64::from(self.regressions) / f64::from(self.gates)
    }

    pub(super) fn inconclusive(&self) -> f64 {
        f64::from(self.inconclusive) / f64::from(self.gates)
    }

    /// `pass 98.0 %, regression 0.5 %, inconclusive 1.5 %; 8.1 trials, at most 22`.
    pub(super) fn text(&self) -> String {
        let percent = |part: u32| 100.0 * f64::from(part) / f64::from(self.gates);
        format!(
            "pass {:5.1} %, regression {:5.1} %, inconclusive {:4.1} %; {:4.1} trials, at most {}",
            percent(self.passed),
            percent(self.regressions),
            percent(self.inconclusive),
            f64::from(self.trials) / f64::from(self.gates),
            self.most_trials
        )
    }
}
