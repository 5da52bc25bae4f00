//! Why a gate has no answer.

use std::fmt;

use loadlab_analysis::{
    compare::Difference,
    gate::{RulesError, Side},
    search::Reason,
};

use crate::conductor::RunError;

/// Why a gate has no answer.
#[derive(Debug)]
pub enum GateError {
    /// One of the two.
    Side {
        /// Which.
        side: Side,
        /// What became of it.
        error: RunError,
    },
    /// What both have in common.
    Run(RunError),
    /// More than one thing differs.
    Incomparable(Vec<Difference>),
    /// There is no load to begin with at which anything can be told.
    Rules(Vec<RulesError>),
    /// Base's breaking point was searched for, and not found.
    NoBreakingPoint(Option<Reason>),
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Side { side, error } => write!(f, "{}: {error}", side.name()),
            Self::Run(error) => write!(f, "{error}"),
            Self::Incomparable(differences) => {
                write!(f, "base and head cannot be compared, since more than one thing differs:")?;
                differences
                    .iter()
                    .try_for_each(|one| write!(f, "\n  {}: {} and {}", one.what, one.before, one.after))
            }
            Self::Rules(errors) => {
                let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
                write!(f, "{}", texts.join("; "))
            }
            Self::NoBreakingPoint(reason) => {
                write!(f, "base's breaking point was not found, so there is no load to begin with")?;
                reason.map_or(Ok(()), |reason| write!(f, ": {}", reason.sentence()))
            }
        }
    }
}

impl std::error::Error for GateError {}

impl From<RunError> for GateError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl GateError {
    /// The signal that it was, if it was one.
    pub const fn signal(&self) -> Option<i32> {
        match self {
            Self::Side { error: RunError::Signal(signal), .. } | Self::Run(RunError::Signal(signal)) => {
                Some(*signal)
            }
            _ => None,
        }
    }
}
