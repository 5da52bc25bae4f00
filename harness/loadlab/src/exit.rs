//! Exit codes. They are API: CI jobs branch on them.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every objective holds, or the command did what it was asked.
    Pass,
    /// loadlab itself failed.
    Internal,
    /// The command line or a file is invalid; nothing was started.
    Invalid,
    /// An objective was missed.
    Missed,
    /// What is compared became worse.
    Regression,
    /// It cannot be told.
    Inconclusive,
    /// The generator, not the target, was the limit.
    GeneratorLimited,
    /// The target did not start, or was lost.
    Target,
    /// More than one thing differs between what was to be compared.
    Incomparable,
    /// A signal ended the run: 2 is SIGINT, 15 is SIGTERM.
    Signal(i32),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Internal => 1,
            Self::Invalid => 2,
            Self::Missed => 3,
            Self::Regression => 4,
            Self::Inconclusive => 5,
            Self::GeneratorLimited => 6,
            Self::Target => 7,
            Self::Incomparable => 8,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_the_help_states() {
        let all = [
            (Exit::Pass, 0),
            (Exit::Internal, 1),
            (Exit::Invalid, 2),
            (Exit::Missed, 3),
            (Exit::Regression, 4),
            (Exit::Inconclusive, 5),
            (Exit::GeneratorLimited, 6),
            (Exit::Target, 7),
            (Exit::Incomparable, 8),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
        ];
        for (exit, code) in all {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
