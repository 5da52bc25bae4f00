//! What was probably meant by a misspelt name.

/// The candidate most like `name`, if it is like enough to be worth saying.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short; anything longer is not a misspelt one, and the distance is quadratic.
    const CHARS_MAX: usize = 60;
    if name.is_empty() || name.len() > CHARS_MAX {
        return None;
    }
    let lower = name.to_lowercase().replace('-', "_");
    let distance =
        |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase().replace('-', "_"));
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= CHARS_MAX)
        .map(|candidate| (distance(candidate), candidate))
        // A third of the letters wrong at most; two letters of a short word.
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(lower.len()) / 3).max(1))
        // Of one or two letters, half must be right.
        .filter(|(distance, candidate)| distance * 2 <= candidate.len().max(lower.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Names in a row: `` `a`, `b`, `c` ``.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_recognised_and_another_word_is_not() {
        let names = ["users", "within", "pool_waiting"];
        assert_eq!(nearest("user", names), Some("users"));
        assert_eq!(nearest("withni", names), Some("within"));
        assert_eq!(nearest("Pool-Waiting", names), Some("pool_waiting"));
        assert_eq!(nearest("banana", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest("c", ["a", "b"]), None);
    }
}
