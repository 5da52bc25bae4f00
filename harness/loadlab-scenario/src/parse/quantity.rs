//! Quantities as people write them: `5s`, `80%`, `50/s`, `50KB/s`.

use std::time::Duration;

use loadlab_clock::{Seed, Speed, text::parse_duration};
use schemars::{Schema, json_schema};

use super::{FromText, TextError};
use crate::{
    document::shortened,
    quantity::{Rate, Share},
};

const DURATION: &str = "a duration with its unit: `250ms`, `5s`, `1m30s`, `2h`";
const SHARE: &str = "a share: `80%` or `0.8`";
const RATE: &str = "a rate: `50/s`, `3000/m`, `100/h`";
const BYTE_RATE: &str = "bytes per second: `500B/s`, `50KB/s`, `1.5MB/s`";
const BYTE_SIZE: &str = "bytes: `500B`, `50KB`, `1.5MB`, `2GiB`";
const NUMBER: &str = "a number: `20`, `1.5`";

/// Bytes per second of scenario time, 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRate(pub(crate) u64);

/// Bytes, 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

/// A name of something in the scenario, which objectives and templates can mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

/// Reads `250ms`, `5s` or `1m30s`.
pub fn duration(text: &str) -> Result<Duration, TextError> {
    parse_duration(text).map_err(|error| {
        let message = format!("`{}` is not a duration: {}", shortened(text), error.reason);
        TextError::whole(text, message).accepted(DURATION).suggestion(duration_meant(text))
    })
}

/// `5` was meant as `5s`, `5 seconds` too.
fn duration_meant(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    number.parse::<f64>().ok()?;
    let unit = match unit.trim().to_lowercase().as_str() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hour" | "hours" => "h",
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

/// Reads `80%` or `0.8` as a part of a whole, from 0 to 1.
pub fn share(text: &str) -> Result<Share, TextError> {
    let fail = |message: String| TextError::whole(text, message).accepted(SHARE);
    let value = fraction(text)?;
    Share::try_new(value).map_err(|error| {
        let percent = !text.trim().ends_with('%') && (1.0..=100.0).contains(&value);
        fail(error.to_string()).suggestion(percent.then(|| format!("{}%", text.trim())))
    })
}

/// Reads `80%` or `0.8`; not limited to 1.
pub fn fraction(text: &str) -> Result<f64, TextError> {
    let trimmed = text.trim();
    let number = match trimmed.strip_suffix('%') {
        // Scaled in the text, so that `99.9%` and `0.999` are the same number.
        Some(percent) => decimal(percent.trim_end()).map(|_| format!("{}e-2", percent.trim_end())),
        None => decimal(trimmed).map(|_| trimmed.to_owned()),
    };
    number.and_then(|number| number.parse().ok()).filter(|value: &f64| value.is_finite()).ok_or_else(|| {
        TextError::whole(text, format!("`{}` is not a share", shortened(text))).accepted(SHARE)
    })
}

/// Reads `50/s`, `3000/m` or `100/h`, per second.
pub fn rate(text: &str) -> Result<Rate, TextError> {
    let fail = |message: String| TextError::whole(text, message).accepted(RATE);
    let no_rate = || fail(format!("`{}` is not a rate", shortened(text)));
    let Some((number, unit)) = text.split_once('/') else {
        let meant = decimal(text.trim()).map(|_| format!("{}/s", text.trim()));
        return Err(no_rate().suggestion(meant));
    };
    let number = decimal(number.trim()).ok_or_else(no_rate)?;
    let seconds = match unit.trim() {
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(no_rate()),
    };
    Rate::try_new(number / seconds).map_err(|error| fail(error.to_string()))
}

/// Reads a finite number.
pub fn number(text: &str) -> Result<f64, TextError> {
    decimal(text.trim()).ok_or_else(|| {
        TextError::whole(text, format!("`{}` is not a number", shortened(text))).accepted(NUMBER)
    })
}

/// A finite number in digits: no `inf`, no `nan`, which Rust would read.
fn decimal(text: &str) -> Option<f64> {
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let value: f64 = if text.chars().all(allowed) { text.parse().ok()? } else { return None };
    value.is_finite().then_some(value)
}

/// Reads `500B`, `1.5MB` or `2GiB`.
pub fn size(text: &str) -> Result<u64, TextError> {
    ByteSize::from_text(text).map(|size| size.0)
}

fn byte_rate(text: &str) -> Option<ByteRate> {
    let bytes = bytes(text.trim().strip_suffix("/s")?.trim_end())?;
    // Faster than any connection of today is a slip of the hand.
    (1.0..=1e12).contains(&bytes).then_some(ByteRate(bytes as u64))
}

fn byte_size(text: &str) -> Option<ByteSize> {
    let bytes = bytes(text.trim())?;
    // More than any memory of today is a slip of the hand.
    (1.0..=1e15).contains(&bytes).then_some(ByteSize(bytes as u64))
}

fn bytes(amount: &str) -> Option<f64> {
    let digits = amount.find(|c: char| c.is_ascii_alphabetic())?;
    let factor = match &amount[digits..] {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(decimal(amount[..digits].trim_end())? * factor)
}

impl FromText for Duration {
    fn from_text(text: &str) -> Result<Self, TextError> {
        duration(text)
    }

    fn schema() -> Schema {
        let pattern = r"^(0|([0-9.]+(h|m|s|ms|us|ns))+)$";
        json_schema!({ "type": ["string", "integer"], "pattern": pattern, "maximum": 0, "examples": ["250ms", "5s", "1m30s"] })
    }
}

impl FromText for Share {
    fn from_text(text: &str) -> Result<Self, TextError> {
        share(text)
    }

    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"], "pattern": "^[0-9.]+ *%?$", "minimum": 0, "maximum": 1, "examples": ["80%", 0.8]
        })
    }
}

