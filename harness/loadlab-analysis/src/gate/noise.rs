//! How far head and base differ when they are the same build (`--aa`), and which delta that allows.
//!
//! Both tiers come down to one number, the standard deviation of x = ln(head's breaking point / base's) as one
//! *pair* measures it. A pair of searches measures x itself. A pair of trials measures it through the knee:
//! between two loads that lie a cut apart the log odds of loss differ by the *steepness* times the cut, on
//! average over A/A pairs; so a pair whose difference is another by d is off by d / steepness of x. A steep
//! knee translates much noise of losses into little noise of x. (Where it is so steep that head mostly loses
//! nothing, less of it is seen, and the noise is told as higher than it is: the safe side.)

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Done, NightlyRules, Offer, Rules, SearchPair, Tier, score,
    student::{Spread, deviation_up_to},
    walk::Progress,
};

/// Fewer pairs say nothing of how pairs differ.
const PAIRS_LEAST: usize = 4;
/// A delta must be so many standard deviations.
const DEVIATIONS: f64 = 3.0;
/// With this probability the true standard deviation is below the upper bound that is told.
const CONFIDENCE: f64 = 0.9;

/// The noise of a machine, a target and a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Of which tier's pairs.
    pub tier: Tier,
    /// From how many pairs.
    pub pairs: u32,
    /// The mean of x. It should be 0: of searches it shows whether one side is at an advantage.
    pub mean: f64,
    /// The standard deviation of x, of one pair.
    pub deviation: f64,
    /// An upper bound: few pairs say little of how they differ.
    pub deviation_high: f64,
    /// Of tier 1: by how much the log odds of loss rise for each unit of ln(load).
    pub steepness: Option<f64>,
    /// The standard deviation of what a verdict rests on: in tier 1 the mean of all the pairs that a
    /// gate can take, in tier 2 that of one pair.
    pub of_verdict: f64,
}

/// Why the noise cannot be told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoiseError {
    /// Too few pairs count.
    TooFewPairs {
        /// How many do.
        pairs: u32,
    },
    /// Base lost no more than head did at its lower load: the knee is not in reach, or the noise hides it.
    NoKnee,
}

/// A delta that the noise does not allow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooFine {
    /// What was asked for.
    pub delta: f64,
    /// The smallest one allowed.
    pub least: f64,
}

/// The next trial of an A/A job of so many pairs. It goes on where a gate would have decided.
pub fn aa_next(rules: &Rules, pairs: u32, done: &[Done]) -> Option<Offer> {
    let progress = Progress::of(rules, done);
    (progress.pairs.len() < pairs as usize && !progress.in_vain(rules)).then_some(progress.next)
}

/// The noise of tier 1, from the trials of an A/A job.
pub fn of_trials(rules: &Rules, done: &[Done]) -> Result<Noise, NoiseError> {
    let pairs = Progress::of(rules, done).pairs;
    let differences: Vec<f64> = pairs.iter().map(|pair| score::log_odds_ratio(rules, pair)).collect();
    let spread = spread(&differences)?;
    let steepness = spread.mean / rules.cut().ln();
    // The mean must stand out of its own noise, or the steepness is a guess.
    if steepness <= 0.0 || spread.mean.abs() < spread.of_mean().sqrt() {
        return Err(NoiseError::NoKnee);
    }
    let deviation = spread.deviation() / steepness;
    let pooled = f64::from(rules.pairs_max()).sqrt();
    let noise = Noise::of(Tier::Fast, &spread, 0.0, deviation);
    Ok(Noise { of_verdict: deviation / pooled, steepness: Some(steepness), ..noise })
}

/// The noise of tier 2, from the pairs of an A/A job.
pub fn of_searches(done: &[SearchPair]) -> Result<Noise, NoiseError> {
    let xs: Vec<f64> = done.iter().filter_map(SearchPair::x).collect();
    let spread = spread(&xs)?;
    Ok(Noise::of(Tier::Nightly, &spread, spread.mean, spread.deviation()))
}

fn spread(values: &[f64]) -> Result<Spread, NoiseError> {
    let enough = (values.len() >= PAIRS_LEAST).then(|| Spread::of(values)).flatten();
    enough.ok_or(NoiseError::TooFewPairs { pairs: values.len() as u32 })
}

