//! A simulated service whose breaking point can be calculated, to try searches on. It is part of no
//! product binary (feature `synthetic`).
//!
//! M/M/c in virtual time: Poisson arrivals, exponential services, first come first served, no limit to the
//! queue. Every trial begins with an empty queue, ramps up linearly, measures, and drains. Equal seeds
//! give equal trials. The truth is [`Service::knee`], and [`Figures`] are what many searches made of it.

mod many;

use std::time::Duration;

use loadlab_clock::Seed;
use rand_distr::{Distribution as _, Exp1};

pub use self::many::{Figures, searched};
use super::{Offer, Rules, Trial, Validity};
use crate::queueing;

/// The service, and how long trials of it last besides the measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Service {
    /// How many arrivals are served at once.
    pub servers: u32,
    /// How long one is served, on average.
    pub mean_service: Duration,
    /// An arrival that stays longer is lost.
    pub objective: Duration,
    /// From no load to the trial's, before the measurement.
    pub ramp: Duration,
    /// After it.
    pub drain: Duration,
}

impl Service {
    /// 16 servers of 10 ms with an objective of 60 ms: it breaks at 1,488 a second.
    pub const SIXTEEN: Self = Self {
        servers: 16,
        mean_service: Duration::from_millis(10),
        objective: Duration::from_millis(60),
        ramp: Duration::from_secs(1),
        drain: Duration::from_secs(2),
    };

    /// The breaking point, calculated.
    pub fn knee(&self, rules: &Rules) -> Option<f64> {
        queueing::knee(self.servers, self.mean_service, self.objective, rules.allowed_loss.get())
    }

    /// How long a trial takes, in seconds.
    pub fn takes_s(&self, trial: &Trial) -> f64 {
        self.ramp.as_secs_f64() + trial.seconds + self.drain.as_secs_f64()
    }

    /// A trial. It ends early as soon as it is hopeless.
    pub fn trial(&self, seed: Seed, rules: &Rules, offer: Offer) -> Trial {
        let mut draws = seed.stream("simulated trial", offer.load.to_bits(), u64::from(offer.repetition));
        let mut exponential = |mean: f64| -> f64 {
            let unit: f64 = Exp1.sample(&mut draws);
            unit * mean
        };
        let (ramp, objective) = (self.ramp.as_secs_f64(), self.objective.as_secs_f64());
        let hopeless_beyond = rules.hopeless_beyond(offer.load * rules.trial_s);
        let mut free_at = vec![0.0; self.servers as usize];
        let (mut arrivals, mut lost, mut sent, mut expected) = (0, 0, 0, 0.0);
        let planned_end = ramp + rules.trial_s;
        let mut end = planned_end;
        loop {
            // Seconds at the full load that bring as many arrivals.
            expected += exponential(1.0 / offer.load);
            let due = due(expected, ramp);
            if due >= end {
                break;
            }
            sent += 1;
            let free = earliest(&mut free_at);
            let done = free.max(due) + exponential(self.mean_service.as_secs_f64());
            *free = done;
            if due < ramp {
                continue;
            }
            arrivals += 1;
            lost += u64::from(done - due > objective);
            if lost as f64 > hopeless_beyond && end >= planned_end {
                // The loss is known when the objective has passed; the load goes on until then.
                end = end.min(due + objective);
            }
        }
        let seconds = end - ramp;
        Trial {
            load: offer.load,
            repetition: offer.repetition,
            arrivals,
            lost,
            seconds,
            goodput_per_s: (arrivals - lost) as f64 / seconds,
            p95_s: None,
            ended_early: end < planned_end,
            validity: Validity::Valid,
            recovered: true,
            requests: sent,
        }
    }
}

/// When a linear ramp that goes on at the full load has brought as much as `expected` seconds at full load.
fn due(expected: f64, ramp: f64) -> f64 {
    if expected < ramp / 2.0 { (2.0 * ramp * expected).sqrt() } else { expected + ramp / 2.0 }
}

/// The server that is free first.
fn earliest(free_at: &mut [f64]) -> &mut f64 {
    let mut first = 0;
    for server in 1..free_at.len() {
        if free_at[server] < free_at[first] {
            first = server;
        }
    }
    &mut free_at[first]
}
