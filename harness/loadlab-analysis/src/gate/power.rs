//! Before anything runs: how often a gate would find which drop, and what a budget of minutes buys.
//!
//! Of tier 1 the mean of all pairs is taken for normal; of tier 2 the last look alone is counted, so that it
//! finds a little more than is told here. Both take the noise for what the A/A job found; with its upper
//! bound the figures are worse.

use serde::{Deserialize, Serialize};

use super::{
    NightlyRules, Noise, Rules, Tier, score,
    student::{normal_below, quantile, shifted_below},
};
use crate::words::{count, value_text};

/// What counts as being found.
const FOUND: f64 = 0.9;
/// Drops that are told.
const DROPS: [f64; 5] = [0.03, 0.05, 0.1, 0.15, 0.2];
/// The part of a budget that trials are planned for; the rest is for those that must be repeated.
const PLANNED: f64 = 0.9;
/// Steps in which the drop that is found is looked for.
const STEP: f64 = 0.001;
/// From so many minutes on it is told in hours.
const HOURS_FROM: f64 = 120.0;
/// Fewer pairs decide nothing in tier 1: half of them are three.
const FAST_PAIRS_LEAST: u32 = 6;

/// How often a gate finds what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Of which tier.
    pub tier: Tier,
    /// The most pairs that it takes.
    pub pairs: u32,
    /// Its delta.
    pub delta: f64,
    /// How often a head that did not change is called a regression.
    pub false_alarms: f64,
    /// How often drops are found.
    pub detected: Vec<Detected>,
    /// The smallest drop that is found nine times in ten; none if not even one of a half is.
    pub finds: Option<f64>,
}

/// How often a drop is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// The drop, as a share.
    pub drop: f64,
    /// How often it is called a regression, as a share.
    pub share: f64,
}

/// Time that there is, and what is done in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Minutes of the job.
    pub minutes: f64,
    /// Real seconds of a trial, with ramp, drain and settling.
    pub trial_s: f64,
    /// Trials of a search.
    pub trials_per_search: f64,
}

/// What a budget buys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bought {
    /// Of which tier.
    pub tier: Tier,
    /// Pairs.
    pub pairs: u32,
    /// Minutes that a gate of the usual size takes at most.
    pub minutes_of_usual: f64,
    /// What they find; none if they are too few to decide.
    pub power: Option<Power>,
    /// All that in a sentence.
    pub sentence: String,
}

/// The power of a gate of so many pairs.
pub fn power(noise: &Noise, delta: f64, pairs: u32) -> Power {
    let share = |drop: f64| match noise.tier {
        Tier::Fast => found_by_trials(noise, delta, pairs, drop),
        Tier::Nightly => found_by_searches(noise, delta, pairs, drop),
    };
    let steps = (0.5 / STEP) as u32;
    let finds = (1..=steps).map(|step| f64::from(step) * STEP).find(|drop| share(*drop) >= FOUND);
    let detected = DROPS.map(|drop| Detected { drop, share: share(drop) });
    Power { tier: noise.tier, pairs, delta, false_alarms: share(0.0), detected: detected.to_vec(), finds }
}

/// What a budget buys with a delta.
pub fn buys(budget: &Budget, noise: &Noise, delta: f64) -> Bought {
    let (trials_per_pair, usual) = match noise.tier {
        Tier::Fast => (2.0, Rules::new(delta, 1.0).pairs_max()),
        Tier::Nightly => (2.0 * budget.trials_per_search, NightlyRules::default().pairs_max()),
    };
    let minutes_of_pair = trials_per_pair * budget.trial_s / 60.0;
    let affordable = (budget.minutes * PLANNED / minutes_of_pair).floor().max(0.0) as u32;
    let pairs = match noise.tier {
        // Both halves are of one size.
        Tier::Fast => affordable / 2 * 2,
        Tier::Nightly => {
            NightlyRules::default().looks.into_iter().filter(|look| *look <= affordable).max().unwrap_or(0)
        }
    };
    let enough = pairs > 0 && (noise.tier == Tier::Nightly || pairs >= FAST_PAIRS_LEAST);
    let power = enough.then(|| power(noise, delta, pairs));
    let minutes_of_usual = f64::from(usual) * minutes_of_pair / PLANNED;
    let sentence = sentence(budget, pairs, power.as_ref(), minutes_of_usual);
    Bought { tier: noise.tier, pairs, minutes_of_usual, power, sentence }
}

