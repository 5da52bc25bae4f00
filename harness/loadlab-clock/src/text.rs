//! Durations as people write them: `80ms`, `5s`, `1.5m`, `1m30s`.

use std::{fmt, time::Duration};

/// The units, largest first, as nanoseconds.
const UNITS: [(&str, f64); 6] =
    [("h", 3.6e12), ("m", 6e10), ("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0)];
/// Longest duration that is accepted: a year. Anything above is a slip of the hand.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurationTextError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for DurationTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a duration: {}", self.text, self.reason)
    }
}

impl std::error::Error for DurationTextError {}

/// Reads `250ms`, `5s`, `1.5m` or `1m30s`; a number without a unit is refused.
pub fn parse_duration(text: &str) -> Result<Duration, DurationTextError> {
    let fail = |reason| DurationTextError { text: text.to_owned(), reason };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(fail("it is empty"));
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or_else(|| fail("the unit is missing"))?;
        let number: f64 = rest[..digits].parse().map_err(|_| fail("a number is expected before the unit"))?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = UNITS.iter().find(|(name, _)| *name == &rest[..letters]);
        let (_, factor) = unit.ok_or_else(|| fail("the units are h, m, s, ms, us"))?;
        nanos += number * factor;
        rest = &rest[letters..];
    }
    let duration = Duration::try_from_secs_f64(nanos / 1e9).map_err(|_| fail("it is too long"))?;
    if duration > LONGEST { Err(fail("it is over a year")) } else { Ok(duration) }
}

/// Writes a duration so that [`parse_duration`] reads it back to the microsecond: `2.5s`, `80ms`.
pub fn format_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0 => "0s".to_owned(),
        _ if micros.is_multiple_of(3_600_000_000) => format!("{}h", micros / 3_600_000_000),
        _ if micros.is_multiple_of(60_000_000) => format!("{}m", micros / 60_000_000),
        _ if micros >= 1_000_000 => trimmed(duration.as_secs_f64(), 6, "s"),
        _ if micros >= 1_000 => trimmed(micros as f64 / 1e3, 3, "ms"),
        _ => format!("{micros}us"),
    }
}

/// `value` with at most `places` decimals and no trailing zeros.
fn trimmed(value: f64, places: usize, unit: &str) -> String {
    let text = format!("{value:.places$}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// For `#[serde(with = "human_duration")]`: durations as text with a unit.
pub mod human_duration {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes `2.5s`.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_duration(*duration))
    }

    /// Reads `2.5s`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_duration(&text).map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "optional_duration")]`: a duration that may be absent.
pub mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes `2.5s` or nothing.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_str(&super::format_duration(*duration)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads `2.5s` or nothing.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse_duration(&text).map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write_is_read() {
        let cases = [
            ("80ms", 80_000),
            ("5s", 5_000_000),
            ("1.5m", 90_000_000),
            ("1m30s", 90_000_000),
            ("0", 0),
            ("2h", 7_200_000_000),
            ("250us", 250),
        ];
        for (text, micros) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let cases = [
            ("", "empty"),
            ("5", "unit is missing"),
            ("5 parsecs", "units are"),
            ("s", "number is expected"),
            ("-5s", "number is expected"),
            ("9999999h", "over a year"),
        ];
        for (text, reason) in cases {
            let error = parse_duration(text).expect_err(text);
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(micros in 0_u64..1_000_000_000_000) {
            let duration = Duration::from_micros(micros);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_duration(&text);
        }
    }
}
