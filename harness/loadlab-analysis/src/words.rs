//! Numbers as sentences need them: three significant digits, with their unit.

/// A value with its unit: `s`, `share`, `/s` or none.
pub fn value_text(value: f64, unit: &str) -> String {
    match unit {
        "s" => seconds_text(value),
        "share" => share_text(value),
        "/s" => format!("{}/s", number(value)),
        _ => number(value),
    }
}

/// A share as a percentage. What is not all never reads `100 %`, what is not nothing never `0 %`, unless float
/// arithmetic alone keeps it from being so.
fn share_text(share: f64) -> String {
    let (percent, left) = (share * 100.0, 100.0 - share * 100.0);
    match number(percent).as_str() {
        "0" if percent > 1e-9 => "<0.001 %".to_owned(),
        "100" if left > 0.005 => format!("{percent:.2} %"),
        "100" if left > 1e-9 => ">99.99 %".to_owned(),
        text => format!("{text} %"),
    }
}

/// Seconds: `13.4 s`, `820 ms`.
pub fn seconds_text(seconds: f64) -> String {
    if seconds != 0.0 && seconds.abs() < 1.0 {
        format!("{} ms", number(seconds * 1e3))
    } else {
        format!("{} s", number(seconds))
    }
}

/// A part of a whole: `21 %`.
pub(crate) fn percent(part: f64, whole: f64) -> String {
    value_text(if whole > 0.0 { part / whole } else { 0.0 }, "share")
}

/// Three significant digits, never fewer before the point, without trailing zeros.
pub(crate) fn number(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    if places == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// `1 request`, `2 requests`.
pub(crate) fn count(number: f64, one: &str, many: &str) -> String {
    let shown = self::number(number);
    if shown == "1" { format!("1 {one}") } else { format!("{shown} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let cases = [
            (13.361, "s", "13.4 s"),
            (0.0821, "s", "82.1 ms"),
            (7.0, "s", "7 s"),
            (0.0, "s", "0 s"),
            (0.8900, "share", "89 %"),
            (0.996, "share", "99.6 %"),
            (1.0, "share", "100 %"),
            (0.999_6, "share", "99.96 %"),
            (0.999_999, "share", ">99.99 %"),
            (0.0, "share", "0 %"),
            (0.000_000_1, "share", "<0.001 %"),
            (0.1 + 0.2 - 0.3, "share", "0 %"),
            (1.002, "share", "100 %"),
            (6.789, "/s", "6.79/s"),
            (12345.6, "", "12346"),
            (80.0, "", "80"),
            (0.0005, "share", "0.05 %"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(value_text(value, unit), text);
        }
    }
}
