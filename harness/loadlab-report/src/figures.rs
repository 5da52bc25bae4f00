//! Numbers as people read them: a unit that fits, three digits that count, no false zeros.
//!
//! Every format writes its numbers through here, so that the terminal and the page never disagree.

use std::time::Duration;

/// What stands where there is no number.
pub(crate) const NOTHING: &str = "–";

/// A length of time as somebody set it, from seconds: `80 ms`, `2.5 s`, `12 min 5 s`.
pub(crate) fn seconds(value: f64) -> String {
    length(value, Zeros::Cut)
}

/// A length of time as it was measured, with all its three digits: `80.0 ms`, `2.50 s`.
pub(crate) fn measured(value: f64) -> String {
    length(value, Zeros::Kept)
}

fn length(value: f64, zeros: Zeros) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    // The limits lie where rounding to three digits would reach the next unit.
    if size == 0.0 {
        "0 s".to_owned()
    } else if size < 0.000_999_5 {
        format!("{:.0} µs", value * 1e6)
    } else if size < 0.999_5 {
        format!("{} ms", three_digits(value * 1e3, zeros))
    } else if size < 599.5 {
        format!("{} s", three_digits(value, zeros))
    } else {
        let whole = value.round() as i64;
        match whole % 60 {
            0 => format!("{} min", whole / 60),
            rest => format!("{} min {rest} s", whole / 60),
        }
    }
}

/// Glues numbers to their units for formats that break lines by themselves: `80 %` never ends a line
/// after `80`.
pub(crate) fn glued(text: &str) -> String {
    const UNITS: [&str; 10] = ["%", "s", "ms", "µs", "min", "/s", "GiB", "MiB", "KiB", "cores"];
    let mut out = String::with_capacity(text.len());
    for (index, word) in text.split(' ').enumerate() {
        let unit = word.trim_end_matches(['.', ',', ';', ':', ')']);
        let after_number = out.ends_with(|letter: char| letter.is_ascii_digit());
        if index > 0 {
            out.push(if after_number && UNITS.contains(&unit) { '\u{a0}' } else { ' ' });
        }
        out.push_str(word);
    }
    out
}

/// [`seconds`] of a duration.
pub(crate) fn duration(value: Duration) -> String {
    seconds(value.as_secs_f64())
}

/// [`measured`] of milliseconds, or a dash.
pub(crate) fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| measured(value / 1e3))
}

/// A share from 0 to 1 as a percentage. What is not all never reads `100 %`, what is not nothing
/// never `0 %`.
pub(crate) fn share(value: f64) -> String {
    let percent = value * 100.0;
    if !percent.is_finite() {
        NOTHING.to_owned()
    } else if (percent - percent.round()).abs() < 1e-9 {
        // Counts that divide evenly, and what float arithmetic makes of them.
        format!("{percent:.0} %")
    } else if percent > 0.0 && percent < 0.005 {
        "<0.01 %".to_owned()
    } else if percent > 99.995 && percent < 100.0 {
        ">99.99 %".to_owned()
    } else {
        let places = if percent < 1.0 || (percent > 99.0 && percent < 100.0) { 2 } else { 1 };
        let text = format!("{percent:.places$}");
        format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// `part` of `whole` as a percentage; a dash when there is no whole.
pub(crate) fn part(part: u64, whole: u64) -> String {
    if whole == 0 { NOTHING.to_owned() } else { share(part as f64 / whole as f64) }
}

/// A count with thousands marked: `12,345`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A plain number without a unit: whole ones as counts, others with three digits.
pub(crate) fn plain(value: f64) -> String {
    if !value.is_finite() {
        NOTHING.to_owned()
    } else if (0.0..1e15).contains(&value) && (value - value.round()).abs() < 1e-9 {
        count(value.round() as u64)
    } else {
        three_digits(value, Zeros::Cut)
    }
}

/// A number with so many digits that count, thousands marked, without zeros at the end: `1,487.3`.
pub(crate) fn digits(value: f64, digits: u8) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let size = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let places = i32::from(digits) - 1 - size;
    // Of large numbers whole digits go too.
    let tens = 10.0_f64.powi(-places.min(0));
    let value = if places < 0 { (value / tens).round() * tens } else { value };
    let text = format!("{value:.0$}", places.max(0) as usize);
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    match rest.trim_end_matches('0') {
        "" => whole,
        rest => format!("{whole}.{rest}"),
    }
}

/// A small number without a unit, such as a coefficient: `0.0123`, `4.2·10⁻⁵`, `0`.
pub(crate) fn coefficient(value: f64) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    if value == 0.0 || value.abs() >= 0.001 || !value.is_finite() {
        return digits(value, 3);
    }
    // Rounding to two digits may reach the next power: the format tells which one it is.
    let text = format!("{value:.1e}");
    let (factor, power) = text.split_once("e-").unwrap_or((&text, "0"));
    let raised = power.bytes().map(|digit| RAISED[usize::from(digit - b'0')]);
    format!("{factor}·10⁻{}", raised.collect::<String>())
}