impl Noise {
    fn of(tier: Tier, spread: &Spread, mean: f64, deviation: f64) -> Self {
        let high = deviation * deviation_up_to(CONFIDENCE, spread.freedom());
        Self {
            tier,
            pairs: spread.count as u32,
            mean,
            deviation,
            deviation_high: high,
            steepness: None,
            of_verdict: deviation,
        }
    }

    /// The smallest delta that it allows: three standard deviations of what a verdict rests on.
    pub fn least_delta(&self) -> f64 {
        1.0 - (-DEVIATIONS * self.of_verdict).exp()
    }

    /// Whether a gate with this delta would find more than noise.
    pub fn allows(&self, delta: f64) -> Result<(), TooFine> {
        let least = self.least_delta();
        if delta >= least { Ok(()) } else { Err(TooFine { delta, least }) }
    }
}

impl NightlyRules {
    /// The default rules with another delta.
    pub fn of_delta(delta: f64) -> Self {
        Self { delta, ..Self::default() }
    }
}

impl fmt::Display for NoiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewPairs { pairs } => write!(f, "{pairs} pairs count, and {PAIRS_LEAST} are needed"),
            Self::NoKnee => {
                write!(f, "losses hardly rise with the load, so they do not tell a breaking point")
            }
        }
    }
}

impl std::error::Error for NoiseError {}

impl fmt::Display for TooFine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| crate::words::value_text(share, "share");
        write!(
            f,
            "a drop of {} cannot be told from noise here: three standard deviations are {}",
            percent(self.delta),
            percent(self.least)
        )
    }
}

impl std::error::Error for TooFine {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Side, Validity};

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn of_searches_it_is_the_deviation_of_the_logarithms() {
        let pair = |x: f64| SearchPair { base: 100.0, head: 100.0 * x.exp(), validity: Validity::Valid };
        let noise = of_searches(&[-0.02, 0.0, 0.02, 0.0].map(pair)).expect("four pairs");
        assert!(close(noise.mean, 0.0) && close(noise.deviation, (0.0008_f64 / 3.0).sqrt()), "{noise:?}");
        assert!(noise.deviation_high > 2.0 * noise.deviation, "four pairs say little: {noise:?}");
        // Three times 1.63 %.
        assert_eq!(noise.allows(0.05), Ok(()));
        let refused = noise.allows(0.04).expect_err("too fine").to_string();
        assert_eq!(
            refused,
            "a drop of 4 % cannot be told from noise here: three standard deviations are 4.78 %"
        );
        assert_eq!(of_searches(&[pair(0.0)]), Err(NoiseError::TooFewPairs { pairs: 1 }));
    }

    /// Base loses about 2 %, and head, at 5.13 % less load, e times less in the odds: the steepness is
    /// 1 / 0.0527.
    #[test]
    fn of_trials_it_is_what_the_losses_differ_by_in_units_of_the_knee() {
        let rules = Rules::new(0.1, 1_000.0);
        let mut done: Vec<Done> = Vec::new();
        while let Some(offer) = aa_next(&rules, 6, &done) {
            let off: f64 = if offer.repetition.is_multiple_of(2) { 0.5 } else { -0.5 };
            let odds: f64 = if offer.side == Side::Base { 0.02 } else { 0.02 / (1.0 + off).exp() };
            let lost = (odds / (1.0 + odds) * 1e9).round() as u64;
            done.push(Done::of(offer, 1_000_000_000, lost, Validity::Valid));
        }
        assert_eq!(done.len(), 12, "it goes on where a gate had passed");
        let noise = of_trials(&rules, &done).expect("six pairs");
        let deviation = (0.25_f64 * 6.0 / 5.0).sqrt() * -rules.cut().ln();
        assert!(noise.steepness.is_some_and(|steep| (steep + 1.0 / rules.cut().ln()).abs() < 1e-3));
        assert!((noise.deviation - deviation).abs() < 1e-5, "{noise:?} for {deviation}");
        assert!(close(noise.of_verdict, noise.deviation / 10.0_f64.sqrt()));
    }

    #[test]
    fn losses_that_do_not_rise_with_the_load_tell_nothing() {
        let rules = Rules::new(0.1, 1_000.0);
        let mut done: Vec<Done> = Vec::new();
        while let Some(offer) = aa_next(&rules, 5, &done) {
            let lost = 150 + 10 * u64::from((offer.repetition + u32::from(offer.side == Side::Head)) % 2);
            done.push(Done::of(offer, 10_000, lost, Validity::Valid));
        }
        assert_eq!(of_trials(&rules, &done), Err(NoiseError::NoKnee));
    }
}
