//! Reading arguments.

use bytes::Bytes;

use super::{super::number, CommandError};

/// Arguments after the fixed ones, read from left to right.
pub(super) struct Options<'a>(&'a [Bytes]);

impl<'a> Options<'a> {
    pub(super) fn new(arguments: &'a [Bytes]) -> Self {
        Self(arguments)
    }

    /// The next argument as it is.
    pub(super) fn next(&mut self) -> Option<&'a Bytes> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The next argument in capitals, to tell options apart. Long ones are none and come out cut.
    pub(super) fn word(&mut self) -> Option<String> {
        let argument = self.next()?;
        let cut = &argument[..argument.len().min(32)];
        Some(String::from_utf8_lossy(cut).to_ascii_uppercase())
    }

    /// Takes the next argument if it is this word.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_it = self.0.first().is_some_and(|argument| argument.eq_ignore_ascii_case(word.as_bytes()));
        if is_it {
            self.0 = &self.0[1..];
        }
        is_it
    }

    /// The next argument, which must be there.
    pub(super) fn required(&mut self) -> Result<&'a Bytes, CommandError> {
        self.next().ok_or(CommandError::Syntax)
    }

    /// The next argument, which must be an integer.
    pub(super) fn integer(&mut self) -> Result<i64, CommandError> {
        integer(self.required()?)
    }

    /// All that is left.
    pub(super) fn rest(&self) -> &'a [Bytes] {
        self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An integer.
pub(super) fn integer(argument: &[u8]) -> Result<i64, CommandError> {
    number::integer(argument).ok_or(CommandError::NotAnInteger)
}

/// An integer of 0 or more.
pub(super) fn size(argument: &[u8]) -> Result<usize, CommandError> {
    usize::try_from(number::integer(argument).ok_or(CommandError::Negative)?)
        .map_err(|_| CommandError::Negative)
}

/// A number with a fraction.
pub(super) fn double(argument: &[u8]) -> Result<f64, CommandError> {
    number::double(argument).ok_or(CommandError::NotAFloat)
}

/// The positions that `start` and `stop` mean, where negative ones count from the end.
pub(super) fn positions(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let from_end = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let start = from_end(start).max(0);
    let end = from_end(stop).min(len - 1) + 1;
    if start >= end { 0..0 } else { start as usize..end as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_positions_count_from_the_end() {
        let cases = [
            (0, -1, 0..5),
            (1, 3, 1..4),
            (-2, -1, 3..5),
            (-100, 100, 0..5),
            (3, 1, 0..0),
            (5, 9, 0..0),
            (i64::MIN, i64::MAX, 0..5),
            (0, i64::MIN, 0..0),
        ];
        for (start, stop, range) in cases {
            assert_eq!(positions(start, stop, 5), range, "{start} {stop}");
        }
        assert_eq!(positions(0, -1, 0), 0..0);
    }
}