impl FromText for Rate {
    fn from_text(text: &str) -> Result<Self, TextError> {
        rate(text)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9.]+ */ *(s|sec|m|min|h)$", "examples": ["50/s", "3000/m"] })
    }
}

impl FromText for ByteRate {
    fn from_text(text: &str) -> Result<Self, TextError> {
        byte_rate(text).ok_or_else(|| {
            let message = format!("`{}` is not a rate of bytes", shortened(text));
            TextError::whole(text, message).accepted(BYTE_RATE)
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9.]+ *([kKMG]?B|[KMG]iB)/s$", "examples": ["50KB/s"] })
    }
}

impl FromText for ByteSize {
    fn from_text(text: &str) -> Result<Self, TextError> {
        byte_size(text).ok_or_else(|| {
            let message = format!("`{}` is no number of bytes", shortened(text));
            let digits = text.trim().bytes().all(|byte| byte.is_ascii_digit()) && !text.trim().is_empty();
            let meant = digits.then(|| format!("{}B", text.trim()));
            TextError::whole(text, message).accepted(BYTE_SIZE).suggestion(meant)
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9.]+ *([kKMG]?B|[KMG]iB)$", "examples": ["200MB"] })
    }
}

impl FromText for u32 {
    fn from_text(text: &str) -> Result<Self, TextError> {
        let digits = text.replace('_', "");
        digits.parse().map_err(|_| {
            let too_large = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let what = if too_large { "is too large" } else { "is not a whole number" };
            let message = format!("`{}` {what}", shortened(text));
            TextError::whole(text, message).accepted(format!("a whole number from 0 to {}", u32::MAX))
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
    }
}

impl FromText for i64 {
    fn from_text(text: &str) -> Result<Self, TextError> {
        text.replace('_', "").parse().map_err(|_| {
            let message = format!("`{}` is not a whole number", shortened(text));
            TextError::whole(text, message).accepted("a whole number, also below 0")
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer" })
    }
}

impl FromText for f64 {
    fn from_text(text: &str) -> Result<Self, TextError> {
        number(text)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "number" })
    }
}

impl FromText for bool {
    fn from_text(text: &str) -> Result<Self, TextError> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => {
                let meant = match text.to_lowercase().as_str() {
                    "yes" | "on" | "true" | "y" => Some("true"),
                    "no" | "off" | "false" | "n" => Some("false"),
                    _ => None,
                };
                let message = format!("`{}` is neither true nor false", shortened(text));
                Err(TextError::whole(text, message).accepted("`true`, `false`").suggestion(meant))
            }
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

impl FromText for Seed {
    fn from_text(text: &str) -> Result<Self, TextError> {
        let value = text.parse().map_err(|_| {
            TextError::whole(text, format!("`{}` is not a seed", shortened(text)))
                .accepted(format!("a whole number from 0 to {}", u64::MAX))
        });
        value.map(Self::new)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 0 })
    }
}

impl FromText for Speed {
    fn from_text(text: &str) -> Result<Self, TextError> {
        let value = number(text)?;
        Self::try_new(value)
            .map_err(|error| TextError::whole(text, error.to_string()).accepted("a number from 0.1 to 100"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "number", "minimum": 0.1, "maximum": 100 })
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, TextError> {
        Ok(text.to_owned())
    }

    fn schema() -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl FromText for Name {
    fn from_text(text: &str) -> Result<Self, TextError> {
        if is_name(text) {
            return Ok(Self(text.to_owned()));
        }
        let meant: String = text.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect();
        let meant = Some(meant.trim_matches('_').to_owned()).filter(|meant| is_name(meant));
        let message = format!("`{}` is not a name", shortened(text));
        Err(TextError::whole(text, message)
            .accepted("letters, digits, `_` and `-`, at most 64, beginning with a letter")
            .suggestion(meant))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$" })
    }
}

/// Whether `text` can be mentioned in objectives and templates.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_in_their_units() {
        assert_eq!(share("80%").map(Share::get), Ok(0.8));
        assert_eq!(share("99.9%").map(Share::get), Ok(0.999));
        assert_eq!(share("0.8").map(Share::get), Ok(0.8));
        assert_eq!(rate("3000/m").map(Rate::per_second), Ok(50.0));
        assert_eq!(byte_rate("50KB/s"), Some(ByteRate(50_000)));
        assert_eq!(byte_rate("1.5 MiB/s"), Some(ByteRate(1_572_864)));
        assert_eq!(byte_size("2GiB"), Some(ByteSize(2 << 30)));
        assert_eq!(byte_size("200MB/s"), None);
        assert_eq!(u32::from_text("1_000"), Ok(1000));
    }

    #[test]
    fn a_forgotten_unit_is_offered() {
        let meant = |error: TextError| error.suggestion;
        assert_eq!(share("80").map_err(meant), Err(Some("80%".to_owned())));
        assert_eq!(rate("50").map_err(meant), Err(Some("50/s".to_owned())));
        assert_eq!(duration("5").map_err(meant), Err(Some("5s".to_owned())));
        assert_eq!(duration("2 minutes").map_err(meant), Err(Some("2m".to_owned())));
        assert_eq!(bool::from_text("yes").map_err(meant), Err(Some("true".to_owned())));
    }

    #[test]
    fn what_rust_reads_as_a_number_but_people_do_not_write_is_refused() {
        for text in ["inf", "nan", "infinity", "1e999", "", "0x10", "--1"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