/// Bytes: `1.5 GiB`.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut rest = value as f64;
    let mut unit = 0;
    while rest >= 999.5 && unit + 1 < UNITS.len() {
        rest /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{value} B")
    } else {
        format!("{} {}", three_digits(rest, Zeros::Cut), UNITS[unit])
    }
}

/// A value in the unit of an objective: `s`, `share`, `/s` or none.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "s" => seconds(value),
        "share" => share(value),
        "/s" => format!("{} /s", three_digits(value, Zeros::Cut)),
        _ => plain(value),
    }
}

/// [`quantity`] of what was observed, beside the limits it is compared with: when rounding would
/// make a value equal to a limit that it missed, more digits are shown.
pub(crate) fn observed(value: Option<f64>, limits: &[f64], unit: &str) -> String {
    let Some(value) = value else { return NOTHING.to_owned() };
    let text = quantity(value, unit);
    let full = if unit == "s" { measured(value) } else { text.clone() };
    let clashes =
        |limit: &f64| (limit - value).abs() > f64::EPSILON * limit.abs() && quantity(*limit, unit) == text;
    if !limits.iter().any(clashes) {
        return full;
    }
    let (scale, suffix) = match unit {
        "share" => (100.0, " %"),
        "s" => (1.0, " s"),
        "/s" => (1.0, " /s"),
        _ => (1.0, ""),
    };
    let with = |number: f64, places: usize| format!("{:.places$}{suffix}", number * scale);
    let tells_apart =
        |places: &usize| limits.iter().all(|limit| with(*limit, *places) != with(value, *places));
    with(value, (2..12).find(tells_apart).unwrap_or(12))
}

/// A difference with its sign, from the text of its size: `+1.2 s`, `−3 points`.
pub(crate) fn signed(value: f64, size: &str) -> String {
    match value {
        value if value > 0.0 => format!("+{size}"),
        value if value < 0.0 => format!("−{size}"),
        _ => size.to_owned(),
    }
}

/// A band: `8 s to 12 s`, `at most 15 s`, `at least 50 %`.
pub(crate) fn band(band: (Option<f64>, Option<f64>), unit: &str) -> String {
    match band {
        (Some(least), Some(most)) => format!("{} to {}", quantity(least, unit), quantity(most, unit)),
        (Some(least), None) => format!("at least {}", quantity(least, unit)),
        (None, Some(most)) => format!("at most {}", quantity(most, unit)),
        (None, None) => "any".to_owned(),
    }
}

/// A point in a run, from seconds since its start: `4.2 s`, and `12:05` in runs of ten minutes and
/// more.
pub(crate) fn instant(at_s: f64) -> String {
    if at_s >= 600.0 { clock(at_s) } else { format!("{at_s:.1} s") }
}

