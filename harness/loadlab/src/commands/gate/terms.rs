//! By what is decided: the rules as the command line has them, what a budget buys, and what the noise allows.

use std::{fmt, time::Duration};

use loadlab_analysis::gate::{
    Bought, Budget, Limits, NightlyRules, Noise, Rules, RulesError, Tier, TooFine, buys,
};
use loadlab_scenario::Plan;

use super::noise::{Kept, KeptError};
use crate::{
    cli::GateArgs,
    conductor::{environment, gate::FIRST_SHARE},
    output,
};

/// Trials of a search where no A/A job has counted them.
const TRIALS_PER_SEARCH: f64 = 20.0;

/// By what is decided.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) limits: Limits,
    /// How long a trial measures, if that is known.
    pub(super) trial: Option<Duration>,
    /// As an A/A job found it.
    pub(super) noise: Option<Noise>,
    /// What the budget buys, if there is one.
    pub(super) bought: Option<Bought>,
}

/// Why nothing could be decided by them.
#[derive(Debug)]
pub(super) enum TermsError {
    /// No rules.
    Rules(Vec<RulesError>),
    /// What an A/A job kept.
    Kept(KeptError),
    /// What a budget buys is not known without the noise.
    NoNoise,
    /// It buys too little.
    TooLittle(String),
    /// The noise hides what is looked for.
    TooFine(TooFine),
}

impl fmt::Display for TermsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules(errors) => {
                let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
                write!(f, "{}", texts.join("; "))
            }
            Self::Kept(error) => write!(f, "{error}"),
            Self::NoNoise => f.write_str("what --budget buys is not known before the noise is"),
            Self::TooLittle(sentence) => write!(f, "{}", sentence.trim_end_matches('.')),
            Self::TooFine(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for TermsError {}

impl TermsError {
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Rules(_) => None,
            Self::Kept(_) => Some(KeptError::HINT.to_owned()),
            Self::NoNoise => Some("measure it first: `loadlab gate --aa --base BASE SCENARIO`".to_owned()),
            Self::TooLittle(_) => Some("give it more minutes, or shorter trials with --trial".to_owned()),
            Self::TooFine(fine) => Some(format!(
                "accepted: --delta {:.1}% or more; longer trials (--trial) and then --aa again allow a finer one",
                (fine.least * 1_000.0).ceil() / 10.0
            )),
        }
    }
}

impl Terms {
    /// As the command line says, and the noise if it is known.
    pub(super) fn of(arguments: &GateArgs, plan: &Plan) -> Result<Self, TermsError> {
        let limits = limits(arguments, plan);
        let tier = if arguments.effort.nightly { Tier::Nightly } else { Tier::Fast };
        // An A/A job finds the noise anew.
        let kept = if arguments.noise.aa { None } else { kept(arguments, plan, tier)? };
        if let Limits::Fast(rules) = &limits {
            // Whether the users are enough shows when it is known how many base carries.
            let whole = rules.whole && arguments.effort.carried.is_some();
            Rules { whole, ..*rules }.check().map_err(TermsError::Rules)?;
        }
        let trial = arguments.effort.trial.or_else(|| kept.as_ref().map(|kept| kept.times.measured));
        let noise = kept.as_ref().map(|kept| kept.noise);
        let bought = match (arguments.effort.budget, &kept) {
            (None, _) => None,
            (Some(_), None) => return Err(TermsError::NoNoise),
            (Some(minutes), Some(kept)) => Some(bought(minutes, kept, arguments.delta.get())?),
        };
        if let Some(noise) = &noise {
            allows(noise, bought.as_ref(), arguments.delta.get()).map_err(TermsError::TooFine)?;
        }
        let limits = match &bought {
            Some(bought) => within(limits, bought.pairs),
            None => limits,
        };
        Ok(Self { limits, trial, noise, bought })
    }
}

