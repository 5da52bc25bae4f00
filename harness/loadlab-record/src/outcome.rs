//! How an arrival, or a single request, ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How it ended. Exactly one of these for every arrival and for every request.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As expected.
    Ok,
    /// A status that was not expected, other than 429 and 503.
    Status,
    /// The client's time-out ran out.
    Timeout,
    /// The user's patience ran out, or the user left in the middle of the answer.
    Abandoned,
    /// No connection could be made.
    Connect,
    /// The connection was reset or closed before the answer.
    Reset,
    /// The answer began and was cut off.
    Truncated,
    /// The answer came and failed a check.
    WrongAnswer,
    /// Refused: status 429 or 503.
    Shed,
    /// Never sent: no worker of the generator took it in time. Arrivals only.
    Undispatched,
}

impl Outcome {
    /// All of them, in the order of [`OutcomeCounts`].
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Status,
        Self::Timeout,
        Self::Abandoned,
        Self::Connect,
        Self::Reset,
        Self::Truncated,
        Self::WrongAnswer,
        Self::Shed,
        Self::Undispatched,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Status => "status",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::WrongAnswer => "wrong_answer",
            Self::Shed => "shed",
            Self::Undispatched => "undispatched",
        }
    }

    /// What it means, for a table in a report.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Ok => "as expected",
            Self::Status => "unexpected status",
            Self::Timeout => "client time-out",
            Self::Abandoned => "user gave up",
            Self::Connect => "no connection",
            Self::Reset => "connection reset",
            Self::Truncated => "answer cut off",
            Self::WrongAnswer => "wrong answer",
            Self::Shed => "refused (429, 503)",
            Self::Undispatched => "never sent",
        }
    }

    /// Whether it is [`Outcome::Ok`].
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many ended how. In files a map that leaves out zeros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "std::collections::BTreeMap<Outcome, u64>", into = "std::collections::BTreeMap<Outcome, u64>")]
#[schemars(with = "std::collections::BTreeMap<Outcome, u64>")]
pub struct OutcomeCounts([u64; Outcome::ALL.len()]);

impl OutcomeCounts {
    /// Counts one more.
    pub fn add(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }

    /// How many ended so.
    pub const fn get(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that did not end well, undispatched ones included.
    pub fn not_ok(&self) -> u64 {
        self.total() - self.get(Outcome::Ok)
    }

    /// The outcomes that happened, with their counts, in the order of [`Outcome::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        Outcome::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

impl From<std::collections::BTreeMap<Outcome, u64>> for OutcomeCounts {
    fn from(map: std::collections::BTreeMap<Outcome, u64>) -> Self {
        let mut counts = Self::default();
        for (outcome, count) in map {
            counts.0[outcome as usize] = count;
        }
        counts
    }
}

impl From<OutcomeCounts> for std::collections::BTreeMap<Outcome, u64> {
    fn from(counts: OutcomeCounts) -> Self {
        counts.iter().collect()
    }
}
