//! Sizes as people write them in profiles: `64KB`, `2GiB`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The units, largest first, as bytes.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];
/// Anything above is a slip of the hand.
const MOST: u64 = 1 << 50;

/// A number of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

/// Text that is no size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeTextError {
    /// What was written.
    pub text: String,
}

impl fmt::Display for SizeTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units: Vec<&str> = UNITS.iter().rev().map(|(name, _)| *name).collect();
        write!(f, "`{}` is not a size: a number and one of {}", self.text, units.join(", "))
    }
}

impl std::error::Error for SizeTextError {}

impl Size {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number itself.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = SizeTextError;

    fn from_str(text: &str) -> Result<Self, SizeTextError> {
        let fail = || SizeTextError { text: text.to_owned() };
        let trimmed = text.trim();
        if trimmed == "0" {
            return Ok(Self(0));
        }
        let digits = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(fail)?;
        let number: f64 = trimmed[..digits].parse().map_err(|_| fail())?;
        let unit = trimmed[digits..].trim();
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(fail)?;
        let bytes = number * *factor as f64;
        if bytes <= MOST as f64 { Ok(Self(bytes as u64)) } else { Err(fail()) }
    }
}

impl fmt::Display for Size {
    /// In the largest unit that divides it, so that it is read back as it was.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(&str, u64)| self.0 >= *factor && self.0.is_multiple_of(*factor);
        let (name, factor) = UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / factor)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write_is_read() {
        let cases = [
            ("0", 0),
            ("0B", 0),
            ("64KB", 64_000),
            ("64KiB", 65_536),
            ("1.5MB", 1_500_000),
            ("2GB", 2_000_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Size::new(bytes)), "{text}");
        }
        for text in ["", "5", "MB", "-1KB", "5 parsecs", "9e9GB", "99999999GiB"] {
            let error = text.parse::<Size>().expect_err(text).to_string();
            assert!(error.contains("B, KB, KiB"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_size_is_read_back_as_it_was_written(bytes in 0..(1_u64 << 45)) {
            prop_assert_eq!(Size::new(bytes).to_string().parse(), Ok(Size::new(bytes)));
        }
    }
}