fn sentence(budget: &Budget, pairs: u32, power: Option<&Power>, minutes_of_usual: f64) -> String {
    let minutes = |minutes: f64| {
        if minutes < HOURS_FROM {
            count(minutes, "minute", "minutes")
        } else {
            count(minutes / 60.0, "hour", "hours")
        }
    };
    let what = |power: &Power| match power.finds {
        Some(drop) => format!(
            "a drop of {} is found nine times in ten, and {} of those that did not change are called a \
             regression",
            value_text(drop, "share"),
            value_text(power.false_alarms, "share")
        ),
        None => "not even a drop of a half is found nine times in ten".to_owned(),
    };
    let buys = match power {
        Some(power) => format!("{}: {}", count(f64::from(pairs), "pair", "pairs"), what(power)),
        None => "too few pairs to decide anything".to_owned(),
    };
    format!(
        "{} buy {buys}; a gate of the usual size takes up to {}.",
        minutes(budget.minutes),
        minutes(minutes_of_usual)
    )
}

/// The mean over the pairs is above the cut by as much as an accusation needs.
fn found_by_trials(noise: &Noise, delta: f64, pairs: u32, drop: f64) -> f64 {
    let cut = -(1.0 - delta).ln() / 2.0;
    let beyond = noise.steepness.map_or(0.0, |steepness| score::WORSE / (f64::from(pairs) * steepness));
    normal_below((-(1.0 - drop).ln() - cut - beyond) / (noise.deviation / f64::from(pairs).sqrt()))
}

/// The interval at the last look lies below the limit.
fn found_by_searches(noise: &Noise, delta: f64, pairs: u32, drop: f64) -> f64 {
    let freedom = f64::from(pairs) - 1.0;
    let shift = ((1.0 - drop).ln() - (1.0 - delta).ln()) / (noise.deviation / f64::from(pairs).sqrt());
    shifted_below(-quantile(1.0 - NightlyRules::default().alpha, freedom), freedom, shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(tier: Tier, deviation: f64) -> Noise {
        let of_verdict = if tier == Tier::Fast { deviation / 10.0_f64.sqrt() } else { deviation };
        Noise {
            tier,
            pairs: 20,
            mean: 0.0,
            deviation,
            deviation_high: deviation,
            steepness: None,
            of_verdict,
        }
    }

    fn of(power: &Power, drop: f64) -> f64 {
        power.detected.iter().find(|one| (one.drop - drop).abs() < 1e-12).expect("told").share
    }

    /// An accusation needs a sum of scores above 2: with a steepness of 20 that is 1 % over ten pairs.
    #[test]
    fn what_an_accusation_needs_is_taken_off() {
        let steep = Noise { steepness: Some(20.0), ..noise(Tier::Fast, 0.05) };
        let power = power(&steep, 0.1, 10);
        // (10.54 - 5.27 - 1) % are 2.7 standard deviations of 1.58 %, and 6.27 % are 4.
        assert!((of(&power, 0.1) - 0.9965).abs() < 0.0005 && power.false_alarms < 0.0001, "{power:?}");
    }

    /// Ten pairs of 5 %: the mean is off by 1.58 %, and the cut is 5.27 % from both sides.
    #[test]
    fn tier_1_is_a_normal_mean_between_two_sides() {
        let power = power(&noise(Tier::Fast, 0.05), 0.1, 10);
        assert!((power.false_alarms - 0.0004).abs() < 0.0001, "{power:?}");
        assert!((of(&power, 0.1) - 0.9996).abs() < 0.0001 && of(&power, 0.05) < 0.5, "{power:?}");
        assert!(power.finds.is_some_and(|drop| (drop - 0.071).abs() < 0.0011), "{power:?}");
    }

    #[test]
    fn tier_2_leaves_a_drop_of_delta_open_and_finds_twice_of_it() {
        let power = power(&noise(Tier::Nightly, 0.015), 0.05, 8);
        assert!(power.false_alarms < 1e-6, "{power:?}");
        assert!((of(&power, 0.05) - 0.0221).abs() < 0.005, "{power:?}");
        assert!(of(&power, 0.1) > 0.99, "{power:?}");
        let coarse = super::power(&noise(Tier::Nightly, 2.0), 0.05, 8);
        assert_eq!(coarse.finds, None);
    }

    #[test]
    fn a_budget_is_told_in_a_sentence_before_anything_runs() {
        let six = Budget { minutes: 6.0, trial_s: 15.0, trials_per_search: 30.0 };
        let bought = buys(&six, &noise(Tier::Fast, 0.05), 0.1);
        assert_eq!(bought.pairs, 10);
        assert_eq!(
            bought.sentence,
            "6 minutes buy 10 pairs: a drop of 7.1 % is found nine times in ten, and 0.043 % of those that did \
             not change are called a regression; a gate of the usual size takes up to 5.56 minutes."
        );
        let nothing = buys(&six, &noise(Tier::Nightly, 0.015), 0.05);
        assert_eq!(
            nothing.sentence,
            "6 minutes buy too few pairs to decide anything; a gate of the usual size takes up to 2.22 hours."
        );
        let night = buys(&Budget { minutes: 120.0, ..six }, &noise(Tier::Nightly, 0.015), 0.05);
        assert_eq!((night.pairs, night.power.is_some()), (6, true));
    }
}
