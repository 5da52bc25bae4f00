//! The noise of the machine, and what a gate finds in spite of it.

use loadlab_analysis::gate::{GateJob, Noise, Power, Tier};
use serde::Serialize;

use crate::{facts::Fact, figures, search::words as search_words};

/// How often a drop is found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FoundRow {
    pub(crate) drop: String,
    pub(crate) found: String,
}

/// The noise and the power in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NoiseView {
    /// In a sentence.
    pub(crate) sentence: String,
    /// The numbers; empty if it was not measured.
    pub(crate) facts: Vec<Fact>,
    /// How often which drop is found; the first is that of a head that did not change.
    pub(crate) found: Vec<FoundRow>,
}

/// What is known of the noise.
pub(super) fn view(job: &GateJob) -> NoiseView {
    let of_tier = job.result.beside.noise.as_ref().filter(|noise| noise.tier == job.result.tier);
    let sentence = match (&job.result.beside.noise, of_tier, &job.result.power) {
        (None, ..) => {
            "How base and base differ on this machine was not measured, so it is not known how often \
                       which drop is found here. `loadlab gate --aa` measures it."
                .to_owned()
        }
        (Some(noise), None, _) => format!(
            "The noise that is known is that of {}, so it is not known how often which drop is found here.",
            tier(noise.tier)
        ),
        (Some(_), Some(_), None) => "It is not known how often which drop is found here.".to_owned(),
        (Some(_), Some(_), Some(power)) => finds(power),
    };
    NoiseView {
        sentence,
        facts: of_tier.map(facts).unwrap_or_default(),
        found: job.result.power.as_ref().map(found).unwrap_or_default(),
    }
}

/// A tier, in words.
pub(super) const fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Fast => "tier 1, paired trials",
        Tier::Nightly => "tier 2, paired searches",
    }
}

/// What it finds, and how often it accuses a head that did not change.
pub(super) fn finds(power: &Power) -> String {
    let alarms = probable(power.false_alarms);
    let found = match power.finds {
        Some(drop) => {
            format!("the smallest drop that is found nine times in ten is {}", figures::share(drop))
        }
        None => "not even a drop of a half is found nine times in ten".to_owned(),
    };
    format!(
        "With the noise as base against itself shows it, and up to {}, {found}; a head that did not change is \
         called a regression in {alarms} of such gates.",
        search_words::counted(power.pairs, "pair", "pairs")
    )
}

/// A probability is never nothing, nor all.
pub(super) fn probable(share: f64) -> String {
    const LEAST: f64 = 1e-6;
    figures::share(share.clamp(LEAST, 1.0 - LEAST))
}

fn facts(noise: &Noise) -> Vec<Fact> {
    let pairs = search_words::counted(noise.pairs, "pair", "pairs");
    let mut facts = vec![
        Fact::new("One pair is off by", figures::share(noise.deviation))
            .with(format!("standard deviation, from {pairs} of base against itself")),
        Fact::new("At most by", figures::share(noise.deviation_high))
            .with("with 90 %: few pairs say little of how they differ".to_owned()),
        Fact::new("Smallest drop", figures::share(noise.least_delta())).with(
            "three standard deviations of what a verdict rests on; none below it may be asked for".to_owned(),
        ),
    ];
    if noise.tier == Tier::Nightly {
        let mean = Fact::new("Head over base", super::words::ratio(noise.mean.exp()));
        facts.push(mean.with("of equal builds it should be 1".to_owned()));
    }
    facts.extend(noise.steepness.map(|steepness| {
        Fact::new("Steepness", figures::digits(steepness, 3))
            .with("by so much the log odds of loss rise where the load grows by a factor of e".to_owned())
    }));
    facts
}

fn found(power: &Power) -> Vec<FoundRow> {
    let row = |drop: String, share: f64| FoundRow { drop, found: probable(share) };
    let none = row("none".to_owned(), power.false_alarms);
    let drops = power.detected.iter().map(|one| row(figures::share(one.drop), one.share));
    std::iter::once(none).chain(drops).collect()
}
