//! One trial of the gate: what is asked for, and what came out.

use serde::{Deserialize, Serialize};

use super::Decision;

/// Which build is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The one that is known.
    Base,
    /// The one in question.
    Head,
}

/// How thorough a gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Minutes: trials near base's breaking point.
    Fast,
    /// Hours: searches for both breaking points.
    Nightly,
}

/// Whether something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// It does.
    Valid,
    /// It says nothing about the target, and is repeated.
    Invalid(Spoilt),
}

/// What spoilt a trial or a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoilt {
    /// The generator was the limit, not the target.
    GeneratorLimited,
    /// Arrivals were sent late.
    DispatchLate,
    /// Another machine of the same host took much of the CPU.
    CpuStolen,
    /// The target was not idle before it.
    NotSettled,
    /// Another trial had been asked for.
    NotAsked,
    /// Nothing arrived, or a search found no breaking point.
    Nothing,
}

/// A trial that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Of which build.
    pub side: Side,
    /// The load, in arrivals per second or in users.
    pub load: f64,
    /// The pair's number, from 0. The trials of a pair share their seed, and pairs differ in it.
    pub repetition: u32,
    /// How often this trial was spoilt so far.
    pub attempt: u32,
}

/// A trial that was done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Of which build.
    pub side: Side,
    /// The load that was offered.
    pub load: f64,
    /// See [`Offer::repetition`].
    pub repetition: u32,
    /// See [`Offer::attempt`].
    pub attempt: u32,
    /// Arrivals that were scheduled in the measured part.
    pub arrivals: u64,
    /// How many of them were lost.
    pub lost: u64,
    /// Whether it counts.
    pub validity: Validity,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// This trial.
    Try(Offer),
    /// Nothing: it is decided.
    Decided(Decision),
}

impl Side {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Head => "head",
        }
    }

    /// The other build.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Base => Self::Head,
            Self::Head => Self::Base,
        }
    }

    /// Which build comes first in a pair: A B, B A, A B, … so that what changes steadily in the machine
    /// touches both alike.
    pub fn first_of(pair: u32) -> Self {
        if pair.is_multiple_of(2) { Self::Base } else { Self::Head }
    }
}

impl Spoilt {
    /// As a sentence ends with it.
    pub fn text(self) -> &'static str {
        match self {
            Self::GeneratorLimited => "the generator was the limit",
            Self::DispatchLate => "arrivals were sent late",
            Self::CpuStolen => "the CPU was stolen",
            Self::NotSettled => "the target did not settle before",
            Self::NotAsked => "another trial had been asked for",
            Self::Nothing => "there was nothing to count",
        }
    }
}

impl Done {
    /// The offered trial with its outcome.
    pub fn of(offer: Offer, arrivals: u64, lost: u64, validity: Validity) -> Self {
        let Offer { side, load, repetition, attempt } = offer;
        Self { side, load, repetition, attempt, arrivals, lost, validity }
    }

    /// What spoilt it, if it does not count.
    pub fn spoilt(&self) -> Option<Spoilt> {
        match self.validity {
            Validity::Invalid(spoilt) => Some(spoilt),
            Validity::Valid if self.arrivals == 0 => Some(Spoilt::Nothing),
            Validity::Valid => None,
        }
    }

    /// The share of the arrivals that was lost.
    pub fn loss(&self) -> f64 {
        if self.arrivals == 0 { 1.0 } else { self.lost as f64 / self.arrivals as f64 }
    }
}
