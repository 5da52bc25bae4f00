//! One observed figure against its truth.

use std::fmt;

use serde::Serialize;

/// What a figure must be like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// Within this share of the truth, above or below.
    Within(f64),
    /// Below this, in the figure's unit.
    Below(f64),
}

/// A figure, what it should be, and whether it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Check {
    /// What was looked at, with its unit.
    pub(crate) what: String,
    /// As reported.
    pub(crate) observed: f64,
    /// As it was; none where only a bound is known.
    pub(crate) truth: Option<f64>,
    /// How far apart they may be.
    pub(crate) bound: Bound,
    /// Whether they are no further apart.
    pub(crate) held: bool,
}

impl Check {
    /// `observed` must be within `share` of `truth`.
    pub(crate) fn within(what: impl Into<String>, observed: f64, truth: f64, share: f64) -> Self {
        let held = (observed - truth).abs() <= share * truth;
        let (bound, truth) = (Bound::Within(share), Some(truth));
        Self { what: what.into(), observed, truth, bound, held }
    }

    /// `observed` must be below `limit`.
    pub(crate) fn below(what: impl Into<String>, observed: f64, limit: f64) -> Self {
        let (bound, held) = (Bound::Below(limit), observed < limit);
        Self { what: what.into(), observed, truth: None, bound, held }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, observed, truth, bound, held } = self;
        let held = if *held { "held" } else { "MISSED" };
        write!(f, "{what:<40} {observed:>11.3}")?;
        match (bound, truth) {
            (Bound::Within(share), Some(truth)) => {
                let off = (observed / truth - 1.0) * 100.0;
                write!(f, " {truth:>11.3} {off:>+8.2} %  within {:>4.1} %  {held}", share * 100.0)
            }
            (Bound::Below(limit), _) => write!(f, " {:>11} {:>8}    below {limit:>7.1}  {held}", "", ""),
            (Bound::Within(_), None) => write!(f, "  {held}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_may_be_off_by_its_share_and_no_more() {
        assert!(Check::within("p50", 51.0, 50.0, 0.02).held);
        assert!(!Check::within("p50", 51.1, 50.0, 0.02).held);
        assert!(!Check::within("p50", 48.9, 50.0, 0.02).held);
        assert!(!Check::within("p50", f64::NAN, 50.0, 0.02).held);
        assert!(Check::below("lag", 1.9, 2.0).held && !Check::below("lag", 2.0, 2.0).held);
    }

    #[test]
    fn a_missed_figure_is_loud() {
        let text = Check::within("p50, ms", 60.0, 50.0, 0.02).to_string();
        assert!(text.contains("+20.00 %") && text.ends_with("MISSED"), "{text}");
    }
}