fn limits(arguments: &GateArgs, plan: &Plan) -> Limits {
    let delta = arguments.delta.get();
    if arguments.effort.nightly {
        let rules = NightlyRules::of_delta(delta);
        // The noise is looked at once, when there are enough pairs.
        let looks = if arguments.noise.aa { vec![rules.pairs_max()] } else { rules.looks.clone() };
        return Limits::Nightly(NightlyRules { looks, ..rules });
    }
    let whole = plan.load_axis().is_whole();
    let carried = arguments.effort.carried.unwrap_or_else(|| plan.load_most() * FIRST_SHARE);
    let pairs = arguments.effort.pairs;
    let rules = Rules::new(delta, if whole { carried.round() } else { carried });
    // A larger gate may meet more that does not count.
    Limits::Fast(Rules {
        allowed: arguments.allowed_loss.get(),
        pairs,
        invalid_max: 2 * pairs,
        whole,
        ..rules
    })
}

/// What an A/A job kept, if it is of this scenario and this machine.
fn kept(arguments: &GateArgs, plan: &Plan, tier: Tier) -> Result<Option<Kept>, TermsError> {
    let path = arguments.noise_file();
    if arguments.noise.noise.is_none() && !path.is_file() {
        return Ok(None);
    }
    let kept = Kept::read(&path).map_err(TermsError::Kept)?;
    let misfits = kept.misfits(plan, &environment::read(), (tier, arguments.effort.trial));
    if misfits.is_empty() {
        return Ok(Some(kept));
    }
    // One that was asked for has to fit; one that happens to be there need not.
    if arguments.noise.noise.is_some() {
        return Err(TermsError::Kept(KeptError::Misfit { path, misfits }));
    }
    output::say(&format!("note: {} is of another job ({})", path.display(), misfits.join("; ")));
    Ok(None)
}

fn bought(minutes: f64, kept: &Kept, delta: f64) -> Result<Bought, TermsError> {
    let trials_per_search = kept.trials_per_search.unwrap_or(TRIALS_PER_SEARCH);
    let budget = Budget { minutes, trial_s: kept.trial_s, trials_per_search };
    let bought = buys(&budget, &kept.noise, delta);
    if bought.power.is_none() {
        return Err(TermsError::TooLittle(bought.sentence));
    }
    output::say(&bought.sentence);
    Ok(bought)
}

/// Whether the noise allows the delta, of as many pairs as the budget buys.
fn allows(noise: &Noise, bought: Option<&Bought>, delta: f64) -> Result<(), TooFine> {
    let of_verdict = match (noise.tier, bought) {
        (Tier::Fast, Some(bought)) => noise.deviation / f64::from(bought.pairs).sqrt(),
        _ => noise.of_verdict,
    };
    Noise { of_verdict, ..*noise }.allows(delta)
}

/// The same limits with so many pairs.
fn within(limits: Limits, pairs: u32) -> Limits {
    match limits {
        Limits::Fast(rules) => Limits::Fast(Rules { pairs: pairs / 2, invalid_max: pairs, ..rules }),
        Limits::Nightly(mut rules) => {
            rules.looks.retain(|look| *look <= pairs);
            Limits::Nightly(rules)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_sets_how_many_pairs_there_are() {
        let Limits::Fast(rules) = within(Limits::Fast(Rules::new(0.1, 100.0)), 12) else { panic!("tier 1") };
        assert_eq!((rules.pairs, rules.pairs_max(), rules.invalid_max), (6, 12, 12));
        let Limits::Nightly(rules) = within(Limits::Nightly(NightlyRules::default()), 6) else {
            panic!("tier 2")
        };
        assert_eq!(rules.looks, [4, 6]);
    }

    #[test]
    fn more_pairs_allow_a_finer_delta() {
        let noise = Noise {
            tier: Tier::Fast,
            pairs: 10,
            mean: 0.0,
            deviation: 0.1,
            deviation_high: 0.15,
            steepness: Some(20.0),
            of_verdict: 0.1 / 10.0_f64.sqrt(),
        };
        let bought = |pairs| {
            let budget =
                Budget { minutes: f64::from(pairs) * 2.0 / 0.9, trial_s: 60.0, trials_per_search: 1.0 };
            buys(&budget, &noise, 0.08)
        };
        assert!(allows(&noise, None, 0.08).is_err(), "three times 3.2 %");
        assert_eq!(allows(&noise, Some(&bought(40)), 0.08), Ok(()));
    }
}
