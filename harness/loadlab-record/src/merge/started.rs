//! When a run began, as a number: the starts of generators are compared.

/// Seconds since 1970 of a time like `2026-01-15T10:00:00Z`, which is how every run writes it; parts of a
/// second are dropped. `None` for any other text.
pub(super) fn seconds(written: &str) -> Option<i64> {
    let (date, time) = written.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    valid.then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Three numbers between separators.
fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let parts: Vec<i64> = text
        .split(separator)
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten())
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Days since 1970-01-01: Howard Hinnant's `days_from_civil` ("chrono-Compatible Low-Level Date
/// Algorithms"), in which a year begins in March so that the leap day is its last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d … +%s` gives them.
    #[test]
    fn starts_are_seconds_since_1970() {
        let known = [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2026-01-15T10:00:00Z", 1_768_471_200),
            ("2026-01-15T10:00:00.75Z", 1_768_471_200),
        ];
        for (written, expected) in known {
            assert_eq!(seconds(written), Some(expected), "{written}");
        }
    }

    #[test]
    fn other_text_is_no_start() {
        for other in
            ["", "yesterday", "2026-01-15", "2026-01-15T10:00:00+02:00", "2026-13-01T00:00:00Z", "-T-Z"]
        {
            assert_eq!(seconds(other), None, "{other}");
        }
    }
}
