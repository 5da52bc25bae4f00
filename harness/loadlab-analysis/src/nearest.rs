//! The known name that is most like one that is unknown.

/// Names less alike than this are not worth mentioning.
const ALIKE: f64 = 0.7;

/// The most similar of the known names, if one is similar; the first of several alike.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in known {
        let alike = strsim::jaro_winkler(name, candidate);
        if alike >= best.map_or(ALIKE, |(best, _)| best) && best.is_none_or(|(best, _)| alike > best) {
            best = Some((alike, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_the_name_that_was_meant() {
        let known = ["pool_sessions_busy", "pool_waiting", "streams_open"];
        assert_eq!(nearest("pool_wating", known), Some("pool_waiting"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest("pool_waiting", []), None);
    }
}