/// Minutes and seconds, or hours and minutes too: `12:05`, `1:02:05`.
pub(crate) fn clock(at_s: f64) -> String {
    let whole = at_s.max(0.0).round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

/// What becomes of zeros at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zeros {
    Cut,
    Kept,
}

/// Three digits that count: `2.35`, `12.3`, `123`; without zeros at the end, `7` and `2.5`.
fn three_digits(value: f64, zeros: Zeros) -> String {
    let size = value.abs();
    let places = match size {
        _ if size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.999_5 => 2,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    if zeros == Zeros::Cut && text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_that_fits_and_three_digits() {
        let cases = [
            (0.0, "0 s"),
            (0.000_85, "850 µs"),
            (0.000_999_6, "1 ms"),
            (0.042_13, "42.1 ms"),
            (0.999_6, "1 s"),
            (2.3456, "2.35 s"),
            (12.34, "12.3 s"),
            (99.96, "100 s"),
            (599.4, "599 s"),
            (599.6, "10 min"),
            (725.0, "12 min 5 s"),
        ];
        for (value, text) in cases {
            assert_eq!(seconds(value), text);
        }
        assert_eq!([measured(13.0), measured(0.08), measured(7.0)], ["13.0 s", "80.0 ms", "7.00 s"]);
        assert_eq!(seconds(f64::NAN), NOTHING);
        assert_eq!(millis(None), NOTHING);
    }

    #[test]
    fn a_share_that_is_not_all_never_reads_a_hundred_percent() {
        let cases = [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.54, "54 %"),
            (0.543_21, "54.3 %"),
            (0.999_999, ">99.99 %"),
            (0.999_5, "99.95 %"),
            (0.000_001, "<0.01 %"),
            (0.001, "0.1 %"),
            (1.25, "125 %"),
        ];
        for (value, text) in cases {
            assert_eq!(share(value), text);
        }
        assert_eq!(part(1, 0), NOTHING);
    }

    #[test]
    fn an_observed_value_never_reads_like_the_bound_it_missed() {
        assert_eq!(observed(Some(7.001), &[7.0], "s"), "7.001 s");
        assert_eq!(observed(Some(7.0), &[7.0], "s"), "7.00 s");
        assert_eq!(observed(Some(10.9), &[7.0], "s"), "10.9 s");
        assert_eq!(observed(Some(0.989_999_9), &[0.99], "share"), "98.99999 %");
        assert_eq!(observed(None, &[7.0], "s"), NOTHING);
    }

    #[test]
    fn a_number_is_glued_to_its_unit_and_to_nothing_else() {
        assert_eq!(glued("within 5 s, by 80 % of 100 users"), "within 5\u{a0}s, by 80\u{a0}% of 100 users");
    }

    #[test]
    fn a_number_has_as_many_digits_as_it_is_given_and_a_coefficient_two() {
        let cases = [
            (1_487.3, 5, "1,487.3"),
            (1_487.26, 4, "1,487"),
            (1_234_567.0, 4, "1,235,000"),
            (17.0, 5, "17"),
            (0.012_346, 3, "0.0123"),
            (0.0, 3, "0"),
        ];
        for (value, places, text) in cases {
            assert_eq!(digits(value, places), text);
        }
        let coefficients = [0.051_2, 4.21e-5, 9.99e-5, 0.0].map(coefficient);
        assert_eq!(coefficients, ["0.0512", "4.2·10⁻⁵", "1.0·10⁻⁴", "0"]);
    }

    #[test]
    fn counts_bytes_bands_and_instants_are_read_at_a_glance() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plain(80.0), "80");
        assert_eq!(plain(80.25), "80.2");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(8_589_934_592), "8 GiB");
        assert_eq!(band((Some(8.0), Some(12.0)), "s"), "8 s to 12 s");
        assert_eq!(band((None, Some(15.0)), "s"), "at most 15 s");
        assert_eq!(instant(4.25), "4.2 s");
        assert_eq!(instant(725.0), "12:05");
        assert_eq!(clock(3725.0), "1:02:05");
    }
}
